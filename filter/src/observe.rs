//! What operators see of a decision. None of it may change one: failures are let go.

use std::cell::Cell;

use trustplane_core::{AuditEvent, Component, Reason};

use crate::host;

/// Access logs print it as `%FILTER_STATE(wasm.trustplane_decision:PLAIN)%`.
const DECISION: &str = "trustplane_decision";

/// Access logs print it as `%FILTER_STATE(wasm.trustplane_audit:PLAIN)%`.
const AUDIT: &str = "trustplane_audit";

thread_local! {
    /// Each reason's counter, from its first use on. A module is one thread for its whole life.
    static COUNTERS: Cell<Vec<(Reason, Option<u32>)>> = const { Cell::new(Vec::new()) };
}

/// Publishes a decision: its code, and the whole event where `audit` asks for it.
pub fn record(event: &AuditEvent, audit: bool) {
    host::set_filter_state(DECISION, event.reason.as_str());
    if audit {
        host::set_filter_state(AUDIT, &event.to_json(Component::Verifier));
    }
    count(event.reason);
}

fn count(reason: Reason) {
    COUNTERS.with(|counters| {
        let mut known = counters.take();
        let counter = match known.iter().find(|(other, _)| *other == reason) {
            Some((_, counter)) => *counter,
            None => {
                let counter = host::define_counter(&format!("trustplane.decision.{reason}"));
                known.push((reason, counter));
                counter
            }
        };
        if let Some(counter) = counter {
            host::increment(counter);
        }
        counters.set(known);
    });
}
