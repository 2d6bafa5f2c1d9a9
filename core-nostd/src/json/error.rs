use alloc::borrow::Cow;
use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use serde::de::{Expected, Unexpected};

/// A place in a text, counted from one; columns count bytes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The byte within the line.
    pub column: usize,
}

/// Why a text or a value was refused, and exactly where.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct JsonError {
    /// RFC 6901; empty for the whole document.
    pub pointer: String,
    /// What is wrong there, in words.
    pub problem: String,
    /// Where that is in the text, when the text was at hand.
    pub position: Option<Position>,
}

impl JsonError {
    /// A fault of the whole value.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { pointer: String::new(), problem: problem.into(), position: None }
    }

    fn not_among<'n>(names: impl Iterator<Item = &'n str>, found: &str) -> Self {
        let names: Vec<String> = names.map(|name| format!("{name:?}")).collect();
        Self::new(format!("expected {}, found {found:?}", names.join(" or ")))
    }

    /// The same fault, seen from the value that holds this one as `segment`.
    pub fn within(mut self, segment: impl fmt::Display) -> Self {
        self.pointer.insert_str(0, &pointer_segment(&segment.to_string()));
        self
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_fault(f, &self.pointer, &self.problem, self.position)
    }
}

impl core::error::Error for JsonError {}

/// "pointer: problem (place)", or without what is not known.
///
/// Names come from the text at fault: a line break in one must not forge a line of a log.
pub(crate) fn write_fault(
    f: &mut fmt::Formatter<'_>,
    pointer: &str,
    problem: &str,
    position: Option<Position>,
) -> fmt::Result {
    for char in pointer.chars() {
        match char.is_control() {
            true => write!(f, "{}", char.escape_unicode())?,
            false => f.write_char(char)?,
        }
    }
    f.write_str(if pointer.is_empty() { "" } else { ": " })?;
    f.write_str(problem)?;
    match position {
        Some(Position { line, column }) => write!(f, " (line {line}, column {column})"),
        None => Ok(()),
    }
}

/// One more segment of a pointer, with `~` and `/` escaped (RFC 6901 section 3).
pub(crate) fn pointer_segment(name: &str) -> String {
    format!("/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// The choice of this name.
pub(crate) fn one_of<T: Copy>(choices: &[(&str, T)], found: &str) -> Result<T, JsonError> {
    let choice = choices.iter().find(|(name, _)| *name == found);
    choice.map(|(_, choice)| *choice).ok_or_else(|| JsonError::not_among(choices.iter().map(|(name, _)| *name), found))
}

/// What serde's generated code finds wrong, in the words of JSON rather than of Rust.
impl serde::de::Error for JsonError {
    fn custom<T: fmt::Display>(problem: T) -> Self {
        Self::new(problem.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unit | Unexpected::Option => Cow::Borrowed("null"),
            Unexpected::Bool(_) => "a boolean".into(),
            Unexpected::Unsigned(_) | Unexpected::Signed(_) => "an integer".into(),
            Unexpected::Str(_) | Unexpected::Char(_) => "a string".into(),
            Unexpected::Seq => "an array".into(),
            Unexpected::Map => "an object".into(),
            // No other kind is ever found; to print one would link the printing of floats.
            _ => "something else".into(),
        };
        Self::new(format!("expected {}, found {found}", wanted(expected)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match found {
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Str(text) => format!("{text:?}"),
            _ => "something else".into(),
        };
        Self::new(format!("expected {}, found {found}", wanted(expected)))
    }

    fn invalid_length(found: usize, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {found} items", wanted(expected)))
    }

    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        Self::not_among(expected.iter().copied(), found)
    }

    fn unknown_field(name: &str, _: &'static [&'static str]) -> Self {
        Self::new("unknown member").within(name)
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new("missing member").within(name)
    }

    fn duplicate_field(name: &'static str) -> Self {
        Self::new("duplicate member").within(name)
    }
}

fn wanted(expected: &dyn Expected) -> Cow<'static, str> {
    let rust = expected.to_string();
    match rust.as_str() {
        "u8" => "an integer from 0 to 255".into(),
        "u16" => "an integer from 0 to 65535".into(),
        "u32" => "an integer from 0 to 4294967295".into(),
        "u64" | "usize" => "an integer from 0 to 2^53".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "an integer in range".into(),
        "a borrowed string" => "a string".into(),
        "a sequence" => "an array".into(),
        "a map" => "an object".into(),
        other if other.starts_with("struct ") => "an object".into(),
        _ => rust.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_escape_what_rfc_6901_reserves() {
        let error = JsonError::new("wrong").within("a/b~c").within(3).within("");
        assert_eq!(error.pointer, "//3/a~1b~0c");
        assert_eq!(error.to_string(), "//3/a~1b~0c: wrong");
        assert_eq!(JsonError::new("wrong").to_string(), "wrong");
        assert_eq!(JsonError::new("wrong").within("a\nb").to_string(), "/a\\u{a}b: wrong");
    }
}
