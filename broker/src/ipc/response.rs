use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use trustplane_core::Reason;

/// What the broker answers; whoever reads one passes over members it does not know.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Response {
    /// The request's, or empty when it could not be read.
    pub request_id: String,
    /// Whether a passport was issued.
    pub accepted: bool,
    /// `allow` or `deny`.
    pub status: String,
    /// The reason's code.
    pub reason_code: String,
    /// The passport's `iat`, zero without one.
    pub issued_at: u64,
    /// The passport's `exp`, zero without one.
    pub expires_at: u64,
    /// What was issued.
    pub artifacts: Option<Artifacts>,
    /// Why nothing was.
    pub error: Option<ErrorBody>,
}

/// A passport and the proof for one request.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Artifacts {
    /// The passport.
    pub passport: PassportArtifact,
    /// The proof.
    pub stamp: Stamp,
}

/// A passport.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct PassportArtifact {
    /// [`PASSPORT_FORMAT`](super::PASSPORT_FORMAT).
    pub format: String,
    /// The token.
    pub value: String,
    /// Its replay id.
    pub jti: String,
}

/// A proof over a transcript.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Stamp {
    /// [`STAMP_FORMAT`](super::STAMP_FORMAT).
    pub format: String,
    /// Base64url of the signature.
    pub value: String,
    /// Lower-case hex of the transcript's digest.
    pub transcript_sha256: String,
}

/// Why nothing was issued.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct ErrorBody {
    /// The same as `reason_code`.
    pub code: String,
    /// The reason in one sentence.
    pub message: String,
    /// Whether the same request may succeed later.
    pub retryable: bool,
    /// What the reason is about; empty when there is nothing to add.
    pub details: BTreeMap<String, String>,
}

impl Response {
    /// A denial.
    pub fn denied(request_id: &str, reason: Reason, details: BTreeMap<String, String>) -> Self {
        Self {
            request_id: request_id.into(),
            accepted: false,
            status: "deny".into(),
            reason_code: reason.as_str().into(),
            issued_at: 0,
            expires_at: 0,
            artifacts: None,
            error: Some(ErrorBody {
                code: reason.as_str().into(),
                message: reason.explain().into(),
                retryable: retryable(reason),
                details,
            }),
        }
    }

    /// The response as one line, with its LF.
    pub fn to_line(&self) -> Vec<u8> {
        // Strings, integers and booleans always serialise.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        line
    }
}

/// Whether the same request may succeed later, with nothing changed but the broker's own state.
const fn retryable(reason: Reason) -> bool {
    matches!(reason, Reason::BrokerOverloaded | Reason::WorkloadIdentityUnavailable)
}
