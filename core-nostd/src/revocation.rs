use alloc::vec::Vec;

use serde::Deserialize;

use crate::document::DocumentError;
use crate::names::Names;
use crate::time::UnixTime;

/// What is revoked, indexed by what a verified passport shows.
#[derive(Debug, Default)]
pub struct Revocations {
    jtis: Values,
    kids: Values,
    subjects: Values,
    issuers: Values,
    /// Subject prefixes, each ending in `:` or `/`.
    prefixes: Values,
    has_unknown_type: bool,
}

/// The parts of a verified passport that can be revoked.
#[derive(Clone, Copy, Debug)]
pub struct RevocationSubject<'a> {
    /// The passport's id.
    pub jti: &'a str,
    /// The issuer's key that signed it.
    pub kid: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// Its issuer.
    pub issuer: &'a str,
}

/// A revocation as documents write it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub(crate) struct Revocation<'a> {
    /// `jti`, `kid`, `subject`, `issuer` or `source`; another stops every route that is not `offline-ok`.
    r#type: &'a str,
    /// What is revoked; a `source` that ends in `:` or `/` is a prefix of subjects.
    value: &'a str,
    /// Whose it is; everyone, where this is silent.
    issuer: Option<&'a str>,
    /// Unix seconds; it holds from then on.
    revoked_at: u64,
    /// For readers.
    reason: Option<&'a str>,
}

/// Since when each value is revoked: for every issuer, and for single ones.
#[derive(Debug, Default)]
struct Values(Names<Since>);

#[derive(Debug, Default)]
struct Since {
    everywhere: Option<UnixTime>,
    by_issuer: Names<UnixTime>,
}

impl Revocations {
    /// Indexes the revocations of one document.
    pub(crate) fn new(revocations: Vec<Revocation<'_>>) -> Result<Self, DocumentError> {
        let mut all = Self::default();
        for (index, revocation) in revocations.into_iter().enumerate() {
            all.add(revocation).map_err(|error| error.within(index).within("revocations"))?;
        }
        Ok(all)
    }

    /// Whether any revocation in effect at `as_of` hits this passport.
    ///
    /// A verifier asks as of the latest moment it may be, its own clock and the allowed skew.
    pub fn revokes(&self, passport: &RevocationSubject<'_>, as_of: UnixTime) -> bool {
        let RevocationSubject { jti, kid, subject, issuer } = *passport;
        let exact = [(&self.jtis, jti), (&self.kids, kid), (&self.subjects, subject), (&self.issuers, issuer)];
        exact.iter().any(|(values, value)| values.hit(value, issuer, as_of))
            || self.prefixes.hit_by_prefix(subject, issuer, as_of)
    }

    /// Whether some revocation is of a type this reader does not know: it may be about anyone.
    pub const fn has_unknown_type(&self) -> bool {
        self.has_unknown_type
    }

    fn add(&mut self, revocation: Revocation<'_>) -> Result<(), DocumentError> {
        let Revocation { r#type, value, issuer, revoked_at, reason: _reason } = revocation;
        let values = match r#type {
            "jti" => &mut self.jtis,
            "kid" => &mut self.kids,
            "subject" => &mut self.subjects,
            "issuer" if issuer.is_some_and(|issuer| issuer != value) => {
                return Err(DocumentError::new("/issuer", "differs from the issuer that /value revokes"));
            }
            "issuer" => &mut self.issuers,
            "source" if value.ends_with([':', '/']) => &mut self.prefixes,
            "source" => &mut self.subjects,
            _ => {
                self.has_unknown_type = true;
                return Ok(());
            }
        };
        values.add(value, issuer, UnixTime::from_secs(revoked_at));
        Ok(())
    }
}

impl Values {
    /// The earliest of several revocations of one value counts.
    fn add(&mut self, value: &str, issuer: Option<&str>, at: UnixTime) {
        let Some(since) = self.0.entry(value, Since::default) else {
            return;
        };
        match issuer {
            None => since.everywhere = Some(since.everywhere.map_or(at, |known| known.min(at))),
            Some(issuer) => {
                if let Some(known) = since.by_issuer.entry(issuer, || at) {
                    *known = at.min(*known);
                }
            }
        }
    }

    fn hit(&self, value: &str, issuer: &str, as_of: UnixTime) -> bool {
        self.0.get(value).is_some_and(|since| {
            let times = [since.everywhere, since.by_issuer.get(issuer).copied()];
            times.into_iter().flatten().any(|at| at <= as_of)
        })
    }

    /// Prefixes end where a subject's parts do, so only those cuts are looked up.
    fn hit_by_prefix(&self, subject: &str, issuer: &str, as_of: UnixTime) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let cuts = subject.bytes().enumerate().filter(|(_, byte)| matches!(byte, b':' | b'/'));
        cuts.filter_map(|(cut, _)| subject.get(..=cut)).any(|prefix| self.hit(prefix, issuer, as_of))
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;
    use alloc::string::ToString as _;

    use super::*;
    use crate::json::{self, Limits};

    const PASSPORT: RevocationSubject<'_> =
        RevocationSubject { jti: "j", kid: "k", subject: "spiffe://td/ns/a/sa/b", issuer: "i" };

    #[track_caller]
    fn load(text: &str) -> Result<Revocations, DocumentError> {
        let value = json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap();
        Revocations::new(json::decode::<Vec<Revocation<'_>>>(&value).unwrap())
    }

    #[track_caller]
    fn revoked(text: &str, now: u64) -> bool {
        load(text).unwrap().revokes(&PASSPORT, UnixTime::from_secs(now))
    }

    #[test]
    fn each_type_revokes_by_its_own_part_of_the_passport() {
        for (r#type, value) in [
            ("jti", "j"),
            ("kid", "k"),
            ("subject", "spiffe://td/ns/a/sa/b"),
            ("issuer", "i"),
            ("source", "spiffe://td/ns/a/sa/b"),
            ("source", "spiffe://td/ns/a/"),
            ("source", "spiffe:"),
        ] {
            let text = format!(r#"[{{"type":"{type}","value":"{value}","revoked_at":5}}]"#);
            assert!(revoked(&text, 5), "{text}");
            assert!(!revoked(&text, 4), "not before revoked_at: {text}");
        }
        for (r#type, value) in [
            ("jti", "k"),
            ("kid", "j"),
            ("subject", "spiffe://td/ns/a/"),
            ("issuer", "j"),
            ("source", "spiffe://td/ns/a"),
            ("source", "spiffe://td/ns/a/sa/b/"),
            ("source", "i"),
        ] {
            let text = format!(r#"[{{"type":"{type}","value":"{value}","revoked_at":5}}]"#);
            assert!(!revoked(&text, 9), "{text}");
        }
    }

    #[test]
    fn an_issuer_narrows_a_revocation() {
        let own = r#"[{"type":"jti","value":"j","issuer":"i","revoked_at":1}]"#;
        let other = r#"[{"type":"jti","value":"j","issuer":"o","revoked_at":1}]"#;
        assert!(revoked(own, 1));
        assert!(!revoked(other, 1));
    }

    #[test]
    fn the_earliest_of_several_revocations_counts() {
        let text = r#"[{"type":"kid","value":"k","revoked_at":9},{"type":"kid","value":"k","revoked_at":3},
            {"type":"kid","value":"k","issuer":"i","revoked_at":2},{"type":"kid","value":"k","issuer":"i","revoked_at":7}]"#;
        assert!(!revoked(text, 1));
        assert!(revoked(text, 2));
    }

    #[test]
    fn an_unknown_type_is_remembered() {
        let all = load(r#"[{"type":"fleet","value":"x","revoked_at":1,"reason":"r"}]"#).unwrap();
        assert!(all.has_unknown_type());
        assert!(!all.revokes(&PASSPORT, UnixTime::from_secs(9)));
    }

    #[test]
    fn a_revocation_of_an_issuer_names_one_issuer() {
        let error = load(r#"[{"type":"issuer","value":"i","issuer":"o","revoked_at":1}]"#).unwrap_err();
        assert_eq!(error.to_string(), "/revocations/0/issuer: differs from the issuer that /value revokes");
    }
}
