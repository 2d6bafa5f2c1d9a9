use trustplane_core::UnixTime;

use super::notice::{Notice, Seen};
use crate::pairs::Pair;

/// The right to ask, and what came of it so far.
#[derive(Debug)]
pub(super) struct Turn {
    /// As this worker wrote it: while it stands, nobody else has a turn.
    pub(super) notice: Notice,
    /// What the documents' freshness counts from: this turn's beginning, or what the source says.
    pub(super) checked_at: UnixTime,
    /// Whether the source may answer that nothing has changed.
    pub(super) knows: bool,
    /// The first of two answers.
    pub(super) policy: Option<Answer>,
}

/// What the source says of one document.
#[derive(Debug)]
pub(super) enum Answer {
    Unchanged,
    Document { text: Vec<u8>, tag: Vec<u8> },
}

impl Turn {
    pub(super) const fn new(notice: Notice, knows: bool) -> Self {
        Self { checked_at: notice.asked_at, notice, knows, policy: None }
    }

    /// Reads an answer, and since when it is no more than what the source had last.
    pub(super) fn read(&mut self, answer: Option<(&[Pair<'_>], Vec<u8>)>) -> Result<Answer, String> {
        let (headers, text) = answer.ok_or("no answer")?;
        let value = |wanted: &[u8]| headers.iter().find(|(name, _)| *name == wanted).map(|(_, value)| *value);
        if let Some(age) = value(b"age") {
            let age = str::from_utf8(age).ok().and_then(|age| age.parse().ok()).ok_or("an age that is no number")?;
            self.checked_at = self.checked_at.min(self.notice.asked_at.minus(age));
        }
        match value(b":status") {
            Some(b"200") => Ok(Answer::Document { text, tag: value(b"etag").unwrap_or_default().to_vec() }),
            Some(b"304") if self.knows => Ok(Answer::Unchanged),
            Some(status) => Err(format!("status {}", str::from_utf8(status).unwrap_or_default())),
            None => Err("no answer".into()),
        }
    }

    pub(super) fn tag<'a>(&self, seen: &'a Seen) -> &'a [u8] {
        // Without the document itself "unchanged" would be no answer.
        if self.knows { &seen.tag } else { b"" }
    }
}

impl Answer {
    pub(super) fn text<'a>(&'a self, published: &'a [u8]) -> &'a [u8] {
        match self {
            Self::Unchanged => published,
            Self::Document { text, .. } => text,
        }
    }

    pub(super) fn note(&self, seen: &mut Seen, digest: &[u8; 32]) {
        if let Self::Document { tag, .. } = self {
            *seen = Seen::new(*digest, Some(tag));
        }
    }
}
