use hyper::body::Bytes;
use trustplane_core::json::JsonError;
use trustplane_core::{UnixTime, hex};

use super::kind::placed;

/// A bundle as it is served.
#[derive(Clone, Debug)]
pub(crate) struct Served {
    /// Strong: the hex digest of the bytes, in quotes.
    pub(crate) etag: String,
    pub(crate) bytes: Bytes,
    pub(super) issued_at: Option<UnixTime>,
}

impl Served {
    pub(super) fn new(bytes: Vec<u8>, digest: &[u8; 32], issued_at: Option<UnixTime>) -> Self {
        Self { etag: format!("\"{}\"", hex(digest)), bytes: bytes.into(), issued_at }
    }

    /// Whether an `If-None-Match` names this bundle (RFC 9110 section 13.1.2: weak comparison).
    pub(crate) fn matches(&self, tags: &str) -> bool {
        tags.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == self.etag)
    }

    /// Whether another bundle, of these other bytes, may take this one's place: an old document that is
    /// put back would undo what was revoked since.
    pub(super) fn precedes(&self, other: Option<UnixTime>, bytes: &[u8]) -> Result<(), JsonError> {
        let Some(own) = self.issued_at.map(UnixTime::as_secs) else { return Ok(()) };
        let problem = match other.map(UnixTime::as_secs) {
            Some(other) if other > own => return Ok(()),
            Some(other) if other == own => format!("expected more than {own}, found {other} in another document"),
            Some(other) => format!("expected more than {own}, found {other}: older than what is served"),
            None => format!("missing member: what is served was issued at {own}"),
        };
        Err(placed(bytes, "/issued_at".into(), problem))
    }

    /// What logs call it.
    pub(super) fn version(&self) -> String {
        match self.issued_at {
            Some(at) => format!("the one issued at {}", at.as_secs()),
            None => "one without a time of issue".into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn precedes(own: Option<u64>, other: Option<u64>) -> Result<(), String> {
        let own = Served::new(Vec::new(), &[0; 32], own.map(UnixTime::from_secs));
        let text = b"{\n \"issued_at\": 5}";
        own.precedes(other.map(UnixTime::from_secs), text).map_err(|fault| fault.to_string())
    }

    #[test]
    fn only_a_newer_bundle_takes_the_place_of_one_that_says_its_age() {
        for (own, other) in [(None, None), (None, Some(1)), (Some(4), Some(5))] {
            assert_eq!(precedes(own, other), Ok(()));
        }
        for (own, other, problem) in [
            (5, Some(5), "expected more than 5, found 5 in another document"),
            (6, Some(5), "expected more than 6, found 5: older than what is served"),
            (6, None, "missing member: what is served was issued at 6"),
        ] {
            assert_eq!(precedes(Some(own), other), Err(format!("/issued_at: {problem} (line 2, column 15)")));
        }
    }
}
