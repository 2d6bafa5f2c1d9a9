use clap::Args;
use serde::Serialize;

use super::up::StackArgs;
use crate::demo::{self, Row};
use crate::exit::{Fault, Verdict};
use crate::local::{Scenario, Up};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Demo {
    #[command(flatten)]
    stack: StackArgs,
}

#[derive(Serialize)]
struct Summary<'a> {
    rows: &'a [Row],
    passed: usize,
    total: usize,
    upstream_requests: u64,
}

impl Demo {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let up = Up::start(&self.stack.options(Scenario::Acceptance))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|err| Fault::new(err.to_string()))?;
        if !output.is_json() {
            output.line(&format!(
                "{}\n{}\n",
                heading(&up),
                line("", "case", "expected", "actual", "upstream", "time").trim_end()
            ))?;
        }
        let rows =
            runtime.block_on(demo::run(&up, |row| if output.is_json() { Ok(()) } else { output.line(&text(row)) }))?;
        let passed = rows.iter().filter(|row| row.passed).count();
        // A denied request that reached the upstream after its row was judged shows here.
        let upstream_expected: u64 = rows.iter().map(|row| row.upstream_expected).sum();
        let upstream_requests = up.upstream().count();
        let complete = passed == rows.len() && upstream_requests == upstream_expected;
        if output.is_json() {
            let summary = Summary { rows: &rows, passed, total: rows.len(), upstream_requests };
            output.line(&serde_json::to_string(&summary).unwrap_or_default())?;
        } else {
            output.line(&format!(
                "\n{passed} of {} rows as expected; the upstream saw {upstream_requests} requests of {upstream_expected} that were allowed",
                rows.len()
            ))?;
        }
        Ok(if complete { Verdict::Allow } else { Verdict::Deny })
    }
}

fn heading(up: &Up) -> String {
    let (envoy, filter) = (up.envoy(), up.paths().filter.display());
    format!("Envoy {} (pid {}) at {}, filter {filter}\n", envoy.version(), envoy.pid(), up.listener_url())
}

fn text(row: &Row) -> String {
    let time = format!("{}.{} ms", row.micros / 1000, row.micros % 1000 / 100);
    let upstream = match row.upstream_actual {
        0 => "saw nothing".to_owned(),
        count => format!("saw {count}"),
    };
    let mark = if row.passed { "ok" } else { "FAIL" };
    let mut text = line(mark, &row.case, &row.expected, &row.actual, &upstream, &time);
    if !row.note.is_empty() {
        text.push_str(&format!("\n      {}", row.note));
    }
    text
}

fn line(mark: &str, case: &str, expected: &str, actual: &str, upstream: &str, time: &str) -> String {
    format!("{mark:<4}  {case:<38}  {expected:<31}  {actual:<31}  {upstream:<11}  {time:>9}")
}
