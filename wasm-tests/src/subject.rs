//! What decides on requests, and what it is seen to do.

use serde_json::Value;

use crate::case::Case;

/// One of the six: they must all answer alike.
pub trait Subject<'c> {
    /// Puts the case to it. The error says what happened in place of a decision.
    fn decide(&mut self, case: &'c Case) -> Result<Answer, String>;
}

/// A decision, as the world sees it.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The reason code.
    pub reason: String,
    /// What the caller gets.
    pub status: u16,
    /// The audit event.
    pub audit: Value,
    /// What the upstream saw: the whole request, or nothing.
    pub upstream: Option<Forwarded>,
}

/// A request as the upstream saw it.
#[derive(Clone, Debug, Default)]
pub struct Forwarded {
    /// Lower-case names; no pseudo headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The bytes, however they were framed.
    pub body: Vec<u8>,
}

impl Forwarded {
    /// Every value of that header.
    pub fn values(&self, name: &str) -> Vec<&[u8]> {
        let same = self.headers.iter().filter(|(held, _)| held == name);
        same.map(|(_, value)| value.as_slice()).collect()
    }
}
