use core::str;

use crate::query::{escaped, unreserved};

/// The path as text, if it is already in the one form that proxies and servers read alike.
///
/// A path that something on the way would rewrite (`//`, dot segments, `%2f`, an escaped `A`) lets
/// policy judge one path and the upstream serve another.
pub fn canonical_path(raw: &[u8]) -> Option<&str> {
    let segments = raw.strip_prefix(b"/")?;
    let mut rest = raw.iter();
    while let Some(byte) = rest.next() {
        let stands = match byte {
            b'%' => escape_stands(escaped(rest.next(), rest.next())?),
            b'\\' | b'"' | b'<' | b'>' | b'^' | b'{' | b'|' | b'}' | b'`' | b'#' | b'?' => false,
            byte => byte.is_ascii_graphic(),
        };
        if !stands {
            return None;
        }
    }
    let mut segments = segments.split(|byte| *byte == b'/').peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        if (segment.is_empty() && !last) || dots(segment) {
            return None;
        }
    }
    str::from_utf8(raw).ok()
}

/// Escapes that name a separator, an unreserved character or a control have another reading.
fn escape_stands(byte: u8) -> bool {
    !(unreserved(byte) || byte == b'/' || byte == b'\\' || byte.is_ascii_control())
}

/// `.` and `..`, also with path parameters: servers strip `;x` before they resolve dots.
fn dots(segment: &[u8]) -> bool {
    matches!(segment.split(|byte| *byte == b';').next(), Some(b"." | b".."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_paths_are_taken_as_sent() {
        for path in
            ["/", "/a", "/a/", "/a/b;v=1/c", "/a%20b", "/%C3%A9", "/%e2%82%ac", "/a:@!$&'()*+,;=", "/...", "/a.b"]
        {
            assert_eq!(canonical_path(path.as_bytes()), Some(path));
        }
    }

    #[test]
    fn paths_with_a_second_reading_are_refused() {
        for path in [
            "",
            "a",
            "*",
            "//",
            "/a//b",
            "//a",
            "/.",
            "/..",
            "/a/../b",
            "/a/./b",
            "/a/..;x/b",
            "/.;",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/%41",
            "/%7e",
            "/%2e%2e/a",
            "/%zz",
            "/%4",
            "/%",
            "/%00",
            "/%0a",
            "/%7f",
            "/a b",
            "/\u{e9}",
            "/a\"",
            "/<",
            "/>",
            "/^",
            "/{a}",
            "/|",
            "/`",
            "/a#b",
            "/a\tb",
        ] {
            assert_eq!(canonical_path(path.as_bytes()), None, "{path}");
        }
    }
}
