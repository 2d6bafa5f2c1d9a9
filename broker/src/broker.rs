use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use trustplane_core::{AuditEvent, Reason, UnixTime};

use crate::audit::AuditLog;
use crate::clock::now;
use crate::ipc::Response;
use crate::issue::{Issuer, Outcome};
use crate::metrics::{Gauges, Metrics};
use crate::nonce::Nonces;
use crate::peer::{Peer, PeerReader};
use crate::slots::Slots;

/// How much strangers may ask of the broker.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Limits {
    /// Connections at once; each may hold a line of 64 KiB.
    pub connections: usize,
    /// Connections that no user is refused for the sake of another.
    pub fair_share: usize,
    /// Time from connecting to the end of the line: who is slower holds a slot for nothing.
    pub first_line: Duration,
    /// Nonces remembered at once.
    pub nonces: usize,
}

/// Everything that connections share.
pub struct Broker {
    issuer: RwLock<Arc<Issuer>>,
    nonces: Nonces,
    audit: AuditLog,
    metrics: Arc<Metrics>,
    slots: Slots,
    peers: PeerReader,
    limits: Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, fair_share: 128, first_line: Duration::from_secs(5), nonces: 1 << 20 }
    }
}

impl Broker {
    /// A broker that has issued nothing yet.
    pub fn new(issuer: Issuer, audit: AuditLog, limits: Limits, metrics: Arc<Metrics>) -> Self {
        let peers = PeerReader::new().with_cgroups(issuer.source().looks_at_cgroups());
        Self {
            issuer: RwLock::new(Arc::new(issuer)),
            nonces: Nonces::new(limits.nonces),
            audit,
            metrics,
            slots: Slots::new(limits.connections, limits.fair_share),
            peers,
            limits,
        }
    }

    /// Policy and key in force.
    pub fn issuer(&self) -> Arc<Issuer> {
        Arc::clone(&self.issuer.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts another policy and key in force, both at once; requests under way end under the old.
    pub fn replace(&self, issuer: Issuer) {
        *self.issuer.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(issuer);
    }

    /// The audit log.
    pub const fn audit(&self) -> &AuditLog {
        &self.audit
    }

    /// The counters.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What metrics read off now.
    pub fn gauges(&self) -> Gauges {
        Gauges {
            open_connections: self.slots.taken(),
            nonces: self.nonces.remembered(),
            nonce_capacity: self.nonces.capacity(),
        }
    }

    pub(crate) const fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) const fn slots(&self) -> &Slots {
        &self.slots
    }

    pub(crate) const fn peers(&self) -> &PeerReader {
        &self.peers
    }

    /// Answers one line: decided, recorded, and only then given to its caller.
    pub(crate) fn answer(&self, line: &[u8], peer: &Peer) -> Vec<u8> {
        let began = Instant::now();
        let now = now();
        let mut random = [0; 16];
        let outcome = match getrandom::fill(&mut random) {
            Ok(()) => self.issuer().decide(line, peer, &self.nonces, &random, now),
            Err(_) => Outcome::denied(Reason::BrokerOverloaded, BTreeMap::new()),
        };
        self.conclude(outcome, peer, now, began)
    }

    /// Answers a connection that has no line to be decided on.
    pub(crate) fn refuse(&self, outcome: Outcome, peer: &Peer) -> Vec<u8> {
        self.conclude(outcome, peer, now(), Instant::now())
    }

    fn conclude(&self, outcome: Outcome, peer: &Peer, now: UnixTime, began: Instant) -> Vec<u8> {
        let Outcome { mut reason, mut response, mut trail } = outcome;
        trail.peer = Some(peer.claim());
        let event = AuditEvent { occurred_at: now, reason, trail };
        if self.audit.write(&event).is_err() {
            self.metrics.audit_failure();
            // What left no record must not leave at all.
            if reason == Reason::BrokerPassportIssued {
                reason = Reason::BrokerOverloaded;
                response = Response::denied(&response.request_id, reason, BTreeMap::new());
            }
        }
        let line = response.to_line();
        self.metrics.outcome(reason, began.elapsed());
        line
    }
}
