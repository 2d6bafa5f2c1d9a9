//! What grows with a bundle, with callers and with live passports, and what must not: the core natively, then the
//! filter in a real Envoy.

mod busy;
mod crowd;
mod filled;
mod native;
mod proxy;

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::{Parser, ValueEnum};
use trustplane_core::UnixTime;
use trustplane_wasm_tests::counting::Counting;
use trustplane_wasm_tests::load::{Callers, Order, Wire, cpu};

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// A decision over the largest bundle may cost this many over the smallest.
const MOST_GROWTH: f64 = 2.0;

#[derive(Parser)]
struct Args {
    /// The filter to measure.
    #[arg(long, default_value = "target/wasm32-unknown-unknown/release/trustplane_filter.wasm")]
    filter: PathBuf,
    /// Envoy, if not the one on PATH.
    #[arg(long)]
    envoy_bin: Option<PathBuf>,
    /// One half of it.
    #[arg(long, value_enum)]
    only: Option<Part>,
    /// Cargo's.
    #[arg(long, hide = true)]
    bench: bool,
}

#[derive(Clone, Copy, Eq, PartialEq, ValueEnum)]
enum Part {
    Bundles,
    Callers,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(err) => {
            eprintln!("scale: {err}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> io::Result<bool> {
    println!("machine: {}; load before: {}", cpu::machine(), cpu::load_average()?);
    cpu::pin(cpu::OTHERS)?;
    let pass = match args.only {
        Some(Part::Callers) => true,
        _ => {
            let native = native::run()?;
            println!();
            proxy::run(args)? && native
        }
    };
    if args.only != Some(Part::Bundles) {
        let callers = Callers::new()?;
        println!();
        crowd::run(&callers)?;
        println!();
        busy::run(args, &callers)?;
    }
    Ok(pass)
}

/// Whether decisions over the largest bundle cost little enough; says so.
fn judge(what: &str, smallest: f64, largest: f64) -> bool {
    let growth = largest / smallest;
    let pass = growth < MOST_GROWTH;
    println!("{what}: {growth:.2} (below {MOST_GROWTH}: {})", if pass { "PASS" } else { "FAIL" });
    pass
}

/// Sound requests, spread over that many routes.
fn requests(callers: &Callers, total: usize, routes: usize, now: UnixTime) -> io::Result<Vec<Wire>> {
    let stride = (routes / total).max(1);
    let route = |place: usize| Some(place * stride % routes);
    let order = |place| Order { route: route(place), ..Order::new(callers.number(), &[].into(), now) };
    (0..total).map(|place| callers.sign(&order(place))).collect()
}

fn micros(time: Duration, count: usize) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}

/// Of what one decision cost in each round.
fn median(rounds: &[f64]) -> f64 {
    let mut rounds = rounds.to_vec();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime::from_secs(since.map_or(0, |since| since.as_secs()))
}
