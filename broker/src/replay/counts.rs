use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::answer::Answer;

/// How often which answer was given.
#[derive(Debug, Default)]
pub struct ReplayCounts([AtomicU64; Answer::ALL.len()]);

impl ReplayCounts {
    pub(super) fn add(&self, answer: Answer) {
        if let Some((_, counter)) = Answer::ALL.iter().zip(&self.0).find(|(known, _)| **known == answer) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::from(
            "# HELP trustplane_broker_replay_total Answers about passports by outcome.\n\
             # TYPE trustplane_broker_replay_total counter\n",
        );
        for (answer, counter) in Answer::ALL.iter().zip(&self.0) {
            let count = counter.load(Ordering::Relaxed);
            // Writing to a String does not fail.
            let _ = writeln!(text, "trustplane_broker_replay_total{{outcome=\"{}\"}} {count}", answer.as_str());
        }
        text
    }
}
