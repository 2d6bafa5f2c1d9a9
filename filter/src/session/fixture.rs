//! A caller with a key, and a verifier that knows it.

use ed25519_compact::{KeyPair, Seed};
use trustplane_core::{CoveredHeader, Head, KeyBinding, Transcript, UnixTime, Verifier, base64url, hex, sha256};

use crate::gate::Rules;

pub(crate) const NOW: UnixTime = UnixTime::from_secs(1_740_000_000);
pub(crate) const BODY: &[u8] = b"0123456789";

const NONCE: &str = "n-1";
const POLICY: &str = r#"{
    "version": "trustplane-bundle-v1", "kind": "policy_runtime_bundle", "trust_domain": "example.local",
    "apis": [{"api_id": "orders", "audience": "orders"}],
    "route_groups": [{"route_group_id": "orders", "api_id": "orders", "routes": [
        {"route_id": "orders.post", "method": "POST", "path_template": "/orders", "allowed_sources": [SOURCE]},
        {"route_id": "stream", "method": "POST", "path_template": "/stream", "allowed_sources": [SOURCE],
         "body_mode": "claimed"},
        {"route_id": "ping", "method": "POST", "path_template": "/ping", "allowed_sources": [SOURCE],
         "body_mode": "none"}
    ]}],
    "default_required_key_binding": "software", "default_freshness_class": "offline-ok", "revocations": [],
    "signed_by": {"issuer": "i", "kid": "k", "alg": "none"},
    "signature": {"format": "unsigned-skeleton", "value": "none"}
}"#;
const SOURCE: &str = r#"{"issuer": "https://issuer.example", "trust_domain": "example.local",
    "subject_exact": "service:orders", "required_key_binding": "software"}"#;
const TRUST: &str = r#"{
    "version": "trustplane-trust-material-bundle-v1", "kind": "trust_material_bundle",
    "issuers": [{"issuer": "https://issuer.example", "trust_domain": "example.local",
        "keys": [{"kid": "k1", "alg": "EdDSA", "public_key_b64url": "KEY"}]}],
    "revocations": [],
    "signed_by": {"issuer": "i", "kid": "k", "alg": "none"},
    "signature": {"format": "unsigned-skeleton", "value": "none"}
}"#;

/// A signed request: its head as owned pairs.
pub(crate) struct Call {
    pub(crate) path: &'static str,
    pairs: Vec<(&'static str, String)>,
}

fn pair() -> KeyPair {
    KeyPair::from_seed(Seed::new([7; 32]))
}

/// The policy, with more `members`.
pub(crate) fn policy(members: &str) -> String {
    POLICY.replace("SOURCE", SOURCE).replacen('{', &format!("{{{members}"), 1)
}

/// The trust material, with more `members`.
pub(crate) fn trust(members: &str) -> String {
    TRUST.replace("KEY", &base64url(&*pair().pk)).replacen('{', &format!("{{{members}"), 1)
}

/// A configuration with both bundles inline, and more `members`.
pub(crate) fn configuration(members: &str) -> String {
    let (policy, trust) = (policy(""), trust(""));
    format!(r#"{{"policy_bundle":{policy},"trust_bundle":{trust},"allow_unsigned_dev_bundles":true{members}}}"#)
}

pub(crate) fn verifier() -> Verifier {
    let configuration = configuration(r#","scheme":"https","max_body_bytes":200000"#);
    Rules::read(configuration.as_bytes(), Some(NOW)).unwrap().0.verifier
}

impl Call {
    /// `POST /orders` with this body, bound.
    pub(crate) fn orders(body: &[u8]) -> Self {
        Self::signed("/orders", "orders.post", body)
    }

    /// `POST /stream`, of whose body only the claimed digest is bound.
    pub(crate) fn stream() -> Self {
        Self::signed("/stream", "stream", b"")
    }

    /// `POST /ping`, which takes no body.
    pub(crate) fn ping() -> Self {
        Self::signed("/ping", "ping", b"")
    }

    fn signed(path: &'static str, route_id: &str, body: &[u8]) -> Self {
        let pair = pair();
        let iat = NOW.as_secs();
        let claims = format!(
            r#"{{"iss":"https://issuer.example","sub":"service:orders","aud":"orders","iat":{iat},"exp":{},"jti":"j-1","trust_domain":"example.local","cnf":{{"kid":"c1","key_binding":"software","public_key_b64url":"{}"}}}}"#,
            iat + 300,
            base64url(&*pair.pk),
        );
        let jws =
            format!("{}.{}", base64url(br#"{"alg":"EdDSA","typ":"JWT","kid":"k1"}"#), base64url(claims.as_bytes()));
        let signature = base64url(&*pair.sk.sign(&jws, None));
        let transcript = Transcript {
            method: "POST",
            scheme: "https",
            authority: "orders.example",
            path,
            audience: "orders",
            route_id,
            content_encoding: "identity",
            query: "",
            headers: &[CoveredHeader { name: "x-trustplane-nonce", value_sha256: sha256(NONCE.as_bytes()) }],
            body_sha256: sha256(body),
            passport_jti: "j-1",
            nonce: NONCE,
            issued_at: iat,
            key_binding: KeyBinding::Software,
        };
        let digest = transcript.digest();
        let pairs = vec![
            ("authorization", format!("Bearer {jws}.{signature}")),
            ("x-trustplane-transcript-sha256", hex(&digest)),
            ("x-trustplane-proof", base64url(&*pair.sk.sign(digest, None))),
            ("x-trustplane-nonce", NONCE.to_owned()),
            ("x-trustplane-body-sha256", hex(&sha256(body))),
        ];
        Self { path, pairs }
    }

    /// The same request with one more header.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.pairs.push((name, value.to_owned()));
        self
    }

    /// Hands the head to `judge`.
    pub(crate) fn head<R>(&self, judge: impl FnOnce(Head<'_>) -> R) -> R {
        let headers: Vec<_> = self.pairs.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
        judge(Head {
            method: b"POST",
            target: self.path.as_bytes(),
            authority: b"orders.example",
            tls: true,
            headers: &headers,
        })
    }
}
