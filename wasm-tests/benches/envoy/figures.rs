//! What came out: medians, spreads, ratios, as text and as JSON.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use trustplane_wasm_tests::load::Seen;

use crate::rows::{ALLOW, EDDSA, PLAIN_SERVICE, Row, SERVICE};

/// One row in one round.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    pub per_second: f64,
    /// Microseconds, like all that follow.
    pub p50: f64,
    pub p99: f64,
    pub envoy: f64,
    pub helper: f64,
}

/// Every row in every round.
pub struct Figures<'a> {
    rows: &'a [Row],
    rounds: Vec<BTreeMap<&'static str, Measured>>,
}

/// A figure's median, and between what half of the rounds were.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    pub median: f64,
    pub low: f64,
    pub high: f64,
}

impl Measured {
    pub fn new(seen: &Seen, envoy: Duration, helper: Duration) -> Self {
        let count = f64::from(u32::try_from(seen.latencies.len()).unwrap_or(u32::MAX));
        let micros = |time: Duration| time.as_secs_f64() * 1e6;
        Self {
            per_second: count / seen.elapsed.as_secs_f64(),
            p50: micros(seen.percentile(50)),
            p99: micros(seen.percentile(99)),
            envoy: micros(envoy) / count,
            helper: micros(helper) / count,
        }
    }
}

impl<'a> Figures<'a> {
    pub fn new(rows: &'a [Row]) -> Self {
        Self { rows, rounds: Vec::new() }
    }

    pub fn add(&mut self, round: BTreeMap<&'static str, Measured>) {
        self.rounds.push(round);
    }

    pub fn rows(&self) -> &'a [Row] {
        self.rows
    }

    /// The spread of what `figure` makes of a round.
    fn spread(&self, figure: impl Fn(&BTreeMap<&'static str, Measured>) -> f64) -> Spread {
        let mut all: Vec<_> = self.rounds.iter().map(figure).collect();
        all.sort_unstable_by(f64::total_cmp);
        let at = |index: usize| all.get(index).copied().unwrap_or(f64::NAN);
        let quarter = all.len() / 4;
        Spread { median: at(all.len() / 2), low: at(quarter), high: at(all.len().saturating_sub(quarter + 1)) }
    }

    /// CPU time a request of Envoy and its helper, less what the same costs unauthorised.
    pub fn over(&self, row: &Row) -> Spread {
        self.spread(|round| over(round, row))
    }

    /// The same of one row in units of another, round by round.
    pub fn ratio(&self, row: &Row, other: &Row) -> Spread {
        self.spread(|round| over(round, row) / over(round, other))
    }

    fn row(&self, name: &str) -> Option<&'a Row> {
        self.rows.iter().find(|row| row.name == name)
    }

    pub fn table(&self) -> String {
        let mut text = format!(
            "{:<27}{:>9}{:>9}{:>9}{:>10}{:>9}{:>24}{:>9}\n",
            "CPU: microseconds a request",
            "req/s",
            "p50 us",
            "p99 us",
            "Envoy CPU",
            "helper",
            "over no filter",
            "/ EdDSA"
        );
        for row in self.rows {
            let column = |figure: fn(&Measured) -> f64| self.spread(|round| figure(&round[row.name])).median;
            let Spread { median, low, high } = self.over(row);
            let over =
                if row.baseline == row.name { String::new() } else { format!("{median:.1} ({low:.1}..{high:.1})") };
            let ratio = match self.row(EDDSA) {
                Some(eddsa) if row.baseline != row.name => format!("{:.2}", self.ratio(row, eddsa).median),
                _ => String::new(),
            };
            text += &format!(
                "{:<27}{:>9.0}{:>9.0}{:>9.0}{:>10.1}{:>9.1}{over:>24}{ratio:>9}\n",
                row.name,
                column(|measured| measured.per_second),
                column(|measured| measured.p50),
                column(|measured| measured.p99),
                column(|measured| measured.envoy),
                column(|measured| measured.helper),
            );
        }
        text
    }

    /// One object: what was asked for first, then every row.
    pub fn to_json(&self, context: Map<String, Value>) -> Value {
        let mut document = Map::new();
        for (name, other) in [
            ("ratio_allow_to_jwt_authn_eddsa", EDDSA),
            ("ratio_allow_to_ext_authz", PLAIN_SERVICE),
            ("ratio_allow_to_ext_authz_with_tables", SERVICE),
        ] {
            if let (Some(allow), Some(other)) = (self.row(ALLOW), self.row(other)) {
                document.insert(name.into(), json!(rounded(self.ratio(allow, other).median)));
            }
        }
        document.extend(context);
        let rows: Vec<_> = self.rows.iter().map(|row| self.row_json(row)).collect();
        document.insert("rows".into(), rows.into());
        document.into()
    }

    fn row_json(&self, row: &Row) -> Value {
        let spread = |figure: fn(&Measured) -> f64| self.spread(|round| figure(&round[row.name])).to_json();
        let mut object = json!({
            "name": row.name,
            "status": row.status,
            "requests_a_round": row.total,
            "requests_per_second": spread(|measured| measured.per_second),
            "p50_us": spread(|measured| measured.p50),
            "p99_us": spread(|measured| measured.p99),
            "envoy_cpu_us": spread(|measured| measured.envoy),
            "helper_cpu_us": spread(|measured| measured.helper),
        });
        if row.baseline != row.name {
            object["baseline"] = row.baseline.into();
            object["over_baseline_us"] = self.over(row).to_json();
            if let Some(eddsa) = self.row(EDDSA) {
                object["ratio_to_jwt_authn_eddsa"] = self.ratio(row, eddsa).to_json();
            }
        }
        object
    }
}

impl Spread {
    fn to_json(self) -> Value {
        json!({ "median": rounded(self.median), "quartiles": [rounded(self.low), rounded(self.high)] })
    }
}

fn over(round: &BTreeMap<&'static str, Measured>, row: &Row) -> f64 {
    let cost = |name| round[name].envoy + round[name].helper;
    cost(row.name) - cost(row.baseline)
}

/// No more digits than the clock has.
fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}
