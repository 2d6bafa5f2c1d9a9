//! TOML, less floats; times become the texts that they are written as.

use std::collections::HashMap;

use ::toml::Spanned;
use ::toml::de::{DeTable, DeValue};
use trustplane_core::json::{JsonError, Object, Value};

use crate::bundle::span::position;
use crate::value::Json;

/// A document and at which byte each of its values begins, by pointer.
pub(super) fn parse(text: &str) -> Result<(Json, HashMap<String, usize>), JsonError> {
    let table = DeTable::parse(text).map_err(|error| JsonError {
        pointer: String::new(),
        problem: error.message().to_owned(),
        position: error.span().map(|span| position(text, span.start)),
    })?;
    let mut reader = Reader { text, places: HashMap::from([(String::new(), 0)]) };
    let value = reader.table(table.get_ref(), "")?;
    Ok((value, reader.places))
}

struct Reader<'t> {
    text: &'t str,
    places: HashMap<String, usize>,
}

impl Reader<'_> {
    fn table(&mut self, table: &DeTable<'_>, pointer: &str) -> Result<Json, JsonError> {
        let mut members = Object::new();
        for (name, value) in table {
            let name = name.get_ref();
            let segment = name.replace('~', "~0").replace('/', "~1");
            let value = self.value(value, &format!("{pointer}/{segment}"))?;
            members.insert(name.to_string(), value);
        }
        Ok(Value::Object(members))
    }

    fn value(&mut self, spanned: &Spanned<DeValue<'_>>, pointer: &str) -> Result<Json, JsonError> {
        let start = spanned.span().start;
        self.places.insert(pointer.to_owned(), start);
        let number = |found: &str| JsonError {
            pointer: pointer.to_owned(),
            problem: format!("expected an integer within ±2^53, found {found}"),
            position: Some(position(self.text, start)),
        };
        match spanned.get_ref() {
            DeValue::String(text) => Ok(Value::from(text.to_string())),
            DeValue::Boolean(bit) => Ok(Value::Bool(*bit)),
            DeValue::Datetime(time) => Ok(Value::from(time.to_string())),
            DeValue::Float(float) => Err(number(float.as_str())),
            DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
                .ok()
                .filter(|number| number.unsigned_abs() <= Value::MAX_INTEGER.unsigned_abs())
                .map(Value::Integer)
                .ok_or_else(|| number(integer.as_str())),
            DeValue::Table(table) => self.table(table, pointer),
            DeValue::Array(items) => {
                let mut array = Vec::new();
                for (index, item) in items.iter().enumerate() {
                    array.push(self.value(item, &format!("{pointer}/{index}"))?);
                }
                Ok(Value::Array(array))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::compact;

    #[test]
    fn values_are_those_that_are_written_and_know_their_place() {
        let text = "a = 1_000\nt = 2026-01-31T00:00:00Z\n[[b]]\nc = [true, \"x\", 0x10]\n[b.\"d/e\"]\nf = ''\n";
        let (value, places) = parse(text).unwrap();
        assert_eq!(
            compact(&value),
            r#"{"a":1000,"b":[{"c":[true,"x",16],"d/e":{"f":""}}],"t":"2026-01-31T00:00:00Z"}"#
        );
        for (pointer, rest) in [("/a", "1_000"), ("/b/0/c/1", "\"x\""), ("/b/0/d~1e/f", "''")] {
            assert!(text[places[pointer]..].starts_with(rest), "{pointer}");
        }
    }

    #[test]
    fn faults_have_their_place() {
        for (text, problem) in [
            ("a = 1.5\n", "/a: expected an integer within ±2^53, found 1.5 (line 1, column 5)"),
            (
                "\na = 9007199254740993\n",
                "/a: expected an integer within ±2^53, found 9007199254740993 (line 2, column 5)",
            ),
            ("a = 1\na = 2\n", "duplicate key (line 2, column 1)"),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), problem);
        }
    }
}
