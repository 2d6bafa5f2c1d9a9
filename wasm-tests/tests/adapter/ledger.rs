//! What is sent under load, what must come of it, and what did.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// What a request is, and so what must come of it.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Kind {
    Anonymous,
    OtherIssuer,
    OtherProof,
    OtherSubject,
    OtherTarget,
    Read,
    Replay,
    Write,
}

/// One after the other, on every connection.
pub const TURNS: [Kind; 16] = [
    Kind::Read,
    Kind::Replay,
    Kind::Read,
    Kind::Write,
    Kind::OtherIssuer,
    Kind::Read,
    Kind::Read,
    Kind::Anonymous,
    Kind::Read,
    Kind::OtherProof,
    Kind::Read,
    Kind::Write,
    Kind::OtherSubject,
    Kind::Read,
    Kind::Read,
    Kind::OtherTarget,
];

/// When the store was gone or cold.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outage {
    pub began: Option<Instant>,
    pub ended: Option<Instant>,
}

/// What came of everything that was sent.
#[derive(Default)]
pub struct Ledger {
    pub words: BTreeMap<(Kind, String), u64>,
    pub latencies: Vec<Duration>,
    pub wrong: Vec<String>,
}

impl Ledger {
    /// One more.
    pub fn add(&mut self, kind: Kind, word: String, took: Duration, expected: bool) {
        if !expected {
            self.wrong.push(format!("{kind:?}: {word}"));
        }
        self.latencies.push(took);
        *self.words.entry((kind, word)).or_default() += 1;
    }
}

impl Outage {
    /// Whether a request from then until now may have met it.
    pub fn touches(&self, sent: Instant) -> bool {
        self.began.is_some() && self.ended.is_none_or(|ended| sent <= ended)
    }
}

impl Kind {
    /// Whether it may be answered so, where the store was gone or cold, or its passport spent then.
    pub fn expects(self, word: &str, touched: bool, spent_before: bool) -> bool {
        let unavailable = touched && word == "503 replay_store_unavailable";
        let cold = (touched || spent_before) && word == "503 replay_store_cold";
        match self {
            Self::Read | Self::Write => word == "200" || unavailable || cold,
            Self::Replay => word == "403 jti_replay" || unavailable || cold,
            Self::Anonymous => word == "401 missing_passport",
            Self::OtherIssuer => word == "401 invalid_passport_signature",
            Self::OtherProof => word == "403 invalid_request_proof",
            Self::OtherSubject => word == "403 source_subject_mismatch",
            Self::OtherTarget => word == "403 request_binding_mismatch",
        }
    }
}
