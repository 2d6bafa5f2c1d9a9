use std::future::{Future, ready};
use std::pin::Pin;

use trustplane_broker::{Answer, Nonces, Question, Replay, Use};
use trustplane_core::{Consumed, ReplayKey, UnixTime, hex};

/// An answer that is under way.
pub type Consuming<'s> = Pin<Box<dyn Future<Output = Consumed> + Send + 's>>;

/// Where consumed passports are remembered.
pub trait ReplayStore: Send + Sync {
    /// Consumes a passport, in one step: of any number of presentations at once, one is `Fresh`.
    fn consume<'s>(&'s self, key: &ReplayKey, now: UnixTime) -> Consuming<'s>;
}

/// The memory of this one process: empty after a restart, so what was issued before is refused.
#[derive(Debug)]
pub struct Memory {
    began: UnixTime,
    cold_margin: u64,
    consumed: Nonces,
}

impl Memory {
    /// A memory that begins now, of at most `capacity` passports at once, in at most
    /// [`Nonces::memory_bound`] bytes. Passports issued up to `cold_margin` seconds after its beginning
    /// are refused: an issuer's clock may run ahead.
    pub fn new(capacity: usize, began: UnixTime, cold_margin: u64) -> Self {
        Self { began, cold_margin, consumed: Nonces::new(capacity) }
    }
}

impl ReplayStore for Memory {
    fn consume<'s>(&'s self, key: &ReplayKey, now: UnixTime) -> Consuming<'s> {
        let seconds = key.keep_until().since(now);
        let consumed = if key.issued_at() <= self.began.plus(self.cold_margin) {
            Consumed::Cold
        } else if seconds == 0 {
            // It would be forgotten at once.
            Consumed::Unavailable
        } else {
            match self.consumed.consume(&hex(key.id()), seconds, now) {
                Use::First => Consumed::Fresh,
                Use::Full => Consumed::Full,
                Use::Stale => Consumed::Replayed,
            }
        };
        Box::pin(ready(consumed))
    }
}

/// Redis, or what speaks its protocol, for any number of processes.
impl ReplayStore for Replay {
    fn consume<'s>(&'s self, key: &ReplayKey, now: UnixTime) -> Consuming<'s> {
        let span = key.keep_until().since(now).checked_mul(1000).filter(|span| *span > 0);
        let question = span.map(|ttl_ms| Question { id: *key.id(), issued_at: key.issued_at(), ttl_ms });
        Box::pin(async move {
            let Some(question) = question else { return Consumed::Unavailable };
            match Replay::consume(self, &question).await {
                Answer::Cold => Consumed::Cold,
                Answer::Fresh => Consumed::Fresh,
                Answer::Full => Consumed::Full,
                Answer::Replayed => Consumed::Replayed,
                Answer::Unavailable => Consumed::Unavailable,
            }
        })
    }
}

impl<S: ReplayStore + ?Sized> ReplayStore for std::sync::Arc<S> {
    fn consume<'s>(&'s self, key: &ReplayKey, now: UnixTime) -> Consuming<'s> {
        (**self).consume(key, now)
    }
}
