use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use trustplane_core::Reason;

/// Upper bounds of the latency histogram, in microseconds.
const BOUNDS_US: [u64; 12] = [50, 100, 200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 102_400, 1_024_000];

/// Counts of what the broker did, as Prometheus reads them.
#[derive(Debug)]
pub struct Metrics {
    outcomes: [AtomicU64; Reason::ALL.len()],
    latency: [AtomicU64; BOUNDS_US.len() + 1],
    latency_sum_us: AtomicU64,
    connections: AtomicU64,
    audit_failures: AtomicU64,
    reloads: [AtomicU64; 2],
}

/// What is read off at the moment of asking.
#[derive(Clone, Copy, Debug)]
pub struct Gauges {
    /// Connections that are open.
    pub open_connections: usize,
    /// Nonces that are remembered.
    pub nonces: usize,
    /// How many can be.
    pub nonce_capacity: usize,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            outcomes: [const { AtomicU64::new(0) }; Reason::ALL.len()],
            latency: [const { AtomicU64::new(0) }; BOUNDS_US.len() + 1],
            latency_sum_us: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            audit_failures: AtomicU64::new(0),
            reloads: [const { AtomicU64::new(0) }; 2],
        }
    }
}

impl Metrics {
    /// A connection was accepted.
    pub fn connection(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// An audit event could not be written.
    pub fn audit_failure(&self) {
        self.audit_failures.fetch_add(1, Ordering::Relaxed);
    }

    /// A reload came to its end.
    pub fn reload(&self, succeeded: bool) {
        let [failed, done] = &self.reloads;
        let counter = if succeeded { done } else { failed };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    /// An answer was given, `took` after its line was read.
    pub fn outcome(&self, reason: Reason, took: Duration) {
        if let Some(counter) =
            Reason::ALL.iter().position(|known| *known == reason).and_then(|index| self.outcomes.get(index))
        {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS_US.iter().position(|bound| us <= *bound).unwrap_or(BOUNDS_US.len());
        if let Some(counter) = self.latency.get(bucket) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.latency_sum_us.fetch_add(us, Ordering::Relaxed);
    }

    /// The text format of Prometheus, version 0.0.4.
    pub fn render(&self, gauges: Option<Gauges>) -> String {
        let mut text = String::new();
        family(&mut text, "outcomes_total", "counter", "Answers by reason.");
        for (reason, counter) in Reason::ALL.iter().zip(&self.outcomes) {
            let count = counter.load(Ordering::Relaxed);
            if count > 0 || is_own(*reason) {
                let outcome = if *reason == Reason::BrokerPassportIssued { "allow" } else { "deny" };
                put(
                    &mut text,
                    format_args!(
                        "trustplane_broker_outcomes_total{{outcome=\"{outcome}\",reason=\"{reason}\"}} {count}"
                    ),
                );
            }
        }
        self.render_latency(&mut text);
        let [failed, done] = &self.reloads;
        for (name, kind, help, value) in [
            ("connections_total", "counter", "Connections accepted.", self.connections.load(Ordering::Relaxed)),
            (
                "audit_failures_total",
                "counter",
                "Audit events that could not be written.",
                self.audit_failures.load(Ordering::Relaxed),
            ),
            ("reloads_total", "counter", "Reloads that took effect.", done.load(Ordering::Relaxed)),
            ("reload_failures_total", "counter", "Reloads that were refused.", failed.load(Ordering::Relaxed)),
        ] {
            family(&mut text, name, kind, help);
            put(&mut text, format_args!("trustplane_broker_{name} {value}"));
        }
        for (name, help, value) in gauges.iter().flat_map(Gauges::rows) {
            family(&mut text, name, "gauge", help);
            put(&mut text, format_args!("trustplane_broker_{name} {value}"));
        }
        text
    }

    fn render_latency(&self, text: &mut String) {
        family(text, "latency_seconds", "histogram", "Time from a full line to its answer.");
        let mut total = 0u64;
        for (index, counter) in self.latency.iter().enumerate() {
            total = total.saturating_add(counter.load(Ordering::Relaxed));
            match BOUNDS_US.get(index) {
                Some(bound) => put(
                    text,
                    format_args!("trustplane_broker_latency_seconds_bucket{{le=\"{}\"}} {total}", seconds(*bound)),
                ),
                None => put(text, format_args!("trustplane_broker_latency_seconds_bucket{{le=\"+Inf\"}} {total}")),
            }
        }
        put(
            text,
            format_args!(
                "trustplane_broker_latency_seconds_sum {}",
                seconds(self.latency_sum_us.load(Ordering::Relaxed))
            ),
        );
        put(text, format_args!("trustplane_broker_latency_seconds_count {total}"));
    }
}

impl Gauges {
    const fn rows(&self) -> [(&'static str, &'static str, usize); 3] {
        [
            ("open_connections", "Connections open now.", self.open_connections),
            ("nonces", "Nonces remembered now.", self.nonces),
            ("nonce_capacity", "Nonces that can be remembered.", self.nonce_capacity),
        ]
    }
}

fn family(text: &mut String, name: &str, kind: &str, help: &str) {
    put(text, format_args!("# HELP trustplane_broker_{name} {help}"));
    put(text, format_args!("# TYPE trustplane_broker_{name} {kind}"));
}

fn put(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a String does not fail.
    let _ = writeln!(text, "{line}");
}

fn seconds(us: u64) -> String {
    format!("{}.{:06}", us / 1_000_000, us % 1_000_000)
}

/// The broker's own reasons are there from the start, so that a rate has something to start from.
fn is_own(reason: Reason) -> bool {
    reason.as_str().starts_with("broker_") || reason == Reason::InsufficientKeyBinding
}
