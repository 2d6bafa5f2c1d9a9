//! Who calls: an issuer, callers with keys of their own, and the documents that name them.

use std::io;
use std::sync::Arc;

use serde_json::json;
use trustplane_broker::{SigningKey, mint};
use trustplane_core::{CoveredHeader, KeyBinding, Transcript, UnixTime, hex, sha256};

use crate::load::Wire;

pub const HOST: &str = "bench.example";
const AUDIENCE: &str = "bench-api";
const DOMAIN: &str = "bench.example";
const ISSUER: &str = "https://issuer.bench.example";
const KID: &str = "issuer-1";

/// How many callers take turns.
pub const CALLERS: usize = 64;

/// Signs requests under passports of one issuer.
pub struct Callers {
    issuer: SigningKey,
    keys: Vec<SigningKey>,
    /// How many passports there were: each has an id of its own.
    issued: u64,
}

/// What a signed request claims falsely.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flaw {
    None,
    /// The issuer's signature is another's.
    Issuer,
    /// The proof is another caller's.
    Proof,
}

impl Callers {
    pub fn new() -> io::Result<Self> {
        let generate = || SigningKey::generate().map_err(io::Error::other);
        let keys = (0..CALLERS).map(|_| generate()).collect::<Result<_, _>>()?;
        Ok(Self { issuer: generate()?, keys, issued: 0 })
    }

    /// The filter's configuration: its defaults, and two bundles.
    pub fn configuration(&self, now: UnixTime) -> String {
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
        .to_string()
    }

    /// A request under a new passport, by the caller whose turn it is.
    pub fn sign(&mut self, method: &str, body: &Arc<[u8]>, now: UnixTime, flaw: Flaw) -> io::Result<Wire> {
        self.issued += 1;
        let number = self.issued;
        let turn = usize::try_from(number).map_err(io::Error::other)? % CALLERS;
        let caller = &self.keys[turn];
        let other = &self.keys[(turn + 1) % CALLERS];
        let id = sha256(&number.to_le_bytes());
        let jti = mint::jti(id.first_chunk().unwrap_or(&[0; 16]));
        let nonce = hex(&id);
        let claims = mint::Claims {
            issuer: ISSUER,
            subject: &format!("service:caller-{turn}"),
            audience: AUDIENCE,
            issued_at: now,
            expires_at: now.plus(600),
            jti: &jti,
            trust_domain: DOMAIN,
            proof_key: caller.public_key(),
            key_binding: KeyBinding::Software,
            provenance: None,
            context: &[],
        };
        let issuer = if flaw == Flaw::Issuer { other } else { &self.issuer };
        let token = mint::mint_passport(&claims, KID, issuer).map_err(io::Error::other)?;
        let target = format!("/orders/{number}");
        let route_id = if method == "GET" { "orders.read" } else { "orders.write" };
        let body_sha256 = sha256(body);
        let digest = Transcript {
            method,
            scheme: "http",
            authority: HOST,
            path: &target,
            audience: AUDIENCE,
            route_id,
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
        let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let head = format!(
            "{method} {target} HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: */*\r\n{length}\
             authorization: Bearer {token}\r\nx-trustplane-transcript-sha256: {}\r\nx-trustplane-proof: {proof}\r\n\
             x-trustplane-nonce: {nonce}\r\nx-trustplane-body-sha256: {}\r\n\
             x-trustplane-signed-headers: x-trustplane-nonce\r\n\r\n",
            hex(&digest),
            hex(&body_sha256),
        );
        Ok(Wire { head: head.into_bytes(), body: Arc::clone(body) })
    }
}

/// A request without credentials.
pub fn anonymous(method: &str, body: &Arc<[u8]>) -> Wire {
    bearing(method, body, "")
}

/// A request with this header block.
pub fn bearing(method: &str, body: &Arc<[u8]>, headers: &str) -> Wire {
    let length = if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let head = format!(
        "{method} /orders/1 HTTP/1.1\r\nhost: {HOST}\r\nuser-agent: bench\r\naccept: */*\r\n{length}{headers}\r\n"
    );
    Wire { head: head.into_bytes(), body: Arc::clone(body) }
}
