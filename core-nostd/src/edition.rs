use alloc::format;

use crate::document::DocumentError;
use crate::encoding::sha256;
use crate::json::{self, Value};
use crate::time::UnixTime;

/// What tells the documents of one kind apart, and which of two came later.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Edition {
    issued_at: Option<UnixTime>,
    digest: [u8; 32],
}

impl Edition {
    /// The edition of a document that was verified; its signature is part of it.
    pub fn of(document: &Value<'_>) -> Self {
        let issued_at = match document.as_object().and_then(|members| members.get("issued_at")) {
            Some(Value::Integer(seconds)) => u64::try_from(*seconds).ok().map(UnixTime::from_secs),
            _ => None,
        };
        Self { issued_at, digest: sha256(json::canonical(document).as_bytes()) }
    }

    /// When the document says it was issued.
    pub const fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// SHA-256 of the document in its RFC 8785 form: white space and order make no other edition.
    pub const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// Whether this edition may stand in for an earlier one, or is that very one.
    ///
    /// A signature does not age: without this rule, whoever can serve an old document undoes every
    /// revocation since. Two of one moment have no order, so neither replaces the other.
    pub fn follows(&self, earlier: &Self) -> Result<(), DocumentError> {
        if self.digest == earlier.digest {
            return Ok(());
        }
        let problem = match (self.issued_at, earlier.issued_at) {
            (None, _) => "missing member: without it no document replaces another".into(),
            (Some(issued), Some(held)) if issued < held => {
                format!("older than the document in force: {} is before {}", issued.as_secs(), held.as_secs())
            }
            (Some(issued), Some(held)) if issued == held => {
                format!("the document in force is another one, also of {}", held.as_secs())
            }
            (Some(_), _) => return Ok(()),
        };
        Err(DocumentError::new("/issued_at", problem))
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::{String, ToString as _};

    use super::*;
    use crate::json::Limits;

    fn edition(text: &str) -> Edition {
        Edition::of(&json::parse(text.as_bytes(), Limits::DOCUMENT).unwrap())
    }

    fn follows(next: &str, earlier: &str) -> Result<(), String> {
        edition(next).follows(&edition(earlier)).map_err(|error| error.to_string())
    }

    #[test]
    fn only_a_later_document_replaces_another() {
        let held = r#"{"issued_at":20,"a":1}"#;
        assert_eq!(follows(r#"{"issued_at":21,"a":2}"#, held), Ok(()));
        assert_eq!(
            follows(r#"{"issued_at":19,"a":2}"#, held),
            Err("/issued_at: older than the document in force: 19 is before 20".into())
        );
        assert_eq!(
            follows(r#"{"issued_at":20,"a":2}"#, held),
            Err("/issued_at: the document in force is another one, also of 20".into())
        );
        for undated in [r#"{"a":2}"#, r#"{"issued_at":-1}"#, r#"{"issued_at":"21"}"#, "[21]"] {
            assert_eq!(
                follows(undated, held),
                Err("/issued_at: missing member: without it no document replaces another".into())
            );
        }
        assert_eq!(follows(r#"{"issued_at":1}"#, r#"{"a":1}"#), Ok(()));
        assert!(follows(r#"{"a":2}"#, r#"{"a":1}"#).is_err());
    }

    #[test]
    fn the_same_document_stays_in_whichever_spelling() {
        assert_eq!(follows("{ \"a\": 1, \"issued_at\": 20 }", r#"{"issued_at":20,"a":1}"#), Ok(()));
        assert_eq!(follows(r#"{"a":1}"#, r#"{"a":1}"#), Ok(()));
        assert_eq!(edition(r#"{"a":1}"#).digest(), &sha256(br#"{"a":1}"#));
        assert_eq!(edition(r#"{"issued_at":7}"#).issued_at(), Some(UnixTime::from_secs(7)));
    }
}
