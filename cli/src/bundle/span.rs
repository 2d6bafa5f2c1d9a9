use std::collections::{BTreeSet, HashMap};
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use trustplane_core::json::{self, Position};

/// A value where it stands in a JSON text that the strict reader took.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node<'t> {
    whole: &'t str,
    text: &'t str,
}

/// A member of an object where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Member<'t> {
    pub(crate) name: String,
    pub(crate) key: Node<'t>,
    pub(crate) value: Node<'t>,
}

impl<'t> Node<'t> {
    /// The document's own value.
    pub(crate) fn root(whole: &'t str) -> Self {
        Self { whole, text: whole.trim_matches([' ', '\t', '\r', '\n']) }
    }

    pub(crate) const fn text(&self) -> &'t str {
        self.text
    }

    /// The text it stands in.
    pub(crate) const fn whole(&self) -> &'t str {
        self.whole
    }

    /// Where in that text.
    pub(crate) fn range(&self) -> Range<usize> {
        // A node's text is always a part of the whole.
        let start = self.text.as_ptr().addr() - self.whole.as_ptr().addr();
        start..start + self.text.len()
    }

    /// Line and column of its first byte.
    pub(crate) fn position(&self) -> Position {
        position(self.whole, self.range().start)
    }

    /// The members of an object; none of anything else.
    pub(crate) fn members(&self) -> Vec<Member<'t>> {
        let raw = serde_json::from_str::<RawMembers<'t>>(self.text).map_or_else(|_| Vec::new(), |members| members.0);
        let member = |(key, value): (&'t RawValue, &'t RawValue)| Member {
            name: serde_json::from_str(key.get()).unwrap_or_default(),
            key: self.part(key.get()),
            value: self.part(value.get()),
        };
        raw.into_iter().map(member).collect()
    }

    /// The items of an array; none of anything else.
    pub(crate) fn items(&self) -> Vec<Self> {
        let raw: Vec<&'t RawValue> = serde_json::from_str(self.text).unwrap_or_default();
        raw.into_iter().map(|item| self.part(item.get())).collect()
    }

    /// The value of this member.
    pub(crate) fn member(&self, name: &str) -> Option<Self> {
        self.members().into_iter().find(|member| member.name == name).map(|member| member.value)
    }

    /// The items of the array under this member.
    pub(crate) fn array(&self, name: &str) -> Vec<Self> {
        self.member(name).map_or_else(Vec::new, |array| array.items())
    }

    /// The text of this member, where it is a string.
    pub(crate) fn string(&self, name: &str) -> Option<String> {
        self.member(name).and_then(|value| serde_json::from_str(value.text).ok())
    }

    /// The number in this member, where it is one.
    pub(crate) fn integer(&self, name: &str) -> Option<i64> {
        self.member(name).and_then(|value| serde_json::from_str(value.text).ok())
    }

    fn part(&self, text: &'t str) -> Self {
        Self { whole: self.whole, text }
    }

    /// Notes where this value and those below it begin, as far as anyone asks for them.
    fn find(&self, pointer: String, wanted: &BTreeSet<&str>, found: &mut HashMap<String, usize>) {
        let below = format!("{pointer}/");
        let descend = wanted.range(below.as_str()..).next().is_some_and(|next| next.starts_with(&below));
        if descend {
            for member in self.members() {
                let segment = member.name.replace('~', "~0").replace('/', "~1");
                member.value.find(format!("{below}{segment}"), wanted, found);
            }
            for (index, item) in self.items().iter().enumerate() {
                item.find(format!("{below}{index}"), wanted, found);
            }
        }
        if descend || wanted.contains(pointer.as_str()) {
            found.insert(pointer, self.range().start);
        }
    }
}

/// Where the value at `pointer` stands; of a missing member, where what should hold it stands.
pub(crate) fn locate(text: &str, pointer: &str) -> Position {
    // The root is always found.
    json::locate(text.as_bytes(), pointer).unwrap_or_else(|| Node::root(text).position())
}

/// Where each of these values stands, in one walk through a text of any size; of a missing member,
/// where what should hold it stands.
pub(crate) fn locate_all(text: &str, pointers: &[String]) -> Vec<Position> {
    let wanted: BTreeSet<&str> = pointers.iter().map(String::as_str).collect();
    let mut found = HashMap::new();
    Node::root(text).find(String::new(), &wanted, &mut found);
    let lines = Lines::new(text);
    let nearest = |mut pointer: &str| loop {
        match (found.get(pointer), pointer.rfind('/')) {
            (Some(offset), _) => return lines.position(*offset),
            (None, Some(parent)) => pointer = &pointer[..parent],
            (None, None) => return lines.position(0),
        }
    };
    pointers.iter().map(|pointer| nearest(pointer)).collect()
}

/// Where the lines of a text begin.
#[derive(Debug)]
pub(crate) struct Lines(Vec<usize>);

impl Lines {
    pub(crate) fn new(text: &str) -> Self {
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n').map(|(at, _)| at + 1);
        Self(std::iter::once(0).chain(breaks).collect())
    }

    pub(crate) fn position(&self, offset: usize) -> Position {
        let line = self.0.partition_point(|start| *start <= offset);
        let start = line.checked_sub(1).and_then(|index| self.0.get(index)).copied().unwrap_or(0);
        Position { line, column: offset - start + 1 }
    }
}

/// Line and column of the byte at `offset`, counted from one.
pub(crate) fn position(text: &str, offset: usize) -> Position {
    let before = &text.as_bytes()[..offset.min(text.len())];
    let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    Position { line, column: before.len() - line_start + 1 }
}

/// Names and values as they are written.
struct RawMembers<'t>(Vec<(&'t RawValue, &'t RawValue)>);

impl<'de: 't, 't> Deserialize<'de> for RawMembers<'t> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = RawMembers<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<RawMembers<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = source.next_entry()? {
                    members.push(member);
                }
                Ok(RawMembers(members))
            }
        }
        deserializer.deserialize_map(Members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\n{ \"a\" : [1 , {\"x/y\":null}],\r\n\t\"\\u0062\": \"t\\n\" }\n";

    #[test]
    fn values_and_names_are_found_as_they_are_written() {
        let root = Node::root(TEXT);
        let members = root.members();
        let texts: Vec<_> = members.iter().map(|member| (member.key.text(), member.value.text())).collect();
        assert_eq!(texts, [("\"a\"", "[1 , {\"x/y\":null}]"), ("\"\\u0062\"", "\"t\\n\"")]);
        assert_eq!(members[1].name, "b");
        assert_eq!(root.string("b").as_deref(), Some("t\n"));
        let items: Vec<_> = root.array("a").iter().map(|item| &TEXT[item.range()]).collect();
        assert_eq!(items, ["1", "{\"x/y\":null}"]);
        assert!(root.items().is_empty() && members[1].value.members().is_empty());
    }

    #[test]
    fn a_pointer_leads_to_the_first_byte_of_its_value() {
        for (pointer, line, column) in [
            ("", 2, 1),
            ("/a", 2, 9),
            ("/a/0", 2, 10),
            ("/a/1/x~1y", 2, 21),
            ("/b", 3, 12),
            ("/a/1/no", 2, 14),
            ("/no/x", 2, 1),
        ] {
            assert_eq!(locate(TEXT, pointer), Position { line, column }, "{pointer}");
            let (asked, decoy) = ([pointer.to_owned(), "/a-b".to_owned()], Position { line: 2, column: 1 });
            assert_eq!(locate_all(TEXT, &asked), [Position { line, column }, decoy], "{pointer}");
        }
    }
}
