mod folder;

use std::fmt;
use std::fs::{self, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _, lchown};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

/// `sun_path` has 108 bytes, one of them for the end.
const MAX_PATH_BYTES: usize = 107;

/// Who may connect.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Access {
    /// Mode of the socket.
    pub mode: u32,
    /// Group of socket and folder, when not the broker's own.
    pub group: Option<u32>,
}

/// A listening Unix socket that is this process's alone.
///
/// A lock file beside it says so as long as the process lives; the socket is removed when this is
/// dropped, if it still is the one that was bound.
#[derive(Debug)]
pub struct BoundSocket {
    path: PathBuf,
    identity: (u64, u64),
    _lock: File,
}

/// Why there is no socket, and at which path.
#[derive(Debug)]
pub struct SocketError {
    path: PathBuf,
    fault: Fault,
}

#[derive(Debug)]
enum Fault {
    Abstract,
    Folder(folder::Fault),
    Io(&'static str, io::Error),
    Link,
    Live,
    NoSocket,
    TooLong(usize),
}

impl Default for Access {
    /// The broker's own user.
    fn default() -> Self {
        Self { mode: 0o600, group: None }
    }
}

impl BoundSocket {
    /// Binds a socket at `path`, in a folder that is there and safe or that is made so first.
    ///
    /// What a dead broker left at the path is replaced; anything else there is refused.
    pub fn bind(path: &Path, access: Access) -> Result<(Self, UnixListener), SocketError> {
        bind(path, access).map_err(|fault| SocketError { path: path.into(), fault })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn bind(path: &Path, access: Access) -> Result<(BoundSocket, UnixListener), Fault> {
    let bytes = path.as_os_str().as_bytes();
    // An abstract socket has no permissions: whoever shares the network namespace reaches it.
    if bytes.first().is_some_and(|first| matches!(first, b'@' | 0)) {
        return Err(Fault::Abstract);
    }
    if bytes.len() > MAX_PATH_BYTES {
        return Err(Fault::TooLong(bytes.len()));
    }
    folder::prepare(path, access).map_err(Fault::Folder)?;
    let lock = lock(path)?;
    clear(path)?;
    let listener = UnixListener::bind(path).map_err(|err| Fault::Io("bind", err))?;
    let meta = fs::symlink_metadata(path).map_err(|err| Fault::Io("stat", err))?;
    let bound = BoundSocket { path: path.into(), identity: (meta.dev(), meta.ino()), _lock: lock };
    // Nobody else can write the folder, so the path still leads to what was bound.
    if access.group.is_some() {
        lchown(path, None, access.group).map_err(|err| Fault::Io("chown", err))?;
    }
    fs::set_permissions(path, Permissions::from_mode(access.mode)).map_err(|err| Fault::Io("chmod", err))?;
    Ok((bound, listener))
}

/// Two brokers that start at once must not each take the other's socket for a dead one's.
fn lock(path: &Path) -> Result<File, Fault> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
    let file = options.open(name).map_err(|err| Fault::Io("lock", err))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Fault::Live),
        Err(TryLockError::Error(err)) => Err(Fault::Io("lock", err)),
    }
}

/// Removes the socket that a dead process left behind.
fn clear(path: &Path) -> Result<(), Fault> {
    let kind = match fs::symlink_metadata(path) {
        Ok(meta) => meta.file_type(),
        Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(err) => return Err(Fault::Io("stat", err)),
    };
    if kind.is_symlink() {
        return Err(Fault::Link);
    }
    if !kind.is_socket() {
        return Err(Fault::NoSocket);
    }
    match probe(path) {
        Err(Errno::ECONNREFUSED) => fs::remove_file(path).map_err(|err| Fault::Io("remove", err)),
        // Whatever else it is, something answers for it.
        _ => Err(Fault::Live),
    }
}

/// Connects without waiting: a listener whose queue is full lives, too.
fn probe(path: &Path) -> nix::Result<()> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

impl Drop for BoundSocket {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path).is_ok_and(|meta| (meta.dev(), meta.ino()) == self.identity);
        if ours {
            // On the way out there is nobody left to tell.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "socket {}: ", self.path.display())?;
        match &self.fault {
            Fault::Abstract => f.write_str("abstract sockets have no permissions and are not used"),
            Fault::Folder(fault) => fault.fmt(f),
            Fault::Io(step, err) => write!(f, "{step}: {err}"),
            Fault::Link => f.write_str("a symbolic link stands there; it is not followed"),
            Fault::Live => f.write_str("another process listens there"),
            Fault::NoSocket => f.write_str("something that is no socket stands there; it is left alone"),
            Fault::TooLong(bytes) => write!(f, "the path has {bytes} bytes, the kernel takes at most {MAX_PATH_BYTES}"),
        }
    }
}

impl std::error::Error for SocketError {}
