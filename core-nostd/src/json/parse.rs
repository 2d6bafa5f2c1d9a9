use alloc::format;
use core::str;

use serde::de::DeserializeSeed as _;

use super::error::{JsonError, Position};
use super::read::Reader;
use super::trail::Trail;
use super::value::Value;

/// How much a text may ask of its reader.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Bytes of text.
    pub max_bytes: usize,
    /// Arrays and objects within one another.
    pub max_depth: usize,
}

impl Limits {
    /// The parts of a token: strangers write them.
    pub const PASSPORT: Self = Self { max_bytes: 8 << 10, max_depth: 8 };
    /// One line of broker IPC.
    pub const IPC: Self = Self { max_bytes: 64 << 10, max_depth: 32 };
    /// A bundle.
    pub const DOCUMENT: Self = Self { max_bytes: 64 << 20, max_depth: 32 };
    /// A configuration with its bundles inline, one level down.
    pub const CONFIG: Self = Self { max_bytes: 64 << 20, max_depth: 34 };
}

/// Texts above this size leave no slack behind: a bundle's objects are many and small.
const LARGE: usize = 64 << 10;

/// Reads one JSON text, strictly.
pub fn parse(bytes: &[u8], limits: Limits) -> Result<Value<'_>, JsonError> {
    if bytes.len() > limits.max_bytes {
        return Err(JsonError::new(format!("larger than {} bytes", limits.max_bytes)));
    }
    let text = str::from_utf8(bytes).map_err(|error| JsonError {
        position: Some(position_of(bytes, error.valid_up_to())),
        ..JsonError::new("not UTF-8")
    })?;
    let trail = Trail::default();
    let reader = Reader::new(limits.max_depth, bytes.len() > LARGE, &trail);
    let mut source = serde_json::Deserializer::from_str(text);
    let value = reader.deserialize(&mut source).map_err(|error| trail.explain(&error))?;
    source.end().map_err(|error| Trail::default().explain(&error))?;
    Ok(value)
}

pub(super) fn position_of(bytes: &[u8], offset: usize) -> Position {
    let before = bytes.get(..offset).unwrap_or_default();
    let mut lines = before.split(|byte| *byte == b'\n');
    let column = lines.next_back().unwrap_or_default().len().saturating_add(1);
    Position { line: lines.count().saturating_add(1), column }
}

#[cfg(test)]
mod tests {
    use alloc::borrow::Cow;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    use super::super::Object;
    use super::*;

    fn refusal(text: &str) -> String {
        parse(text.as_bytes(), Limits::PASSPORT).unwrap_err().to_string()
    }

    #[test]
    fn plain_strings_are_borrowed_from_the_text() {
        let text = r#"{"a":"plain","b":"esc\u0061ped"}"#;
        let Value::Object(object) = parse(text.as_bytes(), Limits::PASSPORT).unwrap() else { panic!() };
        assert!(matches!(object.get("a"), Some(Value::String(Cow::Borrowed("plain")))));
        assert!(matches!(object.get("b"), Some(Value::String(Cow::Owned(text))) if text == "escaped"));
    }

    #[test]
    fn members_keep_the_order_of_the_text() {
        let value = parse(br#"{"z":0,"a":0,"m":0}"#, Limits::PASSPORT).unwrap();
        let names: Vec<_> = value.as_object().unwrap().iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["z", "a", "m"]);
    }

    #[test]
    fn duplicate_members_are_refused_at_every_depth_and_after_unescaping() {
        for (text, error) in [
            (r#"{"a":1,"a":1}"#, "/a: duplicate member (line 1, column 10)"),
            (r#"{"iss":1,"\u0069ss":1}"#, "/iss: duplicate member (line 1, column 19)"),
            ("{\n \"cnf\": [{\"x/y\": 1, \"x/y\": 2}]}", "/cnf/0/x~1y: duplicate member (line 2, column 25)"),
        ] {
            assert_eq!(refusal(text), error);
        }
    }

    #[test]
    fn duplicates_are_found_among_many_members() {
        let mut text = String::from("{");
        for index in 0..300 {
            text.push_str(&format!("\"m{index}\":0,"));
        }
        for name in ["m0", "m15", "m16", "m17", "m299"] {
            let text = format!("{text}\"{name}\":0}}");
            let error = parse(text.as_bytes(), Limits::PASSPORT).unwrap_err();
            assert_eq!((error.pointer.as_str(), error.problem.as_str()), (&*format!("/{name}"), "duplicate member"));
        }
        let text = format!("{text}\"new\":0}}");
        assert_eq!(parse(text.as_bytes(), Limits::PASSPORT).unwrap().as_object().map(Object::len), Some(301));
    }

    #[test]
    fn only_integers_within_two_to_the_53rd_are_numbers() {
        for (text, number) in [("9007199254740992", 1 << 53), ("-9007199254740992", -1 << 53), ("0", 0)] {
            assert_eq!(parse(text.as_bytes(), Limits::PASSPORT), Ok(Value::Integer(number)));
        }
        for (text, error) in [
            (
                r#"{"iat":9007199254740993}"#,
                "/iat: expected an integer within ±2^53, found 9007199254740993 (line 1, column 23)",
            ),
            ("-9007199254740993", "expected an integer within ±2^53, found -9007199254740993 (line 1, column 17)"),
            (
                "18446744073709551615",
                "expected an integer within ±2^53, found 18446744073709551615 (line 1, column 20)",
            ),
            ("[1.0]", "/0: expected an integer within ±2^53, found another number (line 1, column 4)"),
            ("1e3", "expected an integer within ±2^53, found another number (line 1, column 3)"),
            ("-0", "expected an integer within ±2^53, found another number (line 1, column 2)"),
            ("18446744073709551616", "expected an integer within ±2^53, found another number (line 1, column 20)"),
            ("01", "invalid number (line 1, column 2)"),
            ("1e999", "number out of range (line 1, column 5)"),
            ("NaN", "expected value (line 1, column 1)"),
        ] {
            assert_eq!(refusal(text), error);
        }
    }

    #[test]
    fn depth_counts_arrays_and_objects_within_one_another() {
        assert!(parse(b"[[[[[[[[1]]]]]]]]", Limits::PASSPORT).is_ok());
        assert_eq!(
            refusal(r#"[[[[[[[{"a":[1]}]]]]]]]"#),
            "/0/0/0/0/0/0/0/a: nested deeper than 8 levels (line 1, column 13)"
        );
        let deep = "[".repeat(100_000);
        let error = parse(deep.as_bytes(), Limits::DOCUMENT).unwrap_err();
        assert_eq!(error.problem, "nested deeper than 32 levels");
    }

    #[test]
    fn size_is_judged_before_anything_is_read() {
        let text = format!("\"{}\"", "a".repeat(8190));
        assert!(parse(text.as_bytes(), Limits::PASSPORT).is_ok());
        assert_eq!(refusal(&format!(" {text}")), "larger than 8192 bytes");
    }

    #[test]
    fn one_text_holds_one_value_in_utf_8() {
        for (text, error) in [
            ("", "EOF while parsing a value (line 1, column 0)"),
            ("{} {}", "trailing characters (line 1, column 4)"),
            ("{}\n\0", "trailing characters (line 2, column 1)"),
            ("{\"a\":1,}", "trailing comma (line 1, column 8)"),
            ("\u{feff}{}", "expected value (line 1, column 1)"),
            ("[\"\n\"]", "/0: control character (\\u0000-\\u001F) found while parsing a string (line 2, column 0)"),
            (r#""\ud800""#, "unexpected end of hex escape (line 1, column 8)"),
        ] {
            assert_eq!(refusal(text), error);
        }
        let error = parse(b"{\n \"a\xff\":1}", Limits::PASSPORT).unwrap_err();
        assert_eq!(error.to_string(), "not UTF-8 (line 2, column 4)");
    }
}
