use std::time::{Duration, Instant};

use serde::Serialize;
use trustplane_core::Reason;

use crate::client::{self, Answer, ClientError, Message};
use crate::local::Up;

/// One case: what was sent, what had to come of it, and what did.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) case: String,
    pub(crate) expected: String,
    pub(crate) actual: String,
    /// How many requests the upstream had to see, and saw.
    pub(crate) upstream_expected: u64,
    pub(crate) upstream_actual: u64,
    pub(crate) micros: u64,
    pub(crate) passed: bool,
    /// What went wrong besides, or what is worth knowing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) note: String,
}

/// What must come of a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Expected(pub(super) Reason);

impl Row {
    /// Sends one request.
    pub(super) async fn send(up: &Up, case: &str, message: &Message, expected: Reason) -> (Self, Option<Answer>) {
        let before = up.upstream().count();
        let start = Instant::now();
        let answer = client::send(up.listener(), message).await;
        let took = start.elapsed();
        let row = Self::judge(case, Expected(expected), &answer, up.upstream().count() - before, took);
        (row, answer.ok())
    }

    fn judge(
        case: &str,
        expected: Expected,
        answer: &Result<Answer, ClientError>,
        upstream_actual: u64,
        took: Duration,
    ) -> Self {
        let actual = match answer {
            Ok(answer) => outcome(answer),
            Err(err) => err.to_string(),
        };
        let upstream_expected = u64::from(expected.0 == Reason::RequestAllowed);
        Self::of(case, (expected.text(), upstream_expected), (actual, upstream_actual), took)
    }

    /// What had to come of something and what did, each with how many requests the upstream saw.
    pub(super) fn of(case: &str, expected: (String, u64), actual: (String, u64), took: Duration) -> Self {
        let passed = expected == actual;
        let ((expected, upstream_expected), (actual, upstream_actual)) = (expected, actual);
        Self {
            case: case.to_owned(),
            passed,
            expected,
            actual,
            upstream_expected,
            upstream_actual,
            micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            note: String::new(),
        }
    }

    /// Notes who took which share of a race; it was none unless two of them each took a tenth.
    #[must_use]
    pub(super) fn raced(mut self, who: &str, shares: &[u64]) -> Self {
        let all: u64 = shares.iter().sum();
        let raced = shares.iter().filter(|share| **share * 10 >= all.max(1)).count() >= 2;
        let shares = shares.iter().map(u64::to_string).collect::<Vec<_>>().join(" + ");
        self.passed &= raced;
        self.note = format!("{who} took {shares}{}", if raced { "" } else { ": no race" });
        self
    }

    /// Fails the row for `problem`, if there is one.
    #[must_use]
    pub(super) fn unless(mut self, problem: Option<String>) -> Self {
        if let Some(problem) = problem {
            self.passed = false;
            self.note = problem;
        }
        self
    }
}

impl Expected {
    fn text(self) -> String {
        match self.0 {
            Reason::RequestAllowed => "200".to_owned(),
            reason => format!("{} {reason}", reason.status()),
        }
    }
}

/// Status and reason; a denial without the contract's body has none.
pub(super) fn outcome(answer: &Answer) -> String {
    match (answer.status, answer.reason()) {
        (200, _) => "200".to_owned(),
        (status, Some(reason)) => format!("{status} {reason}"),
        (status, None) => format!("{status} {:?}", String::from_utf8_lossy(&answer.body)),
    }
}
