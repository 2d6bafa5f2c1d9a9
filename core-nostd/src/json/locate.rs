use alloc::string::String;
use alloc::vec::Vec;
use core::cell::Cell;
use core::fmt;
use core::str;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::error::Position;

/// Where the value at `pointer` begins in `bytes`, a text that [`parse`](super::parse) takes; of a
/// missing member, where what should hold it begins.
///
/// Values do not carry their place: only who reports a fault pays for finding it.
pub fn locate(bytes: &[u8], pointer: &str) -> Option<Position> {
    let text = str::from_utf8(bytes).ok()?;
    let names: Vec<String> =
        pointer.split('/').skip(1).map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    let mut path = names.as_slice();
    while let Some((_, above)) = path.split_last() {
        let found = Cell::new(false);
        let seeker = Seeker { path, found: &found };
        let end = seeker.deserialize(&mut serde_json::Deserializer::from_str(text));
        if let (true, Err(place)) = (found.get(), end) {
            return Some(Position { line: place.line(), column: place.column() });
        }
        path = above;
    }
    Some(Position { line: 1, column: 1 })
}

/// Walks to one value and stops there with an error, which carries the place.
#[derive(Clone, Copy)]
struct Seeker<'p> {
    path: &'p [String],
    found: &'p Cell<bool>,
}

impl<'p> Seeker<'p> {
    /// What to do with the next member or item: walk on into it, or pass it by.
    fn step(self, name: &str) -> Option<Self> {
        let (first, path) = self.path.split_first()?;
        (first == name).then_some(Self { path, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Seeker<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.path.is_empty() {
            self.found.set(true);
            return Err(D::Error::custom("here"));
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seeker<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let wanted = self.path.first().and_then(|name| name.parse::<usize>().ok());
        let mut index = 0usize;
        while wanted != Some(index) {
            if items.next_element::<IgnoredAny>()?.is_none() {
                return Ok(());
            }
            index = index.saturating_add(1);
        }
        let inner = self.path.split_first().map(|(_, path)| Self { path, ..self });
        inner.map_or(Ok(()), |inner| items.next_element_seed(inner).map(|_| ()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            match self.step(&name) {
                Some(inner) => members.next_value_seed(inner)?,
                None => drop(members.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &[u8] = b"{\n  \"a\": [1, {\"x/y\": null}],\n  \"b\": true\n}\n";

    #[track_caller]
    fn place(pointer: &str) -> (usize, usize) {
        let Position { line, column } = locate(TEXT, pointer).unwrap();
        (line, column)
    }

    #[test]
    fn a_pointer_leads_to_its_line() {
        assert_eq!(place(""), (1, 1));
        assert_eq!(place("/a/0").0, 2);
        assert_eq!(place("/a/1/x~1y").0, 2);
        assert_eq!(place("/b").0, 3);
    }

    #[test]
    fn a_missing_member_leads_to_what_should_hold_it() {
        assert_eq!(place("/a/1/missing"), place("/a/1"));
        assert_eq!(place("/missing"), (1, 1));
        assert_eq!(place("/a/7"), place("/a"));
        assert_eq!(place("/b/c"), place("/b"));
    }
}
