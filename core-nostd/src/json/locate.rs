use alloc::string::String;

use super::error::{Position, pointer_segment};
use super::parse::{Limits, parse, position_of};

/// Where the value at `pointer` begins in `bytes`, a text that [`parse`](super::parse) takes; of a
/// missing member, where what should hold it begins.
///
/// Values do not carry their place: only who reports a fault pays for finding it.
pub fn locate(bytes: &[u8], pointer: &str) -> Option<Position> {
    let mut path = pointer;
    loop {
        if let Some(found) = seek(bytes, path) {
            return Some(position_of(bytes, bytes.len().saturating_sub(found.len())));
        }
        path = path.rsplit_once('/')?.0;
    }
}

/// The text from the value at `pointer` on.
fn seek<'t>(text: &'t [u8], pointer: &str) -> Option<&'t [u8]> {
    let mut rest = text.trim_ascii_start();
    for segment in pointer.split('/').skip(1) {
        let (open, inner) = rest.split_first()?;
        rest = match open {
            b'{' => member(inner, segment)?,
            b'[' => item(inner, segment.parse().ok()?)?,
            _ => return None,
        };
    }
    Some(rest)
}

fn member<'t>(mut rest: &'t [u8], segment: &str) -> Option<&'t [u8]> {
    loop {
        let (own, after) = string(rest.trim_ascii_start().strip_prefix(b"\"")?)?;
        let value = after.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        if is(own, segment) {
            return Some(value);
        }
        rest = behind(value)?;
    }
}

fn item(mut rest: &[u8], index: usize) -> Option<&[u8]> {
    for _ in 0..index {
        rest = behind(rest)?;
    }
    let rest = rest.trim_ascii_start();
    (rest.first() != Some(&b']')).then_some(rest)
}

/// What follows the value and the comma behind it; nothing follows the last of its kind.
fn behind(mut rest: &[u8]) -> Option<&[u8]> {
    let mut depth = 0usize;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        match byte {
            b'"' => rest = string(after)?.1,
            b'{' | b'[' => depth = depth.saturating_add(1),
            b'}' | b']' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => return Some(after),
            _ => {}
        }
    }
}

/// What stands before the closing quote, as written, and what follows it.
fn string(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let closes = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        closes
    })?;
    let (inside, after) = text.split_at_checked(end)?;
    Some((inside, after.split_first()?.1))
}

/// Whether a name that is written so is what a pointer's segment says.
fn is(written: &[u8], segment: &str) -> bool {
    let mut quoted = String::from("\"");
    quoted.push_str(core::str::from_utf8(written).unwrap_or_default());
    quoted.push('"');
    let name = parse(quoted.as_bytes(), Limits::CONFIG);
    name.is_ok_and(|name| name.as_str().is_some_and(|name| pointer_segment(name).strip_prefix('/') == Some(segment)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "\n {\n  \"a\": [1, {\"x/y\": null, \"\\u00e9\\\"]\": -2}],\n\t\"b\" :\n true, \"é\":\"}\",\"c\":[]\n}\n";

    /// What stands at the place that is found, and where it is.
    #[track_caller]
    fn place(pointer: &str) -> (&str, usize, usize) {
        let Position { line, column } = locate(TEXT.as_bytes(), pointer).unwrap();
        let text = TEXT.split('\n').nth(line - 1).unwrap();
        (text.get(column - 1..).unwrap(), line, column)
    }

    #[test]
    fn a_pointer_leads_to_the_first_byte_of_its_value() {
        for (pointer, begins, line, column) in [
            ("", "{", 2, 2),
            ("/a", "[1, {", 3, 8),
            ("/a/0", "1, {", 3, 9),
            ("/a/1", "{\"x/y\"", 3, 12),
            ("/a/1/x~1y", "null", 3, 20),
            ("/a/1/é\"]", "-2}]", 3, 39),
            ("/b", "true,", 5, 2),
            ("/é", "\"}\",", 5, 13),
            ("/c", "[]", 5, 21),
        ] {
            let (found, own_line, own_column) = place(pointer);
            assert!(found.starts_with(begins), "{pointer}: {found}");
            assert_eq!((own_line, own_column), (line, column), "{pointer}");
        }
    }

    #[test]
    fn a_missing_member_leads_to_what_should_hold_it() {
        for (pointer, holder) in [
            ("/a/1/missing", "/a/1"),
            ("/missing", ""),
            ("/a/2", "/a"),
            ("/a/x", "/a"),
            ("/b/c", "/b"),
            ("/c/0", "/c"),
            ("/c/0/d/e", "/c"),
            ("/é/0", "/é"),
        ] {
            assert_eq!(place(pointer), place(holder), "{pointer}");
        }
    }

    #[test]
    fn a_text_that_ends_early_leads_as_far_as_it_goes() {
        for (text, column) in [("{\"a\":[1", 6), ("{\"a\":[1,", 9), ("{\"a", 1), ("[\"\\\"", 1), ("", 1), ("[", 1)] {
            assert_eq!(locate(text.as_bytes(), "/a/1"), Some(Position { line: 1, column }), "{text}");
        }
    }
}
