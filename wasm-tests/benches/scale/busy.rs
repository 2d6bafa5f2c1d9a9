//! Many callers and many live passports: the filter in Envoys of one worker and of two.

use std::path::Path;
use std::time::Duration;
use std::{env, fs, io, thread};

use trustplane::envoy::{Envoy, find_binary};
use trustplane_wasm_tests::load::cpu::{self, Clock};
use trustplane_wasm_tests::load::site::{self, Gate};
use trustplane_wasm_tests::load::{self, Callers, Seen};

use crate::crowd::Crowd;
use crate::{Args, filled, median, micros, now};

const GATE: &str = "scale";
/// After a start the filter refuses passports that are not younger than it.
const COLD: Duration = Duration::from_secs(4);
const WARM_UP: usize = 6_000;
const ROUND: usize = 1_500;
const ROUNDS: usize = 7;
const ONE: &[usize] = &[cpu::MEASURED];
const TWO: &[usize] = &[cpu::MEASURED, cpu::OTHERS];

/// What is measured.
#[derive(Clone, Copy)]
struct Plan {
    cores: &'static [usize],
    /// `None` is an Envoy without the filter.
    members: Option<u64>,
    filled: bool,
}

const PLANS: [Plan; 10] = [
    Plan { cores: ONE, members: None, filled: false },
    Plan { cores: ONE, members: Some(64), filled: false },
    Plan { cores: ONE, members: Some(1_000), filled: false },
    Plan { cores: ONE, members: Some(10_000), filled: false },
    Plan { cores: ONE, members: Some(100_000), filled: false },
    Plan { cores: ONE, members: Some(1_000_000), filled: false },
    Plan { cores: ONE, members: Some(64), filled: true },
    Plan { cores: TWO, members: None, filled: false },
    Plan { cores: TWO, members: Some(64), filled: false },
    Plan { cores: TWO, members: Some(1_000_000), filled: false },
];

/// One running Envoy, and what all rounds took.
struct Running {
    plan: Plan,
    envoy: Envoy,
    /// What one request cost Envoy in each round, microseconds.
    rounds: Vec<f64>,
    elapsed: Duration,
}

pub fn run(args: &Args, callers: &Callers) -> io::Result<()> {
    let binary = find_binary(args.envoy_bin.as_deref(), env::var_os("PATH").as_deref()).map_err(io::Error::other)?;
    let module = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(&args.filter).canonicalize()?;
    let folder = env::temp_dir().join(format!("trustplane-busy-{}", std::process::id()));
    let measured = measure(&binary, &module, &folder, callers);
    fs::remove_dir_all(&folder)?;
    report(&measured?);
    Ok(())
}

fn measure(binary: &Path, module: &Path, folder: &Path, callers: &Callers) -> io::Result<Vec<Running>> {
    let mut all = Vec::new();
    for (number, plan) in PLANS.into_iter().enumerate() {
        let folder = folder.join(number.to_string());
        fs::create_dir_all(&folder)?;
        all.push(Running::start(binary, module, &folder, callers, plan)?);
    }
    thread::sleep(COLD);
    for running in &all {
        running.load(callers, WARM_UP)?;
    }
    for _ in 0..ROUNDS {
        for running in &mut all {
            let (time, seen) = running.load(callers, ROUND)?;
            running.rounds.push(micros(time, ROUND));
            running.elapsed += seen.elapsed;
        }
    }
    Ok(all)
}

fn report(all: &[Running]) {
    let total = ROUNDS * ROUND;
    let cost = |running: &Running| median(&running.rounds);
    println!(
        "The filter in Envoy, callers drawn at random; processor time of Envoy, medians, less the Envoy without it."
    );
    println!("Answered in a second: two workers share their cores with the load.");
    println!(
        "{:>8}{:>10}{:>15}{:>15}{:>14}{:>18}{:>8}{:>17}",
        "workers", "callers", "live passports", "Envoy CPU us", "decision us", "requests/s core", "ratio", "answered/s"
    );
    for running in all {
        let Plan { cores, members, filled } = running.plan;
        let of_same =
            |members| all.iter().find(|other| other.plan.cores.len() == cores.len() && other.plan.members == members);
        let (open, first) = (of_same(None).map_or(0.0, cost), of_same(Some(64)).map_or(0.0, cost));
        let (cost, decision) = (cost(running), cost(running) - open);
        println!(
            "{:>8}{:>10}{:>15}{cost:>15.1}{:>14}{:>18.0}{:>8}{:>17.0}",
            cores.len(),
            members.map_or_else(|| "no filter".into(), |members| members.to_string()),
            if filled { filled::PASSPORTS.to_string() } else { String::new() },
            members.map_or_else(String::new, |_| format!("{decision:.1}")),
            1e6 / cost,
            members.map_or_else(String::new, |_| format!("{:.2}", decision / (first - open))),
            total as f64 / running.elapsed.as_secs_f64(),
        );
    }
}

impl Running {
    fn start(binary: &Path, module: &Path, folder: &Path, callers: &Callers, plan: Plan) -> io::Result<Self> {
        let mut gates = Vec::new();
        if plan.filled {
            let module = filled::write(folder, now())?;
            // Before the other: its memory is there when that begins.
            gates.push(("filler", Gate::Beside { module, gate: GATE.to_owned() }));
        }
        gates.push(match plan.members {
            None => (GATE, Gate::Open),
            Some(_) => {
                let configuration = callers.configuration(now()).to_string();
                (GATE, Gate::Wasm { module: module.to_owned(), configuration })
            }
        });
        let envoy = site::start_with(binary, folder, &gates, plan.cores)?;
        Ok(Self { plan, envoy, rounds: Vec::new(), elapsed: Duration::ZERO })
    }

    /// What that many requests cost; every one must be answered with 200.
    fn load(&self, callers: &Callers, total: usize) -> io::Result<(Duration, Seen)> {
        let wires = Crowd::new(callers, self.plan.members.unwrap_or(64)).requests(total, now())?;
        let address = site::address(&self.envoy, GATE)?;
        let before = Clock::Process(self.envoy.pid()).now()?;
        let seen = load::run(address, wires, total)?;
        let time = Clock::Process(self.envoy.pid()).now()?.saturating_sub(before);
        if seen.statuses.get(&200) != Some(&total) {
            return Err(io::Error::other(format!("{} callers: {:?}", self.plan.members.unwrap_or(0), seen.statuses)));
        }
        Ok((time, seen))
    }
}
