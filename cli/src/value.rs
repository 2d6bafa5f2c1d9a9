//! Building JSON documents whose members keep the order in which they are written.

use serde::Serialize;
use trustplane_core::json::{Object, Value};

/// JSON in Rust: objects, arrays, literals, and expressions in parentheses.
#[macro_export]
macro_rules! value {
    ([ $($item:tt),* $(,)? ]) => {
        $crate::value::Json::Array(vec![$($crate::value!($item)),*])
    };
    ({ $($members:tt)* }) => {
        $crate::value::Json::Object($crate::object!({ $($members)* }))
    };
    ($other:expr) => { $crate::value::IntoJson::into_json($other) };
}

/// A JSON object in Rust, see [`value!`].
#[macro_export]
macro_rules! object {
    ({ $($name:literal: $item:tt),* $(,)? }) => {
        $crate::value::members([$(($name, $crate::value!($item))),*])
    };
}

pub use crate::{object, value};

/// A value that borrows from nothing.
pub type Json = Value<'static>;

/// What may stand for a value in [`value!`].
pub trait IntoJson {
    /// The value.
    fn into_json(self) -> Json;
}

/// An object with these members in this order.
pub fn members(members: impl IntoIterator<Item = (&'static str, Json)>) -> Object<'static> {
    let mut object = Object::new();
    for (name, value) in members {
        object.insert(name, value);
    }
    object
}

/// The text of a document: two spaces an indent, a line feed at the end.
pub fn pretty(value: &impl Serialize) -> String {
    // A value's strings, integers and lists always serialise.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// The text of a document on one line.
pub fn compact(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

impl IntoJson for Json {
    fn into_json(self) -> Json {
        self
    }
}

impl IntoJson for Object<'static> {
    fn into_json(self) -> Json {
        Value::Object(self)
    }
}

impl IntoJson for Vec<Json> {
    fn into_json(self) -> Json {
        Value::Array(self)
    }
}

impl IntoJson for &str {
    fn into_json(self) -> Json {
        Value::from(self.to_owned())
    }
}

impl IntoJson for String {
    fn into_json(self) -> Json {
        Value::from(self)
    }
}

impl IntoJson for bool {
    fn into_json(self) -> Json {
        Value::Bool(self)
    }
}

impl IntoJson for i32 {
    fn into_json(self) -> Json {
        Value::Integer(self.into())
    }
}

impl IntoJson for i64 {
    fn into_json(self) -> Json {
        Value::Integer(self)
    }
}

impl IntoJson for u32 {
    fn into_json(self) -> Json {
        Value::Integer(self.into())
    }
}

impl IntoJson for u16 {
    fn into_json(self) -> Json {
        Value::Integer(self.into())
    }
}

impl IntoJson for u64 {
    fn into_json(self) -> Json {
        // Documents hold no integer beyond 2^53; a larger one is refused when they are read.
        Value::Integer(i64::try_from(self).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_keep_the_order_they_are_written_in() {
        let name = "z";
        let document = value!({ "b": 1, "a": [true, "x", (name)], "c": {} });
        assert_eq!(compact(&document), r#"{"b":1,"a":[true,"x","z"],"c":{}}"#);
    }
}
