use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use serde::Deserialize;

use super::Texts;
use crate::document::DocumentError;
use crate::facts::Facts;

/// How facts fall short of what is required of them; a gap is less than a contradiction.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Shortfall {
    /// They do not say.
    Missing,
    /// They say something else.
    Mismatch,
}

/// Facts that must be stated, and as what.
#[derive(Debug, Default)]
pub(super) struct Requirements(Box<[(Arc<str>, Arc<str>)]>);

/// What a provenance policy may require.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "schema", schemars(extend("minProperties" = 1)))]
pub(super) struct ProvenancePolicy<'a> {
    /// `provenance.profile` of the passport.
    profile: Option<&'a str>,
    /// Its `provenance.spiffe_trust_domain`.
    required_spiffe_trust_domain: Option<&'a str>,
    /// Its `provenance.posture`.
    required_posture: Option<&'a str>,
}

impl ProvenancePolicy<'_> {
    pub(super) fn compile(self, texts: &mut Texts) -> Result<Requirements, DocumentError> {
        let Self { profile, required_spiffe_trust_domain, required_posture } = self;
        let all = [
            ("profile", profile),
            ("spiffe_trust_domain", required_spiffe_trust_domain),
            ("posture", required_posture),
        ];
        let required = all.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let requirements = Requirements::new(required, texts);
        match requirements.is_empty() {
            true => Err(DocumentError::new("", "requires nothing")),
            false => Ok(requirements),
        }
    }
}

impl Requirements {
    pub(super) fn new<'a>(required: impl Iterator<Item = (&'a str, &'a str)>, texts: &mut Texts) -> Self {
        let kept: Vec<_> = required.map(|(name, value)| (texts.keep(name), texts.keep(value))).collect();
        Self(kept.into())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `facts` state everything required, and exactly so.
    pub(super) fn check(&self, facts: Option<&Facts>) -> Result<(), Shortfall> {
        let stated = |name: &str| facts.and_then(|facts| facts.value(name));
        if self.0.iter().any(|(name, _)| stated(name).is_none()) {
            return Err(Shortfall::Missing);
        }
        if self.0.iter().any(|(name, value)| stated(name) != Some(value)) {
            return Err(Shortfall::Mismatch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(facts: Option<&[(&str, &str)]>) -> Result<(), Shortfall> {
        let policy =
            ProvenancePolicy { profile: Some("p"), required_spiffe_trust_domain: Some("td"), required_posture: None };
        let requirements = policy.compile(&mut Texts::default()).unwrap();
        let facts = facts.map(|facts| Facts::new(facts.iter().map(|(n, v)| ((*n).into(), (*v).into())).collect()));
        requirements.check(facts.as_ref())
    }

    #[test]
    fn every_required_member_must_be_stated_as_required() {
        for (facts, outcome) in [
            (Some(&[("spiffe_trust_domain", "td"), ("profile", "p"), ("posture", "any")][..]), Ok(())),
            (None, Err(Shortfall::Missing)),
            (Some(&[]), Err(Shortfall::Missing)),
            (Some(&[("profile", "p")]), Err(Shortfall::Missing)),
            (Some(&[("profile", "other")]), Err(Shortfall::Missing)),
            (Some(&[("profile", "p"), ("spiffe_trust_domain", "TD")]), Err(Shortfall::Mismatch)),
            (Some(&[("profile", "unknown"), ("spiffe_trust_domain", "td")]), Err(Shortfall::Mismatch)),
            (Some(&[("profile", "p"), ("required_spiffe_trust_domain", "td")]), Err(Shortfall::Missing)),
        ] {
            assert_eq!(check(facts), outcome, "{facts:?}");
        }
    }
}
