use std::fmt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::stack::{StackArgs, Stop, this_program};
use crate::demo::{self, Row, Twins, Workload};
use crate::exit::{Fault, Verdict};
use crate::local::{Scenario, SpireFiles, Up, UpOptions};
use crate::output::Output;

#[derive(Args, Debug)]
pub(crate) struct Demo {
    #[command(flatten)]
    stack: StackArgs,
    /// Leave out the row with two Envoys or adapters, which needs redis-server
    #[arg(long)]
    without_redis: bool,
    /// Add the rows of attested workloads: a real SPIRE knows this user as one
    #[arg(long)]
    spire: bool,
    /// The folder of spire-server and spire-agent; TRUSTPLANE_SPIRE or PATH when not given
    #[arg(long, value_name = "DIR", requires = "spire")]
    spire_dir: Option<PathBuf>,
}

#[derive(Serialize)]
struct Summary {
    rows: Vec<Row>,
    passed: usize,
    total: usize,
    upstream_expected: u64,
    upstream_actual: u64,
}

impl Demo {
    pub(crate) fn run(self, output: Output) -> Result<Verdict, Fault> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.map_err(|err| Fault::new(err.to_string()))?.block_on(self.play(output))
    }

    async fn play(self, output: Output) -> Result<Verdict, Fault> {
        let spire = self.spire.then(|| SpireFiles::find(self.spire_dir.as_deref())).transpose()?;
        let mut stop = Stop::listen()?;
        let stopped = || Fault::new("stopped by a signal");
        let program = this_program()?;
        let options = UpOptions { broker: Some(program.clone()), ..self.stack.options(Scenario::Acceptance)? };
        let pair = match self.without_redis {
            true => None,
            false => Some(start_twins(&mut stop, &options).await?.ok_or_else(stopped)?),
        };
        let mut workload = match spire {
            None => None,
            Some(files) => Some(start_workload(&mut stop, files, &program, &options).await?.ok_or_else(stopped)?),
        };
        let up = stop.start(options).await?.ok_or_else(stopped)?;
        if !output.is_json() {
            let columns = line("", "case", "expected", "actual", "upstream", "time");
            output.line(&format!("{}\n{}\n", heading(&up), columns.trim_end()))?;
        }
        let tell = |row: &Row| if output.is_json() { Ok(()) } else { output.line(&text(row)) };
        let rows = tokio::select! {
            rows = demo::run(&up, &program, workload.as_mut(), pair.as_ref(), tell) => rows?,
            () = stop.asked() => return Err(stopped()),
        };
        let summary = Summary {
            passed: rows.iter().filter(|row| row.passed).count(),
            total: rows.len(),
            upstream_expected: rows.iter().map(|row| row.upstream_expected).sum(),
            upstream_actual: up.upstream().count()
                + pair.as_ref().map_or(0, Twins::upstream_count)
                + workload.as_ref().map_or(0, Workload::upstream_count),
            rows,
        };
        output.show(&summary)?;
        // A denied request that reached the upstream after its row was judged shows here.
        let complete = summary.passed == summary.total && summary.upstream_actual == summary.upstream_expected;
        Ok(if complete { Verdict::Allow } else { Verdict::Deny })
    }
}

/// Two that share a Redis, or nothing when a signal came while they started.
async fn start_twins(stop: &mut Stop, options: &UpOptions) -> Result<Option<Twins>, Fault> {
    let options = Twins::options(options);
    let unless = |err: Fault| Fault { problem: format!("{}; --without-redis leaves its row out", err.problem), ..err };
    let Some(first) = stop.start(options.clone()).await.map_err(unless)? else { return Ok(None) };
    let start = tokio::task::spawn_blocking(move || Twins::start(first, &options));
    start.await.map_err(|err| Fault::new(err.to_string()))?.map(Some)
}

/// A SPIRE with its own Envoy, or nothing when a signal came while they started.
async fn start_workload(
    stop: &mut Stop,
    files: SpireFiles,
    program: &Path,
    options: &UpOptions,
) -> Result<Option<Workload>, Fault> {
    let (program, options) = (program.to_owned(), UpOptions { scenario: Scenario::Orders, ..options.clone() });
    let mut start = tokio::task::spawn_blocking(move || Workload::start(&files, &program, &options));
    tokio::select! {
        started = &mut start => started.map_err(|err| Fault::new(err.to_string()))?.map(Some),
        () = stop.asked() => {
            // Starting cannot be cut short; what it started ends right away.
            drop(start.await);
            Ok(None)
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, total, upstream_expected, upstream_actual, .. } = self;
        write!(f, "\n{passed} of {total} rows as expected; ")?;
        write!(f, "the upstream saw {upstream_actual} requests, {upstream_expected} were to be allowed")
    }
}

fn heading(up: &Up) -> String {
    let (gate, url) = (up.gate(), up.listener_url());
    let filter = up.paths().envoy.as_ref().map(|envoy| format!(", filter {}", envoy.filter.display()));
    format!("{gate} (pid {}) at {url}{}\n", gate.pid(), filter.unwrap_or_default())
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
