use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use trustplane_broker::{SigningKey, mint};
use trustplane_core::{CoveredHeader, KeyBinding, PublicKey, Transcript, UnixTime, hex, sha256};

use super::lane::Wire;

/// The authority of every request.
pub const HOST: &str = "bench.example";
const AUDIENCE: &str = "bench-api";
pub(super) const DOMAIN: &str = "bench.example";
pub(super) const ISSUER: &str = "https://issuer.bench.example";
const KID: &str = "issuer-1";

/// How many callers take turns.
pub(super) const CALLERS: usize = 64;

/// An issuer, callers with keys of their own, and the documents that name them.
#[derive(Debug)]
pub struct Callers {
    issuer: SigningKey,
    keys: Vec<SigningKey>,
    numbers: AtomicU64,
}

/// What is to be signed.
#[derive(Clone, Debug)]
pub struct Order {
    /// Of the passport: its id and the path come from it.
    pub number: u64,
    /// Written with `POST` where there is one, else read with `GET`.
    pub body: Arc<[u8]>,
    /// The passport's `iat`.
    pub issued_at: UnixTime,
    /// How long it lives, in seconds.
    pub ttl: u64,
    /// What is wrong with it.
    pub flaw: Flaw,
    /// One of the policy's further routes, see [`super::Growth`].
    pub route: Option<usize>,
    /// Which of any number of callers it is, each with a key of its own; one of a few where there is none.
    pub member: Option<u64>,
}

/// What a signed request claims falsely.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    /// Nothing.
    None,
    /// The issuer's signature is another's.
    Issuer,
    /// The proof is another caller's.
    Proof,
    /// The issuer vouches for a caller that the policy does not name.
    Subject,
    /// The request is not the one that was signed.
    Target,
}

impl Order {
    /// A sound one, good for ten minutes from now.
    pub fn new(number: u64, body: &Arc<[u8]>, now: UnixTime) -> Self {
        Self { number, body: Arc::clone(body), issued_at: now, ttl: 600, flaw: Flaw::None, route: None, member: None }
    }
}

impl Callers {
    /// With new keys.
    pub fn new() -> io::Result<Self> {
        let generate = || SigningKey::generate().map_err(io::Error::other);
        let keys = (0..CALLERS).map(|_| generate()).collect::<Result<_, _>>()?;
        Ok(Self { issuer: generate()?, keys, numbers: AtomicU64::new(0) })
    }

    /// A number that no passport of this issuer has.
    pub fn number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The key that vouches for all of them.
    pub fn issuer(&self) -> &PublicKey {
        self.issuer.public_key()
    }

    /// The filter's configuration: its defaults, and two bundles.
    pub fn configuration(&self, now: UnixTime) -> Value {
        let signed_by = json!({ "issuer": "bench", "kid": "bench-1", "alg": "none" });
        let signature = json!({ "format": "unsigned-skeleton", "value": "-" });
        let route = |route_id: &str, method: &str| {
            json!({
                "route_id": route_id,
                "method": method,
                "path_template": "/orders/{id}",
                "max_body_bytes": 2 << 20,
                "allowed_sources": [{
                    "issuer": ISSUER,
                    "trust_domain": DOMAIN,
                    "subject_prefix": "service:",
                    "required_key_binding": "software",
                }],
            })
        };
        json!({
            "allow_unsigned_dev_bundles": true,
            "policy_bundle": {
                "version": "trustplane-bundle-v1",
                "kind": "policy_runtime_bundle",
                "policy_id": "bench",
                "policy_version": "1",
                "issued_at": now.as_secs(),
                "trust_domain": DOMAIN,
                "apis": [{ "api_id": "bench", "audience": AUDIENCE, "base_url": format!("http://{HOST}") }],
                "route_groups": [{
                    "route_group_id": "bench",
                    "api_id": "bench",
                    "routes": [route("orders.read", "GET"), route("orders.write", "POST")],
                }],
                "default_required_key_binding": "software",
                "default_freshness_class": "offline-ok",
                "signed_by": signed_by,
                "signature": signature,
            },
            "trust_bundle": {
                "version": "trustplane-trust-material-bundle-v1",
                "kind": "trust_material_bundle",
                "issued_at": now.as_secs(),
                "issuers": [{
                    "issuer": ISSUER,
                    "trust_domain": DOMAIN,
                    "keys": [{ "kid": KID, "alg": "EdDSA", "public_key_b64url": self.issuer.public_key().to_base64url() }],
                }],
                "signed_by": signed_by,
                "signature": signature,
            },
        })
    }

    /// A request under a passport of this number, by the caller whose turn it is.
    pub fn sign(&self, order: &Order) -> io::Result<Wire> {
        let Order { number, ref body, issued_at: now, ttl, flaw, route, member } = *order;
        let method = method(body);
        let turn = usize::try_from(number).map_err(io::Error::other)? % CALLERS;
        let member = member.map(member_key).transpose()?;
        let caller = member.as_ref().unwrap_or(&self.keys[turn]);
        let other = &self.keys[(turn + 1) % CALLERS];
        let id = sha256(&number.to_le_bytes());
        let jti = mint::jti(id.first_chunk().unwrap_or(&[0; 16]));
        let nonce = hex(&id);
        let claims = mint::Claims {
            issuer: ISSUER,
            subject: &format!("{}:caller-{turn}", if flaw == Flaw::Subject { "intruder" } else { "service" }),
            audience: AUDIENCE,
            issued_at: now,
            expires_at: now.plus(ttl),
            jti: &jti,
            trust_domain: DOMAIN,
            proof_key: caller.public_key(),
            key_binding: KeyBinding::Software,
            provenance: None,
            context: &[],
        };
        let issuer = if flaw == Flaw::Issuer { other } else { &self.issuer };
        let token = mint::mint_passport(&claims, KID, issuer).map_err(io::Error::other)?;
        let (target, route_id) = match route {
            Some(route) => (format!("/further-{route}/{number}"), format!("further.{route}")),
            None => (format!("/orders/{number}"), if method == "GET" { "orders.read" } else { "orders.write" }.into()),
        };
        let body_sha256 = sha256(body);
        let digest = Transcript {
            method,
            scheme: "http",
            authority: HOST,
            path: &target,
            audience: AUDIENCE,
            route_id: &route_id,
            content_encoding: "identity",
            query: "",
            headers: &[CoveredHeader { name: "x-trustplane-nonce", value_sha256: sha256(nonce.as_bytes()) }],
            body_sha256,
            passport_jti: &jti,
            nonce: &nonce,
            issued_at: now.as_secs(),
            key_binding: KeyBinding::Software,
        }
        .digest();
        let proof = mint::prove(&digest, if flaw == Flaw::Proof { other } else { caller });
        let length = length(body);
        let sent = if flaw == Flaw::Target { format!("{target}?more=1") } else { target };
        let head = format!(
            "{method} {sent} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: */*\r\n{length}\
             authorization: Bearer {token}\r\nx-trustplane-transcript-sha256: {}\r\nx-trustplane-proof: {proof}\r\n\
             x-trustplane-nonce: {nonce}\r\nx-trustplane-body-sha256: {}\r\n\
             x-trustplane-signed-headers: x-trustplane-nonce\r\n\r\n",
            hex(&digest),
            hex(&body_sha256),
        );
        Ok(Wire { head: head.into_bytes(), body: Arc::clone(body) })
    }
}

/// The same key for the same number, every time.
fn member_key(number: u64) -> io::Result<SigningKey> {
    let seed = sha256(format!("member {number}").as_bytes());
    SigningKey::from_seed(&seed).map_err(|fault| io::Error::other(fault.to_string()))
}

/// A request without credentials.
pub fn anonymous(body: &Arc<[u8]>) -> Wire {
    bearing(body, "")
}

/// A request with this header block.
pub fn bearing(body: &Arc<[u8]>, headers: &str) -> Wire {
    let (method, length) = (method(body), length(body));
    let head = format!(
        "{method} /orders/1 HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: */*\r\n{length}{headers}\r\n"
    );
    Wire { head: head.into_bytes(), body: Arc::clone(body) }
}

fn method(body: &[u8]) -> &'static str {
    if body.is_empty() { "GET" } else { "POST" }
}

fn length(body: &[u8]) -> String {
    if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) }
}
