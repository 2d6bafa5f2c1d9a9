use alloc::string::String;
use core::fmt;

use crate::document::DocumentError;
use crate::json::{self, JsonError, Position};

/// Why a configuration was refused, and exactly where: also when the fault is inside a bundle.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConfigError {
    /// RFC 6901, from the root of the configuration.
    pub pointer: String,
    /// What is wrong there, in words.
    pub problem: String,
    /// Where that is in the configuration's text, when the text was at hand.
    pub position: Option<Position>,
}

impl ConfigError {
    pub(super) fn new(pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), problem: problem.into(), position: None }
    }

    pub(super) fn located_in(self, bytes: &[u8]) -> Self {
        let position = self.position.or_else(|| json::locate(bytes, &self.pointer));
        Self { position, ..self }
    }
}

impl From<JsonError> for ConfigError {
    fn from(JsonError { pointer, problem, position }: JsonError) -> Self {
        Self { pointer, problem, position }
    }
}

impl From<DocumentError> for ConfigError {
    fn from(DocumentError { pointer, problem }: DocumentError) -> Self {
        Self { pointer, problem, position: None }
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        json::write_fault(f, &self.pointer, &self.problem, self.position)
    }
}

impl core::error::Error for ConfigError {}
