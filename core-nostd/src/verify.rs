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
use crate::checked::Checked;
use crate::decision::{Denied, Upstream};
use crate::key::KeyCache;
use crate::origin;
use crate::passport::{Passport, Signature, UnverifiedPassport};
use crate::policy::{Freshness, Policy, Presented, Route};
use crate::proof::{self, Binding, Bound};
use crate::proven::Proven;
use crate::reason::Reason;
use crate::replay::ReplayKey;
use crate::request::{Head, Request};
use crate::revocation::RevocationSubject;
use crate::settings::Settings;
use crate::shared::shared;
use crate::time::UnixTime;
use crate::trust::{IssuerKey, Trust};

/// Everything that does not change from request to request.
#[derive(Debug)]
pub struct Verifier {
    settings: Settings,
    policy: Option<Checked<Policy>>,
    trust: Checked<Trust>,
}

/// A request whose caller is authorised; its proof is still to be checked.
#[must_use]
pub struct Opened<'v> {
    verifier: &'v Verifier,
    route: &'v Route,
    request: Request<'v>,
    query: Cow<'v, str>,
    passport: Passport,
    signature: Signature,
    trail: Trail,
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
        self.begin(head, keys, now)?.settle(keys, now)
    }

    /// Every check of the head.
    pub fn prove_with(&self, head: &Head<'_>, keys: &mut KeyCache, now: UnixTime) -> Result<Proven, Denied> {
        self.begin(head, keys, now)?.prove(keys, now)
    }

    /// Every check of the head but the proof and, maybe, the last step of the passport's signature.
    fn begin<'v>(&'v self, head: &Head<'v>, keys: &mut KeyCache, now: UnixTime) -> Result<Opened<'v>, Denied> {
        let mut trail = Trail::default();
        match self.examine(head, keys, now, &mut trail) {
            Ok((route, request, query, passport, signature)) => {
                Ok(Opened { verifier: self, route, request, query, passport, signature, trail })
            }
            Err(reason) => Err(Denied::new(reason, now, trail)),
        }
    }

    /// Checks 1 to 10. A refusal is that of the first check that fails, the signature's included.
    fn examine<'v>(
        &'v self,
        head: &Head<'v>,
        keys: &mut KeyCache,
        now: UnixTime,
        trail: &mut Trail,
    ) -> Result<(&'v Route, Request<'v>, Cow<'v, str>, Passport, Signature), Reason> {
        let policy = self.policy.as_ref().ok_or(Reason::BundlePolicyMissing)?;
        trail.policy(policy.document());

        let request = Request::read(head)?;
        let route = policy.document().route(request.method, request.path).ok_or(Reason::BundleRouteMissing)?;
        trail.route(route);
        let query = route.query_form().read(request.query).map_err(|_| Reason::RequestNotCanonical)?;

        self.check_freshness(policy, route.freshness(), now)?;

        let passport = UnverifiedPassport::parse(request.token).ok_or(Reason::InvalidPassport)?;
        let (passport, issuer_key, signature) = passport.begin(self.trust.document(), keys, now)?;
        match self.admit(policy.document(), route, &passport, issuer_key, now) {
            Ok(()) => Ok((route, request, query, passport, signature)),
            Err(reason) => {
                let _stands = signature.settle(keys)?;
                trail.passport(&passport);
                Err(reason)
            }
        }
    }

    /// Checks 6 to 10: what a passport may do, if its signature stands.
    fn admit(
        &self,
        policy: &Policy,
        route: &Route,
        passport: &Passport,
        issuer_key: &IssuerKey,
        now: UnixTime,
    ) -> Result<(), Reason> {
        let settings = &self.settings;
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
            || self.trust.document().revocations().revokes(&subject, as_of)
            || policy.revocations().revokes(&subject, as_of);
        if revoked {
            return Err(Reason::PassportRevoked);
        }
        Ok(())
    }

    /// The age is always that of the older of the two documents.
    fn check_freshness(&self, policy: &Checked<Policy>, class: Freshness, now: UnixTime) -> Result<(), Reason> {
        let issued = |issued_at: Option<UnixTime>, checked_at| issued_at.unwrap_or(checked_at);
        let (times, most) = match class {
            Freshness::OfflineOk => return Ok(()),
            Freshness::Unknown => return Err(Reason::BundleFreshnessUnknown),
            Freshness::Realtime => ([policy.checked_at(), self.trust.checked_at()], self.settings.realtime_window),
            Freshness::Bounded { max_staleness_seconds: 0 } => return Err(Reason::StaleBundleFailClosed),
            Freshness::Bounded { max_staleness_seconds } => (
                [
                    issued(policy.document().issued_at(), policy.checked_at()),
                    issued(self.trust.document().issued_at(), self.trust.checked_at()),
                ],
                max_staleness_seconds,
            ),
        };
        // A time ahead of the clock says nothing about age.
        let latest = now.plus(self.settings.skew);
        let fresh = times.iter().all(|time| *time <= latest && now.since(*time) <= most);
        // A kind of revocation we cannot read may be about this very passport.
        let readable = !policy.document().revocations().has_unknown_type()
            && !self.trust.document().revocations().has_unknown_type();
        if fresh && readable { Ok(()) } else { Err(Reason::StaleBundleFailClosed) }
    }
}

impl Opened<'_> {
    /// The last step of the passport's signature, where it is still to be done.
    fn settle(mut self, keys: &mut KeyCache, now: UnixTime) -> Result<Self, Denied> {
        match self.signature.settle(keys) {
            Ok(signature) => {
                self.signature = signature;
                Ok(self)
            }
            Err(reason) => Err(Denied::new(reason, now, self.trail)),
        }
    }

    /// Check 11: the transcript over the claimed body digest, then the proof.
    ///
    /// No body is read for a caller without a proof.
    pub fn prove(self, keys: &mut KeyCache, now: UnixTime) -> Result<Proven, Denied> {
        let Self { verifier, route, request, query, passport, signature, mut trail } = self;
        let settings = &verifier.settings;
        let authority = &origin::authority(settings, route, &request.authority);
        let binding = Binding::new(settings, route, &request, &query, &passport, authority);
        let checked = proof::check(&request, &binding, keys);
        let settled = match checked {
            Ok(Bound { signature: proof, transcript_sha256, removed }) => {
                signature.settle_with(proof, keys).map(|stands| {
                    if stands { Ok((transcript_sha256, removed)) } else { Err(Reason::InvalidRequestProof) }
                })
            }
            Err(reason) => signature.settle(keys).map(|_stands| Err(reason)),
        };
        // What an unsigned passport says enters no record.
        if settled.is_ok() {
            trail.passport(&passport);
        }
        let (transcript_sha256, removed) = match settled.flatten() {
            Ok(bound) => bound,
            Err(reason) => return Err(Denied::new(reason, now, trail)),
        };
        trail.transcript_sha256 = Some(transcript_sha256);
        let keep_until = passport.expires_at.plus(settings.skew.saturating_mul(2));
        let key = ReplayKey::new(&passport.issuer, &passport.jti, passport.issued_at, keep_until);
        let expires_at = passport.expires_at.plus(settings.skew);
        let upstream = Upstream::new(passport, route.shared_names().0, removed, settings.forward_credentials);
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
