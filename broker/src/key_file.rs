use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::signer::{KeyFault, SigningKey};

/// No key file is longer; a longer file is another file named by mistake.
const MAX_BYTES: u64 = 4096;

/// Why a private key file was refused, and which.
#[derive(Debug)]
pub struct KeyFileError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Io(io::Error),
    Key(KeyFault),
    Mode(u32),
    NoFile,
    Owner(u32),
    TooLong,
}

impl SigningKey {
    /// Reads a private key file that only its owner can read.
    ///
    /// Mode and owner are those of the opened file, so that no other can be put in its place
    /// between the check and the read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, KeyFileError> {
        let path = path.as_ref();
        read(path).map_err(|fault| KeyFileError { path: path.into(), fault })
    }

    /// Writes the key to a new file with mode 0600; a file that is there is left alone.
    pub fn write_file(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(self.to_base64url().as_bytes())?;
        file.write_all(b"\n")?;
        file.sync_all()
    }
}

fn read(path: &Path) -> Result<SigningKey, Fault> {
    // Without O_NONBLOCK a FIFO at the path would hold the broker's start for ever.
    let file = OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK).open(path)?;
    check(&file)?;
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(MAX_BYTES).unwrap_or_default()));
    (&file).take(MAX_BYTES).read_to_string(&mut text).map_err(|err| match err.kind() {
        io::ErrorKind::InvalidData => Fault::Key(KeyFault::Encoding),
        _ => Fault::Io(err),
    })?;
    if (&file).read(&mut [0])? > 0 {
        return Err(Fault::TooLong);
    }
    SigningKey::from_text(&text).map_err(Fault::Key)
}

fn check(file: &File) -> Result<(), Fault> {
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(Fault::NoFile);
    }
    if meta.mode() & 0o077 != 0 {
        return Err(Fault::Mode(meta.mode() & 0o7777));
    }
    // Root could read it anyhow; any other owner could swap the key.
    if meta.uid() != 0 && meta.uid() != nix::unistd::geteuid().as_raw() {
        return Err(Fault::Owner(meta.uid()));
    }
    Ok(())
}

impl From<io::Error> for Fault {
    fn from(err: io::Error) -> Self {
        Self::Io(err)
    }
}

impl fmt::Display for KeyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "private key file {}: ", self.path.display())?;
        match &self.fault {
            Fault::Io(err) => err.fmt(f),
            Fault::Key(fault) => fault.fmt(f),
            Fault::Mode(mode) => write!(f, "mode {mode:04o} lets group or others in; chmod 0600 it"),
            Fault::NoFile => f.write_str("not a regular file"),
            Fault::Owner(uid) => write!(f, "owned by uid {uid}, neither root nor this process's user"),
            Fault::TooLong => write!(f, "longer than {MAX_BYTES} bytes"),
        }
    }
}

impl std::error::Error for KeyFileError {}
