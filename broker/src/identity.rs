pub(crate) mod spiffe;

use trustplane_core::{KeyBinding, Reason, UnixTime};

use crate::mint::Provenance;
use crate::peer::Peer;

/// What vouches for the workload behind a request.
///
/// A source names a class only if what it checked earns it, and answers a reason rather than a
/// lower class: whether something lower would do is the caller's to say.
pub trait WorkloadIdentitySource: Send + Sync {
    /// The classes this source can vouch for at all, weakest first.
    fn classes(&self) -> &[KeyBinding];

    /// Whether it looks at a peer's control groups, which are read for it alone.
    fn looks_at_cgroups(&self) -> bool {
        false
    }

    /// Vouches for `peer` at exactly `class`.
    fn identify(&self, class: KeyBinding, peer: &Peer, now: UnixTime) -> Result<Identity, Refusal>;
}

/// Why a source does not vouch.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Refusal {
    /// The code.
    pub reason: Reason,
    /// What stands in the way; empty where the code says it all.
    pub problem: String,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, problem: String::new() }
    }
}

/// What a passport says of its workload.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The class that was earned.
    pub key_binding: KeyBinding,
    /// `sub`, where the source knows it; else policy names it.
    pub subject: Option<String>,
    /// How it was earned.
    pub provenance: Provenance,
    /// When what earned it ends: no passport lives longer.
    pub valid_until: Option<UnixTime>,
}

/// A local key that software holds: possession, and what the kernel says of the peer; no more.
#[derive(Clone, Copy, Debug, Default)]
pub struct Software;

impl WorkloadIdentitySource for Software {
    fn classes(&self) -> &[KeyBinding] {
        &[KeyBinding::Software]
    }

    fn identify(&self, class: KeyBinding, peer: &Peer, _: UnixTime) -> Result<Identity, Refusal> {
        if class != KeyBinding::Software {
            return Err(Reason::InsufficientKeyBinding.into());
        }
        let provenance = Provenance {
            profile: "local/software".into(),
            signer: "local/software".into(),
            peer: Some(peer.claim()),
            ..Provenance::default()
        };
        Ok(Identity { key_binding: class, subject: None, provenance, valid_until: None })
    }
}
