//! Passports and proofs, as functions of what goes into them: no clock, no entropy, no I/O.

use std::fmt;

use serde::Serialize;
use trustplane_core::{KeyBinding, PeerClaim, PublicKey, UnixTime, base64url};

use crate::signer::SigningKey;

/// The longest token a verifier reads.
const MAX_TOKEN_BYTES: usize = 8 * 1024;

/// What a passport says.
#[derive(Clone, Debug)]
pub struct Claims<'a> {
    /// `iss`.
    pub issuer: &'a str,
    /// `sub`.
    pub subject: &'a str,
    /// `aud`.
    pub audience: &'a str,
    /// `iat`.
    pub issued_at: UnixTime,
    /// `exp`.
    pub expires_at: UnixTime,
    /// `jti`; see [`jti`].
    pub jti: &'a str,
    /// `trust_domain`.
    pub trust_domain: &'a str,
    /// `cnf.public_key_b64url`, and `cnf.kid` too: the key that will sign the proof.
    pub proof_key: &'a PublicKey,
    /// `cnf.key_binding`.
    pub key_binding: KeyBinding,
    /// `provenance`, absent when `None`.
    pub provenance: Option<&'a Provenance>,
    /// `context`, absent when empty.
    pub context: &'a [(String, String)],
}

/// What a broker knows of where a passport comes from.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Provenance {
    /// The way the workload was identified.
    pub profile: String,
    /// What holds the signing key.
    pub signer: String,
    /// What was verified before issuance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub posture: Option<String>,
    /// The SPIFFE ID that was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe_id: Option<String>,
    /// Its trust domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spiffe_trust_domain: Option<String>,
    /// How the workload was attested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_method: Option<String>,
    /// The attester's name for that attestation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attestation_id: Option<String>,
    /// The process that asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<PeerClaim>,
}

/// Why claims make no passport that a verifier would read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MintError {
    /// A value that must not be empty is.
    Empty(&'static str),
    /// The passport would not live, or for ever.
    Lifetime,
    /// The token would be longer than a verifier reads.
    TooLong,
    /// A value with outer white space or a control character.
    Unclean(&'static str),
}

#[derive(Serialize)]
struct WireHeader<'a> {
    alg: &'static str,
    kid: &'a str,
    typ: &'static str,
}

/// The order of the members is the official SDK's.
#[derive(Serialize)]
struct WireClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: u64,
    exp: u64,
    jti: &'a str,
    trust_domain: &'a str,
    cnf: WireCnf<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provenance: Option<&'a Provenance>,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<WireContext<'a>>,
}

#[derive(Serialize)]
struct WireCnf<'a> {
    kid: &'a str,
    public_key_b64url: &'a str,
    key_binding: &'static str,
}

struct WireContext<'a>(&'a [(String, String)]);

/// A passport for `claims`, signed by the issuer key that verifiers know as `kid`.
pub fn mint_passport(claims: &Claims<'_>, kid: &str, key: &SigningKey) -> Result<String, MintError> {
    claims.check(kid)?;
    let proof_key = claims.proof_key.to_base64url();
    let header = WireHeader { alg: "EdDSA", kid, typ: "JWT" };
    let payload = WireClaims {
        iss: claims.issuer,
        sub: claims.subject,
        aud: claims.audience,
        iat: claims.issued_at.as_secs(),
        exp: claims.expires_at.as_secs(),
        jti: claims.jti,
        trust_domain: claims.trust_domain,
        cnf: WireCnf { kid: &proof_key, public_key_b64url: &proof_key, key_binding: claims.key_binding.as_str() },
        provenance: claims.provenance,
        context: (!claims.context.is_empty()).then_some(WireContext(claims.context)),
    };
    let mut token = part(&header);
    token.push('.');
    token.push_str(&part(&payload));
    let signature = key.sign(token.as_bytes());
    token.push('.');
    token.push_str(&base64url(&signature));
    if token.len() > MAX_TOKEN_BYTES {
        return Err(MintError::TooLong);
    }
    Ok(token)
}

/// The proof over a transcript's digest: the signature of its 32 raw bytes.
pub fn prove(digest: &[u8; 32], key: &SigningKey) -> String {
    base64url(&key.sign(digest))
}

/// The `jti` that 16 random bytes make.
pub fn jti(random: &[u8; 16]) -> String {
    let mut jti = String::with_capacity(26);
    jti.push_str("jti-");
    jti.push_str(&base64url(random));
    jti
}

impl Claims<'_> {
    fn check(&self, kid: &str) -> Result<(), MintError> {
        for (name, value) in [
            ("kid", kid),
            ("issuer", self.issuer),
            ("subject", self.subject),
            ("audience", self.audience),
            ("jti", self.jti),
            ("trust_domain", self.trust_domain),
        ] {
            if value.is_empty() {
                return Err(MintError::Empty(name));
            }
            clean(name, value)?;
        }
        for (name, value) in self.context {
            printable("context", name)?;
            printable("context", value)?;
        }
        // A verifier reads times up to 2^53, which JSON readers keep exact.
        if self.issued_at.as_secs() == 0 || self.expires_at <= self.issued_at || self.expires_at.as_secs() > 1 << 53 {
            return Err(MintError::Lifetime);
        }
        Ok(())
    }
}

/// Verifiers compare these bytewise, and signers trim: outer white space would part the two.
fn clean(name: &'static str, value: &str) -> Result<(), MintError> {
    if value.trim() != value {
        return Err(MintError::Unclean(name));
    }
    printable(name, value)
}

/// A control character could forge a line of the transcript, a header or a log.
fn printable(name: &'static str, value: &str) -> Result<(), MintError> {
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(MintError::Unclean(name));
    }
    Ok(())
}

fn part(value: &impl Serialize) -> String {
    // Strings and integers under fixed names always serialise.
    base64url(&serde_json::to_vec(value).unwrap_or_default())
}

impl Serialize for WireContext<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

impl fmt::Display for MintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty(name) => write!(f, "{name} is empty"),
            Self::Lifetime => f.write_str("the passport's times are not in order"),
            Self::TooLong => write!(f, "the passport would be longer than {MAX_TOKEN_BYTES} bytes"),
            Self::Unclean(name) => write!(f, "{name} holds outer white space or a control character"),
        }
    }
}

impl std::error::Error for MintError {}
