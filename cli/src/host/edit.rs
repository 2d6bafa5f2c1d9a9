use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use trustplane_core::{IDENTITY_HEADERS, Upstream};

/// Makes the edits that go with an allow; `None` when one cannot be made.
pub(super) fn edit(headers: &mut HeaderMap, upstream: &Upstream) -> Option<()> {
    for name in upstream.remove() {
        headers.remove(HeaderName::from_bytes(name).ok()?);
    }
    let lookalikes: Vec<_> = headers.keys().filter(|name| is_lookalike(name)).cloned().collect();
    for name in lookalikes {
        headers.remove(name);
    }
    for (name, value) in upstream.set() {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_str(value).ok()?);
    }
    Some(())
}

/// Services that read headers as CGI variables (RFC 3875 section 4.1.18) take `_` and `-` for one: what a
/// caller calls itself must not stand beside what we call it.
fn is_lookalike(name: &HeaderName) -> bool {
    let name = name.as_str();
    name.contains('_') && IDENTITY_HEADERS.contains(&name.replace('_', "-").as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_other_spellings_of_our_names_are_lookalikes() {
        for (name, expected) in [
            ("x_trustplane_subject", true),
            ("x-trustplane_route_id", true),
            ("x-trustplane-subject", false),
            ("x_tenant", false),
        ] {
            assert_eq!(is_lookalike(&HeaderName::from_static(name)), expected, "{name}");
        }
    }
}
