use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::{self, Vec};
use core::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::read::Reader;

/// A JSON value without floats; strings are borrowed from the text where they hold no escape.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Value<'a> {
    /// `null`
    #[default]
    Null,
    /// `true` or `false`
    Bool(bool),
    /// An integer within ±2^53.
    Integer(i64),
    /// A string.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Value<'a>>),
    /// An object.
    Object(Object<'a>),
}

impl<'a> Value<'a> {
    /// The largest magnitude that every JSON reader takes for the same integer.
    pub const MAX_INTEGER: i64 = 1 << 53;

    /// What kind of value this is, with its article.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Integer(_) => "an integer",
            Self::String(_) => "a string",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    pub const fn as_object(&self) -> Option<&Object<'a>> {
        match self {
            Self::Object(object) => Some(object),
            _ => None,
        }
    }

    /// The same value, borrowed from nothing.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(bit) => Value::Bool(bit),
            Self::Integer(number) => Value::Integer(number),
            Self::String(text) => Value::String(Cow::Owned(text.into_owned())),
            Self::Array(items) => Value::Array(items.into_iter().map(Value::into_owned).collect()),
            Self::Object(object) => {
                let members = object.into_iter();
                let owned = members.map(|(name, value)| (Cow::Owned(name.into_owned()), value.into_owned()));
                Value::Object(Object(owned.collect()))
            }
        }
    }
}

/// The members of an object, in the order of the text, each name once.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

impl<'a> Object<'a> {
    /// An object without members.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// The member of this name.
    pub fn get(&self, name: &str) -> Option<&Value<'a>> {
        self.iter().find_map(|(own, value)| (own == name).then_some(value))
    }

    /// Every member, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &Value<'a>)> + ExactSizeIterator {
        self.0.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// How many members there are.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no member.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sets a member: in its place if the name is known, else at the end. Answers the old value.
    pub fn insert(&mut self, name: impl Into<Cow<'a, str>>, value: Value<'a>) -> Option<Value<'a>> {
        let name = name.into();
        if let Some((_, place)) = self.0.iter_mut().find(|(own, _)| *own == name) {
            return Some(core::mem::replace(place, value));
        }
        self.0.push((name, value));
        None
    }

    /// Takes a member out; the others keep their order.
    pub fn remove(&mut self, name: &str) -> Option<Value<'a>> {
        let place = self.0.iter().position(|(own, _)| own == name)?;
        Some(self.0.remove(place).1)
    }

    /// Members whose names the reader has seen to be distinct.
    pub(super) const fn from_distinct(members: Vec<(Cow<'a, str>, Value<'a>)>) -> Self {
        Self(members)
    }
}

impl fmt::Debug for Object<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Value<'a>);
    type IntoIter = vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> From<Object<'a>> for Value<'a> {
    fn from(object: Object<'a>) -> Self {
        Self::Object(object)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Self::String(Cow::Borrowed(text))
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::String(Cow::Owned(text))
    }
}

/// Reads as strictly as [`parse`](super::parse), and borrows nothing.
impl<'de> Deserialize<'de> for Value<'_> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Reader::detached(deserializer).map(Value::into_owned)
    }
}

impl Serialize for Value<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(bit) => serializer.serialize_bool(*bit),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items),
            Self::Object(object) => object.serialize(serializer),
        }
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.len()))?;
        for (name, value) in self.iter() {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString as _;

    use super::super::{Limits, parse};
    use super::*;

    #[test]
    fn inserting_a_known_name_keeps_its_place() {
        let mut object = Object::new();
        assert_eq!(object.insert("a", Value::Integer(1)), None);
        assert_eq!(object.insert("b", Value::Null), None);
        assert_eq!(object.insert("a", Value::Bool(true)), Some(Value::Integer(1)));
        let names: Vec<_> = object.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(object.remove("a"), Some(Value::Bool(true)));
        assert_eq!(object.remove("a"), None);
        assert_eq!(object.len(), 1);
    }

    #[test]
    fn a_value_is_written_as_it_was_read() {
        let text = r#"{"z":[1,-2,null,true,"\u0001é"],"a":{"":{}}}"#;
        let value = parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        assert_eq!(serde_json::to_string(&value).unwrap(), text);
    }

    #[test]
    fn a_value_within_another_type_is_read_strictly() {
        let read = |text| serde_json::from_str::<Value<'static>>(text).map_err(|error| error.to_string());
        assert_eq!(read(r#"["a"]"#), Ok(Value::Array([Value::from("a")].into())));
        assert_eq!(read(r#"{"a":1,"\u0061":2}"#), Err("duplicate member at line 1 column 15".into()));
        assert_eq!(
            read("[1.0]"),
            Err("expected an integer within ±2^53, found another number at line 1 column 4".into())
        );
    }
}
