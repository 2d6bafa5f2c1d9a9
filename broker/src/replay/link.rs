use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use redis::cluster_async::ClusterConnection;
use tokio::sync::Mutex as AsyncMutex;

use super::answer::Answer;
use super::args::ReplayArgs;
use super::batch::{Batches, consume, outcome, set};
use super::fault::Fault;
use super::marker::Marker;
use super::place::{Place, Wire};
use super::question::Question;
use super::server::{examine, examine_cluster};

/// Longer than a question may take: a list of Sentinels is gone through, and whoever waits leaves on
/// their own.
const CONNECT_TIME: Duration = Duration::from_secs(2);
/// Between two attempts at a server that does not take any.
const PAUSE: Duration = Duration::from_millis(50);

/// What is asked of a server besides an answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms {
    /// An answer on a connection that is there already; less than the whole question may take, so
    /// that a silent connection is given up and not only its question.
    pub(super) answer: Duration,
    evicting: bool,
    margin_seconds: u64,
    pub(super) replicas: u32,
}

/// One connection to the store, made anew when it breaks.
pub(super) struct Link(Arc<Inner>);

struct Inner {
    place: Place,
    terms: Terms,
    live: Mutex<Option<Arc<Live>>>,
    /// Held by the one attempt under way; when the last one failed, and why.
    attempt: AsyncMutex<Option<(Instant, Fault)>>,
}

/// A connection whose server was looked at.
pub(super) struct Live {
    wire: Wire,
    /// A cluster has none: its nodes begin and end on their own.
    marker: Option<Marker>,
    /// Where replicas are waited for.
    batches: Option<Batches>,
}

impl Terms {
    pub(super) fn new(args: &ReplayArgs) -> Self {
        Self {
            answer: Duration::from_millis(args.replay_timeout_ms).mul_f32(0.75),
            evicting: args.allow_evicting_redis,
            margin_seconds: args.replay_cold_margin_seconds,
            replicas: args.replay_wait_replicas,
        }
    }
}

impl Link {
    pub(super) fn new(place: Place, terms: Terms) -> Self {
        Self(Arc::new(Inner { place, terms, live: Mutex::default(), attempt: AsyncMutex::default() }))
    }

    pub(super) async fn consume(&self, question: &Question) -> Result<Answer, Fault> {
        let live = self.live().await?;
        let answer = live.consume(question, &self.0.terms).await;
        if answer.as_ref().is_err_and(Fault::is_fatal) {
            self.0.give_up(&live);
        }
        answer
    }

    /// The connection there is, or a new one.
    pub(super) async fn live(&self) -> Result<Arc<Live>, Fault> {
        if let Some(live) = self.0.current() {
            return Ok(live);
        }
        // In a task of its own: who asks may leave before it is done, and others want it.
        let (inner, since) = (Arc::clone(&self.0), Instant::now());
        tokio::spawn(inner.connect(since)).await.unwrap_or(Err(Fault::Silent))
    }
}

impl Inner {
    fn current(&self) -> Option<Arc<Live>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Drops a connection, unless another one has taken its place.
    fn give_up(&self, broken: &Arc<Live>) {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.as_ref().is_some_and(|live| Arc::ptr_eq(live, broken)) {
            *live = None;
        }
    }

    /// Connects for someone who has waited since then.
    async fn connect(self: Arc<Self>, since: Instant) -> Result<Arc<Live>, Fault> {
        let mut attempt = self.attempt.lock().await;
        if let Some(live) = self.current() {
            return Ok(live);
        }
        // What failed while they waited, or a moment before, would fail for them too.
        if let Some((failed, fault)) = &*attempt
            && *failed + PAUSE > since
        {
            return Err(fault.clone());
        }
        let live = tokio::time::timeout(CONNECT_TIME, self.try_to_connect()).await.unwrap_or(Err(Fault::Silent));
        match live {
            Ok(live) => {
                let live = Arc::new(live);
                *self.live.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&live));
                *attempt = None;
                Ok(live)
            }
            Err(fault) => {
                *attempt = Some((Instant::now(), fault.clone()));
                Err(fault)
            }
        }
    }

    async fn try_to_connect(&self) -> Result<Live, Fault> {
        let mut wire = self.place.connect(CONNECT_TIME, self.terms.answer).await?;
        let marker = match &mut wire {
            Wire::One(wire) => Some(examine(wire, self.terms.evicting).await?),
            Wire::Many(wire) => {
                examine_cluster(wire, self.terms.evicting).await?;
                None
            }
        };
        let batches = match (&wire, &marker) {
            (Wire::One(wire), Some(marker)) if self.terms.replicas > 0 => {
                Some(Batches::start(wire.clone(), marker.clone(), self.terms))
            }
            _ => None,
        };
        Ok(Live { wire, marker, batches })
    }
}

impl Live {
    async fn consume(&self, question: &Question, terms: &Terms) -> Result<Answer, Fault> {
        match (self.wire.clone(), &self.marker) {
            (Wire::One(_), Some(marker)) if marker.is_cold(question.issued_at, terms.margin_seconds) => {
                Ok(Answer::Cold)
            }
            (Wire::One(mut wire), Some(marker)) => match &self.batches {
                Some(batches) => batches.ask(question.clone()).await,
                None => {
                    let told = consume(&mut wire, marker, std::slice::from_ref(question), terms).await?;
                    told.into_iter().next().unwrap_or(Err(Fault::Strange("SET")))
                }
            },
            (Wire::Many(wire), _) => consume_in_cluster(wire, question).await,
            (Wire::One(_), None) => Err(Fault::Changed),
        }
    }
}

async fn consume_in_cluster(mut wire: ClusterConnection, question: &Question) -> Result<Answer, Fault> {
    outcome(set(question).query_async(&mut wire).await?)
}

impl fmt::Debug for Link {
    /// Without the place, which holds passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("terms", &self.0.terms).finish_non_exhaustive()
    }
}
