//! The steps of one decision, each by itself: the core's micro-benchmarks, natively and in wasm.

use std::hint::black_box;

use trustplane_core::json::{self, Limits};
use trustplane_core::{
    Allowed, AuditEvent, Checked, Component, Consumed, CoveredHeader, FilterConfig, Head, Header, KeyBinding, KeyCache,
    KeyCacheSettings, Policy, PublicKey, Reason, Transcript, UnixTime, Verifier, base64url_array, base64url_bytes,
    canonical_path, hex_array, normalize_query, sha256,
};

use crate::case::{Case, Cases};

/// The official caller's ordinary read, as it is committed.
const ALLOWED: &str = "get_with_query";
const ANONYMOUS: &str = "no_credentials_at_all";
const BAD_PROOF: &str = "proof_flipped_bit";

/// One step, or a whole decision.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Step {
    /// The passport's payload, decoded and read.
    PassportJson,
    /// The issuer's signature, its key never seen before.
    PassportCold,
    /// The same from tables.
    PassportWarm,
    /// From method and path to the route.
    RouteLookUp,
    /// The query's normal form and the transcript's hash.
    TranscriptDigest,
    /// The caller's signature, its key never seen before.
    ProofCold,
    /// The same from tables.
    ProofWarm,
    /// Everything of the head, from tables.
    Prove,
    /// The audit event as JSON.
    Audit,
    /// Head, empty body and replay: an allowed request, from tables.
    Allowed,
    /// A request without credentials.
    Anonymous,
    /// A request whose proof does not verify.
    BadProof,
}

/// What the steps work on.
#[derive(Debug)]
pub struct Steps {
    verifier: Verifier,
    policy: Policy,
    keys: KeyCache,
    now: UnixTime,
    allowed: Sample,
    anonymous: Sample,
    bad_proof: Sample,
    passport: Signed,
    proof: Signed,
    event: AuditEvent,
    claims: Claims,
}

/// A request.
#[derive(Debug)]
struct Sample {
    case: Case,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// A message that verifies.
#[derive(Debug)]
struct Signed {
    key: PublicKey,
    message: Vec<u8>,
    signature: [u8; 64],
}

/// What the transcript takes from the passport.
#[derive(Debug)]
struct Claims {
    payload: Vec<u8>,
    jti: String,
    audience: String,
    issued_at: u64,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::PassportJson,
        Self::PassportCold,
        Self::PassportWarm,
        Self::RouteLookUp,
        Self::TranscriptDigest,
        Self::ProofCold,
        Self::ProofWarm,
        Self::Prove,
        Self::Audit,
        Self::Allowed,
        Self::Anonymous,
        Self::BadProof,
    ];

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PassportJson => "passport: JSON",
            Self::PassportCold => "passport: signature, cold key",
            Self::PassportWarm => "passport: signature, warm key",
            Self::RouteLookUp => "policy: route look-up",
            Self::TranscriptDigest => "transcript: digest",
            Self::ProofCold => "proof: signature, cold key",
            Self::ProofWarm => "proof: signature, warm key",
            Self::Prove => "head, as a whole",
            Self::Audit => "audit event as JSON",
            Self::Allowed => "decision: allowed",
            Self::Anonymous => "decision: no credentials",
            Self::BadProof => "decision: bad proof",
        }
    }
}

impl Steps {
    /// With tables for both keys.
    pub fn new() -> Self {
        let cases = Cases::committed();
        let sample = |name: &str| Sample::new(cases.cases.iter().find(|case| case.name == name).expect("a case"));
        let allowed = sample(ALLOWED);
        let profile = cases.profile(&allowed.case);
        let config = FilterConfig::parse(profile.config.as_bytes()).expect("a sound configuration");
        let load = || config.load().expect("sound bundles");
        let (trust, at) = (load().1, UnixTime::from_secs(profile.fetched_at));
        let (passport, claims) = passport(&allowed, &trust);
        let proof = proof(&allowed, &claims);
        let mut keys = KeyCache::new(KeyCacheSettings::default());
        assert!(keys.warm(&passport.key) && keys.warm(&proof.key), "room for two tables");
        let checked = Checked::new(load().0.expect("a policy"), at);
        let now = UnixTime::from_secs(allowed.case.now);
        let verifier = Verifier::new(config.settings(), Some(checked), Checked::new(trust, at));
        let mut steps = Self {
            verifier,
            policy: load().0.expect("a policy"),
            keys,
            now,
            anonymous: sample(ANONYMOUS),
            bad_proof: sample(BAD_PROOF),
            passport,
            proof,
            event: AuditEvent { occurred_at: now, reason: Reason::RequestAllowed, trail: Default::default() },
            claims,
            allowed,
        };
        let decided = decide(&steps.verifier, &steps.allowed, &mut steps.keys, now);
        steps.event = decided.expect("the case is allowed").event().clone();
        assert_eq!(steps.transcript()[..], steps.proof.message, "the transcript is the signed one");
        steps
    }

    /// Does it once; a step that does not come out as it must panics.
    pub fn run(&mut self, step: Step) {
        let Self { verifier, keys, now, .. } = self;
        let done = match step {
            Step::PassportJson => {
                let bytes = base64url_bytes(black_box(&self.claims.payload)).unwrap_or_default();
                json::parse(&bytes, Limits::PASSPORT).map(black_box).is_ok()
            }
            Step::PassportCold => self.passport.verify(&mut KeyCache::none()),
            Step::PassportWarm => self.passport.verify(keys),
            Step::RouteLookUp => {
                let path = canonical_path(black_box(self.allowed.path()));
                path.and_then(|path| self.policy.route("GET", path)).map(black_box).is_some()
            }
            Step::TranscriptDigest => black_box(self.transcript())[..] == self.proof.message,
            Step::ProofCold => self.proof.verify(&mut KeyCache::none()),
            Step::ProofWarm => self.proof.verify(keys),
            Step::Prove => {
                self.allowed.with_head(|head| verifier.prove_with(black_box(head), keys, *now).map(black_box).is_ok())
            }
            Step::Audit => !black_box(black_box(&self.event).to_json(Component::Verifier)).is_empty(),
            Step::Allowed => decide(verifier, &self.allowed, keys, *now).map(black_box).is_ok(),
            Step::Anonymous => decide(verifier, &self.anonymous, keys, *now).err() == Some(Reason::MissingPassport),
            Step::BadProof => decide(verifier, &self.bad_proof, keys, *now).err() == Some(Reason::InvalidRequestProof),
        };
        assert!(done, "{}", step.name());
    }

    fn transcript(&self) -> [u8; 32] {
        let Self { allowed, claims, policy, .. } = self;
        let case = &allowed.case;
        let path = str::from_utf8(allowed.path()).unwrap_or_default();
        let route = policy.route("GET", path);
        let mark = case.target.0.iter().position(|byte| *byte == b'?').map_or(case.target.0.len(), |place| place + 1);
        let nonce = allowed.header("x-trustplane-nonce");
        let covered = ["accept", "x-trustplane-nonce"];
        let covered = covered.map(|name| CoveredHeader { name, value_sha256: sha256(allowed.header(name)) });
        Transcript {
            method: "GET",
            scheme: route.and_then(|route| route.base()).map_or("http", |base| base.scheme()),
            authority: str::from_utf8(&case.authority.0).unwrap_or_default(),
            path,
            audience: &claims.audience,
            route_id: route.map(|route| route.route_id()).unwrap_or_default(),
            content_encoding: "identity",
            query: &normalize_query(&case.target.0[mark..]).unwrap_or_default(),
            headers: &covered,
            body_sha256: sha256(b""),
            passport_jti: &claims.jti,
            nonce: str::from_utf8(nonce).unwrap_or_default(),
            issued_at: claims.issued_at,
            key_binding: KeyBinding::Software,
        }
        .digest()
    }
}

impl Default for Steps {
    fn default() -> Self {
        Self::new()
    }
}

impl Sample {
    fn new(case: &Case) -> Self {
        let headers = case.headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.0.clone())).collect();
        Self { case: case.clone(), headers }
    }

    fn header(&self, name: &str) -> &[u8] {
        let found = self.headers.iter().find(|(own, _)| own == name.as_bytes());
        found.map(|(_, value)| value.as_slice()).unwrap_or_default()
    }

    fn path(&self) -> &[u8] {
        self.case.target.0.split(|byte| *byte == b'?').next().unwrap_or_default()
    }

    fn with_head<T>(&self, work: impl FnOnce(&Head<'_>) -> T) -> T {
        // On the stack: what the host needs is not the core's.
        let mut headers: [Header<'_>; 16] = [(b"", b""); 16];
        for (place, (name, value)) in headers.iter_mut().zip(&self.headers) {
            *place = (name, value);
        }
        let Case { method, target, authority, tls, .. } = &self.case;
        let headers = &headers[..self.headers.len()];
        work(&Head { method: &method.0, target: &target.0, authority: &authority.0, tls: *tls, headers })
    }
}

impl Signed {
    fn verify(&self, keys: &mut KeyCache) -> bool {
        keys.verify(black_box(&self.key), black_box(&self.message), black_box(&self.signature))
    }
}

fn decide(verifier: &Verifier, sample: &Sample, keys: &mut KeyCache, now: UnixTime) -> Result<Allowed, Reason> {
    let proven = sample.with_head(|head| verifier.prove_with(black_box(head), keys, now));
    let allowed = proven.and_then(|proven| proven.settle(now)?.conclude(Consumed::Fresh, now));
    allowed.map_err(|denied| denied.reason())
}

fn passport(sample: &Sample, trust: &trustplane_core::Trust) -> (Signed, Claims) {
    let token = sample.header("authorization").strip_prefix(b"Bearer ").expect("a passport");
    let parts: Vec<_> = token.split(|byte| *byte == b'.').collect();
    let [head, payload, signature] = parts[..] else { panic!("three parts") };
    let read = |part| -> serde_json::Value {
        serde_json::from_slice(&base64url_bytes(part).expect("base64url")).expect("JSON")
    };
    let (head, claims) = (read(head), read(payload));
    let text = |value: &serde_json::Value| value.as_str().expect("a string").to_owned();
    let key = trust.key(&text(&claims["iss"]), &text(&head["kid"])).expect("a known key").key.clone();
    let message = token[..token.len() - signature.len() - 1].to_vec();
    let signed = Signed { key, message, signature: base64url_array(signature).expect("64 bytes") };
    let issued_at = claims["iat"].as_u64().expect("seconds");
    let (jti, audience) = (text(&claims["jti"]), text(&claims["aud"]));
    (signed, Claims { payload: payload.to_vec(), jti, audience, issued_at })
}

fn proof(sample: &Sample, claims: &Claims) -> Signed {
    let payload = base64url_bytes(&claims.payload).expect("base64url");
    let claims: serde_json::Value = serde_json::from_slice(&payload).expect("JSON");
    let key = claims["cnf"]["public_key_b64url"].as_str().expect("a key");
    Signed {
        key: PublicKey::from_base64url(key).expect("a sound key"),
        message: hex_array(sample.header("x-trustplane-transcript-sha256")).expect("a digest").to_vec(),
        signature: base64url_array(sample.header("x-trustplane-proof")).expect("64 bytes"),
    }
}
