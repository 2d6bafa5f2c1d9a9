//! Newer bundles, from a source, while requests are served.
//!
//! Every worker of a proxy ticks. Whichever first sees that the interval has passed takes the turn
//! by one compare-and-swap, asks the source, checks what it says and publishes it to the others
//! through shared data; whoever dies in its turn is followed by the next. Each worker checks what
//! was published itself, against its own pinned keys and the documents it holds: another plugin may
//! write the same memory, but it has no signer's key, and no way back to an older document.
//!
//! Whatever fails leaves the documents in force as they are, and their age grows: routes deny when
//! it passes what their freshness class allows.

mod held;
mod notice;
mod pair;
mod turn;

use trustplane_core::{BundleSource, Checked, Pin, Policy, Trust, UnixTime, hex, sha256};

pub(crate) use self::held::Held;
use self::notice::Notice;
use self::turn::{Answer, Turn};
use crate::data::{self, Made, SharedData};
use crate::pairs::{Pair, write_pairs};
use crate::status;

/// What a tick or an answer comes to.
#[derive(Debug, Default)]
pub struct News {
    /// Both documents, to put in force at once for the requests that begin now.
    pub bundles: Option<(Checked<Policy>, Checked<Trust>)>,
    /// What the host is to ask; the answer goes to [`Follower::answered`].
    pub ask: Option<Ask>,
    /// What operators should read.
    pub told: Option<Told>,
}

/// A line for operators.
#[derive(Debug, Eq, PartialEq)]
pub enum Told {
    /// Other documents are in force.
    Replaced(String),
    /// They are not, and this is why; told once until it changes.
    Failed(String),
}

/// What the host is to send.
#[derive(Debug, Eq, PartialEq)]
pub struct Ask {
    /// The Envoy cluster.
    pub cluster: String,
    /// A header map as hosts read it.
    pub headers: Vec<u8>,
    /// How long the host waits.
    pub timeout_ms: u32,
}

/// One worker's view of its source.
#[derive(Debug)]
pub struct Follower {
    source: BundleSource,
    policy_pin: Pin,
    trust_pin: Pin,
    /// Where the notice lies; the documents lie beside it.
    key: String,
    policy: Option<Held<Policy>>,
    trust: Option<Held<Trust>>,
    /// The turn that this worker has.
    turn: Option<Turn>,
    /// Whether the documents that were published are gone, so that "unchanged" helps nobody.
    lost: bool,
    /// What was published and refused, so that it is not read on every tick.
    refused: Option<[[u8; 32]; 2]>,
    /// The trouble told last.
    trouble: String,
}

impl Follower {
    /// A worker that begins with the documents of its configuration, if there are any.
    pub(crate) fn new(
        source: BundleSource,
        (policy_pin, trust_pin): (Pin, Pin),
        signers: &str,
        policy: Option<Held<Policy>>,
        trust: Option<Held<Trust>>,
    ) -> Self {
        // Configurations that believe other signers, or ask elsewhere, share nothing.
        let BundleSource { cluster, authority, policy_path, trust_path, .. } = &source;
        let view = [cluster.as_str(), authority, policy_path, trust_path, signers].join("\n");
        let name = hex(&sha256(view.as_bytes()));
        let key = format!("trustplane.bundles.v1.{}", name.get(..16).unwrap_or_default());
        Self {
            source,
            policy_pin,
            trust_pin,
            key,
            policy,
            trust,
            turn: None,
            lost: false,
            refused: None,
            trouble: String::new(),
        }
    }

    /// Takes what other workers published.
    pub fn catch_up(&mut self, data: &impl SharedData) -> News {
        match self.look(data) {
            Ok((Some(notice), _)) => self.take(data, &notice),
            Ok((None, _)) => News::default(),
            Err(problem) => self.failed(problem),
        }
    }

    /// Takes what other workers published, and the turn if it is time.
    pub fn tick(&mut self, data: &impl SharedData, now: UnixTime) -> News {
        let (notice, cas) = match self.look(data) {
            Ok(looked) => looked,
            Err(problem) => return self.failed(problem),
        };
        let mut news = match &notice {
            Some(notice) => self.take(data, notice),
            None => News::default(),
        };
        let mut next = notice.unwrap_or_else(|| Notice::new(UnixTime::from_secs(0)));
        // A turn ahead of the clock is nobody's: else a clock set back would end all turns.
        let waits = now < next.asked_at.plus(self.source.interval_seconds) && next.asked_at <= now;
        if waits {
            return news;
        }
        next.asked_at = now;
        if data::write(data, &self.key, &next.write(), cas) == Made::Here {
            let knows = self.holds(&next) && !self.lost;
            let turn = Turn::new(next, knows);
            news.ask = self.ask(&self.source.policy_path, turn.tag(&turn.notice.policy));
            self.turn = Some(turn);
        }
        news
    }

    /// Takes an answer: header pairs and body, or `None` when the host has none.
    pub fn answered(&mut self, data: &impl SharedData, answer: Option<(&[Pair<'_>], Vec<u8>)>) -> News {
        let Some(mut turn) = self.turn.take() else {
            return News::default();
        };
        let kind = if turn.policy.is_none() { "policy" } else { "trust material" };
        let answer = match turn.read(answer) {
            Ok(answer) => answer,
            Err(problem) => return self.failed(format!("{kind}: {problem}")),
        };
        match turn.policy.take() {
            None => {
                let ask = self.ask(&self.source.trust_path, turn.tag(&turn.notice.trust));
                self.turn = Some(Turn { policy: Some(answer), ..turn });
                News { ask, ..News::default() }
            }
            Some(policy) => self.publish(data, turn, policy, answer).unwrap_or_else(|problem| self.failed(problem)),
        }
    }

    /// The notice, if there is one that can be read, and its compare-and-swap number.
    fn look(&self, data: &impl SharedData) -> Result<(Option<Notice>, Option<u32>), String> {
        match data.get(&self.key) {
            Ok((value, cas)) => Ok((Notice::read(&value), Some(cas))),
            Err(status::NOT_FOUND) => Ok((None, None)),
            Err(status) => Err(format!("shared data answers with status {status}")),
        }
    }

    /// Takes what stands in a notice, unless it is in force already.
    fn take(&mut self, data: &impl SharedData, notice: &Notice) -> News {
        if self.holds(notice) {
            return self.confirm(notice.checked_at);
        }
        let digests = [notice.policy.digest, notice.trust.digest];
        if notice.checked_at.as_secs() == 0 || self.refused == Some(digests) {
            return News::default();
        }
        let Ok((value, _)) = data.get(&self.documents()) else {
            return News::default();
        };
        let read = pair::read(&value).ok_or_else(|| "what was published is no pair of documents".into());
        match read.and_then(|(policy, trust)| self.read(policy, trust, notice.checked_at)) {
            Ok((policy, trust)) => self.replace(policy, trust),
            Err(problem) => {
                self.refused = Some(digests);
                self.failed(problem)
            }
        }
    }

    /// Both answers are there: they are checked, published and put in force, or all stays.
    fn publish(&mut self, data: &impl SharedData, turn: Turn, policy: Answer, trust: Answer) -> Result<News, String> {
        let at = turn.checked_at;
        let mut notice = Notice { checked_at: at, ..turn.notice.clone() };
        let replaced = match (&policy, &trust) {
            (Answer::Unchanged, Answer::Unchanged) => {
                notice.checked_at = at.max(turn.notice.checked_at);
                None
            }
            _ => {
                let documents = self.documents();
                let (published, documents_cas) = match data.get(&documents) {
                    Ok((value, cas)) => (value, Some(cas)),
                    Err(_) => (Vec::new(), None),
                };
                let old = pair::read(&published);
                self.lost = old.is_none() && [&policy, &trust].iter().any(|answer| matches!(answer, Answer::Unchanged));
                let (old_policy, old_trust) = old.unwrap_or_default();
                let (policy_text, trust_text) = (policy.text(old_policy), trust.text(old_trust));
                let (held_policy, held_trust) = self.read(policy_text, trust_text, at)?;
                policy.note(&mut notice.policy, held_policy.edition.digest());
                trust.note(&mut notice.trust, held_trust.edition.digest());
                let value = pair::write(policy_text, trust_text).ok_or("the documents are too large")?;
                let changed = (value != published).then_some((documents, value, documents_cas));
                Some((held_policy, held_trust, changed))
            }
        };
        // Whoever lost the turn publishes nothing: another worker has, or will.
        let (standing, cas) = match data.get(&self.key) {
            Ok((value, cas)) => (value, cas),
            Err(status) => return Err(format!("shared data answers with status {status}")),
        };
        if standing != turn.notice.write() {
            return Ok(News::default());
        }
        if let Some((_, _, Some((documents, value, documents_cas)))) = &replaced
            && data::write(data, documents, value, *documents_cas) != Made::Here
        {
            return Ok(News::default());
        }
        if data::write(data, &self.key, &notice.write(), Some(cas)) != Made::Here {
            return Ok(News::default());
        }
        Ok(match replaced {
            Some((policy, trust, _)) if !self.holds(&notice) => self.replace(policy, trust),
            _ => self.confirm(at),
        })
    }

    /// Both documents, checked; neither may be older than the one in force.
    fn read(&self, policy: &[u8], trust: &[u8], at: UnixTime) -> Result<(Held<Policy>, Held<Trust>), String> {
        let policy = Held::read(policy, Policy::load, &self.policy_pin, self.policy.as_ref(), at)
            .map_err(|error| format!("policy: {error}"))?;
        let trust = Held::read(trust, Trust::load, &self.trust_pin, self.trust.as_ref(), at)
            .map_err(|error| format!("trust material: {error}"))?;
        Ok((policy, trust))
    }

    fn replace(&mut self, policy: Held<Policy>, trust: Held<Trust>) -> News {
        self.trouble.clear();
        let issued = |at: Option<UnixTime>| at.map_or_else(|| "an unknown time".into(), UnixTime::rfc3339);
        let told = format!(
            "policy of {}, trust material of {}",
            issued(policy.edition.issued_at()),
            issued(trust.edition.issued_at())
        );
        (self.policy, self.trust) = (Some(policy), Some(trust));
        News { bundles: self.in_force(), told: Some(Told::Replaced(told)), ask: None }
    }

    /// The documents in force were current at that moment.
    fn confirm(&mut self, at: UnixTime) -> News {
        let (Some(policy), Some(trust)) = (&mut self.policy, &mut self.trust) else {
            return News::default();
        };
        if at <= policy.checked.checked_at() && at <= trust.checked.checked_at() {
            return News::default();
        }
        self.trouble.clear();
        policy.checked = policy.checked.still_current(at);
        trust.checked = trust.checked.still_current(at);
        News { bundles: self.in_force(), ..News::default() }
    }

    fn in_force(&self) -> Option<(Checked<Policy>, Checked<Trust>)> {
        let (policy, trust) = (self.policy.as_ref()?, self.trust.as_ref()?);
        Some((policy.checked.clone(), trust.checked.clone()))
    }

    fn holds(&self, notice: &Notice) -> bool {
        self.policy.as_ref().is_some_and(|held| held.is(&notice.policy.digest))
            && self.trust.as_ref().is_some_and(|held| held.is(&notice.trust.digest))
    }

    fn documents(&self) -> String {
        format!("{}.documents", self.key)
    }

    fn ask(&self, path: &str, tag: &[u8]) -> Option<Ask> {
        let BundleSource { cluster, authority, timeout_ms, .. } = &self.source;
        let mut headers: Vec<Pair<'_>> =
            vec![(b":method", b"GET"), (b":path", path.as_bytes()), (b":authority", authority.as_bytes())];
        if !tag.is_empty() {
            headers.push((b"if-none-match", tag));
        }
        Some(Ask { cluster: cluster.clone(), headers: write_pairs(&headers)?, timeout_ms: *timeout_ms })
    }

    /// Ends a turn in which the host sent nothing.
    pub fn unsent(&mut self) -> News {
        self.turn = None;
        self.failed(format!("the host does not ask cluster {}", self.source.cluster))
    }

    fn failed(&mut self, problem: String) -> News {
        if self.trouble == problem {
            return News::default();
        }
        self.trouble.clone_from(&problem);
        News { told: Some(Told::Failed(problem)), ..News::default() }
    }
}

#[cfg(test)]
mod tests;
