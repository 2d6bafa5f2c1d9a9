use alloc::borrow::Cow;
use alloc::string::ToString as _;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::parse::Limits;
use super::trail::Trail;
use super::value::{Object, Value};
use crate::names::Names;

/// Above this many members a set finds duplicates; below it, comparing each pair costs less.
const FEW_MEMBERS: usize = 16;

/// Reads one value, `depth` levels of nesting left.
#[derive(Clone, Copy)]
pub(super) struct Reader<'t> {
    depth: usize,
    max_depth: usize,
    compact: bool,
    trail: &'t Trail,
}

impl<'t> Reader<'t> {
    pub(super) const fn new(max_depth: usize, compact: bool, trail: &'t Trail) -> Self {
        Self { depth: max_depth, max_depth, compact, trail }
    }

    /// Reads a value out of whatever reader another type is being read from.
    pub(super) fn detached<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Value<'de>, D::Error> {
        Reader::new(Limits::CONFIG.max_depth, false, &Trail::default()).deserialize(deserializer)
    }

    fn finish<T>(self, all: &mut Vec<T>) {
        if self.compact {
            all.shrink_to_fit();
        }
    }

    fn nested<E: serde::de::Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(E::custom(format_args!("nested deeper than {} levels", self.max_depth))),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value<'de>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reader<'_> {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, bit: bool) -> Result<Value<'de>, E> {
        Ok(Value::Bool(bit))
    }

    fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Value<'de>, E> {
        if number.unsigned_abs() > Value::MAX_INTEGER.unsigned_abs() {
            return Err(E::custom(format_args!("expected an integer within ±2^53, found {number}")));
        }
        Ok(Value::Integer(number))
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Value<'de>, E> {
        match i64::try_from(number) {
            Ok(number) => self.visit_i64(number),
            Err(_) => Err(E::custom(format_args!("expected an integer within ±2^53, found {number}"))),
        }
    }

    /// Fractions, exponents, `-0` and integers beyond 64 bits arrive as floats.
    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Value<'de>, E> {
        Err(E::custom("expected an integer within ±2^53, found another number"))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::String(Cow::Owned(text.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value<'de>, A::Error> {
        let inner = self.nested()?;
        let mut array = Vec::new();
        loop {
            match items.next_element_seed(inner) {
                Ok(Some(item)) => array.push(item),
                Ok(None) => break,
                Err(error) => return Err(self.trail.enter(&array.len().to_string(), error)),
            }
        }
        self.finish(&mut array);
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Value<'de>, A::Error> {
        let inner = self.nested()?;
        let mut members: Vec<(Cow<'de, str>, Value<'de>)> = Vec::new();
        let mut seen = Names::default();
        while let Some(name) = source.next_key_seed(Name)? {
            if members.len() == FEW_MEMBERS {
                for (name, _) in &members {
                    seen.insert(name, ());
                }
            }
            let fresh = if members.len() < FEW_MEMBERS {
                members.iter().all(|(earlier, _)| *earlier != name)
            } else {
                seen.insert(&name, ())
            };
            if !fresh {
                return Err(self.trail.enter(&name, A::Error::custom("duplicate member")));
            }
            match source.next_value_seed(inner) {
                Ok(value) => members.push((name, value)),
                Err(error) => return Err(self.trail.enter(&name, error)),
            }
        }
        self.finish(&mut members);
        Ok(Value::Object(Object::from_distinct(members)))
    }
}

/// Reads the name of a member, unescaped.
struct Name;

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Cow<'de, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_borrowed_str<E>(self, name: &'de str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'de, str>, E> {
        Ok(Cow::Owned(name.into()))
    }
}
