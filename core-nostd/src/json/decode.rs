use serde::de::value::BorrowedStrDeserializer;
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Unexpected, Visitor};
use serde::forward_to_deserialize_any;

use super::error::JsonError;
use super::value::{Object, Value};
use super::variant::Variant;

/// Reads a type out of a value; errors say at which JSON pointer.
///
/// Unlike serde_json this takes no array for a struct, so that a document has one shape.
pub fn decode<'de, T: Deserialize<'de>>(value: &'de Value<'de>) -> Result<T, JsonError> {
    T::deserialize(Node(value))
}

#[derive(Clone, Copy)]
pub(super) struct Node<'de>(&'de Value<'de>);

impl<'de> Node<'de> {
    fn unexpected(self) -> Unexpected<'de> {
        match self.0 {
            Value::Null => Unexpected::Unit,
            Value::Bool(bit) => Unexpected::Bool(*bit),
            Value::Integer(number) => Unexpected::Signed(*number),
            Value::String(text) => Unexpected::Str(text),
            Value::Array(_) => Unexpected::Seq,
            Value::Object(_) => Unexpected::Map,
        }
    }

    fn seq<V: Visitor<'de>>(items: &'de [Value<'de>], visitor: V) -> Result<V::Value, JsonError> {
        let mut access = Items { items: items.iter(), index: 0 };
        let read = visitor.visit_seq(&mut access)?;
        match access.items.len() {
            0 => Ok(read),
            _ => Err(JsonError::invalid_length(items.len(), &"fewer items")),
        }
    }

    fn map<V: Visitor<'de>>(object: &'de Object<'de>, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_map(Members { members: object.iter(), value: None })
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = JsonError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(bit) => visitor.visit_bool(*bit),
            Value::Integer(number) => match u64::try_from(*number) {
                Ok(number) => visitor.visit_u64(number),
                Err(_) => visitor.visit_i64(*number),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => Self::seq(items, visitor),
            Value::Object(object) => Self::map(object, visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Object(object) => Self::map(object, visitor),
            _ => Err(JsonError::invalid_type(self.unexpected(), &visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        self.deserialize_struct("", &[], visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(self, _: &'static str, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_newtype_struct(self)
    }

    /// A variant is its name, or an object with its name as the one member.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, JsonError> {
        match self.0 {
            Value::String(name) => visitor.visit_enum(Variant { name, content: None }),
            Value::Object(object) => {
                let mut members = object.iter();
                match (members.next(), members.next()) {
                    (Some((name, content)), None) => visitor.visit_enum(Variant { name, content: Some(Node(content)) }),
                    _ => Err(JsonError::invalid_length(object.len(), &"an object with one member")),
                }
            }
            _ => Err(JsonError::invalid_type(self.unexpected(), &"a string")),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, JsonError> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct identifier
    }
}

struct Items<I> {
    items: I,
    index: usize,
}

impl<'de, I: Iterator<Item = &'de Value<'de>>> SeqAccess<'de> for &mut Items<I> {
    type Error = JsonError;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, JsonError> {
        let Some(item) = self.items.next() else {
            return Ok(None);
        };
        let index = self.index;
        self.index = index.saturating_add(1);
        seed.deserialize(Node(item)).map(Some).map_err(|error| error.within(index))
    }

    fn size_hint(&self) -> Option<usize> {
        self.items.size_hint().1
    }
}

struct Members<'de, I> {
    members: I,
    value: Option<(&'de str, &'de Value<'de>)>,
}

impl<'de, I: Iterator<Item = (&'de str, &'de Value<'de>)>> MapAccess<'de> for Members<'de, I> {
    type Error = JsonError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, JsonError> {
        self.value = self.members.next();
        let Some((name, _)) = self.value else {
            return Ok(None);
        };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, JsonError> {
        let Some((name, value)) = self.value.take() else {
            return Err(JsonError::new("a value was asked for before its name"));
        };
        seed.deserialize(Node(value)).map_err(|error| error.within(name))
    }

    fn size_hint(&self) -> Option<usize> {
        self.members.size_hint().1
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::string::{String, ToString as _};
    use alloc::vec::Vec;

    use serde::Deserialize;

    use super::super::{Limits, parse};
    use super::decode;

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields)]
    struct Api<'a> {
        #[serde(borrow)]
        audience: &'a str,
        port: Option<u16>,
        #[serde(default)]
        tags: Vec<Tag>,
    }

    #[derive(Debug, Deserialize, PartialEq)]
    #[serde(rename_all = "lowercase")]
    enum Tag {
        Old,
        New { since: u64 },
        Named(String),
        Pair(u8, u8),
    }

    #[derive(Debug, Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        #[expect(dead_code, reason = "only errors are of interest")]
        apis: Vec<Api<'a>>,
    }

    #[track_caller]
    fn refusal(text: &str) -> String {
        let value = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        decode::<Document<'_>>(&value).unwrap_err().to_string()
    }

    #[test]
    fn structs_options_and_enums_are_read() {
        let text =
            br#"{"audience":"a\u0062","port":null,"tags":["old",{"new":{"since":3}},{"named":"x"},{"pair":[1,2]}]}"#;
        let value = parse(text, Limits::DOCUMENT).unwrap();
        let tags = [Tag::Old, Tag::New { since: 3 }, Tag::Named("x".into()), Tag::Pair(1, 2)].into();
        assert_eq!(decode(&value), Ok(Api { audience: "ab", port: None, tags }));
        let value = parse(br#"{"b":1,"a":-2}"#, Limits::DOCUMENT).unwrap();
        assert_eq!(decode(&value), Ok(BTreeMap::from([("a", -2i8), ("b", 1)])));
    }

    #[test]
    fn errors_say_where_and_what_was_expected() {
        for (text, error) in [
            (r#"[]"#, "expected an object, found an array"),
            (r#"{}"#, "/apis: missing member"),
            (r#"{"apis":{}}"#, "/apis: expected an array, found an object"),
            (r#"{"apis":[{"audience":"a"},["b"]]}"#, "/apis/1: expected an object, found an array"),
            (r#"{"apis":[{"audience":7}]}"#, "/apis/0/audience: expected a string, found an integer"),
            (r#"{"apis":[{"audience":null}]}"#, "/apis/0/audience: expected a string, found null"),
            (r#"{"apis":[{"port":1}]}"#, "/apis/0/audience: missing member"),
            (r#"{"apis":[{"audience":"a","x/y":1}]}"#, "/apis/0/x~1y: unknown member"),
            (
                r#"{"apis":[{"audience":"a","port":65536}]}"#,
                "/apis/0/port: expected an integer from 0 to 65535, found 65536",
            ),
            (r#"{"apis":[{"audience":"a","port":-1}]}"#, "/apis/0/port: expected an integer from 0 to 65535, found -1"),
            (
                r#"{"apis":[{"audience":"a","port":true}]}"#,
                "/apis/0/port: expected an integer from 0 to 65535, found a boolean",
            ),
            (
                r#"{"apis":[{"audience":"a","tags":["odd"]}]}"#,
                "/apis/0/tags/0: expected \"old\" or \"new\" or \"named\" or \"pair\", found \"odd\"",
            ),
            (
                r#"{"apis":[{"audience":"a","tags":[{"new":{"since":-3}}]}]}"#,
                "/apis/0/tags/0/new/since: expected an integer from 0 to 2^53, found -3",
            ),
            (r#"{"apis":[{"audience":"a","tags":["new"]}]}"#, "/apis/0/tags/0: expected an object, found a string"),
            (
                r#"{"apis":[{"audience":"a","tags":[{"old":{}}]}]}"#,
                "/apis/0/tags/0: expected a string, found an object",
            ),
            (
                r#"{"apis":[{"audience":"a","tags":[{"pair":[1,2,3]}]}]}"#,
                "/apis/0/tags/0/pair: expected fewer items, found 3 items",
            ),
            (
                r#"{"apis":[{"audience":"a","tags":[{}]}]}"#,
                "/apis/0/tags/0: expected an object with one member, found 0 items",
            ),
        ] {
            assert_eq!(refusal(text), error);
        }
    }
}
