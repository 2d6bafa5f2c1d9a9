use super::span::Node;

/// Which subjects a rule is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Selector {
    /// This one.
    Exact(String),
    /// Those that begin so; ends in `:` or `/`.
    Prefix(String),
}

/// Whom a source rule is about.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
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

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exact(subject) => f.write_str(subject),
            Self::Prefix(prefix) => write!(f, "{prefix}*"),
        }
    }
}

impl Source {
    /// Whether an issuer of the trust material is this one's.
    pub(super) fn is_issuer(&self, issuer: &Node<'_>) -> bool {
        issuer.string("issuer").as_ref() == Some(&self.issuer)
    }

    /// Whether a rule of the policy is about exactly this source.
    pub(super) fn is_rule(&self, rule: &Node<'_>) -> bool {
        let (name, subject) = self.selector.member();
        self.is_issuer(rule)
            && rule.string("trust_domain").as_ref() == Some(&self.trust_domain)
            && rule.string(name).as_deref() == Some(subject)
    }
}
