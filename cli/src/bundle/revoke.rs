use trustplane_core::json::{Object, Value};
use trustplane_core::{DocumentError, UnixTime};

use super::add::put;
use super::edit::Edit;
use super::place::array;
use super::span::Node;
use crate::value::{Json, value};

/// What is taken back, and since when.
#[derive(Clone, Debug)]
pub struct Revocation {
    /// `jti`, `kid`, `subject`, `issuer` or `source`.
    pub r#type: &'static str,
    /// The value of that part of a passport; of a `source`, a subject or a prefix of subjects.
    pub value: String,
    /// The one issuer whose passports it is about, where it is not about every issuer's.
    pub issuer: Option<String>,
    /// Passports are refused from here on.
    pub revoked_at: UnixTime,
    /// Why, for readers.
    pub reason: Option<String>,
}

impl Revocation {
    /// Adds it to either document.
    pub fn add(&self, document: &mut String, replace: bool) -> Result<(), DocumentError> {
        let root = Node::root(document);
        let mut edit = Edit::new(document);
        match root.member("revocations") {
            None => edit.set_before(&root, "signed_by", "revocations", &Value::Array(vec![self.entry()])),
            Some(_) => {
                let list = array(&root, "revocations")?;
                let known = list.items().into_iter().enumerate().find(|(_, old)| self.is(old));
                let new = put(&mut edit, known, self.entry(), replace, "a revocation of this");
                if let Some(entry) = new.map_err(|error| error.within("revocations"))? {
                    edit.push(&list, &[entry]);
                }
            }
        }
        *document = edit.apply();
        Ok(())
    }

    fn is(&self, old: &Node<'_>) -> bool {
        old.string("type").as_deref() == Some(self.r#type)
            && old.string("value").as_ref() == Some(&self.value)
            && old.string("issuer") == self.issuer
    }

    fn entry(&self) -> Json {
        let mut entry = Object::new();
        entry.insert("type", value!(self.r#type));
        entry.insert("value", value!(self.value.as_str()));
        if let Some(issuer) = &self.issuer {
            entry.insert("issuer", value!(issuer.as_str()));
        }
        entry.insert("revoked_at", value!(self.revoked_at.as_secs()));
        if let Some(reason) = &self.reason {
            entry.insert("reason", value!(reason.as_str()));
        }
        Value::Object(entry)
    }
}
