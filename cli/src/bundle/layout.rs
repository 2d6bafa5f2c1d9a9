use serde::Serialize as _;
use serde_json::ser::{PrettyFormatter, Serializer};
use trustplane_core::json::Value;

use super::span::Node;
use crate::value::compact;

/// How values are written beside those that stand in a text already.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Layout {
    /// A line for each member and item, `indent` before each line but the first.
    Lines { newline: &'static str, indent: String, unit: String },
    /// All on one line.
    Line {
        /// White space within braces.
        padded: bool,
        /// White space after colons and commas.
        spaced: bool,
    },
}

impl Layout {
    /// That of a value that takes the place of `old`.
    pub(super) fn of(old: &Node<'_>) -> Self {
        let text = old.text();
        let bare = matches!(text, "[]" | "{}") || !text.starts_with(['[', '{']);
        match text.contains('\n') || (bare && old.whole().trim_end().contains('\n')) {
            true => Self::Lines {
                newline: newline(old.whole()),
                indent: indent(old).to_owned(),
                unit: unit(old.whole()).to_owned(),
            },
            false => Self::Line {
                padded: text.starts_with("{ ") || text.starts_with("[ "),
                spaced: text.contains("\": ") || text.contains(", "),
            },
        }
    }

    pub(super) fn write(&self, value: &Value<'_>) -> String {
        match self {
            Self::Lines { newline, indent, unit } => {
                let mut bytes = Vec::new();
                let formatter = PrettyFormatter::with_indent(unit.as_bytes());
                // A value's strings, integers and lists always serialise, as UTF-8.
                let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
                let text = written.ok().and_then(|()| String::from_utf8(bytes).ok()).unwrap_or_default();
                // Line feeds within strings are escaped: each one here ends a line.
                text.replace('\n', &format!("{newline}{indent}"))
            }
            Self::Line { padded, spaced } => on_one_line(value, *padded, *spaced),
        }
    }
}

fn on_one_line(value: &Value<'_>, padded: bool, spaced: bool) -> String {
    let (colon, comma) = if spaced { (": ", ", ") } else { (":", ",") };
    let (open, inner, close) = match value {
        Value::Object(object) if !object.is_empty() => {
            let member = |(name, value): (&str, &Value<'_>)| {
                format!("{}{colon}{}", compact(&name), on_one_line(value, padded, spaced))
            };
            ('{', object.iter().map(member).collect::<Vec<_>>(), '}')
        }
        Value::Array(items) if !items.is_empty() => {
            ('[', items.iter().map(|item| on_one_line(item, padded, spaced)).collect(), ']')
        }
        other => return compact(other),
    };
    let pad = if padded { " " } else { "" };
    format!("{open}{pad}{}{pad}{close}", inner.join(comma))
}

/// How the lines of this text end.
pub(super) fn newline(whole: &str) -> &'static str {
    if whole.contains("\r\n") { "\r\n" } else { "\n" }
}

/// The white space at the start of the line in which a value begins.
pub(super) fn indent<'t>(node: &Node<'t>) -> &'t str {
    let before = &node.whole()[..node.range().start];
    let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
    &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]
}

/// By how much one level of this text stands further in than the one around it.
pub(super) fn unit(whole: &str) -> &str {
    let root = Node::root(whole);
    let first = root.members().first().map(|member| member.key).or_else(|| root.items().first().copied());
    let unit = first.filter(|first| first.position().line > root.position().line).map(|first| indent(&first));
    unit.filter(|unit| !unit.is_empty()).unwrap_or("  ")
}

/// The white space right before a value or name.
pub(super) fn space_before<'t>(node: &Node<'t>) -> &'t str {
    let before = &node.whole()[..node.range().start];
    &before[before.trim_end_matches([' ', '\t', '\r', '\n']).len()..]
}
