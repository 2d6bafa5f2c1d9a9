use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use tokio::time::sleep;
use trustplane_broker::{BundleFile, BundleKind, Log};
use trustplane_core::json::{Limits, parse};
use trustplane_core::{Checked, DocumentError, Pin, Policy, Settings, Trust, UnixTime, Verifier};

use super::Host;
use crate::clock;
use crate::exit::Fault;

/// How often files are looked at.
pub(crate) const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Who must have signed the two documents.
#[derive(Clone, Debug)]
pub struct Pins {
    /// Of the policy bundle.
    pub policy: Pin,
    /// Of the trust material.
    pub trust: Pin,
}

/// The two documents in files that are followed, and what of them is in force.
#[derive(Debug)]
pub struct BundleFiles {
    settings: Settings,
    policy: Document<Policy>,
    trust: Document<Trust>,
}

#[derive(Debug)]
struct Document<T> {
    file: BundleFile,
    pin: Pin,
    bytes: Bytes,
    checked: Checked<T>,
}

impl BundleFiles {
    /// Reads both files; what is wrong with one is told with its place.
    pub async fn open(policy: &Path, trust: &Path, pins: Pins, settings: Settings, log: &Log) -> Result<Self, Fault> {
        Ok(Self {
            settings,
            policy: Document::open(BundleKind::Policy, policy, pins.policy, log).await?,
            trust: Document::open(BundleKind::Trust, trust, pins.trust, log).await?,
        })
    }

    /// Judges by what is in force now.
    pub fn verifier(&self) -> Verifier {
        Verifier::new(self.settings.clone(), Some(self.policy.checked.clone()), self.trust.checked.clone())
    }

    /// Looks at both files. What is wrong with one is in its log, and the last good one stays in force
    /// while its freshness runs out.
    pub async fn look(&mut self) {
        self.policy.look().await;
        self.trust.look().await;
    }

    /// Follows both files for as long as it is polled: what they hold now is what this host judges by.
    pub async fn follow(mut self, host: Arc<Host>) {
        loop {
            sleep(LOOK_EVERY).await;
            self.look().await;
            host.replace(self.verifier());
        }
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn render(&self, now: UnixTime) -> String {
        let ages = [("policy", self.policy.checked.checked_at()), ("trust", self.trust.checked.checked_at())];
        let mut text = String::from(
            "# HELP trustplane_bundle_age_seconds Since the bundle in force was last found in its file.\n\
             # TYPE trustplane_bundle_age_seconds gauge\n",
        );
        for (name, at) in ages {
            text += &format!("trustplane_bundle_age_seconds{{bundle=\"{name}\"}} {}\n", now.since(at));
        }
        text += "# HELP trustplane_bundle_refusals_total Changes of a bundle's file that were refused.\n\
                 # TYPE trustplane_bundle_refusals_total counter\n";
        for (name, file) in [("policy", &self.policy.file), ("trust", &self.trust.file)] {
            text += &format!("trustplane_bundle_refusals_total{{bundle=\"{name}\"}} {}\n", file.refusals());
        }
        text
    }
}

/// A document that can be read from a bundle's text.
trait Load: Sized + Send + 'static {
    fn load_from(bytes: &[u8], pin: &Pin) -> Result<Self, DocumentError>;
}

impl Load for Policy {
    fn load_from(bytes: &[u8], pin: &Pin) -> Result<Self, DocumentError> {
        Self::load(&read(bytes)?, pin)
    }
}

impl Load for Trust {
    fn load_from(bytes: &[u8], pin: &Pin) -> Result<Self, DocumentError> {
        Self::load(&read(bytes)?, pin)
    }
}

fn read(bytes: &[u8]) -> Result<trustplane_core::json::Value<'_>, DocumentError> {
    parse(bytes, Limits::DOCUMENT).map_err(|error| DocumentError::new(error.pointer, error.problem))
}

impl<T: Load> Document<T> {
    async fn open(kind: BundleKind, path: &Path, pin: Pin, log: &Log) -> Result<Self, Fault> {
        let key = match &pin {
            Pin::Key(key) => Some(key.clone()),
            Pin::UnsignedDev => None,
        };
        let file = BundleFile::open(kind, path, key, log.clone()).map_err(|error| Fault::new(error.to_string()))?;
        let absent = || Fault::file(path, "not there");
        let latest = file.latest().await.ok_or_else(absent)?;
        let loaded = load(latest.bytes.clone(), pin.clone()).await;
        let loaded = loaded.map_err(|error| Fault::member(path.display().to_string(), error.pointer, error.problem))?;
        let checked = Checked::new(loaded, found_at(latest.age));
        Ok(Self { file, pin, bytes: latest.bytes, checked })
    }

    async fn look(&mut self) {
        let Some(latest) = self.file.latest().await else { return };
        let found_at = found_at(latest.age);
        if latest.bytes == self.bytes {
            self.checked = self.checked.still_current(found_at);
        } else if let Ok(document) = load::<T>(latest.bytes.clone(), self.pin.clone()).await {
            // The file was judged by the same rules before it got here.
            (self.checked, self.bytes) = (Checked::new(document, found_at), latest.bytes);
        }
    }
}

/// Away from the threads that serve: a large document takes a while.
async fn load<T: Load>(bytes: Bytes, pin: Pin) -> Result<T, DocumentError> {
    let loaded = tokio::task::spawn_blocking(move || T::load_from(&bytes, &pin)).await;
    loaded.unwrap_or_else(|error| Err(DocumentError::new("", error.to_string())))
}

/// When a file was last found to hold what it is served with; part of a second counts as a whole one.
fn found_at(age: Duration) -> UnixTime {
    let seconds = age.as_secs().saturating_add(u64::from(age.subsec_nanos() > 0));
    clock::now().minus(seconds)
}
