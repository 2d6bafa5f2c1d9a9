//! Signing a request the way a caller that holds its own key does.

mod cover;

use std::fmt;

use trustplane_broker::{SigningKey, mint};
use trustplane_core::{CoveredHeader, KeyBinding, QueryError, Transcript, UnixTime, normalize_query, sha256};

use self::cover::cover;

/// The header that names what our signer covers; the official SDK sends none.
const SIGNED_HEADERS: &str = "X-TrustPlane-Signed-Headers";

/// Who signs.
#[derive(Debug)]
pub struct Caller<'a> {
    /// Signs passport and proof.
    pub key: &'a SigningKey,
    /// The id under which verifiers know that key.
    pub kid: &'a str,
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `trust_domain`.
    pub trust_domain: &'a str,
    /// The class that the passport claims.
    pub key_binding: KeyBinding,
}

/// What is signed.
#[derive(Debug)]
pub struct Outgoing<'a> {
    /// Upper case.
    pub method: &'a str,
    /// The scheme the caller dials.
    pub scheme: &'a str,
    /// The authority the caller dials, with its port.
    pub authority: &'a str,
    /// Path and query.
    pub target: &'a str,
    /// The route's audience.
    pub audience: &'a str,
    /// The route's id.
    pub route_id: &'a str,
    /// Headers to cover, besides the nonce.
    pub headers: &'a [(String, String)],
    /// The body.
    pub body: &'a [u8],
}

/// What is different in every request.
#[derive(Clone, Debug)]
pub struct Stamp {
    /// `iat`.
    pub issued_at: UnixTime,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `jti`.
    pub jti: String,
    /// The nonce.
    pub nonce: String,
}

/// A request's proof.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignedRequest {
    /// The headers to send besides those that were covered.
    pub headers: Vec<(&'static str, String)>,
    /// The twenty canonical lines.
    pub transcript: String,
    /// Their digest.
    pub transcript_sha256: [u8; 32],
}

/// Why a request cannot be signed so that a verifier would take it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SignError {
    /// The caller's own words make no passport.
    Mint(mint::MintError),
    /// This header comes twice, and a verifier hashes no header that does.
    RepeatedHeader(String),
    /// Verifiers never cover this header, or we write it ourselves.
    ReservedHeader(String),
    /// The target is not `/path?query`.
    Target,
    /// A part of the request is empty or holds a control character.
    Transcript,
    /// The query cannot be brought into normal form.
    Query(QueryError),
    /// This header's name or value cannot be signed.
    UnsoundHeader(String),
}

impl Stamp {
    /// A passport that lives `ttl` seconds from `now`, and a nonce.
    pub fn new(now: UnixTime, ttl: u64) -> Result<Self, getrandom::Error> {
        let (mut jti, mut nonce) = ([0; 16], [0; 16]);
        getrandom::fill(&mut jti)?;
        getrandom::fill(&mut nonce)?;
        Ok(Self {
            issued_at: now,
            expires_at: now.plus(ttl),
            jti: mint::jti(&jti),
            nonce: nonce.iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }
}

/// Whether every one of these headers can be covered, whoever signs.
pub(crate) fn coverable(headers: &[(String, String)]) -> Result<(), SignError> {
    cover(headers, "").map(drop)
}

/// A passport that names the caller's key, whoever issued it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Held {
    /// The token.
    pub token: String,
    /// `jti`.
    pub jti: String,
    /// `iat`.
    pub issued_at: UnixTime,
    /// `cnf.key_binding`.
    pub key_binding: KeyBinding,
}

/// Issues a passport for this one request and signs the request under it.
pub fn sign_request(caller: &Caller<'_>, request: &Outgoing<'_>, stamp: &Stamp) -> Result<SignedRequest, SignError> {
    let token = mint::mint_passport(
        &mint::Claims {
            issuer: caller.issuer,
            subject: caller.subject,
            audience: request.audience,
            issued_at: stamp.issued_at,
            expires_at: stamp.expires_at,
            jti: &stamp.jti,
            trust_domain: caller.trust_domain,
            proof_key: caller.key.public_key(),
            key_binding: caller.key_binding,
            provenance: None,
            context: &[],
        },
        caller.kid,
        caller.key,
    )
    .map_err(SignError::Mint)?;
    let held = Held { token, jti: stamp.jti.clone(), issued_at: stamp.issued_at, key_binding: caller.key_binding };
    sign_under(&held, caller.key, request, &stamp.nonce)
}

/// Signs a request under a passport that names `key`.
pub fn sign_under(
    held: &Held,
    key: &SigningKey,
    request: &Outgoing<'_>,
    nonce: &str,
) -> Result<SignedRequest, SignError> {
    let covered = cover(request.headers, nonce)?;
    let hashed: Vec<_> =
        (covered.iter()).map(|(name, value)| CoveredHeader { name, value_sha256: sha256(value.as_bytes()) }).collect();
    let encoding = covered.iter().find(|(name, _)| name == "content-encoding").map(|(_, value)| value.to_lowercase());
    let (path, query) = match request.target.split_once('?') {
        Some((path, query)) => (path, query),
        None => (request.target, ""),
    };
    if !path.starts_with('/') || request.target.contains('#') {
        return Err(SignError::Target);
    }
    let body_sha256 = sha256(request.body);
    let transcript = Transcript {
        method: request.method,
        scheme: request.scheme,
        authority: &request.authority.to_ascii_lowercase(),
        path,
        audience: request.audience,
        route_id: request.route_id,
        content_encoding: encoding.as_deref().filter(|value| !value.is_empty()).unwrap_or("identity"),
        query: &normalize_query(query.as_bytes()).map_err(SignError::Query)?,
        headers: &hashed,
        body_sha256,
        passport_jti: &held.jti,
        nonce,
        issued_at: held.issued_at.as_secs(),
        key_binding: held.key_binding,
    };
    if !transcript.is_sound() {
        return Err(SignError::Transcript);
    }
    let digest = transcript.digest();
    let names: Vec<_> = covered.iter().map(|(name, _)| name.as_str()).collect();
    Ok(SignedRequest {
        headers: vec![
            ("Authorization", format!("Bearer {}", held.token)),
            ("X-TrustPlane-Transcript-SHA256", trustplane_core::hex(&digest)),
            ("X-TrustPlane-Proof", mint::prove(&digest, key)),
            ("X-TrustPlane-Nonce", nonce.to_owned()),
            ("X-TrustPlane-Body-SHA256", trustplane_core::hex(&body_sha256)),
            (SIGNED_HEADERS, names.join(",")),
        ],
        transcript: transcript.text(),
        transcript_sha256: digest,
    })
}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mint(err) => err.fmt(f),
            Self::Query(err) => err.fmt(f),
            Self::RepeatedHeader(name) => write!(f, "header {name} comes more than once; verifiers refuse that"),
            Self::ReservedHeader(name) => {
                write!(
                    f,
                    "header {name} cannot be covered: no header name, or written by the signer, HTTP libraries or proxies"
                )
            }
            Self::Target => f.write_str("the path must begin with / and hold no fragment"),
            Self::Transcript => {
                f.write_str("a part of the request is empty, or holds outer white space or a control character")
            }
            Self::UnsoundHeader(name) => {
                write!(f, "header {name} holds something else than visible ASCII, spaces and tabs")
            }
        }
    }
}

impl std::error::Error for SignError {}

#[cfg(test)]
mod tests {
    use super::*;

    /// The official SDK's `ProtectedClient`, with seed 00 01 … 1f and a fixed clock and entropy.
    #[test]
    fn digest_and_proof_are_those_of_the_official_sdk() {
        let key = SigningKey::from_base64url("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap();
        let caller = Caller {
            key: &key,
            kid: "k",
            issuer: "i",
            subject: "s",
            trust_domain: "t",
            key_binding: KeyBinding::Software,
        };
        let json = "application/json".to_owned();
        let request = Outgoing {
            method: "POST",
            scheme: "https",
            authority: "auth.example.test:8443",
            target: "/orders/123?b=2&a=1",
            audience: "orders-api",
            route_id: "r",
            headers: &[("Content-Type".into(), json.clone()), ("Accept".into(), json)],
            body: br#"{"ok":true}"#,
        };
        let stamp = Stamp {
            issued_at: UnixTime::from_secs(1_750_000_000),
            expires_at: UnixTime::from_secs(1_750_000_600),
            jti: "jti-BwcHBwcHBwcHBwcHBwcHBw".into(),
            nonce: "07".repeat(16),
        };
        let signed = sign_request(&caller, &request, &stamp).unwrap();
        let header = |name| signed.headers.iter().find(|(own, _)| *own == name).map(|(_, value)| value.as_str());
        assert_eq!(
            header("X-TrustPlane-Transcript-SHA256"),
            Some("293e2b5fbf8cee1fab55b13960f8c23b0856607723bf5864a67023ac9d327533")
        );
        assert_eq!(
            header("X-TrustPlane-Proof"),
            Some("Ush7RWoKfJBxS0LiZ2lPYBgBC9WiMHFAPgxxQl2XsNQu1kbAbKIv5pQMY_kHmc82rDiioLdfT0WX73KJl1Y9Dg")
        );
        assert_eq!(header(SIGNED_HEADERS), Some("accept,content-type,x-trustplane-nonce"));
        assert_eq!(signed.transcript.lines().count(), 20);
    }
}
