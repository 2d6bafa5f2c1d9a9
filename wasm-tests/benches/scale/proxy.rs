//! The filter in Envoys of one worker on one core, beside an Envoy without it.

use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs, io, thread};

use trustplane::envoy::{Envoy, find_binary};
use trustplane_wasm_tests::load::cpu::{self, Clock};
use trustplane_wasm_tests::load::site::{self, Gate};
use trustplane_wasm_tests::load::{self, CALLERS, Callers, Growth};

use crate::{Args, judge, micros, now, requests};

/// `None` is Envoy without the filter. The last one is for the time to load many keys.
const SIZES: [Option<Growth>; 5] =
    [None, Some(sized(10, 2)), Some(sized(1_000, 2)), Some(sized(10_000, 2)), Some(sized(10, 1_000))];
const GATE: &str = "scale";
/// After a start the filter refuses passports that are not younger than it.
const COLD: Duration = Duration::from_secs(4);
const WARM_UP: usize = CALLERS * 12;
const REQUESTS: usize = 4_000;
const ROUNDS: usize = 7;

/// One running Envoy.
struct Running {
    growth: Option<Growth>,
    text_bytes: usize,
    start: Duration,
    envoy: Envoy,
    clock: Clock,
    /// Envoy's processor time in all rounds.
    time: Duration,
}

const fn sized(routes: usize, issuers: usize) -> Growth {
    Growth { routes, sources: 2, issuers, revocations: 0 }
}

pub fn run(args: &Args) -> io::Result<bool> {
    let binary = find_binary(args.envoy_bin.as_deref(), env::var_os("PATH").as_deref()).map_err(io::Error::other)?;
    // Cargo starts benches in the package's folder; files are named from the repository's.
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&args.filter).canonicalize()?;
    let folder = env::temp_dir().join(format!("trustplane-scale-{}", std::process::id()));
    let measured = measure(&binary, &module, &folder);
    fs::remove_dir_all(&folder)?;
    report(&measured?)
}

fn measure(binary: &Path, module: &Path, folder: &Path) -> io::Result<Vec<Running>> {
    let callers = Callers::new()?;
    let mut all = Vec::new();
    for (number, growth) in SIZES.into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        fs::create_dir_all(&folder)?;
        all.push(Running::start(binary, module, &folder, &callers, growth)?);
    }
    thread::sleep(COLD);
    for running in &mut all {
        running.load(&callers, WARM_UP)?;
    }
    for _ in 0..ROUNDS {
        for running in &mut all {
            running.time += running.load(&callers, REQUESTS)?;
        }
    }
    Ok(all)
}

fn report(all: &[Running]) -> io::Result<bool> {
    let cost = |running: &Running| micros(running.time, ROUNDS * REQUESTS);
    let [open, few, _, many, keys] = all else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let (open_kib, open_cost) = (cpu::resident_kib(open.envoy.pid())?, cost(open));
    println!("The filter in Envoy {}, one worker: 2 sources a route; less the Envoy without it.", open.envoy.version());
    println!(
        "{:>8}{:>9}{:>10}{:>16}{:>13}{:>17}{:>14}",
        "routes", "issuers", "text MiB", "start, wall ms", "memory MiB", "Envoy CPU us", "decision us"
    );
    println!(
        "{:>8}{:>9}{:>10}{:>16}{:>13.1}{open_cost:>17.1}{:>14}",
        "none",
        "",
        "",
        open.start.as_millis(),
        open_kib as f64 / 1024.0,
        ""
    );
    for running in &all[1..] {
        let Some(growth) = running.growth else { continue };
        let held = cpu::resident_kib(running.envoy.pid())?.saturating_sub(open_kib);
        println!(
            "{:>8}{:>9}{:>10.2}{:>16}{:>13.1}{:>17.1}{:>14.1}",
            growth.routes,
            growth.issuers,
            running.text_bytes as f64 / f64::from(1 << 20),
            format!("{} more", running.start.saturating_sub(open.start).as_millis()),
            held as f64 / 1024.0,
            cost(running),
            cost(running) - open_cost
        );
    }
    let load = keys.start.saturating_sub(open.start);
    let within = if load < Duration::from_secs(2) { "PASS" } else { "FAIL" };
    println!("compiled and configured with 1,000 issuer keys in {} ms (below 2,000: {within})", load.as_millis());
    Ok(judge("one decision, 10,000 routes to 10", cost(few) - open_cost, cost(many) - open_cost))
}

impl Running {
    fn start(
        binary: &Path,
        module: &Path,
        folder: &Path,
        callers: &Callers,
        growth: Option<Growth>,
    ) -> io::Result<Self> {
        let mut text_bytes = 0;
        let gate = match growth {
            None => Gate::Open,
            Some(growth) => {
                let mut configuration = callers.configuration(now());
                growth.apply(&mut configuration)?;
                let configuration = configuration.to_string();
                text_bytes = configuration.len();
                Gate::Wasm { module: module.to_owned(), configuration }
            }
        };
        let gates = [(GATE, gate)];
        let begun = Instant::now();
        let envoy = site::start(binary, folder, &gates)?;
        let start = begun.elapsed();
        let clock = Clock::Process(envoy.pid());
        Ok(Self { growth, text_bytes, start, envoy, clock, time: Duration::ZERO })
    }

    /// What that many requests cost; every one must be answered with 200.
    fn load(&self, callers: &Callers, total: usize) -> io::Result<Duration> {
        let wires = requests(callers, total, self.growth.map_or(10, |growth| growth.routes), now())?;
        let address = site::address(&self.envoy, GATE)?;
        let before = self.clock.now()?;
        let seen = load::run(address, wires, total)?;
        let time = self.clock.now()? - before;
        if seen.statuses.get(&200) != Some(&total) {
            return Err(io::Error::other(format!("{:?}: {:?}", self.growth, seen.statuses)));
        }
        Ok(time)
    }
}
