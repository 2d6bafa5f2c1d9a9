use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use trustplane_core::json::{JsonError, locate};

use super::Policy;

/// A policy is written by hand; a longer file is another file named by mistake.
const MAX_BYTES: u64 = 4 << 20;

/// Why a policy file was refused, and where in which file.
#[derive(Debug)]
pub struct PolicyFileError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Content(JsonError),
    Io(io::Error),
    Mode(u32),
    TooLong,
}

impl Policy {
    /// Reads and checks a policy file.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, PolicyFileError> {
        let path = path.as_ref();
        read(path).map_err(|fault| PolicyFileError { path: path.into(), fault })
    }
}

fn read(path: &Path) -> Result<Policy, Fault> {
    let file = File::open(path).map_err(Fault::Io)?;
    let mode = file.metadata().map_err(Fault::Io)?.mode();
    // Who can write it can grant himself everything.
    if mode & 0o002 != 0 {
        return Err(Fault::Mode(mode & 0o7777));
    }
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(Fault::Io)?;
    if u64::try_from(bytes.len()).is_ok_and(|read| read > MAX_BYTES) {
        return Err(Fault::TooLong);
    }
    Policy::parse(&bytes).map_err(|fault| {
        let position = fault.position.or_else(|| locate(&bytes, &fault.pointer));
        Fault::Content(JsonError { position, ..fault })
    })
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "broker policy {}: ", self.path.display())?;
        match &self.fault {
            Fault::Content(fault) => fault.fmt(f),
            Fault::Io(err) => err.fmt(f),
            Fault::Mode(mode) => write!(f, "mode {mode:04o} lets everyone write it"),
            Fault::TooLong => write!(f, "longer than {MAX_BYTES} bytes"),
        }
    }
}

impl std::error::Error for PolicyFileError {}
