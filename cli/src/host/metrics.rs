use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use trustplane_core::Reason;

/// How often was decided what.
#[derive(Debug)]
pub struct Decisions([AtomicU64; Reason::ALL.len()]);

impl Default for Decisions {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; Reason::ALL.len()])
    }
}

impl Decisions {
    pub(super) fn count(&self, reason: Reason) {
        if let Some((_, counter)) = Reason::ALL.iter().zip(&self.0).find(|(known, _)| **known == reason) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How often it was this.
    pub fn of(&self, reason: Reason) -> u64 {
        let counter = Reason::ALL.iter().zip(&self.0).find(|(known, _)| **known == reason);
        counter.map_or(0, |(_, counter)| counter.load(Ordering::Relaxed))
    }

    /// The text format of Prometheus, version 0.0.4; a verifier's reasons are all there from the start.
    pub fn render(&self) -> String {
        let mut text = String::from(
            "# HELP trustplane_decisions_total Decisions by reason.\n# TYPE trustplane_decisions_total counter\n",
        );
        let brokers = Reason::ALL.iter().position(|reason| *reason == Reason::BrokerRequestInvalid);
        for reason in Reason::ALL.iter().take(brokers.unwrap_or(usize::MAX)) {
            let outcome = if *reason == Reason::RequestAllowed { "allow" } else { "deny" };
            let count = self.of(*reason);
            // Writing to a String does not fail.
            let _ = writeln!(text, "trustplane_decisions_total{{outcome=\"{outcome}\",reason=\"{reason}\"}} {count}");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_are_counted_under_their_reason_alone() {
        let decisions = Decisions::default();
        decisions.count(Reason::JtiReplay);
        decisions.count(Reason::JtiReplay);
        decisions.count(Reason::RequestAllowed);
        assert_eq!(
            [Reason::JtiReplay, Reason::RequestAllowed, Reason::InvalidRequest].map(|it| decisions.of(it)),
            [2, 1, 0]
        );
        let text = decisions.render();
        assert!(text.contains("trustplane_decisions_total{outcome=\"deny\",reason=\"jti_replay\"} 2\n"), "{text}");
        assert!(
            text.contains("trustplane_decisions_total{outcome=\"allow\",reason=\"request_allowed\"} 1\n"),
            "{text}"
        );
        assert!(text.contains("reason=\"passport_expired\"} 0\n") && !text.contains("broker_"), "{text}");
    }
}
