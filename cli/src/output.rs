use std::fmt;
use std::io::{self, ErrorKind, Write as _};

use clap::ValueEnum;
use serde::Serialize;

use crate::exit::Fault;
use crate::value::{IntoJson, Json, compact};

/// How results are written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub enum Format {
    // One JSON object on one line.
    Json,
    // For people.
    #[default]
    Text,
}

/// Standard output.
///
/// A reader that has gone away is no fault: what it wanted to know it knows. Nor does it change the
/// verdict, so that `verify | head -0` still ends with 1 on a deny.
#[derive(Clone, Copy, Debug)]
pub struct Output {
    format: Format,
}

impl Output {
    /// Writes in `format`.
    pub const fn new(format: Format) -> Self {
        Self { format }
    }

    /// Whether a machine reads.
    pub fn is_json(self) -> bool {
        self.format == Format::Json
    }

    /// Writes one result.
    pub fn show(self, result: &(impl Serialize + fmt::Display)) -> Result<(), Fault> {
        match self.format {
            // Results hold strings, numbers, booleans and lists: they always serialise.
            Format::Json => self.line(&serde_json::to_string(result).unwrap_or_default()),
            Format::Text => self.line(&result.to_string()),
        }
    }

    /// Writes a line in either format.
    pub fn line(self, text: &str) -> Result<(), Fault> {
        let mut out = io::stdout().lock();
        let written = (out.write_all(text.as_bytes()))
            .and_then(|()| if text.ends_with('\n') { Ok(()) } else { out.write_all(b"\n") })
            .and_then(|()| out.flush());
        match written {
            Err(err) if err.kind() != ErrorKind::BrokenPipe => Err(Fault::of("standard output", err)),
            _ => Ok(()),
        }
    }

    /// Says on standard error why the command stopped.
    pub fn fault(self, fault: &Fault) {
        let text = match self.format {
            Format::Json => serde_json::json!({ "error": fault }).to_string(),
            Format::Text => format!("error: {fault}"),
        };
        // There is nobody left to tell when this fails too.
        let _ = writeln!(io::stderr(), "{text}");
    }

    /// Says something on standard error that is not a result.
    pub fn note(self, text: &str) {
        if self.format == Format::Text {
            let _ = writeln!(io::stderr(), "{text}");
        }
    }
}

/// A result of named values: columns for people, an object for machines.
#[derive(Clone, Debug, Default)]
pub struct Report(Vec<(&'static str, Json)>);

impl Report {
    /// Without values.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// With one value more.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: impl IntoJson) -> Self {
        self.0.push((name, value.into_json()));
        self
    }

    /// With one value more, where there is one.
    #[must_use]
    pub fn with_some(self, name: &'static str, value: Option<impl IntoJson>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }
}

impl Serialize for Report {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, value) in &self.0 {
            let name = name.replace('_', " ");
            match value {
                Json::String(text) => writeln!(f, "{name:<width$}  {text}")?,
                other => writeln!(f, "{name:<width$}  {}", compact(other))?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_columns_or_an_object_in_the_same_order() {
        let report = Report::new().with("z_name", "v").with("a", true).with_some("none", None::<&str>);
        assert_eq!(report.to_string(), "z name  v\na       true\n");
        assert_eq!(serde_json::to_string(&report).unwrap(), r#"{"z_name":"v","a":true}"#);
    }
}
