use std::fmt;
use std::io;
use std::path::PathBuf;

use trustplane_core::json::JsonError;

use super::BundleKind;

/// Why a bundle's file was refused, and where in which file.
#[derive(Debug)]
pub struct BundleFileError {
    pub(super) kind: BundleKind,
    pub(super) path: PathBuf,
    pub(super) fault: Fault,
}

/// What is wrong with what a look found.
#[derive(Debug)]
pub(super) enum Fault {
    Content(JsonError),
    Io(io::Error),
}

impl Fault {
    pub(super) fn is_absence(&self) -> bool {
        matches!(self, Self::Io(err) if err.kind() == io::ErrorKind::NotFound)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(fault) => fault.fmt(f),
            Self::Io(err) => err.fmt(f),
        }
    }
}

impl fmt::Display for BundleFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bundle {}: {}", self.kind, self.path.display(), self.fault)
    }
}

impl std::error::Error for BundleFileError {}
