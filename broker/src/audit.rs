use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::poll::{PollFd, PollFlags, poll};
use trustplane_core::{AuditEvent, Component};

/// How long a reader of the log may keep an answer waiting, in milliseconds.
const STALL_MS: u8 = 250;

/// Where audit events go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// Appended to a file, made with mode 0600.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// The audit log: one event a line, written before its answer is sent.
///
/// An event that cannot be written, or whose reader does not read, turns its allow into a denial:
/// nothing leaves the broker without a record.
#[derive(Debug)]
pub struct AuditLog {
    target: Target,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    /// Whether a reader can keep a writer waiting; a regular file has none.
    stalls: bool,
    /// Whether the last line was cut off, so that the next must not join it.
    torn: bool,
}

impl AuditLog {
    /// Opens the log.
    pub fn open(target: Target) -> io::Result<Self> {
        let out = Mutex::new(Out::new(target.open()?)?);
        Ok(Self { target, out })
    }

    /// Opens the log again, for whoever has moved the file away; keeps the old one on error.
    pub fn reopen(&self) -> io::Result<()> {
        let out = Out::new(self.target.open()?)?;
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) = out;
        Ok(())
    }

    /// Writes one event of the broker's.
    pub fn write(&self, event: &AuditEvent) -> io::Result<()> {
        self.write_of(event, Component::Broker)
    }

    /// Writes one event.
    pub fn write_of(&self, event: &AuditEvent, component: Component) -> io::Result<()> {
        let mut line = event.to_json(component);
        line.push('\n');
        self.out.lock().unwrap_or_else(PoisonError::into_inner).line(&line)
    }
}

impl Target {
    fn open(&self) -> io::Result<File> {
        match self {
            Self::File(path) => OpenOptions::new().append(true).create(true).mode(0o600).open(path),
            Self::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        }
    }
}

impl Out {
    fn new(file: File) -> io::Result<Self> {
        let stalls = !file.metadata()?.is_file();
        Ok(Self { file, stalls, torn: false })
    }

    fn line(&mut self, line: &str) -> io::Result<()> {
        // A pipe that polls writable takes 4096 bytes, more than any event has, without blocking.
        let mut ready = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        if self.stalls && poll(&mut ready, STALL_MS)? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(line.as_bytes())?;
        self.torn = false;
        Ok(())
    }
}
