use std::fs::{File, Metadata};
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hyper::body::Bytes;
use trustplane_core::json::{Limits, Value, parse};
use trustplane_core::{hex, sha256};

/// A bundle file that is read again when it changed.
#[derive(Debug)]
pub(super) struct BundleFile {
    path: PathBuf,
    last: Arc<Mutex<Option<Served>>>,
}

/// A bundle as it is served.
#[derive(Clone, Debug)]
pub(super) struct Served {
    /// Strong: the hex digest of the bytes, in quotes.
    pub etag: String,
    pub bytes: Bytes,
    stamp: Stamp,
}

/// What changes when a file does: in place, or by another put in its place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl BundleFile {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, last: Arc::default() }
    }

    /// The bundle as the file has it now.
    pub(super) async fn current(&self) -> io::Result<Served> {
        let (path, last) = (self.path.clone(), Arc::clone(&self.last));
        let current = tokio::task::spawn_blocking(move || {
            let known = last.lock().unwrap_or_else(PoisonError::into_inner).clone();
            let served = read(&path, known)?;
            *last.lock().unwrap_or_else(PoisonError::into_inner) = Some(served.clone());
            Ok(served)
        });
        current.await.map_err(io::Error::other)?
    }
}

impl Served {
    /// Whether an `If-None-Match` names this bundle (RFC 9110 section 13.1.2: weak comparison).
    pub(super) fn matches(&self, tags: &str) -> bool {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }
}

fn read(path: &Path, known: Option<Served>) -> io::Result<Served> {
    let mut file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    if let Some(known) = known.filter(|known| known.stamp == stamp) {
        return Ok(known);
    }
    let mut bytes = Vec::new();
    let limit = u64::try_from(Limits::DOCUMENT.max_bytes).unwrap_or(u64::MAX);
    file.by_ref().take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    match parse(&bytes, Limits::DOCUMENT) {
        Ok(Value::Object(_)) => {}
        Ok(_) => return Err(io::Error::other("not an object")),
        Err(fault) => return Err(io::Error::other(fault.to_string())),
    }
    Ok(Served { etag: format!("\"{}\"", hex(&sha256(&bytes))), bytes: bytes.into(), stamp })
}

impl Stamp {
    fn of(meta: &Metadata) -> Self {
        Self {
            device: meta.dev(),
            inode: meta.ino(),
            size: meta.size(),
            modified: (meta.mtime(), meta.mtime_nsec()),
            changed: (meta.ctime(), meta.ctime_nsec()),
        }
    }
}
