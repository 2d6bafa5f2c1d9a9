//! The order of checks, stated once for every host.
//!
//! Policy, then passport, then source, then proof, then body, then replay: nothing that an
//! unauthorised caller sends may burn a `jti`. The three steps are a host's three moments: the
//! head is there, the body has ended, the replay store has answered. Each takes its own `now`, for
//! a caller can stretch the time between them.

use alloc::borrow::Cow;
use alloc::sync::Arc;

use crate::admission::Admission;
use crate::audit::Trail;
use crate::decision::{Denied, Upstream};
use crate::key::KeyCache;
use crate::origin;
use crate::passport::{Passport, UnverifiedPassport};
use crate::policy::{Freshness, Policy, Presented, Route};
use crate::proof::{self, Binding};
use crate::proven::Proven;
use crate::reason::Reason;
use crate::replay::ReplayKey;
use crate::request::{Head, Request};
use crate::revocation::RevocationSubject;
use crate::settings::Settings;
use crate::shared::shared;
use crate::time::UnixTime;
use crate::trust::Trust;

/// A verified document and the moment it was last known to be current.
#[derive(Debug)]
pub struct Checked<T> {
    document: Arc<T>,
    checked_at: UnixTime,
}

/// Everything that does not change from request to request.
#[derive(Debug)]
pub struct Verifier {
    settings: Settings,
    policy: Option<Checked<Policy>>,
    trust: Checked<Trust>,
}

/// A request whose caller is authorised; its proof is still to be checked.
#[derive(Debug)]
#[must_use]
pub struct Opened<'v> {
    verifier: &'v Verifier,
    route: &'v Route,
    request: Request<'v>,
    query: Cow<'v, str>,
    passport: Passport,
    trail: Trail,
}

impl<T> Checked<T> {
    /// A document that was verified, or told to be unchanged, at that moment.
    pub fn new(document: T, checked_at: UnixTime) -> Self {
        Self { document: Arc::new(document), checked_at }
    }

    /// The document.
    pub fn document(&self) -> &T {
        &self.document
    }

    /// The last verified fetch or "not modified".
    pub const fn checked_at(&self) -> UnixTime {
        self.checked_at
    }

    /// The same document, known to be current until `now`; time never runs back.
    pub fn still_current(&self, now: UnixTime) -> Self {
        Self { document: Arc::clone(&self.document), checked_at: self.checked_at.max(now) }
    }
}

impl<T> Clone for Checked<T> {
    fn clone(&self) -> Self {
        self.still_current(self.checked_at)
    }
}

impl Verifier {
    /// A verifier over verified documents; without a policy it denies everything.
    pub const fn new(settings: Settings, policy: Option<Checked<Policy>>, trust: Checked<Trust>) -> Self {
        Self { settings, policy, trust }
    }

    /// The same settings over other documents.
    pub fn over(&self, policy: Checked<Policy>, trust: Checked<Trust>) -> Self {
        Self { settings: self.settings.clone(), policy: Some(policy), trust }
    }

    /// [`Verifier::open_with`] for a single request: no key is remembered.
    pub fn open<'v>(&'v self, head: &Head<'v>, now: UnixTime) -> Result<Opened<'v>, Denied> {
        self.open_with(head, &mut KeyCache::none(), now)
    }

    /// [`Verifier::prove_with`] for a single request: no key is remembered.
    pub fn prove(&self, head: &Head<'_>, now: UnixTime) -> Result<Proven, Denied> {
        self.prove_with(head, &mut KeyCache::none(), now)
    }

    /// Every check of the head but the proof.
    pub fn open_with<'v>(&'v self, head: &Head<'v>, keys: &mut KeyCache, now: UnixTime) -> Result<Opened<'v>, Denied> {
        let mut trail = Trail::default();
        match self.examine(head, keys, now, &mut trail) {
            Ok((route, request, query, passport)) => {
                Ok(Opened { verifier: self, route, request, query, passport, trail })
            }
            Err(reason) => Err(Denied::new(reason, now, trail)),
        }
    }

    /// Every check of the head.
    pub fn prove_with(&self, head: &Head<'_>, keys: &mut KeyCache, now: UnixTime) -> Result<Proven, Denied> {
        self.open_with(head, keys, now)?.prove(keys, now)
    }

    /// Checks 1 to 10.
    fn examine<'v>(
        &'v self,
        head: &Head<'v>,
        keys: &mut KeyCache,
        now: UnixTime,
        trail: &mut Trail,
    ) -> Result<(&'v Route, Request<'v>, Cow<'v, str>, Passport), Reason> {
        let settings = &self.settings;
        let policy = self.policy.as_ref().ok_or(Reason::BundlePolicyMissing)?;
        trail.policy(&policy.document);

        let request = Request::read(head)?;
        let route = policy.document.route(request.method, request.path).ok_or(Reason::BundleRouteMissing)?;
        trail.route(route);
        let query = route.query_form().read(request.query).map_err(|_| Reason::RequestNotCanonical)?;

        self.check_freshness(policy, route.freshness(), now)?;

        let passport = UnverifiedPassport::parse(request.token).ok_or(Reason::InvalidPassport)?;
        let (passport, issuer_key) = passport.verify(&self.trust.document, keys, now)?;
        trail.passport(&passport);
        passport.check_times(now, settings.skew, settings.max_ttl)?;

        if passport.audience != route.audience() {
            return Err(Reason::AudienceMismatch);
        }
        if *passport.trust_domain != *issuer_key.trust_domain {
            return Err(Reason::TrustDomainMismatch);
        }

        route.admit(&Presented {
            issuer: &passport.issuer,
            trust_domain: &passport.trust_domain,
            subject: &passport.subject,
            key_binding: passport.key_binding,
            issuer_max: issuer_key.max_key_binding,
            provenance: passport.provenance.as_ref(),
            context: passport.context.as_ref(),
        })?;

        let subject = RevocationSubject {
            jti: &passport.jti,
            kid: &passport.kid,
            subject: &passport.subject,
            issuer: &passport.issuer,
        };
        let as_of = now.plus(settings.skew);
        let revoked = issuer_key.revoked
            || self.trust.document.revocations().revokes(&subject, as_of)
            || policy.document.revocations().revokes(&subject, as_of);
        if revoked {
            return Err(Reason::PassportRevoked);
        }
        Ok((route, request, query, passport))
    }

    /// The age is always that of the older of the two documents.
    fn check_freshness(&self, policy: &Checked<Policy>, class: Freshness, now: UnixTime) -> Result<(), Reason> {
        let issued = |issued_at: Option<UnixTime>, checked_at| issued_at.unwrap_or(checked_at);
        let (times, most) = match class {
            Freshness::OfflineOk => return Ok(()),
            Freshness::Unknown => return Err(Reason::BundleFreshnessUnknown),
            Freshness::Realtime => ([policy.checked_at, self.trust.checked_at], self.settings.realtime_window),
            Freshness::Bounded { max_staleness_seconds: 0 } => return Err(Reason::StaleBundleFailClosed),
            Freshness::Bounded { max_staleness_seconds } => (
                [
                    issued(policy.document.issued_at(), policy.checked_at),
                    issued(self.trust.document.issued_at(), self.trust.checked_at),
                ],
                max_staleness_seconds,
            ),
        };
        // A time ahead of the clock says nothing about age.
        let latest = now.plus(self.settings.skew);
        let fresh = times.iter().all(|time| *time <= latest && now.since(*time) <= most);
        // A kind of revocation we cannot read may be about this very passport.
        let readable =
            !policy.document.revocations().has_unknown_type() && !self.trust.document.revocations().has_unknown_type();
        if fresh && readable { Ok(()) } else { Err(Reason::StaleBundleFailClosed) }
    }
}

impl Opened<'_> {
    /// Check 11: the transcript over the claimed body digest, then the proof.
    ///
    /// No body is read for a caller without a proof.
    pub fn prove(self, keys: &mut KeyCache, now: UnixTime) -> Result<Proven, Denied> {
        let Self { verifier, route, request, query, passport, mut trail } = self;
        let settings = &verifier.settings;
        let authority = &origin::authority(settings, route, &request.authority);
        let binding = Binding::new(settings, route, &request, &query, &passport, authority);
        let bound = match proof::check(&request, &binding, keys) {
            Ok(bound) => bound,
            Err(reason) => return Err(Denied::new(reason, now, trail)),
        };
        trail.transcript_sha256 = Some(bound.transcript_sha256);
        let keep_until = passport.expires_at.plus(settings.skew.saturating_mul(2));
        let key = ReplayKey::new(&passport.issuer, &passport.jti, passport.issued_at, keep_until);
        let expires_at = passport.expires_at.plus(settings.skew);
        let upstream = Upstream::new(passport, route.shared_names().0, bound.removed, settings.forward_credentials);
        let admission = Admission::new(key, expires_at, upstream, trail);
        let room = route.max_body_bytes().unwrap_or(settings.max_body_bytes);
        Ok(Proven::new(admission, route.body_mode(), request.body_sha256, room))
    }

    /// The twenty lines as this verifier reads the request, whatever its proof is over; for
    /// explanations alone.
    ///
    /// `covered` is the list of headers that the signer says it covered, where it is known. The body
    /// is the one whose digest is given, unless the route takes the caller's word for it.
    #[cfg(feature = "explain")]
    pub fn transcript(&self, covered: Option<&str>, body_sha256: [u8; 32]) -> alloc::string::String {
        let body_sha256 = match self.route.body_mode() {
            crate::BodyMode::Claimed => self.request.body_sha256,
            crate::BodyMode::Hashed | crate::BodyMode::None => body_sha256,
        };
        let Self { verifier: Verifier { settings, .. }, route, request, query, passport, .. } = self;
        let authority = &origin::authority(settings, route, &request.authority);
        let binding = Binding::new(settings, route, request, query, passport, authority);
        proof::explain(request, &binding, covered, body_sha256)
    }
}

impl Trail {
    fn policy(&mut self, policy: &Policy) {
        (self.policy_id, self.policy_version) = policy.shared_names();
    }

    fn route(&mut self, route: &Route) {
        let (route_id, audience) = route.shared_names();
        (self.route_id, self.audience) = (Some(route_id), Some(audience));
        self.required_key_binding = Some(route.required_key_binding());
    }

    fn passport(&mut self, passport: &Passport) {
        let provenance = |name| passport.provenance.as_ref().and_then(|facts| facts.value(name)).map(shared);
        self.issuer = Some(Arc::clone(&passport.issuer));
        self.subject = Some(Arc::clone(&passport.subject));
        self.jti = Some(Arc::clone(&passport.jti));
        self.key_binding = Some(passport.key_binding);
        self.source_profile = provenance("profile");
        self.source_spiffe_id = provenance("spiffe_id");
    }
}
