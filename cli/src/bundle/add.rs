use trustplane_core::json::{Object, Value};
use trustplane_core::{DocumentError, KeyBinding, PublicKey};

use super::edit::Edit;
use super::place::{self, array, routes};
use super::source::Source;
use super::span::Node;
use crate::value::{Json, value};

/// A key that an issuer signs passports with.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its id.
    pub kid: String,
    /// Its public half.
    pub key: PublicKey,
    /// The highest class it may grant.
    pub max_key_binding: KeyBinding,
}

/// The rule that lets a client in.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Whom it is about.
    pub source: Source,
    /// What kind of source that is: for readers, for it grants nothing.
    pub source_type: Option<String>,
    /// The lowest class it may present.
    pub required_key_binding: KeyBinding,
}

impl NewKey {
    pub(super) fn entry(&self) -> Json {
        value!({
            "kid": (self.kid.as_str()),
            "alg": "EdDSA",
            "public_key_b64url": (self.key.to_base64url()),
            "max_key_binding": (self.max_key_binding.as_str()),
        })
    }
}

/// Adds keys of an issuer to trust material, and the issuer if it is new.
pub fn add_keys(
    trust: &mut String,
    issuer: &str,
    trust_domain: &str,
    keys: &[NewKey],
    replace: bool,
) -> Result<(), DocumentError> {
    let mut edit = Edit::new(trust);
    match place::issuer(trust, issuer) {
        Err(_) => {
            let keys: Vec<Json> = keys.iter().map(NewKey::entry).collect();
            let issuer = value!({ "issuer": (issuer), "trust_domain": (trust_domain), "keys": (keys) });
            edit.push(&array(&Node::root(trust), "issuers")?, &[issuer]);
        }
        Ok((number, known)) => {
            let at = |error: DocumentError| error.within(number).within("issuers");
            let own = known.string("trust_domain").unwrap_or_default();
            if own != trust_domain {
                let problem = format!("issuer {issuer} speaks for {own:?}, not for {trust_domain:?}");
                return Err(at(DocumentError::new("/trust_domain", problem)));
            }
            let list = array(&known, "keys").map_err(at)?;
            let mut new = Vec::new();
            for key in keys {
                let known = place::key(&known, &key.kid);
                let entry = put(&mut edit, known, key.entry(), replace, &format!("key {:?}", key.kid));
                new.extend(entry.map_err(|error| at(error.within("keys")))?);
            }
            if !new.is_empty() {
                edit.push(&list, &new);
            }
        }
    }
    *trust = edit.apply();
    Ok(())
}

impl Rule {
    /// Adds the rule to a route.
    pub fn add(&self, policy: &mut String, route_id: &str, replace: bool) -> Result<(), DocumentError> {
        let routes = routes(policy);
        let route = routes.iter().find(|place| place.route_id == route_id);
        let route =
            route.ok_or_else(|| DocumentError::new("/route_groups", format!("no route has the id {route_id:?}")))?;
        let within =
            |error: DocumentError| DocumentError { pointer: format!("{}{}", route.pointer, error.pointer), ..error };
        let rules = array(&route.route, "allowed_sources").map_err(within)?;
        let known = rules.items().into_iter().enumerate().find(|(_, rule)| self.source.is_rule(rule));
        let mut edit = Edit::new(policy);
        let new = put(&mut edit, known, self.entry(), replace, "a rule for this source");
        if let Some(rule) = new.map_err(|error| within(error.within("allowed_sources")))? {
            edit.push(&rules, &[rule]);
        }
        *policy = edit.apply();
        Ok(())
    }

    fn entry(&self) -> Json {
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

/// Puts an entry where its namesake stands, or gives it back for the end of the list.
pub(super) fn put<'t>(
    edit: &mut Edit<'t>,
    known: Option<(usize, Node<'t>)>,
    entry: Json,
    replace: bool,
    what: &str,
) -> Result<Option<Json>, DocumentError> {
    match known {
        None => Ok(Some(entry)),
        Some((_, old)) if replace => {
            edit.replace(&old, &entry);
            Ok(None)
        }
        Some((index, _)) => {
            let problem = format!("{what} is there already; --replace-existing puts the new one in its place");
            Err(DocumentError::new(format!("/{index}"), problem))
        }
    }
}
