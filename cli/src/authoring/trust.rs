use trustplane_core::json::Value;
use trustplane_core::{DocumentError, UnixTime};

use super::build::{Maker, name_of};
use super::names::Class;
use super::origin::Origin;
use super::types::{Authoring, Issuer, Key, Revocation, Time};
use crate::bundle::{read_jwk, read_jwks};
use crate::exit::Fault;
use crate::input::{Source, moment};
use crate::value::{Json, object, value};

impl Maker {
    pub(super) fn trust(&mut self, authored: &Authoring) -> Result<Json, Fault> {
        let mut issuers = Vec::new();
        for (number, issuer) in authored.issuers.iter().enumerate() {
            let keys = self.keys(number, issuer)?;
            if keys.is_empty() {
                return self.places.refuse(format!("/issuers/{number}"), "an issuer without keys vouches for nobody");
            }
            let domain = issuer.trust_domain.as_ref().unwrap_or(&authored.trust_domain);
            if issuer.trust_domain.is_none() {
                self.places.trust.authored(format!("/issuers/{number}/trust_domain"), "/trust_domain");
            }
            issuers.push(value!({
                "issuer": (issuer.issuer.as_str()),
                "trust_domain": (domain.as_str()),
                "keys": (keys),
            }));
        }
        let revocations = authored.revocations.iter().enumerate().map(|(number, entry)| self.revocation(number, entry));
        let revocations = revocations.collect::<Result<Vec<_>, _>>()?;
        Ok(value!({ "issuers": (issuers), "revocations": (revocations) }))
    }

    fn keys(&mut self, issuer_number: usize, issuer: &Issuer) -> Result<Vec<Json>, Fault> {
        let class = issuer.max_key_binding.unwrap_or(Class::Software);
        let mut keys = Vec::new();
        for (number, key) in issuer.keys.iter().enumerate() {
            keys.push(self.key(&format!("/issuers/{issuer_number}/keys/{number}"), key, class)?);
        }
        let Some(name) = &issuer.jwks else { return Ok(keys) };
        let path = self.places.file.beside(name);
        let source = Source::read(&path).or_else(|fault| {
            let problem = format!("{}: {}", path.display(), fault.problem);
            self.places.refuse(format!("/issuers/{issuer_number}/jwks"), problem)
        })?;
        let set = read_jwks(&source.value()?).map_err(|error| source.fault(error))?;
        for (pointer, kind) in set.passed_by {
            let name = source.name();
            self.notes.push(format!("{name}: {pointer}: passed by: {kind}, and passports are signed with Ed25519"));
        }
        if set.keys.is_empty() {
            return Err(source.fault(DocumentError::new("/keys", "no Ed25519 key")));
        }
        for (pointer, kid, key) in set.keys {
            let place = format!("/issuers/{issuer_number}/keys/{}", keys.len());
            let set = self.places.sets.len();
            self.places.trust.add(format!("{place}/public_key_b64url"), Origin::KeySet(set, format!("{pointer}/x")));
            self.places.trust.add(place, Origin::KeySet(set, pointer));
            keys.push(value!({
                "kid": (kid),
                "alg": "EdDSA",
                "public_key_b64url": (key.to_base64url()),
                "max_key_binding": (name_of(&class)),
            }));
        }
        self.places.sets.push(source);
        Ok(keys)
    }

    fn key(&mut self, pointer: &str, key: &Key, class: Class) -> Result<Json, Fault> {
        let (kid, public) = match (&key.public_key_b64url, &key.jwk) {
            (Some(public), None) => (key.kid.clone(), public.clone()),
            (None, Some(_)) => {
                let jwk = at(self.places.file.value(), &format!("{pointer}/jwk"));
                let read =
                    read_jwk(jwk).map_err(|error| self.places.file.fault(under(&format!("{pointer}/jwk"), error)))?;
                self.places.trust.authored(format!("{pointer}/public_key_b64url"), format!("{pointer}/jwk/x"));
                if key.kid.is_none() {
                    self.places.trust.authored(format!("{pointer}/kid"), format!("{pointer}/jwk/kid"));
                }
                (key.kid.clone().or(read.0), read.1.to_base64url())
            }
            (Some(_), Some(_)) => return self.places.refuse(pointer.to_owned(), "has both public_key_b64url and jwk"),
            (None, None) => return self.places.refuse(pointer.to_owned(), "has neither public_key_b64url nor jwk"),
        };
        let Some(kid) = kid else {
            return self.places.refuse(format!("{pointer}/kid"), "missing member: passports name their key by it");
        };
        let mut entry = object!({
            "kid": (kid),
            "alg": "EdDSA",
            "public_key_b64url": (public),
            "max_key_binding": (name_of(&key.max_key_binding.unwrap_or(class))),
        });
        if let Some(status) = &key.status {
            entry.insert("status", name_of(status));
        }
        for (name, time) in [("not_before", &key.not_before), ("not_after", &key.not_after)] {
            if let Some(time) = time {
                entry.insert(name, self.time(&format!("{pointer}/{name}"), time)?);
            }
        }
        Ok(Value::Object(entry))
    }

    fn revocation(&self, number: usize, entry: &Revocation) -> Result<Json, Fault> {
        let Revocation { r#type, value, issuer, revoked_at, reason } = entry;
        let mut written = object!({ "type": (name_of(r#type)), "value": (value.as_str()) });
        if let Some(issuer) = issuer {
            written.insert("issuer", value!(issuer.as_str()));
        }
        written.insert("revoked_at", self.time(&format!("/revocations/{number}/revoked_at"), revoked_at)?);
        if let Some(reason) = reason {
            written.insert("reason", value!(reason.as_str()));
        }
        Ok(Value::Object(written))
    }

    fn time(&self, pointer: &str, time: &Time) -> Result<Json, Fault> {
        let read = match time {
            Time::Seconds(secs) => UnixTime::from_secs(*secs),
            Time::Rfc3339(text) => match moment(text) {
                Ok(time) => time,
                Err(problem) => return self.places.refuse(pointer.to_owned(), problem),
            },
        };
        Ok(value!(read.as_secs()))
    }
}

/// The value at a pointer that was made while walking there.
fn at<'v>(value: &'v Json, pointer: &str) -> &'v Json {
    pointer.split('/').skip(1).fold(value, |value, segment| match value {
        Value::Array(items) => segment.parse::<usize>().ok().and_then(|index| items.get(index)).unwrap_or(value),
        Value::Object(members) => members.get(segment).unwrap_or(value),
        _ => value,
    })
}

fn under(pointer: &str, error: DocumentError) -> DocumentError {
    DocumentError { pointer: format!("{pointer}{}", error.pointer), ..error }
}
