use std::collections::HashMap;
use std::path::{Path, PathBuf};

use trustplane_core::DocumentError;
use trustplane_core::json::{Position, Value};

use super::{toml, yaml};
use crate::bundle::span::{Lines, locate, locate_all};
use crate::exit::Fault;
use crate::input::Source;
use crate::value::Json;

/// A file that somebody wrote, in whichever of the three forms its name says: `.yaml` and `.yml`,
/// `.toml`, or else JSON.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    source: Source,
    value: Json,
    places: Places,
}

#[derive(Debug)]
enum Places {
    /// They are looked up in the text.
    Json,
    Bytes(HashMap<String, usize>, Lines),
    Lines(HashMap<String, Position>),
}

impl File {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, Fault> {
        let source = Source::read(path)?;
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let read = |error| Fault::json(source.name(), error);
        let (value, places) = match extension {
            "yaml" | "yml" => {
                let (value, places) = yaml::parse(source.utf8()?).map_err(read)?;
                (value, Places::Lines(places))
            }
            "toml" => {
                let (value, places) = toml::parse(source.utf8()?).map_err(read)?;
                (value, Places::Bytes(places, Lines::new(source.text())))
            }
            _ => (source.value()?.into_owned(), Places::Json),
        };
        Ok(Self { path: path.to_owned(), source, value, places })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.source.name()
    }

    /// What it says.
    pub const fn value(&self) -> &Json {
        &self.value
    }

    /// Whether it is an authoring file, rather than the members of one document: those have no
    /// version.
    pub fn is_authoring(&self) -> bool {
        let version = self.value.as_object().and_then(|members| members.get("version"));
        version.and_then(Value::as_str) == Some("trustplane-authoring-v1")
    }

    /// A file whose name stands in this one.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(name)
    }

    /// Where the value at `pointer` stands; of a missing member, where what should hold it stands.
    pub fn position(&self, pointer: &str) -> Position {
        let known = |has: &dyn Fn(&str) -> Option<Position>| {
            let mut pointer = pointer;
            loop {
                match (has(pointer), pointer.rfind('/')) {
                    (Some(position), _) => return position,
                    (None, Some(parent)) => pointer = &pointer[..parent],
                    (None, None) => return Position { line: 1, column: 1 },
                }
            }
        };
        let text = self.source.text();
        match &self.places {
            Places::Json => locate(text, pointer),
            Places::Bytes(places, lines) => known(&|pointer| places.get(pointer).map(|at| lines.position(*at))),
            Places::Lines(places) => known(&|pointer| places.get(pointer).copied()),
        }
    }

    /// Where each of several values stands.
    pub fn positions(&self, pointers: &[String]) -> Vec<Position> {
        match &self.places {
            Places::Json => locate_all(self.source.text(), pointers),
            Places::Bytes(..) | Places::Lines(_) => pointers.iter().map(|pointer| self.position(pointer)).collect(),
        }
    }

    /// A fault of a member, with the place where it stands.
    pub fn fault(&self, error: DocumentError) -> Fault {
        let Position { line, column } = self.position(&error.pointer);
        Fault::member(self.name(), error.pointer, format!("{} (line {line}, column {column})", error.problem))
    }
}
