use std::mem;

use trustplane_core::{
    Admission, Allowed, BodyMode, Consumed, Denied, Head, Hold, KeyCache, Proven, Reason, ReplayKey, UnixTime,
    Upstream, Verifier,
};

/// The most that is copied out of the host's body buffer at once.
const PIECE: usize = 64 * 1024;

/// What the host tells.
#[derive(Debug)]
pub enum Event<'a> {
    /// The head is there; `end` when nothing follows.
    Head {
        /// Judges it.
        verifier: &'a Verifier,
        /// The keys that verified before.
        keys: &'a mut KeyCache,
        /// As it came.
        head: Head<'a>,
        /// Whether the request ends here.
        end: bool,
    },
    /// The host holds `total` bytes of the body, those of earlier calls included.
    Body {
        /// The size of the host's buffer.
        total: usize,
        /// Whether the body ends here.
        end: bool,
    },
    /// The answer to [`Step::Read`]; `None` when the host gave none.
    Piece(Option<&'a [u8]>),
    /// The body has ended, and this many trailers follow it.
    Trailers(usize),
    /// The answer to [`Step::Consume`].
    Consumed(Consumed),
    /// The answer to [`Step::Edit`]: whether every edit was made.
    Edited(bool),
    /// The host failed at something that no answer above stands for.
    Fault,
}

/// What the host must do next.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "one of them lives on the stack at a time; with small pointers none is large"
)]
#[must_use]
pub enum Step {
    /// Record the decision. The request may pass.
    Admit(Allowed),
    /// Consume this key and tell the answer.
    Consume(ReplayKey),
    /// Make the edits of [`Session::edits`] and tell whether that went well.
    Edit,
    /// Hand over exactly `size` bytes of the body, from `start`.
    Read {
        /// The first byte.
        start: usize,
        /// How many.
        size: usize,
    },
    /// Record the decision and answer the caller with it.
    Refuse(Denied),
    /// Nothing more before the next event.
    Rest,
}

/// What a callback returns to the host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Flow {
    /// Pass this part on.
    Continue,
    /// Keep it.
    Pause,
}

/// The callback that returns.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Callback {
    /// The head's.
    Head,
    /// The body's, the trailers', or a callout's.
    Later,
}

/// One request, from its head to its decision.
///
/// With [`Hold::StopIteration`] the head waits here for the body and is edited after the decision.
/// With [`Hold::TrailingBuffer`] the host stops the body callbacks of a paused head, and its header
/// map is gone once the body comes: so the head is edited after its proof and passed on, and the
/// buffer right behind this filter withholds it until the body may pass.
///
/// It makes no host call and has no clock. Each event takes the phase out and leaves it `Closed`
/// until a transition puts another one in: what is not written down here denies.
#[derive(Debug)]
pub struct Session {
    hold: Hold,
    edited: bool,
    phase: Phase,
}

/// What is settled so far; each phase holds the proof of it.
#[derive(Debug)]
enum Phase {
    /// Nothing.
    Head,
    /// The head and its proof.
    Body(Holding),
    /// All but the replay store's answer.
    Replay(Admission),
    /// Everything; the edits are still to be made.
    Admitted(Allowed),
    /// Everything, and the upstream may see it.
    Open,
    /// The request is refused.
    Closed,
}

#[derive(Debug)]
struct Holding {
    proven: Proven,
    /// Bytes hashed.
    seen: usize,
    /// Bytes the host holds.
    total: usize,
    ended: bool,
}

impl Session {
    /// A request of which nothing is known.
    pub const fn new(hold: Hold) -> Self {
        Self { hold, edited: false, phase: Phase::Head }
    }

    /// Takes one event; `now` is `None` when the clock failed.
    pub fn on(&mut self, event: Event<'_>, now: Option<UnixTime>) -> Step {
        let phase = mem::replace(&mut self.phase, Phase::Closed);
        let (phase, step) = match (phase, event, now) {
            // What follows an allowed head belongs to it; after a refusal nothing matters.
            (Phase::Open, Event::Body { .. } | Event::Trailers(_), _) => (Phase::Open, Step::Rest),
            (Phase::Closed, _, _) => (Phase::Closed, Step::Rest),

            (Phase::Head, Event::Head { verifier, keys, head, end }, Some(now)) => {
                self.judge(verifier, keys, &head, end, now)
            }
            (Phase::Body(holding), Event::Edited(true), Some(_)) if self.passes_head() && !self.edited => {
                self.edited = true;
                (Phase::Body(holding), Step::Rest)
            }
            (Phase::Body(holding), Event::Body { total, end }, Some(now)) if total >= holding.seen => {
                self.proceed(Holding { total, ended: end, ..holding }, now)
            }
            (Phase::Body(holding), Event::Piece(Some(piece)), Some(now)) => self.hash(holding, piece, now),
            (Phase::Body(holding), Event::Trailers(count), Some(now)) => self.end(holding, count, now),
            // The store's answer is still to come, from a callout.
            (Phase::Replay(admission), Event::Body { .. } | Event::Trailers(_), _) => {
                (Phase::Replay(admission), Step::Rest)
            }
            (Phase::Replay(admission), Event::Consumed(consumed), Some(now)) => self.conclude(admission, consumed, now),
            (Phase::Admitted(allowed), Event::Edited(true), Some(_)) => (Phase::Open, Step::Admit(allowed)),

            (phase, _, now) => give_up(phase, now.unwrap_or(UnixTime::from_secs(0))),
        };
        self.phase = phase;
        step
    }

    /// The edits that [`Step::Edit`] asks for.
    pub const fn edits(&self) -> Option<&Upstream> {
        match &self.phase {
            Phase::Body(holding) => Some(holding.proven.upstream()),
            Phase::Admitted(allowed) => Some(allowed.upstream()),
            _ => None,
        }
    }

    /// The one place that lets anything pass.
    pub const fn flow(&self, callback: Callback) -> Flow {
        match (&self.phase, callback) {
            (Phase::Open, _) => Flow::Continue,
            // Not to the upstream, but into the buffer right behind; it waits for the body, which
            // stays here.
            (Phase::Body(_), Callback::Head) if self.edited && self.passes_head() => Flow::Continue,
            _ => Flow::Pause,
        }
    }

    fn judge(
        &mut self,
        verifier: &Verifier,
        keys: &mut KeyCache,
        head: &Head<'_>,
        end: bool,
        now: UnixTime,
    ) -> (Phase, Step) {
        let proven = match verifier.prove_with(head, keys, now) {
            Ok(proven) => proven,
            Err(denied) => return (Phase::Closed, Step::Refuse(denied)),
        };
        if matches!(proven.body_mode(), BodyMode::Claimed) {
            return settle(proven, now);
        }
        if end {
            // Some hosts say "end" at every head (APISIX): a body that follows would go unbound.
            if announces_body(head) {
                return refuse(proven, now);
            }
            return settle(proven, now);
        }
        let step = if self.passes_head() { Step::Edit } else { Step::Rest };
        (Phase::Body(Holding { proven, seen: 0, total: 0, ended: false }), step)
    }

    /// Whether the head goes into the buffer behind us before the body has come.
    const fn passes_head(&self) -> bool {
        matches!(self.hold, Hold::TrailingBuffer)
    }

    /// Reads on, settles, or waits for more.
    fn proceed(&self, holding: Holding, now: UnixTime) -> (Phase, Step) {
        let size = holding.total.saturating_sub(holding.seen).min(PIECE);
        match (size, holding.ended) {
            (0, true) => settle(holding.proven, now),
            (0, false) => (Phase::Body(holding), Step::Rest),
            _ => {
                let start = holding.seen;
                (Phase::Body(holding), Step::Read { start, size })
            }
        }
    }

    fn hash(&self, mut holding: Holding, piece: &[u8], now: UnixTime) -> (Phase, Step) {
        let wanted = holding.total.saturating_sub(holding.seen).min(PIECE);
        if wanted == 0 || piece.len() != wanted {
            // Fewer bytes than the host announced: the rest might reach the upstream unhashed.
            return refuse(holding.proven, now);
        }
        if let Err(reason) = holding.proven.feed(piece) {
            return (Phase::Closed, Step::Refuse(holding.proven.deny(reason, now)));
        }
        holding.seen = holding.seen.saturating_add(wanted);
        self.proceed(holding, now)
    }

    /// Trailers end a body whose last piece was not marked as such.
    fn end(&self, mut holding: Holding, trailers: usize, now: UnixTime) -> (Phase, Step) {
        if trailers > 0
            && let Err(reason) = holding.proven.trailers()
        {
            return (Phase::Closed, Step::Refuse(holding.proven.deny(reason, now)));
        }
        holding.ended = true;
        self.proceed(holding, now)
    }

    fn conclude(&self, admission: Admission, consumed: Consumed, now: UnixTime) -> (Phase, Step) {
        match admission.conclude(consumed, now) {
            Ok(allowed) if self.edited => (Phase::Open, Step::Admit(allowed)),
            Ok(allowed) => (Phase::Admitted(allowed), Step::Edit),
            Err(denied) => (Phase::Closed, Step::Refuse(denied)),
        }
    }
}

fn settle(proven: Proven, now: UnixTime) -> (Phase, Step) {
    match proven.settle(now) {
        Ok(admission) => {
            let key = *admission.replay_key();
            (Phase::Replay(admission), Step::Consume(key))
        }
        Err(denied) => (Phase::Closed, Step::Refuse(denied)),
    }
}

fn refuse(proven: Proven, now: UnixTime) -> (Phase, Step) {
    (Phase::Closed, Step::Refuse(proven.deny(Reason::VerifierUnavailable, now)))
}

/// The host broke a rule or failed; what is known of the request still enters the record.
fn give_up(phase: Phase, now: UnixTime) -> (Phase, Step) {
    let denied = match phase {
        Phase::Body(holding) => holding.proven.deny(Reason::VerifierUnavailable, now),
        Phase::Replay(admission) => admission.deny(Reason::VerifierUnavailable, now),
        Phase::Head | Phase::Admitted(_) | Phase::Open | Phase::Closed => Denied::unavailable(now),
    };
    (Phase::Closed, Step::Refuse(denied))
}

fn announces_body(head: &Head<'_>) -> bool {
    head.headers.iter().any(|(name, value)| match *name {
        b"content-length" => !value.iter().all(|digit| *digit == b'0'),
        b"transfer-encoding" => *value != b"identity",
        _ => false,
    })
}

#[cfg(test)]
pub(crate) mod fixture;
#[cfg(test)]
mod tests;
