use trustplane_core::json::Object;

use super::edit::text;

/// Which subjects a rule is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selector {
    /// This one.
    Exact(String),
    /// Those that begin so; ends in `:` or `/`.
    Prefix(String),
}

/// Whom a source rule is about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// `iss`.
    pub issuer: String,
    /// `trust_domain`.
    pub trust_domain: String,
    /// `sub`.
    pub selector: Selector,
}

impl Selector {
    /// The member of a rule that holds it, and its value.
    pub(super) fn member(&self) -> (&'static str, &str) {
        match self {
            Self::Exact(subject) => ("subject_exact", subject),
            Self::Prefix(prefix) => ("subject_prefix", prefix),
        }
    }
}

impl Source {
    /// Whether an issuer of the trust material is this one's.
    pub(super) fn is_issuer(&self, issuer: &Object<'static>) -> bool {
        text(issuer, "issuer") == Some(&self.issuer)
    }

    /// Whether a rule of the policy is about exactly this source.
    pub(super) fn is_rule(&self, rule: &Object<'static>) -> bool {
        let (name, subject) = self.selector.member();
        self.is_issuer(rule)
            && text(rule, "trust_domain") == Some(&self.trust_domain)
            && text(rule, name) == Some(subject)
    }
}
