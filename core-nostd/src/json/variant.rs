use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer as _, EnumAccess, Error as _, Unexpected, VariantAccess, Visitor};

use super::decode::Node;
use super::error::JsonError;

/// One variant of an enum: its name, and its content if it has any.
pub(super) struct Variant<'de> {
    pub(super) name: &'de str,
    pub(super) content: Option<Node<'de>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = JsonError;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), JsonError> {
        let name = seed.deserialize(BorrowedStrDeserializer::new(self.name))?;
        Ok((name, self))
    }
}

impl<'de> Variant<'de> {
    fn content(self) -> Result<(Node<'de>, &'de str), JsonError> {
        let content = self.content.ok_or_else(|| JsonError::invalid_type(Unexpected::Str(self.name), &"an object"))?;
        Ok((content, self.name))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = JsonError;

    fn unit_variant(self) -> Result<(), JsonError> {
        match self.content {
            None => Ok(()),
            Some(_) => Err(JsonError::invalid_type(Unexpected::Map, &"a string")),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, JsonError> {
        let (content, name) = self.content()?;
        seed.deserialize(content).map_err(|error| error.within(name))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, JsonError> {
        let (content, name) = self.content()?;
        content.deserialize_seq(visitor).map_err(|error| error.within(name))
    }

    fn struct_variant<V: Visitor<'de>>(self, _: &'static [&'static str], visitor: V) -> Result<V::Value, JsonError> {
        let (content, name) = self.content()?;
        content.deserialize_map(visitor).map_err(|error| error.within(name))
    }
}
