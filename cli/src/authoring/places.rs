use trustplane_core::DocumentError;
use trustplane_core::json::Position;

use super::file::File;
use super::origin::{Origin, Origins};
use crate::bundle::Kind;
use crate::bundle::span::locate;
use crate::exit::Fault;
use crate::input::Source;

/// Where the parts of both documents come from.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) file: File,
    /// The key sets that were read.
    pub(super) sets: Vec<Source>,
    pub(super) policy: Origins,
    pub(super) trust: Origins,
}

impl Places {
    pub(super) fn of(file: File) -> Self {
        Self { file, sets: Vec::new(), policy: Origins::default(), trust: Origins::default() }
    }

    /// File, pointer and position that a place of one of the documents comes from.
    pub(super) fn place(&self, kind: Kind, pointer: &str) -> (String, String, Position) {
        let origins = match kind {
            Kind::Policy => &self.policy,
            Kind::Trust => &self.trust,
        };
        match origins.find(pointer) {
            Origin::Authored(pointer) => {
                let position = self.file.position(&pointer);
                (self.file.name().to_owned(), pointer, position)
            }
            Origin::KeySet(number, pointer) => self.in_set(number, pointer),
        }
    }

    /// The same for several places.
    pub(super) fn all(&self, kind: Kind, pointers: &[String]) -> Vec<(String, String, Position)> {
        let origins = match kind {
            Kind::Policy => &self.policy,
            Kind::Trust => &self.trust,
        };
        let origins: Vec<Origin> = pointers.iter().map(|pointer| origins.find(pointer)).collect();
        let authored = |origin: &Origin| match origin {
            Origin::Authored(pointer) => pointer.clone(),
            Origin::KeySet(..) => String::new(),
        };
        let authored: Vec<String> = origins.iter().map(authored).collect();
        let positions = self.file.positions(&authored);
        let place = |((origin, pointer), position): ((Origin, String), Position)| match origin {
            Origin::Authored(_) => (self.file.name().to_owned(), pointer, position),
            Origin::KeySet(number, pointer) => self.in_set(number, pointer),
        };
        origins.into_iter().zip(authored).zip(positions).map(place).collect()
    }

    fn in_set(&self, number: usize, pointer: String) -> (String, String, Position) {
        let set = &self.sets[number];
        let position = locate(set.text(), &pointer);
        (set.name().to_owned(), pointer, position)
    }

    /// A fault of one of the documents.
    pub(super) fn fault(&self, kind: Kind, error: DocumentError) -> Fault {
        let (source, pointer, Position { line, column }) = self.place(kind, &error.pointer);
        Fault::member(source, pointer, format!("{} (line {line}, column {column})", error.problem))
    }

    /// A fault of the authoring file.
    pub(super) fn refuse<T>(&self, pointer: impl Into<String>, problem: impl Into<String>) -> Result<T, Fault> {
        Err(self.file.fault(DocumentError::new(pointer, problem)))
    }
}
