//! What `jwt_authn` is measured with: tokens of six claims and the keys that sign them.

use ed25519_compact::{KeyPair, Seed};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use serde_json::{Value, json};
use trustplane_core::{UnixTime, base64url, sha256};

const ISSUER: &str = "https://issuer.bench.example";
const AUDIENCE: &str = "bench-api";

/// Who signs.
pub enum Signer {
    EdDsa(Box<KeyPair>),
    Es256(Box<SigningKey>),
}

impl Signer {
    pub fn eddsa(seed: u8) -> Self {
        Self::EdDsa(Box::new(KeyPair::from_seed(Seed::new(sha256(&[seed])))))
    }

    pub fn es256(seed: u8) -> Self {
        let key = SigningKey::from_slice(&sha256(&[seed])).expect("a hash is below the order, but for one in 2^32");
        Self::Es256(Box::new(key))
    }

    /// What Envoy is configured with.
    pub fn provider(&self, cache: bool) -> Value {
        let mut provider = json!({
            "issuer": ISSUER,
            "audiences": [AUDIENCE],
            "local_jwks": { "inline_string": self.jwks().to_string() },
        });
        if cache {
            provider["jwt_cache_config"] = json!({ "jwt_cache_size": 1000 });
        }
        provider
    }

    fn jwks(&self) -> Value {
        let key = match self {
            Self::EdDsa(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "kid": "1", "x": base64url(&*pair.pk) })
            }
            Self::Es256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let coordinate = |range| base64url(point.as_bytes().get(range).unwrap_or_default());
                json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "kid": "1", "x": coordinate(1..33), "y": coordinate(33..65) })
            }
        };
        json!({ "keys": [key] })
    }

    pub fn token(&self, number: u64, now: UnixTime) -> String {
        let algorithm = match self {
            Self::EdDsa(_) => "EdDSA",
            Self::Es256(_) => "ES256",
        };
        let part = |value: Value| base64url(value.to_string().as_bytes());
        let head = part(json!({ "alg": algorithm, "kid": "1", "typ": "JWT" }));
        let claims = part(json!({
            "iss": ISSUER,
            "sub": format!("service:caller-{number}"),
            "aud": AUDIENCE,
            "iat": now.as_secs(),
            "exp": now.plus(3600).as_secs(),
            "jti": format!("jti-{number}"),
        }));
        let signed = format!("{head}.{claims}");
        let signature = match self {
            Self::EdDsa(pair) => pair.sk.sign(signed.as_bytes(), None).to_vec(),
            Self::Es256(key) => Signer::es256_signature(key, signed.as_bytes()),
        };
        format!("{signed}.{}", base64url(&signature))
    }

    fn es256_signature(key: &SigningKey, message: &[u8]) -> Vec<u8> {
        let signature: Signature = key.sign(message);
        signature.to_bytes().to_vec()
    }
}
