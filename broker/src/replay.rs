//! `POST /v1/replay/consume`: exactly one `fresh` for each replay id, among any number of Envoys.
//!
//! An answer for a passport that was seen before costs its caller nothing that it did not deserve; a
//! wrong `fresh` admits a request twice. So whatever is in doubt is not `fresh`: nothing is tried a
//! second time, and a connection counts only after its server was looked at.

mod answer;
mod args;
mod batch;
mod counts;
mod fault;
mod link;
mod marker;
mod place;
mod question;
mod server;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

pub use answer::Answer;
pub use args::ReplayArgs;
pub use counts::ReplayCounts;
pub use fault::Fault;
pub use question::Question;

use crate::log::Log;
use link::{Link, Terms};
use place::Place;

/// Commands that wait for replicas hold up the connection that they wait on; another one takes
/// questions meanwhile.
const WAITING_LINKS: usize = 2;

/// Consumes passports in Redis, or in what speaks its protocol.
#[derive(Debug)]
pub struct Replay {
    links: Vec<Link>,
    time: Duration,
    counts: ReplayCounts,
    log: Log,
    /// What the log said last: a fault is told when it begins, not at every request.
    told: Mutex<Option<String>>,
}

impl Replay {
    /// The store that the arguments name; connects to nothing yet.
    pub fn new(args: &ReplayArgs) -> Result<Self, Fault> {
        let count = if args.replay_wait_replicas == 0 { 1 } else { WAITING_LINKS };
        let links = (0..count).map(|_| Ok(Link::new(Place::new(args)?, Terms::new(args))));
        Ok(Self {
            links: links.collect::<Result<_, Fault>>()?,
            time: Duration::from_millis(args.replay_timeout_ms),
            counts: ReplayCounts::default(),
            log: Log::stderr(),
            told: Mutex::default(),
        })
    }

    /// Tells of its faults there.
    pub fn with_log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Looks at the server, so that one that forgets is refused before anything relies on it.
    pub async fn check(&self) -> Result<(), Fault> {
        let Some(link) = self.links.first() else {
            return Err(Fault::Silent);
        };
        tokio::time::timeout(self.time, link.live()).await.unwrap_or(Err(Fault::Silent)).map(drop)
    }

    /// Consumes one passport.
    pub async fn consume(&self, question: &Question) -> Answer {
        let index = usize::from(question.id[0]).checked_rem(self.links.len()).unwrap_or_default();
        let asked = async {
            match self.links.get(index) {
                Some(link) => link.consume(question).await,
                None => Err(Fault::Silent),
            }
        };
        // One time for all of it: connecting, asking, waiting for replicas.
        let answer = match tokio::time::timeout(self.time, asked).await.unwrap_or(Err(Fault::Silent)) {
            Ok(answer) => {
                self.tell(None);
                answer
            }
            Err(fault) => {
                let answer = fault.answer();
                self.tell(Some(fault.to_string()));
                answer
            }
        };
        self.counts.add(answer);
        answer
    }

    /// How often which answer was given.
    pub fn counts(&self) -> &ReplayCounts {
        &self.counts
    }

    fn tell(&self, fault: Option<String>) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == fault {
            return;
        }
        match &fault {
            Some(fault) => self.log.line(format_args!("replay store: {fault}")),
            None => self.log.line(format_args!("replay store: answers")),
        }
        *told = fault;
    }
}
