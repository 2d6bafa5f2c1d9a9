//! YAML 1.2 by its core schema, less what has a second reading: anchors, tags, floats, duplicates.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};
use trustplane_core::json::{JsonError, Limits, Object, Position, Value};

use crate::value::Json;

/// A document and where each of its values stands, by pointer.
pub(super) fn parse(text: &str) -> Result<(Json, HashMap<String, Position>), JsonError> {
    let mut reader = Reader { events: Parser::new_from_str(text), places: HashMap::new(), pointer: String::new() };
    loop {
        let (event, span) = reader.next()?;
        match event {
            Event::StreamStart | Event::DocumentStart(_) | Event::Nothing => {}
            Event::StreamEnd | Event::DocumentEnd => return Err(reader.fault(span, "empty")),
            event => {
                let value = reader.value(event, span, Limits::DOCUMENT.max_depth)?;
                reader.end()?;
                return Ok((value, reader.places));
            }
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, saphyr_parser::StrInput<'t>>,
    places: HashMap<String, Position>,
    pointer: String,
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), JsonError> {
        match self.events.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(JsonError {
                pointer: self.pointer.clone(),
                problem: error.info().to_owned(),
                position: Some(Position { line: error.marker().line(), column: error.marker().col() + 1 }),
            }),
            None => Err(JsonError::new("ends too early")),
        }
    }

    fn fault(&self, span: Span, problem: impl Into<String>) -> JsonError {
        JsonError { pointer: self.pointer.clone(), problem: problem.into(), position: Some(place(span)) }
    }

    fn end(&mut self) -> Result<(), JsonError> {
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(()),
                Event::DocumentEnd | Event::Nothing => {}
                _ => return Err(self.fault(span, "a second document: expected one")),
            }
        }
    }

    fn value(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Json, JsonError> {
        self.places.insert(self.pointer.clone(), place(span));
        match event {
            Event::Alias(_) => Err(self.fault(span, "an alias: expected the value itself, for readers to see")),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                Err(self.fault(span, "an anchor: values are written out where they stand"))
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                Err(self.fault(span, "a tag: values have the type they are written in"))
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if depth == 0 => {
                Err(self.fault(span, "nested too deep"))
            }
            Event::Scalar(text, ScalarStyle::Plain, ..) => plain(&text).map_err(|problem| self.fault(span, problem)),
            Event::Scalar(text, ..) => Ok(Value::from(text.into_owned())),
            Event::SequenceStart(..) => self.sequence(depth - 1),
            Event::MappingStart(..) => self.mapping(depth - 1),
            _ => Err(self.fault(span, "expected a value")),
        }
    }

    fn sequence(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(items));
            }
            let index = items.len().to_string();
            items.push(self.within(&index, |reader| reader.value(event, span, depth))?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Json, JsonError> {
        let mut members = Object::new();
        loop {
            let (event, span) = self.next()?;
            let name = match event {
                Event::MappingEnd => return Ok(Value::Object(members)),
                Event::Scalar(name, _, 0, None) => name.into_owned(),
                _ => return Err(self.fault(span, "expected a plain name")),
            };
            let value = self.within(&name, |reader| {
                if members.get(&name).is_some() {
                    return Err(reader.fault(span, "duplicate member"));
                }
                let (event, span) = reader.next()?;
                reader.value(event, span, depth)
            })?;
            members.insert(name, value);
        }
    }

    fn within<T>(
        &mut self,
        segment: &str,
        read: impl FnOnce(&mut Self) -> Result<T, JsonError>,
    ) -> Result<T, JsonError> {
        let length = self.pointer.len();
        self.pointer.push('/');
        self.pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
        let result = read(self);
        self.pointer.truncate(length);
        result
    }
}

fn place(span: Span) -> Position {
    Position { line: span.start.line(), column: span.start.col() + 1 }
}

/// A scalar without quotes, as section 10.3.2 of YAML 1.2 resolves it.
fn plain(text: &str) -> Result<Json, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Value::Null),
        "true" | "True" | "TRUE" => return Ok(Value::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Value::Bool(false)),
        _ => {}
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
        return Ok(Value::from(text.to_owned()));
    }
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit());
    let number: Option<i64> = match decimal && (digits == "0" || !digits.starts_with('0')) {
        true => text.parse().ok(),
        false => None,
    };
    match number.filter(|number| number.unsigned_abs() <= Value::MAX_INTEGER.unsigned_abs()) {
        Some(number) => Ok(Value::Integer(number)),
        // Octal, hexadecimal, floats and numbers with leading zeros: one reader's text is
        // another's number.
        None if decimal || is_number(digits) => {
            Err(format!("expected an integer within ±2^53, found {text}: a text stands in quotes"))
        }
        None => Ok(Value::from(text.to_owned())),
    }
}

fn is_number(digits: &str) -> bool {
    let prefixed =
        |prefix, radix| digits.strip_prefix(prefix).is_some_and(|rest| rest.chars().all(|digit| digit.is_digit(radix)));
    let special = [".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"].contains(&digits);
    special || prefixed("0o", 8) || prefixed("0x", 16) || digits.parse::<f64>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::compact;

    #[track_caller]
    fn refusal(text: &str) -> String {
        parse(text).unwrap_err().to_string()
    }

    #[test]
    fn values_are_those_of_the_core_schema() {
        let text = "a: [1, -2, +3, true, null, ~, yes, no, 2026-01-31, 1.2.3, \"7\", '0x1', 12a]\n\
                    b:\n  - {c: d, 'e f': |\n      two\n      lines\n    }\n  - >-\n    folded\n    text\n";
        let text = text
            .replace("{c: d, 'e f': |\n      two\n      lines\n    }", "c: d\n    'e f': |\n      two\n      lines");
        assert_eq!(
            compact(&parse(&text).unwrap().0),
            r#"{"a":[1,-2,3,true,null,null,"yes","no","2026-01-31","1.2.3","7","0x1","12a"],"b":[{"c":"d","e f":"two\nlines\n"},"folded text"]}"#
        );
    }

    #[test]
    fn every_value_knows_its_place() {
        let (_, places) = parse("a:\n  - b: 1\n    c/d: x\n").unwrap();
        for (pointer, line, column) in
            [("", 1, 1), ("/a", 2, 3), ("/a/0", 2, 5), ("/a/0/b", 2, 8), ("/a/0/c~1d", 3, 10)]
        {
            assert_eq!(places.get(pointer), Some(&Position { line, column }), "{pointer}");
        }
    }

    #[test]
    fn what_has_a_second_reading_is_refused() {
        for (text, problem) in [
            ("a: 1\na: 2\n", "/a: duplicate member (line 2, column 1)"),
            ("a: &x 1\n", "/a: an anchor: values are written out where they stand (line 1, column 4)"),
            ("a: 1\nb: *x\n", "/b: while parsing node, found unknown anchor (line 2, column 4)"),
            ("a: !!str 1\n", "/a: a tag: values have the type they are written in (line 1, column 4)"),
            ("a: 1.0\n", "/a: expected an integer within ±2^53, found 1.0: a text stands in quotes (line 1, column 4)"),
            (
                "a: 0x10\n",
                "/a: expected an integer within ±2^53, found 0x10: a text stands in quotes (line 1, column 4)",
            ),
            ("a: 007\n", "/a: expected an integer within ±2^53, found 007: a text stands in quotes (line 1, column 4)"),
            (
                "a: .inf\n",
                "/a: expected an integer within ±2^53, found .inf: a text stands in quotes (line 1, column 4)",
            ),
            (
                "a: 9007199254740993\n",
                "/a: expected an integer within ±2^53, found 9007199254740993: a text stands in quotes (line 1, column 4)",
            ),
            ("? [a]\n: 1\n", "expected a plain name (line 1, column 3)"),
            ("a: 1\n---\nb: 2\n", "a second document: expected one (line 2, column 1)"),
            ("", "empty (line 1, column 1)"),
        ] {
            assert_eq!(refusal(text), problem, "{text}");
        }
        assert!(refusal(&"[".repeat(40)).contains("nested too deep"));
        assert!(refusal("a: [1\nb: 2\n").contains("(line 2, column"));
    }
}
