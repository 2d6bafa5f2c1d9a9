use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::audit::{AuditEvent, Trail};
use crate::binding::KeyBinding;
use crate::passport::Passport;
use crate::reason::Reason;
use crate::time::UnixTime;

/// The request may reach the upstream: every check passed and its replay key was consumed.
///
/// Only [`crate::Admission::conclude`] makes one.
///
/// ```compile_fail,E0451
/// let forged = trustplane_core::Allowed { event: todo!(), upstream: todo!() };
/// ```
#[derive(Debug)]
#[must_use]
pub struct Allowed {
    pub(crate) event: AuditEvent,
    pub(crate) upstream: Upstream,
}

/// The request is refused, and why.
#[derive(Debug)]
#[must_use]
pub struct Denied {
    event: Box<AuditEvent>,
}

impl Allowed {
    /// The record of this decision.
    pub const fn event(&self) -> &AuditEvent {
        &self.event
    }

    /// What the upstream is told, and what is kept from it.
    pub const fn upstream(&self) -> &Upstream {
        &self.upstream
    }
}

impl Denied {
    /// A refusal for a fault outside the pipeline: broken configuration, a host that fails.
    pub fn unavailable(now: UnixTime) -> Self {
        Self::new(Reason::VerifierUnavailable, now, Trail::default())
    }

    /// A refusal for a rule of the host's own. Nothing passes for it, so any host may make one.
    pub fn by_host(reason: Reason, now: UnixTime, trail: Trail) -> Self {
        Self::new(reason, now, trail)
    }

    pub(crate) fn new(reason: Reason, now: UnixTime, trail: Trail) -> Self {
        Self { event: Box::new(AuditEvent { occurred_at: now, reason, trail }) }
    }

    /// Why.
    pub fn reason(&self) -> Reason {
        self.event.reason
    }

    /// The record of this decision.
    pub fn event(&self) -> &AuditEvent {
        &self.event
    }
}

/// The edits a host makes to a request before the upstream sees it.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Headers that nothing vouches for.
    unbound: Vec<Vec<u8>>,
    forward_credentials: bool,
    subject: Arc<str>,
    issuer: Arc<str>,
    trust_domain: Arc<str>,
    jti: Arc<str>,
    key_binding: KeyBinding,
    route_id: Arc<str>,
}

/// The headers that tell the upstream who calls. Callers' own copies never pass.
pub const IDENTITY_HEADERS: [&str; 6] = [
    "x-trustplane-subject",
    "x-trustplane-issuer",
    "x-trustplane-trust-domain",
    "x-trustplane-jti",
    "x-trustplane-key-binding",
    "x-trustplane-route-id",
];

/// The headers that carry passport and proof, kept from the upstream unless it asks for them.
pub const CREDENTIAL_HEADERS: [&str; 6] = [
    "authorization",
    "x-trustplane-transcript-sha256",
    "x-trustplane-proof",
    "x-trustplane-nonce",
    "x-trustplane-body-sha256",
    "x-trustplane-signed-headers",
];

impl Upstream {
    pub(crate) fn new(
        passport: Passport,
        route_id: Arc<str>,
        unbound: Vec<Vec<u8>>,
        forward_credentials: bool,
    ) -> Self {
        let Passport { subject, issuer, trust_domain, jti, key_binding, .. } = passport;
        Self { unbound, forward_credentials, subject, issuer, trust_domain, jti, key_binding, route_id }
    }

    /// The route that policy matched.
    pub fn route_id(&self) -> &str {
        &self.route_id
    }

    /// Headers to remove, every copy; apply before [`Upstream::set`].
    pub fn remove(&self) -> impl Iterator<Item = &[u8]> {
        let credentials = if self.forward_credentials { &[][..] } else { &CREDENTIAL_HEADERS };
        let credentials = credentials.iter().map(|name| name.as_bytes());
        self.unbound.iter().map(Vec::as_slice).chain(credentials)
    }

    /// Headers to set, in place of every copy the caller sent.
    pub fn set(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let [subject, issuer, trust_domain, jti, key_binding, route_id] = IDENTITY_HEADERS;
        [
            (subject, &*self.subject),
            (issuer, &*self.issuer),
            (trust_domain, &*self.trust_domain),
            (jti, &*self.jti),
            (key_binding, self.key_binding.as_str()),
            (route_id, &*self.route_id),
        ]
        .into_iter()
    }
}
