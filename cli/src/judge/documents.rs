use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use trustplane_core::json::Value;
use trustplane_core::{Checked, DocumentError, Edition, Pin, Policy, Settings, Trust, UnixTime, Verifier};

use crate::exit::Fault;
use crate::input::Source;

/// Reads a document out of a value, if this signer vouches for it.
type Load<T> = fn(&Value<'_>, &Pin) -> Result<T, DocumentError>;

/// A document in a file.
pub(crate) fn load<T>(path: &Path, pin: &Pin, load: Load<T>) -> Result<(T, Edition), Fault> {
    let source = Source::read(path)?;
    let value = source.value()?;
    let document = load(&value, pin).map_err(|error| source.fault(error))?;
    Ok((document, Edition::of(&value)))
}

/// Policy and trust material, read again for every question.
#[derive(Debug)]
pub(crate) struct Documents {
    policy: Followed<Policy>,
    trust: Followed<Trust>,
}

#[derive(Debug)]
struct Followed<T> {
    path: PathBuf,
    pin: Pin,
    load: Load<T>,
    held: Mutex<Held<T>>,
}

/// The last document that was good, and what is wrong with the file since.
#[derive(Debug)]
struct Held<T> {
    checked: Checked<T>,
    edition: Edition,
    fault: Option<Fault>,
}

impl Documents {
    /// Both documents, which must be sound now.
    pub(crate) fn open(
        (policy, policy_pin): (PathBuf, Pin),
        (trust, trust_pin): (PathBuf, Pin),
        now: UnixTime,
    ) -> Result<Self, Fault> {
        Ok(Self {
            policy: Followed::open(policy, policy_pin, Policy::load, now)?,
            trust: Followed::open(trust, trust_pin, Trust::load, now)?,
        })
    }

    /// A verifier over what the files hold now. A file that is no longer good leaves the last good
    /// document in force while its freshness runs out; `tell` hears of it once.
    ///
    /// A question about another moment, `at`, is about the documents as if they were read then.
    pub(crate) fn verifier(&self, now: UnixTime, at: Option<UnixTime>, tell: impl Fn(&Fault)) -> Verifier {
        let policy = self.policy.current(now, at, &tell);
        Verifier::new(Settings::default(), Some(policy), self.trust.current(now, at, &tell))
    }
}

impl<T> Followed<T> {
    fn open(path: PathBuf, pin: Pin, load: Load<T>, now: UnixTime) -> Result<Self, Fault> {
        let (document, edition) = self::load(&path, &pin, load)?;
        let held = Held { checked: Checked::new(document, now), edition, fault: None };
        Ok(Self { path, pin, load, held: Mutex::new(held) })
    }

    fn current(&self, now: UnixTime, at: Option<UnixTime>, tell: impl Fn(&Fault)) -> Checked<T> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let read = load(&self.path, &self.pin, self.load).and_then(|(document, edition)| {
            let follows = edition.follows(&held.edition);
            follows.map_err(|error| Fault::member(self.path.display().to_string(), error.pointer, error.problem))?;
            Ok((document, edition))
        });
        match (read, at) {
            (Ok((document, _)), Some(at)) => return Checked::new(document, at),
            (Ok((document, edition)), None) => {
                *held = Held { checked: Checked::new(document, now), edition, fault: None }
            }
            (Err(fault), _) => {
                if held.fault.as_ref() != Some(&fault) {
                    tell(&fault);
                    held.fault = Some(fault);
                }
            }
        }
        held.checked.clone()
    }
}
