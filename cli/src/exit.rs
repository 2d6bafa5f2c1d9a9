//! How commands end.

use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use trustplane_core::json::JsonError;

/// What a command that ran to its end found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Allowed, or done.
    Allow,
    /// Denied, or refused.
    Deny,
}

/// Why a command could not run to its end: how it was called, or what it was given to read.
#[derive(Debug, Eq, PartialEq, Serialize)]
pub struct Fault {
    /// The file, flag or variable at fault.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The JSON pointer of the member at fault; empty for the whole.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pointer: String,
    /// What is wrong there.
    pub problem: String,
}

impl Verdict {
    /// 0 for allow, 1 for deny.
    pub fn exit_code(self) -> ExitCode {
        match self {
            Self::Allow => ExitCode::SUCCESS,
            Self::Deny => ExitCode::from(1),
        }
    }
}

impl Fault {
    /// The exit code of every fault.
    pub fn exit_code() -> ExitCode {
        ExitCode::from(2)
    }

    /// A fault of no file.
    pub fn new(problem: impl Into<String>) -> Self {
        Self { source: None, pointer: String::new(), problem: problem.into() }
    }

    /// A fault of a flag, a variable or standard input.
    pub fn of(source: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { source: Some(source.into()), pointer: String::new(), problem: problem.to_string() }
    }

    /// A fault of a file.
    pub fn file(path: &Path, problem: impl fmt::Display) -> Self {
        Self::of(path.display().to_string(), problem)
    }

    /// A fault of one member of a document.
    pub fn member(source: impl Into<String>, pointer: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { source: Some(source.into()), pointer: pointer.into(), problem: problem.into() }
    }

    /// A fault of the JSON in `source`.
    pub fn json(source: impl Into<String>, error: JsonError) -> Self {
        let problem = match error.position {
            Some(at) => format!("{} (line {}, column {})", error.problem, at.line, at.column),
            None => error.problem,
        };
        Self { source: Some(source.into()), pointer: error.pointer, problem }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{source}: ")?;
        }
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        f.write_str(&self.problem)
    }
}

impl std::error::Error for Fault {}
