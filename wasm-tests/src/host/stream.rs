//! One request on its way through the guest.

use super::{Forwarded, LocalResponse, Moment, Outcome, Pair};

/// A request's handle, and its context id inside the guest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct StreamId(pub(super) u32);

#[derive(Debug, Default)]
pub(super) struct Stream {
    pub(super) headers: Vec<Pair>,
    pub(super) trailers: Vec<Pair>,
    /// Whether the guest can reach the maps now.
    pub(super) headers_there: bool,
    pub(super) trailers_there: bool,
    pub(super) flow: Flow,
    /// Where the body is that the guest reads.
    pub(super) visible: Visible,
    pub(super) chunk: Vec<u8>,
    /// The part of the body that waits, seen by the guest or not.
    pub(super) buffered: Vec<u8>,
    pub(super) buffering: bool,
    /// The input so far, not yet shown to a stopped guest.
    pub(super) queue: Queue,
    /// What the guest has been shown.
    pub(super) seen_end: bool,
    pub(super) holds_trailers: bool,
    /// Its VM was replaced: no callback will come any more.
    pub(super) lost: bool,
    /// Whether the guest knows of it at all.
    pub(super) created: bool,
    /// For hosts that read the body first: which callbacks are behind it.
    pub(super) head_done: bool,
    pub(super) body_done: bool,
    /// The last callback.
    pub(super) moment: Moment,
    pub(super) root: u32,
    pub(super) log_start: usize,
    pub(super) outcome: Outcome,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Flow {
    #[default]
    Running,
    /// Held at this point, while later parts of the request still come.
    Holding,
    /// Nothing comes until the guest resumes.
    Stopped,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum Visible {
    #[default]
    Nothing,
    Chunk,
    Buffered,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    pub(super) body: Vec<u8>,
    pub(super) any_body: bool,
    pub(super) end: bool,
    pub(super) trailers: bool,
}

impl Stream {
    /// Nothing more can happen to it.
    pub(super) fn settled(&self) -> bool {
        let sent = self.outcome.forwarded.as_ref();
        self.outcome.local_response.is_some() || self.outcome.closed || sent.is_some_and(|sent| sent.complete)
    }

    pub(super) fn body(&self) -> &[u8] {
        match self.visible {
            Visible::Nothing => &[],
            Visible::Chunk => &self.chunk,
            Visible::Buffered => &self.buffered,
        }
    }

    pub(super) fn violation(&mut self, what: impl Into<String>) {
        self.outcome.violations.push(what.into());
    }

    /// The head goes upstream, as it is now. Only once.
    pub(super) fn release_head(&mut self) {
        if self.outcome.forwarded.is_none() {
            self.outcome.forwarded = Some(Forwarded {
                headers: self.headers.clone(),
                body: Vec::new(),
                trailers: None,
                released_in: self.moment,
                after_end: self.seen_end,
                complete: false,
            });
        }
    }

    pub(super) fn send_body(&mut self, bytes: &[u8]) {
        if let Some(sent) = &mut self.outcome.forwarded {
            sent.body.extend_from_slice(bytes);
        }
    }

    /// All that waits goes upstream.
    pub(super) fn send_buffered(&mut self) {
        let waiting = std::mem::take(&mut self.buffered);
        self.buffering = false;
        self.send_body(&waiting);
    }

    pub(super) fn send_trailers(&mut self) {
        let trailers = self.trailers.clone();
        if let Some(sent) = &mut self.outcome.forwarded {
            sent.trailers = Some(trailers);
        }
    }

    pub(super) fn complete(&mut self) {
        if let Some(sent) = &mut self.outcome.forwarded {
            sent.complete = true;
        }
    }

    /// The first reply counts; the request is over for the guest.
    pub(super) fn reply(&mut self, reply: LocalResponse) {
        if self.settled() {
            self.violation(format!("a reply ({}) to a settled request", reply.status));
        } else {
            self.outcome.local_response = Some(reply);
        }
    }
}
