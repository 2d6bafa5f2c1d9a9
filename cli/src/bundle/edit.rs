//! Changing one part of a JSON text; every byte of the others stays as and where it is.

use std::ops::Range;

use trustplane_core::json::Value;

use super::layout::{Layout, indent, newline, space_before, unit};
use super::span::Node;
use crate::value::compact;

/// Changes to one text, none of which touches the place of another.
#[derive(Debug)]
pub(super) struct Edit<'t> {
    whole: &'t str,
    splices: Vec<(Range<usize>, String)>,
}

impl<'t> Edit<'t> {
    pub(super) const fn new(whole: &'t str) -> Self {
        Self { whole, splices: Vec::new() }
    }

    /// Puts a value in the place of another.
    pub(super) fn replace(&mut self, old: &Node<'t>, value: &Value<'_>) {
        self.splices.push((old.range(), Layout::of(old).write(value)));
    }

    /// Sets a member: in its place if the name is known, else at the end.
    pub(super) fn set(&mut self, object: &Node<'t>, name: &str, value: &Value<'_>) {
        match object.member(name) {
            Some(old) => self.replace(&old, value),
            None => self.append(object, vec![(Some(name), value)]),
        }
    }

    /// Sets a member: in its place if the name is known, else right before the one named `before`.
    pub(super) fn set_before(&mut self, object: &Node<'t>, before: &str, name: &str, value: &Value<'_>) {
        let members = object.members();
        let known = members.iter().any(|member| member.name == name);
        let Some(next) = members.iter().find(|member| member.name == before && !known) else {
            return self.set(object, name, value);
        };
        let place = next.key.range().start;
        let written = Layout::of(&next.key).write(value);
        let colon = &self.whole[next.key.range().end..next.value.range().start];
        let space = space_before(&next.key);
        self.splices.push((place..place, format!("{}{colon}{written},{space}", compact(&name))));
    }

    /// Adds items to the end of an array.
    pub(super) fn push(&mut self, array: &Node<'t>, values: &[Value<'_>]) {
        self.append(array, values.iter().map(|value| (None, value)).collect());
    }

    /// Takes out the items that `keep` does not want; answers how many.
    pub(super) fn retain(&mut self, array: &Node<'t>, keep: impl Fn(&Node<'t>) -> bool) -> usize {
        let items = array.items();
        let kept: Vec<bool> = items.iter().map(keep).collect();
        let gone = kept.iter().filter(|kept| !**kept).count();
        if gone == items.len() {
            if gone > 0 {
                self.splices.push((array.range(), "[]".to_owned()));
            }
            return gone;
        }
        // A run of items goes with the commas that follow it; the last run, with those before it.
        let mut from = 0;
        while let Some(first) = (from..items.len()).find(|index| !kept[*index]) {
            let next = (first..items.len()).find(|index| kept[*index]).unwrap_or(items.len());
            let range = match first.checked_sub(1) {
                Some(before) => items[before].range().end..items[next - 1].range().end,
                None => items[0].range().start..items[next].range().start,
            };
            self.splices.push((range, String::new()));
            from = next;
        }
        gone
    }

    /// The changed text.
    pub(super) fn apply(mut self) -> String {
        self.splices.sort_by_key(|(range, _)| range.start);
        let mut text = String::with_capacity(self.whole.len() + 1024);
        let mut from = 0;
        for (range, new) in &self.splices {
            text.push_str(&self.whole[from..range.start]);
            text.push_str(new);
            from = range.end;
        }
        text.push_str(&self.whole[from..]);
        text
    }

    /// Adds members or items after the last one, written as that one is.
    fn append(&mut self, container: &Node<'t>, entries: Vec<(Option<&str>, &Value<'_>)>) {
        let members = container.members();
        let items = container.items();
        // What the new entries stand after, what is before it and how it is laid out.
        let last = match (members.last(), items.last()) {
            (Some(member), _) => Some((member.key, member.value)),
            (None, Some(item)) => Some((*item, *item)),
            (None, None) => None,
        };
        let Some((head, value)) = last else {
            return self.fill(container, entries);
        };
        let colon = match members.last() {
            Some(member) => &self.whole[member.key.range().end..member.value.range().start],
            None => "",
        };
        let layout = Layout::of(&value);
        let space = space_before(&head);
        // The first item of a list on one line stands right behind the bracket.
        let space = if space.is_empty() && members.len() + items.len() == 1 && spaced(container) { " " } else { space };
        let mut new = String::new();
        for (name, value) in entries {
            new.push(',');
            new.push_str(space);
            if let Some(name) = name {
                new.push_str(&compact(&name));
                new.push_str(colon);
            }
            new.push_str(&layout.write(value));
        }
        let end = value.range().end;
        self.splices.push((end..end, new));
    }

    /// Adds the first members or items.
    fn fill(&mut self, container: &Node<'t>, entries: Vec<(Option<&str>, &Value<'_>)>) {
        let (open, close) = if container.text().starts_with('[') { ('[', ']') } else { ('{', '}') };
        let lines = self.whole.trim_end().contains('\n');
        let (outer, unit, newline) = (indent(container), unit(self.whole), newline(self.whole));
        let (layout, before, after, colon) = match lines {
            true => (
                Layout::Lines { newline, indent: format!("{outer}{unit}"), unit: unit.to_owned() },
                format!("{newline}{outer}{unit}"),
                format!("{newline}{outer}"),
                ": ",
            ),
            false => (Layout::Line { padded: false, spaced: false }, String::new(), String::new(), ":"),
        };
        let entry = |(name, value): (Option<&str>, &Value<'_>)| match name {
            Some(name) => format!("{before}{}{colon}{}", compact(&name), layout.write(value)),
            None => format!("{before}{}", layout.write(value)),
        };
        let inner: Vec<_> = entries.into_iter().map(entry).collect();
        self.splices.push((container.range(), format!("{open}{}{after}{close}", inner.join(","))));
    }
}

/// Whether a list on one line has white space after its commas and colons elsewhere in the text.
fn spaced(container: &Node<'_>) -> bool {
    let text = container.text();
    !text.contains('\n') && (text.contains(": ") || text.contains(", "))
}

#[cfg(test)]
mod tests;
