use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use trustplane_core::json::JsonError;
use trustplane_core::{KeyBinding, Reason, Trail, UnixTime, hex};

use crate::asked::Asked;
use crate::identity::{Identity, Refusal, WorkloadIdentitySource};
use crate::ipc::{Artifacts, PASSPORT_FORMAT, PassportArtifact, Request, Response, STAMP_FORMAT, Stamp, read};
use crate::mint::{Claims, MintError, jti, mint_passport, prove};
use crate::nonce::{Nonces, Use};
use crate::peer::Peer;
use crate::policy::{Caller, Policy, Tuple};
use crate::signer::SigningKey;

/// Longer names stay out of audit events.
const MAX_AUDIT_BYTES: usize = 256;

/// What decides and signs: policy, key and identity, replaced together or not at all.
pub struct Issuer {
    policy: Policy,
    key: SigningKey,
    source: Box<dyn WorkloadIdentitySource>,
}

/// An answer and what the audit event says of it.
#[derive(Clone, Debug)]
#[must_use]
pub struct Outcome {
    /// Why.
    pub reason: Reason,
    /// What the caller is told.
    pub response: Response,
    /// What is known of the request.
    pub trail: Trail,
}

/// A denial on its way out.
struct Denied {
    reason: Reason,
    details: BTreeMap<String, String>,
}

impl Issuer {
    /// An issuer that signs with `key` what `policy` lists.
    pub fn new(policy: Policy, key: SigningKey, source: Box<dyn WorkloadIdentitySource>) -> Self {
        Self { policy, key, source }
    }

    /// The policy in force.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }

    /// What vouches for workloads.
    pub fn source(&self) -> &dyn WorkloadIdentitySource {
        &*self.source
    }

    /// The key in force.
    pub const fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Decides on one line: readable, known peer, sound request, listed tuple, class, fresh nonce;
    /// then, and only then, signs. `random` becomes the `jti`.
    pub fn decide(&self, line: &[u8], peer: &Peer, nonces: &Nonces, random: &[u8; 16], now: UnixTime) -> Outcome {
        let mut trail = Trail {
            policy_id: self.policy.policy_id.as_deref().map(Arc::from),
            policy_version: self.policy.policy_version.as_deref().map(Arc::from),
            ..Trail::default()
        };
        let read = read(line);
        let request_id = read.as_ref().map_or_else(|bad| bad.request_id.clone(), |request| request.request_id.clone());
        trail.request_id = Some(&*request_id).filter(|id| !id.is_empty()).map(Arc::from);
        let decided = match read {
            // A stranger learns nothing of what else is wrong with its line.
            _ if !self.policy.knows(peer) => Err(Reason::BrokerPeerDenied.into()),
            Err(bad) => Err(Denied::of(bad.reason, &bad.fault)),
            Ok(request) => self.issue(&request, peer, nonces, random, now, &mut trail),
        };
        match decided {
            Ok(response) => Outcome { reason: Reason::BrokerPassportIssued, response, trail },
            Err(Denied { reason, details }) => {
                Outcome { reason, response: Response::denied(&request_id, reason, details), trail }
            }
        }
    }

    fn issue(
        &self,
        request: &Request,
        peer: &Peer,
        nonces: &Nonces,
        random: &[u8; 16],
        now: UnixTime,
        trail: &mut Trail,
    ) -> Result<Response, Denied> {
        let asked = Asked::check(request).map_err(|fault| Denied::of(Reason::BrokerRequestInvalid, &fault))?;
        let http = &request.http;
        trail.route_id = audited(&http.route_id);
        trail.audience = audited(&http.audience);
        let tuple =
            Tuple { audience: &http.audience, route_id: &http.route_id, method: &http.method, context: &asked.context };
        let caller = self.policy.permit(peer, &tuple).ok_or(Reason::BrokerRouteDenied)?;
        let identity =
            self.grant(&asked, peer, now).inspect_err(|_| trail.required_key_binding = Some(asked.requested))?;
        match nonces.consume(&http.nonce, self.policy.longest_ttl_seconds(), now) {
            Use::First => {}
            Use::Full => return Err(Reason::BrokerOverloaded.into()),
            Use::Stale => return Err(Reason::BrokerNonceStale.into()),
        }
        self.sign(&asked, caller, &identity, &jti(random), now, trail)
    }

    /// The requested class if it can be had, else the highest acceptable one, else `software` where
    /// the caller allows it.
    fn grant(&self, asked: &Asked<'_>, peer: &Peer, now: UnixTime) -> Result<Identity, Denied> {
        let mut acceptable = asked.acceptable.clone();
        acceptable.sort_by_key(|class| Reverse(*class));
        let fallback = asked.software_fallback().then_some(KeyBinding::Software);
        let held = self.source.classes();
        let mut refused: Option<Refusal> = None;
        for class in [asked.requested].into_iter().chain(acceptable).chain(fallback) {
            if !held.contains(&class) {
                continue;
            }
            match self.source.identify(class, peer, now) {
                Ok(identity) if identity.key_binding == class => return Ok(identity),
                Ok(_) => {}
                Err(refusal) => drop(refused.get_or_insert(refusal)),
            }
        }
        let mut details = BTreeMap::from([("requested_key_binding".into(), asked.requested.as_str().into())]);
        if let Some(highest) = held.iter().max() {
            details.insert("available_key_binding".into(), highest.as_str().into());
        }
        let refusal = refused.unwrap_or_else(|| Reason::InsufficientKeyBinding.into());
        if !refusal.problem.is_empty() {
            details.insert("problem".into(), refusal.problem);
        }
        Err(Denied { reason: refusal.reason, details })
    }

    fn sign(
        &self,
        asked: &Asked<'_>,
        caller: &Caller,
        identity: &Identity,
        jti: &str,
        now: UnixTime,
        trail: &mut Trail,
    ) -> Result<Response, Denied> {
        let longest = now.plus(caller.ttl_seconds);
        let expires_at = identity.valid_until.map_or(longest, |until| until.min(longest));
        let claims = Claims {
            issuer: &self.policy.issuer,
            subject: identity.subject.as_deref().unwrap_or(&caller.subject),
            audience: &asked.request().http.audience,
            issued_at: now,
            expires_at,
            jti,
            trust_domain: &self.policy.trust_domain,
            proof_key: self.key.public_key(),
            key_binding: identity.key_binding,
            provenance: Some(&identity.provenance),
            context: &asked.context,
        };
        let passport = mint_passport(&claims, &self.policy.kid, &self.key)?;
        let digest = asked.transcript(jti, now, identity.key_binding).digest();
        trail.issuer = Some(claims.issuer.into());
        trail.subject = Some(claims.subject.into());
        trail.jti = Some(jti.into());
        trail.key_binding = Some(identity.key_binding);
        trail.transcript_sha256 = Some(digest);
        trail.source_profile = Some(identity.provenance.profile.as_str().into());
        trail.source_spiffe_id = identity.provenance.spiffe_id.as_deref().map(Arc::from);
        Ok(Response {
            request_id: asked.request().request_id.clone(),
            accepted: true,
            status: "allow".into(),
            reason_code: Reason::BrokerPassportIssued.as_str().into(),
            issued_at: now.as_secs(),
            expires_at: expires_at.as_secs(),
            artifacts: Some(Artifacts {
                passport: PassportArtifact { format: PASSPORT_FORMAT.into(), value: passport, jti: jti.into() },
                stamp: Stamp {
                    format: STAMP_FORMAT.into(),
                    value: prove(&digest, &self.key),
                    transcript_sha256: hex(&digest),
                },
            }),
            error: None,
        })
    }
}

impl Outcome {
    /// A denial without a request that could be read.
    pub fn denied(reason: Reason, details: BTreeMap<String, String>) -> Self {
        Self { reason, response: Response::denied("", reason, details), trail: Trail::default() }
    }
}

impl Denied {
    fn of(reason: Reason, fault: &JsonError) -> Self {
        let details = BTreeMap::from([("at".into(), fault.pointer.clone()), ("problem".into(), fault.problem.clone())]);
        Self { reason, details }
    }
}

impl From<Reason> for Denied {
    fn from(reason: Reason) -> Self {
        Self { reason, details: BTreeMap::new() }
    }
}

/// Policy lists only what can be minted, so what cannot is the context's length, or a clock that
/// stands before its epoch.
impl From<MintError> for Denied {
    fn from(err: MintError) -> Self {
        let reason = match err {
            MintError::TooLong => Reason::BrokerRequestInvalid,
            MintError::Empty(_) | MintError::Lifetime | MintError::Unclean(_) => Reason::BrokerOverloaded,
        };
        Self { reason, details: BTreeMap::from([("problem".into(), err.to_string())]) }
    }
}

fn audited(text: &str) -> Option<Arc<str>> {
    (text.len() <= MAX_AUDIT_BYTES).then(|| text.into())
}
