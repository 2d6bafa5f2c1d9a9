use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use spiffe::transport::Endpoint;
use trustplane_core::{KeyBinding, Reason, UnixTime, hex};

use super::args::{SpiffeArgs, SpiffeConfig};
use super::binding::Binding;
use super::fault::SvidFault;
use super::rules::SvidRules;
use super::state::State;
use super::svid::Svid;
use crate::clock;
use crate::identity::{Identity, Refusal, Software, WorkloadIdentitySource};
use crate::log::Log;
use crate::mint::Provenance;
use crate::peer::Peer;
use crate::policy::Policy;

/// `provenance.profile`, and `source_profile` of audit events.
const PROFILE: &str = "trustplane-spiffe-spire-k8s-v1";
/// `provenance.posture`.
const POSTURE: &str = "spiffe_svid_verified";

/// Vouches for the workload that the SPIFFE Workload API knows this process as; `software` beside it, for
/// callers who allow that.
///
/// The SVID was verified before it is used, and is looked at again at each use; it vouches for the workload
/// alone, not for the broker's own key, which is `local/software`.
#[derive(Clone)]
pub struct SpiffeSource(Arc<Followed>);

struct Followed {
    endpoint: Endpoint,
    rules: SvidRules,
    binding: Binding,
    log: Log,
    state: RwLock<State>,
    updates: AtomicU64,
    failures: AtomicU64,
}

impl SpiffeSource {
    /// What the flags ask for, if they ask for any; nothing is asked yet.
    pub fn open(args: &SpiffeArgs, log: Log) -> Result<Option<Self>, String> {
        let Some(config) = args.config()? else { return Ok(None) };
        let binding = config.bind.resolve().map_err(|err| format!("--spiffe-bind same-pod: {err}"))?;
        let SvidRules { trust_domain, allowed, .. } = &config.rules;
        log.line(format_args!("vouches for {} SPIFFE IDs or prefixes of {trust_domain}, {binding}", allowed.len()));
        Ok(Some(Self::new(config, binding, log)))
    }

    /// A source that has asked nothing yet; see [`SpiffeSource::follow`].
    pub fn new(config: SpiffeConfig, binding: Binding, log: Log) -> Self {
        let SpiffeConfig { endpoint, rules, .. } = config;
        Self(Arc::new(Followed {
            endpoint,
            rules,
            binding,
            log,
            state: RwLock::new(State::Unavailable("the Workload API was not asked yet".into())),
            updates: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        }))
    }

    /// A passport's trust domain is that of its subject.
    pub fn check_policy(&self, policy: &Policy) -> Result<(), String> {
        let own = self.0.rules.trust_domain.as_str();
        if policy.trust_domain == own {
            return Ok(());
        }
        Err(format!("/trust_domain: expected {own:?}, the SPIFFE trust domain, found {:?}", policy.trust_domain))
    }

    /// Which SVIDs count.
    pub fn rules(&self) -> &SvidRules {
        &self.0.rules
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.0.endpoint
    }

    /// A stream of the Workload API ended, or none began.
    pub(super) fn failed(&self) {
        self.0.failures.fetch_add(1, Ordering::Relaxed);
    }

    /// What is known from now on; a change is told once.
    pub(super) fn put(&self, state: State) {
        if !matches!(state, State::Unavailable(_)) {
            self.0.updates.fetch_add(1, Ordering::Relaxed);
        }
        let said = state.to_string();
        let before = {
            let mut held = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *held, state)
        };
        if before.to_string() != said {
            self.0.log.line(format_args!("{said}"));
        }
    }

    /// The identity that is verified now.
    fn verified(&self, now: UnixTime) -> Result<Arc<Svid>, Refusal> {
        let held = self.0.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        match held {
            State::Verified(svid) => {
                self.0.rules.current(&svid, now)?;
                Ok(svid)
            }
            State::Refused(fault) => Err(fault.into()),
            State::Unavailable(problem) => Err(Refusal { reason: Reason::WorkloadIdentityUnavailable, problem }),
        }
    }

    /// What Prometheus reads.
    pub fn render(&self) -> String {
        let held = self.0.state.read().unwrap_or_else(PoisonError::into_inner).clone();
        let not_after = match &held {
            State::Verified(svid) => svid.not_after.as_secs(),
            _ => 0,
        };
        let available = u8::from(self.verified(clock::now()).is_ok());
        let mut text = String::new();
        for (name, kind, help, value) in [
            ("workload_identity_available", "gauge", "Whether a verified SVID is at hand.", u64::from(available)),
            ("svid_not_after_seconds", "gauge", "When the SVID at hand ends; 0 without one.", not_after),
            (
                "svid_updates_total",
                "counter",
                "SVIDs that the Workload API gave.",
                self.0.updates.load(Ordering::Relaxed),
            ),
            (
                "workload_api_failures_total",
                "counter",
                "Streams of the Workload API that ended or never began.",
                self.0.failures.load(Ordering::Relaxed),
            ),
        ] {
            // Writing to a String does not fail.
            let _ = writeln!(
                text,
                "# HELP trustplane_broker_{name} {help}\n# TYPE trustplane_broker_{name} {kind}\ntrustplane_broker_{name} {value}"
            );
        }
        text
    }
}

impl WorkloadIdentitySource for SpiffeSource {
    fn classes(&self) -> &[KeyBinding] {
        &[KeyBinding::Software, KeyBinding::AttestedWorkload]
    }

    fn looks_at_cgroups(&self) -> bool {
        matches!(self.0.binding, Binding::SamePod(_))
    }

    fn identify(&self, class: KeyBinding, peer: &Peer, now: UnixTime) -> Result<Identity, Refusal> {
        match class {
            KeyBinding::AttestedWorkload => {}
            KeyBinding::Software => return Software.identify(class, peer, now),
            _ => return Err(Reason::InsufficientKeyBinding.into()),
        }
        // Our own SVID is not the caller's, unless the caller is the workload that it names.
        self.0
            .binding
            .check(peer)
            .map_err(|problem| Refusal { reason: Reason::InsufficientKeyBinding, problem: problem.into() })?;
        let svid = self.verified(now)?;
        let provenance = Provenance {
            profile: PROFILE.into(),
            signer: "local/software".into(),
            posture: Some(POSTURE.into()),
            spiffe_id: Some(svid.id.clone()),
            spiffe_trust_domain: Some(self.0.rules.trust_domain.as_str().into()),
            attestation_method: Some(format!("x509_svid/{}", self.0.binding.name())),
            attestation_id: Some(format!("sha256:{}", hex(&svid.fingerprint))),
            peer: Some(peer.claim()),
        };
        Ok(Identity {
            key_binding: class,
            subject: Some(svid.id.clone()),
            provenance,
            valid_until: Some(svid.not_after),
        })
    }
}

impl From<SvidFault> for Refusal {
    fn from(fault: SvidFault) -> Self {
        Self { reason: fault.reason(), problem: fault.to_string() }
    }
}
