use crate::path::canonical_path;

/// Deeper paths are refused when a bundle loads: looking a path up recurses by segment.
const MAX_SEGMENTS: usize = 64;

/// The segments of a canonical path.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> + Clone {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// The name within `{name}`.
pub(super) fn wildcard(segment: &str) -> Option<&str> {
    segment.strip_prefix('{')?.strip_suffix('}')
}

/// Whether some request's canonical path can match this template, and only as it is meant.
pub(super) fn check_template(template: &str) -> Result<(), &'static str> {
    check_depth(template)?;
    let mut sample = alloc::string::String::with_capacity(template.len());
    for (index, segment) in template.split('/').enumerate() {
        if index > 0 {
            sample.push('/');
        }
        sample.push_str(match wildcard(segment) {
            None => segment,
            Some(name) if is_name(name) => "x",
            Some(_) => return Err("a template segment is {name} of letters, digits, '.', '_' and '-'"),
        });
    }
    if sample.contains(['{', '}']) {
        return Err("a template segment is {name} as a whole");
    }
    check_canonical(&sample)
}

/// Whether this is a prefix that ends where a segment ends.
pub(super) fn check_prefix(prefix: &str) -> Result<(), &'static str> {
    check_depth(prefix)?;
    if prefix.contains(['{', '}']) {
        return Err("braces have no meaning in a PathPrefix");
    }
    if prefix != "/" && prefix.ends_with('/') {
        return Err("a PathPrefix other than \"/\" must not end in '/'");
    }
    check_canonical(prefix)
}

fn check_depth(path: &str) -> Result<(), &'static str> {
    match segments(path).nth(MAX_SEGMENTS) {
        Some(_) => Err("more than 64 segments"),
        None => Ok(()),
    }
}

/// A path that requests cannot have would leave the route without effect, unnoticed.
fn check_canonical(path: &str) -> Result<(), &'static str> {
    match canonical_path(path.as_bytes()) {
        Some(_) => Ok(()),
        None => Err("not in the one form that request paths must have"),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_canonical_paths_with_whole_segment_names() {
        for template in ["/", "/a", "/a/", "/{id}", "/a/{id}/b", "/a/{b.c_d-e}/{f}/", "/a%20b", "/a:b"] {
            assert_eq!(check_template(template), Ok(()), "{template}");
        }
        for (template, error) in [
            ("/a{id}", "a template segment is {name} as a whole"),
            ("/{id}.json", "a template segment is {name} as a whole"),
            ("/{a}{b}", "a template segment is {name} of letters, digits, '.', '_' and '-'"),
            ("/{}", "a template segment is {name} of letters, digits, '.', '_' and '-'"),
            ("/{a b}", "a template segment is {name} of letters, digits, '.', '_' and '-'"),
            ("a", "not in the one form that request paths must have"),
            ("/a//b", "not in the one form that request paths must have"),
            ("/a/../b", "not in the one form that request paths must have"),
            ("/a?x=1", "not in the one form that request paths must have"),
            ("/%41", "not in the one form that request paths must have"),
            ("/a%2fb", "not in the one form that request paths must have"),
            ("/é", "not in the one form that request paths must have"),
        ] {
            assert_eq!(check_template(template), Err(error), "{template}");
        }
        assert_eq!(check_template(&"/a".repeat(64)), Ok(()));
        assert_eq!(check_template(&"/a".repeat(65)), Err("more than 64 segments"));
    }

    #[test]
    fn prefixes_end_where_a_segment_ends() {
        for prefix in ["/", "/a", "/a/b"] {
            assert_eq!(check_prefix(prefix), Ok(()));
        }
        for (prefix, error) in [
            ("/a/", "a PathPrefix other than \"/\" must not end in '/'"),
            ("/{id}", "braces have no meaning in a PathPrefix"),
            ("a", "not in the one form that request paths must have"),
        ] {
            assert_eq!(check_prefix(prefix), Err(error));
        }
        assert_eq!(check_prefix(&"/a".repeat(65)), Err("more than 64 segments"));
    }
}
