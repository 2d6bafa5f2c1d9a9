//! Writing files so that no reader sees half of one.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// Who may read a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Readers {
    /// As the process's umask says.
    Anyone,
    /// Its owner.
    Owner,
}

/// Puts a file with these bytes at `path`, in place of the one that is there.
pub fn write(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    put(path, bytes, readers, None)
}

/// The same, but a file that is there keeps its mode, and a link goes on leading to it.
pub fn replace(path: &Path, bytes: &[u8], readers: Readers) -> io::Result<()> {
    match fs::canonicalize(path) {
        Ok(path) => {
            let mode = fs::metadata(&path)?.permissions();
            put(&path, bytes, Readers::Owner, Some(mode))
        }
        Err(err) if err.kind() == io::ErrorKind::NotFound => put(path, bytes, readers, None),
        Err(err) => Err(err),
    }
}

fn put(path: &Path, bytes: &[u8], readers: Readers, permissions: Option<Permissions>) -> io::Result<()> {
    // A device or a pipe is written to: replaced by a file, it would be gone for everyone.
    if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let temporary = beside(path);
    let mode = match readers {
        Readers::Anyone => 0o666,
        Readers::Owner => 0o600,
    };
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| {
            file.write_all(bytes)?;
            permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions))?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        // Nothing may be there to remove.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    name.into()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn a_file_is_replaced_whole_and_secrets_are_their_owners() {
        let folder = std::env::temp_dir().join(format!("trustplane-files-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let path = folder.join("secret");
        fs::write(&path, "old").unwrap();
        write(&path, b"new", Readers::Owner).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(write(&folder.join("no/such"), b"", Readers::Anyone).is_err());
        let link = folder.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace(&link, b"newer", Readers::Anyone).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"newer");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        let pipe = folder.join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for put in [write, replace] {
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs::read(pipe)
            });
            put(&pipe, b"through", Readers::Anyone).unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), b"through");
        }
        replace(&folder.join("fresh"), b"new", Readers::Owner).unwrap();
        assert_eq!(fs::metadata(folder.join("fresh")).unwrap().mode() & 0o777, 0o600);
        fs::remove_dir_all(&folder).unwrap();
    }
}
