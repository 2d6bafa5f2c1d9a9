use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::order::sorted;

use super::value::{Object, Value};

/// The JSON Canonicalization Scheme (RFC 8785): one text for one value.
///
/// Numbers are integers within ±2^53 here, whose ECMAScript form is the plain decimal one.
pub fn canonical(value: &Value<'_>) -> String {
    let mut text = String::new();
    write_value(&mut text, value);
    text
}

/// The canonical form of an object without one of its members.
pub(crate) fn canonical_without(object: &Object<'_>, name: &str) -> String {
    let mut text = String::new();
    write_members(&mut text, object.iter().filter(|(own, _)| *own != name).collect());
    text
}

fn write_value(text: &mut String, value: &Value<'_>) {
    match value {
        Value::Null => text.push_str("null"),
        Value::Bool(bit) => text.push_str(if *bit { "true" } else { "false" }),
        Value::Integer(number) => text.push_str(&number.to_string()),
        Value::String(string) => write_string(text, string),
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_value(text, item);
            }
            text.push(']');
        }
        Value::Object(object) => write_members(text, object.iter().collect()),
    }
}

fn write_members(text: &mut String, members: Vec<(&str, &Value<'_>)>) {
    // Section 3.2.3: names sort by UTF-16 code units, which differs from UTF-8 order where a
    // surrogate pair meets U+E000 to U+FFFF.
    let units = |place: usize| members.get(place).into_iter().flat_map(|(name, _)| name.encode_utf16());
    let order = sorted(members.len(), &|a, b| units(a).cmp(units(b)));
    text.push('{');
    for (index, (name, value)) in order.iter().filter_map(|place| members.get(*place)).enumerate() {
        if index > 0 {
            text.push(',');
        }
        write_string(text, name);
        text.push(':');
        write_value(text, value);
    }
    text.push('}');
}

/// Section 3.2.2.2: the two-letter escapes where there are any, `\u00xx` for the other controls,
/// everything else as it is.
fn write_string(text: &mut String, string: &str) {
    text.push('"');
    for char in string.chars() {
        match char {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\u{8}' => text.push_str("\\b"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            control @ '\0'..='\u{1f}' => {
                text.push_str("\\u00");
                text.push(if control < '\u{10}' { '0' } else { '1' });
                text.push(char::from_digit(u32::from(control) & 0xf, 16).unwrap_or('0'));
            }
            other => text.push(other),
        }
    }
    text.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::{Limits, parse};
    use super::*;

    #[track_caller]
    fn canonical_of(text: &str) -> String {
        canonical(&parse(text.as_bytes(), Limits::DOCUMENT).unwrap())
    }

    #[test]
    fn names_sort_as_in_rfc_8785_section_3_2_3() {
        let text = r#"{
            "\u20ac": "Euro Sign",
            "\r": "Carriage Return",
            "\ufb33": "Hebrew Letter Dalet With Dagesh",
            "1": "One",
            "\ud83d\ude00": "Emoji: Grinning Face",
            "\u0080": "Control",
            "\u00f6": "Latin Small Letter O With Diaeresis"
        }"#;
        assert_eq!(
            canonical_of(text),
            "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
             \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
             \"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}"
        );
    }

    #[test]
    fn strings_are_escaped_as_in_rfc_8785_section_3_2_2() {
        let text = r#"{"string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}"#;
        assert_eq!(
            canonical_of(text),
            "{\"literals\":[null,true,false],\"string\":\"€$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}"
        );
        assert_eq!(
            canonical_of(r#""\b\t\n\f\r\u0000\u001f\u007f\u2028""#),
            "\"\\b\\t\\n\\f\\r\\u0000\\u001f\u{7f}\u{2028}\""
        );
    }

    #[test]
    fn numbers_are_plain_decimals() {
        assert_eq!(
            canonical_of("[0, -1, 9007199254740992, -9007199254740992]"),
            "[0,-1,9007199254740992,-9007199254740992]"
        );
    }

    #[test]
    fn a_member_left_out_leaves_no_trace() {
        let value = parse(br#"{"b":{"signature":1},"signature":{"a":1},"a":[]}"#, Limits::DOCUMENT).unwrap();
        let object = value.as_object().unwrap();
        assert_eq!(canonical_without(object, "signature"), r#"{"a":[],"b":{"signature":1}}"#);
    }
}
