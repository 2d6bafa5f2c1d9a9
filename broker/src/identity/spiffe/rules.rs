use std::fmt;
use std::str::FromStr;

use spiffe::{SpiffeId, TrustDomain};
use trustplane_core::UnixTime;

use super::fault::SvidFault;
use super::svid::Svid;

/// Which SVIDs count: of one trust domain, with one of these IDs, for at least this long.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SvidRules {
    /// The one trust domain.
    pub trust_domain: Domain,
    /// The IDs, none of which is of another domain.
    pub allowed: Vec<AllowedId>,
    /// What must be left of an SVID's life, in seconds.
    pub margin_seconds: u64,
}

/// A trust domain's name, in lower case.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Domain(String);

/// One SPIFFE ID, or all below one path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AllowedId {
    /// This one.
    Exact(String),
    /// Those that begin with it; it ends in `/`, so that `…/sa/orders` lets no `…/sa/orders-admin` in.
    Prefix(String),
}

impl SvidRules {
    /// Whether an ID counts.
    pub(super) fn admit(&self, id: &SpiffeId) -> Result<(), SvidFault> {
        if id.trust_domain_name() != self.trust_domain.0 {
            return Err(SvidFault::WrongTrustDomain(id.trust_domain_name().to_owned()));
        }
        let id = id.to_string();
        if self.allowed.iter().any(|allowed| allowed.covers(&id)) { Ok(()) } else { Err(SvidFault::NotAllowed(id)) }
    }

    /// Whether an SVID's time is now, with the margin left.
    pub fn current(&self, svid: &Svid, now: UnixTime) -> Result<(), SvidFault> {
        if now < svid.not_before {
            return Err(SvidFault::NotYetValid(svid.not_before.as_secs()));
        }
        if now.plus(self.margin_seconds) >= svid.not_after {
            return Err(SvidFault::Expired(svid.not_after.as_secs()));
        }
        Ok(())
    }
}

impl AllowedId {
    fn covers(&self, id: &str) -> bool {
        match self {
            Self::Exact(own) => own == id,
            Self::Prefix(own) => id.starts_with(own.as_str()),
        }
    }

    /// Whether it is of this trust domain.
    pub(super) fn is_of(&self, domain: &Domain) -> bool {
        let (Self::Exact(text) | Self::Prefix(text)) = self;
        text.strip_prefix("spiffe://")
            .and_then(|rest| rest.strip_prefix(domain.as_str()))
            .is_some_and(|rest| rest.starts_with('/'))
    }
}

impl Domain {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let domain = TrustDomain::new(text).map_err(|err| err.to_string())?;
        if domain.as_str() == text {
            Ok(Self(text.to_owned()))
        } else {
            Err(format!("expected the bare name in lower case: {domain}"))
        }
    }
}

impl FromStr for AllowedId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, prefix) = match text.strip_suffix('/') {
            Some(id) => (id, true),
            None => (text, false),
        };
        let parsed = SpiffeId::new(id).map_err(|err| err.to_string())?;
        if parsed.to_string() != id {
            return Err(format!("expected its one form: {parsed}"));
        }
        match (prefix, parsed.path().is_empty()) {
            (true, _) => Ok(Self::Prefix(text.to_owned())),
            (false, false) => Ok(Self::Exact(text.to_owned())),
            (false, true) => Err("expected a path: a trust domain alone is no workload".into()),
        }
    }
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for AllowedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::Exact(text) | Self::Prefix(text)) = self;
        f.write_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(text: &str) -> AllowedId {
        text.parse().unwrap()
    }

    #[test]
    fn an_id_is_allowed_as_it_stands_or_below_a_prefix_that_ends_in_a_slash() {
        let covers = |rule: &str, id: &str| allowed(rule).covers(id);
        assert!(covers("spiffe://td/ns/a/sa/b", "spiffe://td/ns/a/sa/b"));
        assert!(!covers("spiffe://td/ns/a/sa/b", "spiffe://td/ns/a/sa/b/c"));
        assert!(covers("spiffe://td/ns/a/", "spiffe://td/ns/a/sa/b"));
        assert!(!covers("spiffe://td/ns/a/", "spiffe://td/ns/ab"));
        assert!(!covers("spiffe://td/ns/a/", "spiffe://td/ns/a"));
        assert!(covers("spiffe://td/", "spiffe://td/any"));
    }

    #[test]
    fn what_is_no_spiffe_id_in_its_one_form_is_refused() {
        for text in [
            "",
            "/",
            "td/a",
            "https://td/a",
            "spiffe://",
            "spiffe:///a",
            "spiffe://td",
            "spiffe://TD/a",
            "SPIFFE://td/a",
            "spiffe://td//a",
            "spiffe://td/a//",
            "spiffe://td/./a",
            "spiffe://td/a%20b",
            "spiffe://td/a?b",
            "spiffe://u@td/a",
            "spiffe://td:1/a",
        ] {
            assert!(text.parse::<AllowedId>().is_err(), "{text:?}");
        }
        for text in ["", "TD", "spiffe://td", "td/a", "td:1", "t d"] {
            assert!(text.parse::<Domain>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_allowed_id_is_of_its_own_trust_domain_alone() {
        let domain: Domain = "td".parse().unwrap();
        for (text, of) in
            [("spiffe://td/a", true), ("spiffe://td/", true), ("spiffe://td2/a", false), ("spiffe://a.td/a", false)]
        {
            assert_eq!(allowed(text).is_of(&domain), of, "{text}");
        }
    }
}
