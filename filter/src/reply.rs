use trustplane_core::Reason;

use crate::pairs::Pair;

/// The answer to a denied request: the code, and nothing that tells an attacker more.
#[derive(Debug, Eq, PartialEq)]
pub struct Reply {
    reason: Reason,
    body: String,
    challenge: String,
}

impl Reply {
    /// The answer for `reason`.
    pub fn new(reason: Reason) -> Self {
        Self {
            reason,
            body: format!(r#"{{"allowed":false,"reason":"{reason}"}}"#),
            challenge: format!(r#"TrustPlane error="{reason}""#),
        }
    }

    /// The HTTP status.
    ///
    /// A reason that is no denial cannot be answered here: should one come, the answer is 503, so
    /// that no caller reads a refusal as a success.
    pub fn status(&self) -> u32 {
        match self.reason.status() {
            status @ 400..=599 => u32::from(status),
            _ => u32::from(Reason::VerifierUnavailable.status()),
        }
    }

    /// What access logs print as response code details.
    pub fn details(&self) -> &'static str {
        self.reason.as_str()
    }

    /// The body.
    pub fn body(&self) -> &str {
        &self.body
    }

    /// The headers.
    pub fn headers(&self) -> Vec<Pair<'_>> {
        let mut headers: Vec<Pair<'_>> = vec![(b"content-type", b"application/json")];
        if self.status() == 401 {
            headers.push((b"www-authenticate", self.challenge.as_bytes()));
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_passport_is_challenged() {
        let reply = Reply::new(Reason::MissingPassport);
        assert_eq!(reply.status(), 401);
        assert_eq!(reply.details(), "missing_passport");
        assert_eq!(reply.body(), r#"{"allowed":false,"reason":"missing_passport"}"#);
        let expected: &[Pair<'_>] =
            &[(b"content-type", b"application/json"), (b"www-authenticate", br#"TrustPlane error="missing_passport""#)];
        assert_eq!(reply.headers(), expected);
    }

    #[test]
    fn only_a_401_carries_a_challenge() {
        for reason in Reason::ALL {
            let reply = Reply::new(*reason);
            let challenged = reply.headers().iter().any(|(name, _)| *name == b"www-authenticate");
            assert_eq!(challenged, reply.status() == 401, "{reason}");
        }
    }

    #[test]
    fn no_reason_answers_with_a_success() {
        assert_eq!(Reply::new(Reason::RequestAllowed).status(), 503);
        assert!(Reason::ALL.iter().all(|reason| Reply::new(*reason).status() >= 400));
    }
}
