use trustplane_core::{DocumentError, KeyBinding, PublicKey, UnixTime};

use super::add::NewKey;
use super::edit::Edit;
use super::place::{self, array};
use crate::value::value;

/// A new key for an issuer, and how long the old one still counts.
#[derive(Clone, Debug)]
pub struct Rotation {
    /// Whose key it is.
    pub issuer: String,
    /// The key that goes; the issuer's only active one when not named.
    pub old_kid: Option<String>,
    /// The id of the key that comes.
    pub kid: String,
    /// The key that comes.
    pub key: PublicKey,
    /// The highest class it may grant; what the old one may when not given.
    pub max_key_binding: Option<KeyBinding>,
    /// The old key is unknown after this.
    pub old_until: UnixTime,
}

/// What a rotation did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rotated {
    /// The key that goes.
    pub old_kid: String,
    /// Until when it counts: never later than it did before.
    pub old_until: UnixTime,
}

impl Rotation {
    /// Changes trust material.
    pub fn apply(&self, trust: &mut String) -> Result<Rotated, DocumentError> {
        let (number, issuer) = place::issuer(trust, &self.issuer)?;
        let at = |error: DocumentError| error.within("keys").within(number).within("issuers");
        let keys = array(&issuer, "keys").map_err(|error| error.within(number).within("issuers"))?;
        if let Some((index, _)) = place::key(&issuer, &self.kid) {
            let problem = format!("key {:?} is there already: a new key has an id of its own", self.kid);
            return Err(at(DocumentError::new("", problem).within(index)));
        }
        let old_kid = match &self.old_kid {
            Some(kid) => kid.clone(),
            None => {
                let active = |key: &super::span::Node<'_>| key.string("status").as_deref() != Some("revoked");
                let open = |key: &super::span::Node<'_>| key.member("not_after").is_none();
                let mut going = keys.items().into_iter().filter(|key| active(key) && open(key));
                match (going.next().and_then(|key| key.string("kid")), going.next()) {
                    (Some(kid), None) => kid,
                    (None, _) => {
                        return Err(at(DocumentError::new(
                            "",
                            "no active key without an end: name one with --old-kid",
                        )));
                    }
                    (Some(_), Some(_)) => {
                        return Err(at(DocumentError::new(
                            "",
                            "several active keys: name the one that goes with --old-kid",
                        )));
                    }
                }
            }
        };
        let (_, old) =
            place::key(&issuer, &old_kid).ok_or_else(|| at(DocumentError::new("", format!("no key {old_kid:?}"))))?;
        let granted = old.string("max_key_binding").and_then(|name| KeyBinding::parse(&name));
        let new = NewKey {
            kid: self.kid.clone(),
            key: self.key.clone(),
            max_key_binding: self.max_key_binding.or(granted).unwrap_or(KeyBinding::Software),
        };
        let known_end = old.integer("not_after").map(|secs| UnixTime::from_secs(secs.unsigned_abs()));
        // A rotation shortens a key's life and never lengthens it.
        let old_until = known_end.map_or(self.old_until, |known| known.min(self.old_until));
        let mut edit = Edit::new(trust);
        edit.push(&keys, &[new.entry()]);
        if known_end != Some(old_until) {
            edit.set(&old, "not_after", &value!(old_until.as_secs()));
        }
        *trust = edit.apply();
        Ok(Rotated { old_kid, old_until })
    }
}
