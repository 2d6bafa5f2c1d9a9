use alloc::format;
use alloc::string::{String, ToString as _};
use core::cell::RefCell;

use super::error::{JsonError, Position, pointer_segment};

/// The way from the root to a fault, written as the error comes back up: nothing is spent on
/// texts without one.
#[derive(Default)]
pub(super) struct Trail(RefCell<String>);

impl Trail {
    pub(super) fn enter<E>(&self, segment: &str, error: E) -> E {
        self.0.borrow_mut().insert_str(0, &pointer_segment(segment));
        error
    }

    pub(super) fn explain(&self, error: &serde_json::Error) -> JsonError {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        JsonError { pointer: self.0.take(), problem: problem.into(), position: Some(Position { line, column }) }
    }
}
