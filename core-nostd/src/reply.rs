use alloc::format;
use alloc::string::String;

use crate::reason::Reason;

/// The answer to a denied request, the same from every host: the code, and nothing that tells an
/// attacker more.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    reason: Reason,
    body: String,
    challenge: Option<String>,
}

impl Reply {
    /// The answer for `reason`.
    pub fn new(reason: Reason) -> Self {
        Self {
            reason,
            body: format!(r#"{{"allowed":false,"reason":"{reason}"}}"#),
            challenge: (reason.status() == 401).then(|| format!(r#"TrustPlane error="{reason}""#)),
        }
    }

    /// The HTTP status.
    ///
    /// A reason that is no denial cannot be answered here: should one come, the answer is 503, so
    /// that no caller reads a refusal as a success.
    pub const fn status(&self) -> u16 {
        match self.reason.status() {
            status @ 400..=599 => status,
            _ => Reason::VerifierUnavailable.status(),
        }
    }

    /// The headers.
    pub fn headers(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let challenge = self.challenge.as_deref().map(|challenge| ("www-authenticate", challenge));
        [("content-type", "application/json")].into_iter().chain(challenge)
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_missing_passport_is_challenged() {
        let reply = Reply::new(Reason::MissingPassport);
        assert_eq!(reply.status(), 401);
        assert_eq!(reply.body(), r#"{"allowed":false,"reason":"missing_passport"}"#);
        let challenge = r#"TrustPlane error="missing_passport""#;
        let expected = vec![("content-type", "application/json"), ("www-authenticate", challenge)];
        assert_eq!(reply.headers().collect::<Vec<_>>(), expected);
    }

    #[test]
    fn only_a_401_carries_a_challenge() {
        for reason in Reason::ALL {
            let reply = Reply::new(*reason);
            assert_eq!(reply.headers().count(), if reply.status() == 401 { 2 } else { 1 }, "{reason}");
        }
    }

    #[test]
    fn no_reason_answers_with_a_success() {
        assert_eq!(Reply::new(Reason::RequestAllowed).status(), 503);
        assert!(Reason::ALL.iter().all(|reason| Reply::new(*reason).status() >= 400));
    }
}
