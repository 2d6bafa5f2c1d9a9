use std::fmt;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _, lchown};
use std::path::{Path, PathBuf};

use super::Access;

/// Why a folder is no place for a socket.
#[derive(Debug)]
pub(super) struct Fault {
    folder: PathBuf,
    problem: Problem,
}

#[derive(Debug)]
enum Problem {
    Io(io::Error),
    Mode(u32),
    NoFolder,
    Owner(u32),
}

/// Makes the socket's folder, or checks the one that is there: whoever else could write it could
/// put his own socket in the place of ours.
pub(super) fn prepare(socket: &Path, access: Access) -> Result<(), Fault> {
    let folder = match socket.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    ready(folder, access).map_err(|problem| Fault { folder: folder.into(), problem })
}

fn ready(folder: &Path, access: Access) -> Result<(), Problem> {
    let meta = match fs::symlink_metadata(folder) {
        Ok(meta) => meta,
        Err(err) if err.kind() == io::ErrorKind::NotFound => return make(folder, access),
        Err(err) => return Err(Problem::Io(err)),
    };
    if !meta.is_dir() {
        return Err(Problem::NoFolder);
    }
    if meta.uid() != 0 && meta.uid() != nix::unistd::geteuid().as_raw() {
        return Err(Problem::Owner(meta.uid()));
    }
    if meta.mode() & 0o022 != 0 {
        return Err(Problem::Mode(meta.mode() & 0o7777));
    }
    Ok(())
}

fn make(folder: &Path, access: Access) -> Result<(), Problem> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    if access.group.is_some() {
        lchown(folder, None, access.group)?;
    }
    fs::set_permissions(folder, Permissions::from_mode(mode(access.mode)))?;
    Ok(())
}

/// Whoever may connect must be able to walk to the socket.
const fn mode(socket: u32) -> u32 {
    let group = if socket & 0o020 == 0 { 0 } else { 0o050 };
    let others = if socket & 0o002 == 0 { 0 } else { 0o005 };
    0o700 | group | others
}

impl From<io::Error> for Problem {
    fn from(err: io::Error) -> Self {
        Self::Io(err)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = self.folder.display();
        match &self.problem {
            Problem::Io(err) => write!(f, "folder {folder}: {err}"),
            Problem::Mode(mode) => write!(f, "folder {folder}: mode {mode:04o} lets others replace the socket"),
            Problem::NoFolder => write!(f, "{folder} is a link or a file, not a folder"),
            Problem::Owner(uid) => write!(f, "folder {folder}: owned by uid {uid}, who could replace the socket"),
        }
    }
}
