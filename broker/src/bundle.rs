//! Bundles that verifiers fetch from here: what their files say, if it is sound and no older.

mod fault;
mod kind;
mod served;
mod stamp;

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use hyper::body::Bytes;
use trustplane_core::json::{JsonError, Limits};
use trustplane_core::{Pin, PublicKey, UnixTime, sha256};

use crate::log::Log;
use fault::Fault;
use served::Served;
use stamp::Stamp;

pub use fault::BundleFileError;
pub use kind::BundleKind;

/// A bundle's file, followed through every change of it, and the last good bundle that it held.
///
/// A look is one `open` and one `fstat`, which resolves the symbolic links of a mounted ConfigMap anew
/// and works on every mount; notices of the kernel do not come from network file systems, and watch the
/// folder that a link led to before.
#[derive(Clone, Debug)]
pub struct BundleFile(Arc<Followed>);

/// A bundle that was sound, and how long ago its file held it last: nothing, while it does.
#[derive(Clone, Debug)]
pub struct Latest {
    /// The document.
    pub bytes: Bytes,
    /// Since when the file lacks it.
    pub age: Duration,
}

#[derive(Debug)]
struct Followed {
    kind: BundleKind,
    path: PathBuf,
    pin: Pin,
    log: Log,
    seen: Mutex<Seen>,
    served: Mutex<Option<Arc<Served>>>,
    refusals: AtomicU64,
}

/// What the last look found.
#[derive(Debug, Default)]
struct Seen {
    stamp: Option<Stamp>,
    digest: Option<[u8; 32]>,
    /// In words; an unchanged one is not reported again.
    fault: Option<String>,
    /// When a look last found what is served.
    sound_at: Option<Instant>,
}

/// What a look found, next to the last one.
enum Found {
    /// What was found before.
    Same,
    /// What is served, again.
    Served,
    Next(Served),
    Fault(Fault),
}

impl BundleFile {
    /// Begins to follow a file. Without a key its signature is left to the verifiers.
    ///
    /// A file that is not there yet may come; one that is wrong is refused.
    pub fn open(kind: BundleKind, path: &Path, key: Option<PublicKey>, log: Log) -> Result<Self, BundleFileError> {
        let followed = Followed {
            kind,
            path: path.to_owned(),
            pin: key.map_or(Pin::UnsignedDev, Pin::Key),
            log,
            seen: Mutex::default(),
            served: Mutex::default(),
            refusals: AtomicU64::new(0),
        };
        let mut seen = Seen::default();
        match followed.look(&mut seen) {
            Found::Next(served) => {
                followed.serve(served);
                seen.sound_at = Some(Instant::now());
            }
            Found::Fault(fault) if fault.is_absence() => {
                followed.log.line(format_args!("{followed}: not there yet; nothing is served until it is"));
                seen.fault = Some(fault.to_string());
            }
            Found::Fault(fault) => return Err(BundleFileError { kind, path: path.to_owned(), fault }),
            Found::Same | Found::Served => {}
        }
        Ok(Self(Arc::new(Followed { seen: Mutex::new(seen), ..followed })))
    }

    /// Which bundle this is.
    pub fn kind(&self) -> BundleKind {
        self.0.kind
    }

    /// How many changes of the file were refused.
    pub fn refusals(&self) -> u64 {
        self.0.refusals.load(Ordering::Relaxed)
    }

    /// When the bundle that is served was issued, if it says so.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.0.served().and_then(|served| served.issued_at)
    }

    /// The bundle as the file has it now, or the last good one, as [`BundleFile::current`] tells it.
    pub async fn latest(&self) -> Option<Latest> {
        let (served, age) = self.current().await?;
        Some(Latest { bytes: served.bytes.clone(), age })
    }

    /// The bundle as the file has it now, or the last good one; none if there never was one.
    ///
    /// With it comes how long ago the file held it last: nothing, while it does.
    pub(crate) async fn current(&self) -> Option<(Arc<Served>, Duration)> {
        let followed = Arc::clone(&self.0);
        // A look that panicked has changed nothing.
        let _ = tokio::task::spawn_blocking(move || followed.follow()).await;
        let seen = self.0.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let age = if seen.fault.is_none() { Duration::ZERO } else { seen.sound_at?.elapsed() };
        Some((self.0.served()?, age))
    }
}

impl Followed {
    fn served(&self) -> Option<Arc<Served>> {
        self.served.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn serve(&self, served: Served) {
        self.log.line(format_args!("{self}: serving {}", served.version()));
        *self.served.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(served));
    }

    /// Looks, and says once of each change what came of it.
    fn follow(&self) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.stamp;
        match self.look(&mut seen) {
            Found::Same => {}
            Found::Served => {
                if seen.fault.take().is_some() {
                    self.log.line(format_args!("{self}: sound again"));
                }
            }
            Found::Next(served) => {
                seen.fault = None;
                self.serve(served);
            }
            Found::Fault(fault) => {
                let said = fault.to_string();
                if seen.fault.as_ref() != Some(&said) || seen.stamp != before {
                    self.refuse(&said);
                    seen.fault = Some(said);
                }
            }
        }
        if seen.fault.is_none() {
            seen.sound_at = Some(Instant::now());
        }
    }

    fn refuse(&self, said: &str) {
        self.refusals.fetch_add(1, Ordering::Relaxed);
        match self.served() {
            Some(served) => self.log.line(format_args!("{self}: refused, {} stays: {said}", served.version())),
            None => self.log.line(format_args!("{self}: refused, nothing is served: {said}")),
        }
    }

    fn look(&self, seen: &mut Seen) -> Found {
        let (last_stamp, last_digest) = (seen.stamp.take(), seen.digest.take());
        let now = SystemTime::now();
        let opened = File::open(&self.path).and_then(|file| Ok((Stamp::of(&file.metadata()?), file)));
        let (stamp, file) = match opened {
            Ok(opened) => opened,
            Err(err) => return Found::Fault(Fault::Io(err)),
        };
        seen.stamp = Some(stamp);
        if last_stamp == Some(stamp) && last_digest.is_some() && stamp.is_settled(now) {
            seen.digest = last_digest;
            return Found::Same;
        }
        let bytes = match read(file) {
            Ok(bytes) => bytes,
            Err(err) => return Found::Fault(Fault::Io(err)),
        };
        let digest = sha256(&bytes);
        seen.digest = Some(digest);
        if last_digest == Some(digest) {
            return Found::Same;
        }
        self.judge(bytes, &digest).unwrap_or_else(|fault| Found::Fault(Fault::Content(fault)))
    }

    fn judge(&self, bytes: Vec<u8>, digest: &[u8; 32]) -> Result<Found, JsonError> {
        let last = self.served();
        if last.as_ref().is_some_and(|last| last.bytes == bytes) {
            return Ok(Found::Served);
        }
        let issued_at = self.kind.check(&bytes, &self.pin)?;
        if let Some(last) = last {
            last.precedes(issued_at, &bytes)?;
        }
        Ok(Found::Next(Served::new(bytes, digest, issued_at)))
    }
}

impl fmt::Display for Followed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bundle {}", self.kind, self.path.display())
    }
}

fn read(file: File) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    // One byte more shows that the file is too large, without reading all of it.
    let most = u64::try_from(Limits::DOCUMENT.max_bytes).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}
