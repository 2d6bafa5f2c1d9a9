use serde::Deserialize;
use trustplane_broker::SigningKey;
use trustplane_core::json::{self, Limits};
use trustplane_core::{KeyBinding, UnixTime, base64url_bytes};

use super::profile::Profile;
use crate::cmd::verify::token;
use crate::exit::Fault;
use crate::sign_request::Held;

/// A passport that somebody else issued, as far as its holder needs to read it.
///
/// Nothing here is checked but that it is for the holder's key: that is the verifier's part.
#[derive(Debug)]
pub(super) struct Passport {
    held: Held,
    claims: Claims,
    kid: String,
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: String,
    iat: u64,
    jti: String,
    trust_domain: String,
    cnf: Confirmation,
}

#[derive(Debug, Deserialize)]
struct Confirmation {
    key_binding: String,
    public_key_b64url: String,
}

#[derive(Debug, Deserialize)]
struct Header {
    kid: String,
}

impl Passport {
    /// Reads the token that a flag names.
    pub(super) fn read(flag: &str) -> Result<Self, Fault> {
        let token = token(flag)?;
        let parts: Vec<&str> = token.split('.').collect();
        let [header, claims, _signature] = *parts else { return Err(Fault::of("--token", "not a compact JWS")) };
        let (header, claims): (Header, Claims) = (part(header)?, part(claims)?);
        let key_binding = KeyBinding::parse(&claims.cnf.key_binding)
            .ok_or_else(|| Fault::member("--token", "/cnf/key_binding", "no such class"))?;
        let (jti, issued_at) = (claims.jti.clone(), UnixTime::from_secs(claims.iat));
        Ok(Self { held: Held { token, jti, issued_at, key_binding }, claims, kid: header.kid })
    }

    /// The passport, if it is for this key.
    pub(super) fn held_by(&self, key: &SigningKey) -> Result<&Held, Fault> {
        let (named, own) = (&self.claims.cnf.public_key_b64url, key.public_key().to_base64url());
        match *named == own {
            true => Ok(&self.held),
            false => {
                let problem = format!("it was issued for the key {named}, and the private key given is that of {own}");
                Err(Fault::member("--token", "/cnf/public_key_b64url", problem))
            }
        }
    }

    /// What it says in place of a profile.
    pub(super) fn tell(&self, profile: &mut Profile) {
        let Claims { iss, sub, aud, trust_domain, .. } = &self.claims;
        let members = [
            (&mut profile.issuer, iss),
            (&mut profile.subject, sub),
            (&mut profile.audience, aud),
            (&mut profile.trust_domain, trust_domain),
            (&mut profile.kid, &self.kid),
        ];
        for (member, claim) in members {
            member.clone_from(claim);
        }
    }
}

fn part<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, Fault> {
    let bytes = base64url_bytes(part.as_bytes()).ok_or_else(|| Fault::of("--token", "not a compact JWS"))?;
    let read = json::parse(&bytes, Limits::PASSPORT).and_then(|value| json::decode(&value));
    read.map_err(|error| Fault::json("--token", error))
}
