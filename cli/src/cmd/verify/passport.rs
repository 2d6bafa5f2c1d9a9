use std::io::Read as _;

use serde::Deserialize;
use trustplane_core::json::{self, Limits, Value};
use trustplane_core::{
    Checked, DocumentError, Head, Header, Pin, Policy, Reason, Settings, Trust, UnixTime, Verifier, base64url_bytes,
};

use super::Verify;
use crate::bundle::{Kind, build};
use crate::exit::{Fault, Verdict};
use crate::input::Source;
use crate::output::{Output, Report};
use crate::value::{Json, value};

/// What a token says of itself; nothing of it is believed before the verifier has agreed.
#[derive(Debug, Default)]
struct Said {
    kid: String,
    claims: Claims,
}

#[derive(Debug, Default, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    #[serde(default)]
    aud: Value<'static>,
    iat: u64,
    exp: u64,
    jti: String,
    trust_domain: String,
    cnf: Confirmation,
}

#[derive(Debug, Default, Deserialize)]
struct Confirmation {
    key_binding: String,
    public_key_b64url: String,
}

#[derive(Deserialize)]
struct JwsHeader {
    kid: String,
}

impl Verify {
    /// Judges a passport by the very checks that a request goes through, up to the proof: a policy
    /// of one route takes exactly what was asked for, and the request stops short of its proof.
    pub(super) fn passport(self, output: Output, now: UnixTime) -> Result<Verdict, Fault> {
        let text = token(self.token.as_deref().unwrap_or_default())?;
        let said = Said::read(&text).unwrap_or_default();
        let verifier = self.passport_verifier(&said, now)?;
        let authorization = format!("Bearer {text}");
        let digest = "0".repeat(64);
        let headers: [Header<'_>; 5] = [
            (b"authorization", authorization.as_bytes()),
            (b"x-trustplane-transcript-sha256", digest.as_bytes()),
            (b"x-trustplane-proof", &[b'A'; 86]),
            (b"x-trustplane-nonce", b"none"),
            (b"x-trustplane-body-sha256", digest.as_bytes()),
        ];
        let head = Head { method: b"GET", target: b"/", authority: b"localhost", tls: true, headers: &headers };
        let kid_differs = self.kid.as_ref().is_some_and(|kid| *kid != said.kid);
        let refused = match verifier.open(&head, now) {
            Err(denied) => Some(denied.reason()),
            Ok(_) if kid_differs => Some(Reason::UnknownIssuerKey),
            Ok(_) => None,
        };
        let report = Report::new().with("accepted", refused.is_none());
        if let Some(reason) = refused {
            output.show(&report.with("reason_code", reason.as_str()).with("detail_reason", reason.explain()))?;
            return Ok(Verdict::Deny);
        }
        let Said { kid, claims } = said;
        output.show(
            &report
                .with("issuer", claims.iss)
                .with("subject", claims.sub)
                .with("audience", claims.aud)
                .with("trust_domain", claims.trust_domain)
                .with("kid", kid)
                .with("jti", claims.jti)
                .with("key_binding", claims.cnf.key_binding)
                .with("proof_public_key", claims.cnf.public_key_b64url)
                .with("issued_at", claims.iat)
                .with("expires_at", claims.exp)
                .with("expires_in", UnixTime::from_secs(claims.exp).since(now)),
        )?;
        Ok(Verdict::Allow)
    }

    fn passport_verifier(&self, said: &Said, now: UnixTime) -> Result<Verifier, Fault> {
        let expected = |flag: &Option<String>, said: &str| match flag {
            Some(flag) => flag.clone(),
            // An unreadable token is refused for that; the rule must merely load.
            None if said.is_empty() || said.chars().any(char::is_control) => "unreadable".to_owned(),
            None => said.to_owned(),
        };
        let issuer = expected(&self.issuer, &said.claims.iss);
        let trust_domain = expected(&self.trust_domain, &said.claims.trust_domain);
        let flags = |error: DocumentError| Fault::member("flags", error.pointer, error.problem);
        let policy = build(
            Kind::Policy,
            value!({
                "trust_domain": (trust_domain.as_str()),
                "apis": [{ "api_id": "passport", "audience": (self.audience.clone().unwrap_or_default()) }],
                "route_groups": [{
                    "route_group_id": "passport",
                    "api_id": "passport",
                    "routes": [{
                        "route_id": "passport",
                        "method": "GET",
                        "path_template": "/",
                        "required_key_binding": "software",
                        "freshness_class": "offline-ok",
                        "allowed_sources": [{
                            "issuer": (issuer.as_str()),
                            "trust_domain": (trust_domain.as_str()),
                            "subject_exact": (expected(&None, &said.claims.sub)),
                            "required_key_binding": "software",
                        }],
                    }],
                }],
            }),
        )
        .map_err(flags)?;
        let policy = Policy::load(&policy, &Pin::UnsignedDev).map_err(flags)?;
        let trust = match (&self.bundle, &self.public_key) {
            (Some(path), _) => {
                let source = Source::read(path)?;
                Trust::load(&source.value()?, &self.pins.trust()?).map_err(|error| source.fault(error))?
            }
            (None, key) => {
                let key = key.as_ref().map(|key| key.to_base64url()).unwrap_or_default();
                let kid = self.kid.clone().unwrap_or_default();
                let trust = build(Kind::Trust, named_key(&issuer, &trust_domain, &kid, &key)).map_err(flags)?;
                Trust::load(&trust, &Pin::UnsignedDev).map_err(flags)?
            }
        };
        let checked = Checked { document: policy, checked_at: now };
        Ok(Verifier::new(Settings::default(), Some(checked), Checked { document: trust, checked_at: now }))
    }
}

/// Who names a key on the command line vouches for all it may grant.
fn named_key(issuer: &str, trust_domain: &str, kid: &str, key: &str) -> Json {
    value!({
        "issuers": [{
            "issuer": (issuer),
            "trust_domain": (trust_domain),
            "keys": [{ "kid": (kid), "alg": "EdDSA", "public_key_b64url": (key), "max_key_binding": "attested_workload" }],
        }],
    })
}

impl Said {
    fn read(token: &str) -> Option<Self> {
        let mut parts = token.split('.');
        let mut part = || base64url_bytes(parts.next()?.as_bytes());
        let (header, claims) = (part()?, part()?);
        let header: JwsHeader = json::decode(&json::parse(&header, Limits::PASSPORT).ok()?).ok()?;
        let claims = json::decode(&json::parse(&claims, Limits::PASSPORT).ok()?).ok()?;
        Some(Self { kid: header.kid, claims })
    }
}

/// The token itself, or what standard input holds.
pub(crate) fn token(flag: &str) -> Result<String, Fault> {
    if flag != "-" {
        return Ok(flag.trim().to_owned());
    }
    let mut text = String::new();
    let most = u64::try_from(Limits::PASSPORT.max_bytes).unwrap_or(u64::MAX);
    std::io::stdin()
        .take(most.saturating_mul(2))
        .read_to_string(&mut text)
        .map_err(|err| Fault::of("standard input", err))?;
    Ok(text.trim().to_owned())
}
