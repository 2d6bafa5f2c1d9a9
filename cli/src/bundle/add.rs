use trustplane_core::json::{Object, Value};
use trustplane_core::{DocumentError, KeyBinding, PublicKey};

use super::edit::{array, item, members, position, sources, text};
use super::sign::unsign;
use super::source::Source;
use crate::value::{Json, value};

/// A new client of a route: its issuer's key, and the rule that lets it in.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Whom the rule is about.
    pub source: Source,
    /// What kind of source that is: for readers, for it grants nothing.
    pub source_type: Option<String>,
    /// The lowest class it may present.
    pub required_key_binding: KeyBinding,
    /// The id of the issuer's key.
    pub kid: String,
    /// The issuer's key.
    pub key: PublicKey,
    /// The highest class that key may grant.
    pub max_key_binding: KeyBinding,
}

impl Entry {
    /// Adds the issuer's key to trust material.
    pub fn add_key(&self, trust: &mut Json, replace: bool) -> Result<(), DocumentError> {
        array(members(trust)?, "issuers", |issuers| {
            let Some(index) = position(issuers, |issuer| self.source.is_issuer(issuer)) else {
                issuers.push(value!({
                    "issuer": (self.source.issuer.as_str()),
                    "trust_domain": (self.source.trust_domain.as_str()),
                    "keys": [(self.key_entry())],
                }));
                return Ok(());
            };
            item(issuers, index, |issuer| self.add_to_issuer(issuer, replace))
        })?;
        unsign(trust)
    }

    fn add_to_issuer(&self, issuer: &mut Object<'static>, replace: bool) -> Result<(), DocumentError> {
        let Source { issuer: name, trust_domain, .. } = &self.source;
        if text(issuer, "trust_domain") != Some(trust_domain) {
            let known = text(issuer, "trust_domain").unwrap_or_default();
            let problem = format!("issuer {name} speaks for {known:?}, not for {trust_domain:?}");
            return Err(DocumentError::new("/trust_domain", problem));
        }
        array(issuer, "keys", |keys| {
            let known = position(keys, |key| text(key, "kid") == Some(&self.kid));
            put(keys, known, self.key_entry(), replace, &format!("key {:?}", self.kid))
        })
    }

    /// Adds the rule to a route.
    pub fn add_rule(&self, policy: &mut Json, route_id: &str, replace: bool) -> Result<(), DocumentError> {
        let routes = sources(
            policy,
            |own| own == route_id,
            |rules| {
                let known = position(rules, |rule| self.source.is_rule(rule));
                put(rules, known, self.rule(), replace, "a rule for this source")
            },
        )?;
        if routes == 0 {
            return Err(DocumentError::new("/route_groups", format!("no route has the id {route_id:?}")));
        }
        unsign(policy)
    }

    fn key_entry(&self) -> Json {
        value!({
            "kid": (self.kid.as_str()),
            "alg": "EdDSA",
            "public_key_b64url": (self.key.to_base64url()),
            "max_key_binding": (self.max_key_binding.as_str()),
        })
    }

    fn rule(&self) -> Json {
        let mut rule = Object::new();
        if let Some(source_type) = &self.source_type {
            rule.insert("source_type", value!(source_type.as_str()));
        }
        let (name, subject) = self.source.selector.member();
        rule.insert("issuer", value!(self.source.issuer.as_str()));
        rule.insert("trust_domain", value!(self.source.trust_domain.as_str()));
        rule.insert(name, value!(subject));
        rule.insert("required_key_binding", value!(self.required_key_binding.as_str()));
        Value::Object(rule)
    }
}

/// Appends an entry, or puts it where its namesake stands.
fn put(
    items: &mut Vec<Json>,
    known: Option<usize>,
    entry: Json,
    replace: bool,
    what: &str,
) -> Result<(), DocumentError> {
    match known {
        None => items.push(entry),
        Some(index) if replace => items[index] = entry,
        Some(index) => {
            let problem = format!("{what} is there already; --replace-existing puts the new one in its place");
            return Err(DocumentError::new(format!("/{index}"), problem));
        }
    }
    Ok(())
}
