mod signature;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::binding::KeyBinding;
use crate::encoding::{base64url_array, base64url_bytes};
use crate::facts::Facts;
use crate::json::{self, Limits, Object, Value};
use crate::key::{KeyCache, PublicKey};
use crate::reason::Reason;
use crate::shared::shared;
use crate::time::UnixTime;
use crate::trust::{IssuerKey, Trust};

pub(crate) use signature::Signature;

/// Larger tokens are refused before anything is decoded.
const MAX_TOKEN: usize = 8 * 1024;

/// A passport whose shape stands; nothing in it may be believed yet.
pub(crate) struct UnverifiedPassport<'t> {
    signing_input: &'t [u8],
    signature: [u8; 64],
    kid: String,
    claims: Claims,
}

struct Claims {
    issuer: Arc<str>,
    subject: Arc<str>,
    audience: String,
    issued_at: UnixTime,
    expires_at: UnixTime,
    not_before: Option<UnixTime>,
    jti: Arc<str>,
    trust_domain: Arc<str>,
    key_binding: KeyBinding,
    /// Decoded after the signature: point arithmetic is not spent on strangers.
    proof_key: [u8; 32],
    provenance: Option<Facts>,
    context: Option<Facts>,
}

/// What a passport says; whether its issuer said so is its [`Signature`]'s to tell.
#[derive(Debug)]
pub(crate) struct Passport {
    pub kid: String,
    pub issuer: Arc<str>,
    pub subject: Arc<str>,
    pub audience: String,
    pub issued_at: UnixTime,
    pub expires_at: UnixTime,
    pub not_before: Option<UnixTime>,
    pub jti: Arc<str>,
    pub trust_domain: Arc<str>,
    pub key_binding: KeyBinding,
    pub proof_key: PublicKey,
    pub provenance: Option<Facts>,
    pub context: Option<Facts>,
}

impl<'t> UnverifiedPassport<'t> {
    /// Reads a compact JWS (RFC 7515 section 3.1) of passport-v1 shape.
    pub(crate) fn parse(token: &'t [u8]) -> Option<Self> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        // A third dot would stand in the payload, where no decoder takes it.
        let is_dot = |byte: &u8| *byte == b'.';
        let (signed, signature) = token.split_at_checked(token.iter().rposition(is_dot)?)?;
        let (header, payload) = signed.split_at_checked(signed.iter().position(is_dot)?)?;
        let (payload, signature) = (payload.strip_prefix(b".")?, signature.strip_prefix(b".")?);
        Some(Self {
            signing_input: signed,
            signature: base64url_array(signature)?,
            kid: read_header(&base64url_bytes(header)?)?,
            claims: Claims::read(&base64url_bytes(payload)?)?,
        })
    }

    /// Looks the issuer's key up, begins to check the signature, and reads the proof key it vouches
    /// for. A key that never verified anything is decoded once the signature stands: point
    /// arithmetic is not spent on strangers.
    pub(crate) fn begin<'k>(
        self,
        trust: &'k Trust,
        keys: &mut KeyCache,
        now: UnixTime,
    ) -> Result<(Passport, &'k IssuerKey, Signature), Reason> {
        let Self { signing_input, signature, kid, claims } = self;
        let issuer_key = trust
            .key(&claims.issuer, &kid)
            .filter(|key| key.not_before.is_none_or(|from| from <= now))
            .filter(|key| key.not_after.is_none_or(|until| now <= until))
            .ok_or(Reason::UnknownIssuerKey)?;
        let pending = keys.begin(&issuer_key.key, signing_input, &signature);
        let mut signature = Signature::pending(pending.ok_or(Reason::InvalidPassportSignature)?);
        let proof_key = match keys.known(&claims.proof_key) {
            Some(key) => key,
            None => {
                signature = signature.settle(keys)?;
                PublicKey::from_bytes(&claims.proof_key).map_err(|_| Reason::InvalidPassport)?
            }
        };
        let passport = Passport {
            kid,
            issuer: claims.issuer,
            subject: claims.subject,
            audience: claims.audience,
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            not_before: claims.not_before,
            jti: claims.jti,
            trust_domain: claims.trust_domain,
            key_binding: claims.key_binding,
            proof_key,
            provenance: claims.provenance,
            context: claims.context,
        };
        Ok((passport, issuer_key, signature))
    }
}

impl Passport {
    /// The window rules: `iat <= now + skew`, `now < exp + skew`, `0 < exp - iat <= max_ttl`.
    pub(crate) fn check_times(&self, now: UnixTime, skew: u64, max_ttl: u64) -> Result<(), Reason> {
        self.check_expiry(now, skew)?;
        let latest = now.plus(skew);
        if self.issued_at > latest || self.not_before.is_some_and(|from| from > latest) {
            return Err(Reason::PassportNotYetValid);
        }
        if !(1..=max_ttl).contains(&self.expires_at.since(self.issued_at)) {
            return Err(Reason::PassportTtlExceeded);
        }
        Ok(())
    }

    pub(crate) fn check_expiry(&self, now: UnixTime, skew: u64) -> Result<(), Reason> {
        if now >= self.expires_at.plus(skew) {
            return Err(Reason::PassportExpired);
        }
        Ok(())
    }
}

/// The `kid` of a JOSE header that says exactly what we take.
fn read_header(bytes: &[u8]) -> Option<String> {
    let Value::Object(header) = json::parse(bytes, Limits::PASSPORT).ok()? else {
        return None;
    };
    // RFC 8725 section 3.1: the algorithm is ours to name, and no key comes from the token.
    let refused = ["crit", "b64", "jwk", "jku", "x5u", "x5c"];
    let stands =
        header.iter().all(|(name, value)| !refused.contains(&name) && !name.starts_with("x5t") && is_clean(value));
    if !stands || text(&header, "alg")? != "EdDSA" || text(&header, "typ")? != "JWT" {
        return None;
    }
    // An empty one is a name like any other, and no key has it.
    header.get("kid")?.as_str().map(String::from)
}

impl Claims {
    fn read(bytes: &[u8]) -> Option<Self> {
        let document = json::parse(bytes, Limits::PASSPORT).ok()?;
        if !is_clean(&document) {
            return None;
        }
        let Value::Object(claims) = &document else {
            return None;
        };
        let Value::Object(cnf) = claims.get("cnf")? else {
            return None;
        };
        edged(text(cnf, "kid")?)?;
        let issued_at = seconds(claims, "iat")?;
        let jti = edged(text(claims, "jti")?).filter(|jti| jti.len() <= 256)?;
        let context = match (claims.get("context"), claims.get("ctx")) {
            (Some(_), Some(_)) => return None,
            (context, alias) => context.or(alias),
        };
        let (issuer, subject) = (text(claims, "iss")?, text(claims, "sub")?);
        let audience = edged(audience(claims.get("aud")?)?)?;
        let expires_at = seconds(claims, "exp")?;
        let not_before = claims.get("nbf").map(as_seconds).map_or(Some(None), |at| at.map(Some))?;
        let trust_domain = text(claims, "trust_domain")?;
        let key_binding = KeyBinding::parse(edged(text(cnf, "key_binding")?)?)?;
        let proof_key = base64url_array(text(cnf, "public_key_b64url")?.as_bytes())?;
        let provenance = claims.get("provenance").map(provenance).map_or(Some(None), |read| read.map(Some))?;
        let context = context.map(facts).map_or(Some(None), |read| read.map(Some))?;
        // Copied last: nothing is undone for a passport whose shape does not stand.
        Some(Self {
            issuer: shared(issuer),
            subject: shared(subject),
            audience: audience.into(),
            issued_at,
            expires_at,
            not_before,
            jti: shared(jti),
            trust_domain: shared(trust_domain),
            key_binding,
            proof_key,
            provenance,
            context,
        })
    }
}

/// No string may hold a control character: `sub` and `iss` reach upstream headers, `jti` a line of
/// the transcript.
fn is_clean(value: &Value<'_>) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::Integer(_) => true,
        Value::String(text) => is_clean_text(text),
        Value::Array(items) => items.iter().all(is_clean),
        Value::Object(members) => members.iter().all(|(name, value)| is_clean_text(name) && is_clean(value)),
    }
}

fn is_clean_text(text: &str) -> bool {
    !text.bytes().any(|byte| byte.is_ascii_control())
}

fn text<'a>(object: &'a Object<'_>, name: &str) -> Option<&'a str> {
    match object.get(name)? {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

/// A value that enters the transcript, whose signers trim: outer white space is refused.
fn edged(text: &str) -> Option<&str> {
    (text.trim() == text).then_some(text)
}

fn audience<'a>(value: &'a Value<'_>) -> Option<&'a str> {
    let value = match value {
        Value::Array(items) => match items.as_slice() {
            [one] => one,
            _ => return None,
        },
        value => value,
    };
    match value {
        Value::String(text) if !text.is_empty() => Some(text),
        _ => None,
    }
}

fn seconds(claims: &Object<'_>, name: &str) -> Option<UnixTime> {
    as_seconds(claims.get(name)?)
}

fn as_seconds(value: &Value<'_>) -> Option<UnixTime> {
    match value {
        Value::Integer(secs) => u64::try_from(*secs).ok().map(UnixTime::from_secs),
        _ => None,
    }
}

fn facts(value: &Value<'_>) -> Option<Facts> {
    let Value::Object(members) = value else {
        return None;
    };
    let facts = members.iter().map(|(name, value)| match value {
        Value::String(text) => Some((String::from(name), String::from(Cow::as_ref(text)))),
        _ => None,
    });
    facts.collect::<Option<Vec<_>>>().map(Facts::new)
}

/// Provenance is facts, but for `peer`, which is facts of its own.
fn provenance(value: &Value<'_>) -> Option<Facts> {
    let Value::Object(members) = value else {
        return None;
    };
    let mut all = Vec::new();
    for (name, value) in members.iter() {
        match (name, value) {
            ("peer", peer) => {
                facts(peer)?;
            }
            (name, Value::String(text)) => all.push((String::from(name), String::from(Cow::as_ref(text)))),
            _ => return None,
        }
    }
    Some(Facts::new(all))
}
