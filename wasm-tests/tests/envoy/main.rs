//! All cases against the built filter in a real Envoy.

mod http2;
mod log;
mod round;
mod site;
mod tls;
mod upstream;
mod wire;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use trustplane::envoy::admin;
use trustplane_wasm_tests::case::{Cases, InEnvoy};
use trustplane_wasm_tests::hold::Hold;
use trustplane_wasm_tests::run::Run;

use crate::round::{Protocol, Round};
use crate::site::{Site, WORKERS, materialise};

/// Seconds from now to when the passports are issued: Envoy must be up by then.
const LEADS: [u64; 3] = [10, 30, 90];

/// More than the replay store's cold margin.
const MARGIN: u64 = 3;

/// Cases that go otherwise on our listeners than on ones with Envoy's defaults, by name: no path of
/// a case is touched, but all else is as operators run it.
const NOTES: &str = include_str!("notes.json");

fn main() -> ExitCode {
    let mut run = Run::from_arguments();
    if let Err(why) = suite(&mut run) {
        run.check("the suite", "Envoy, the filter and Python are at hand.", &[why]);
    }
    run.finish()
}

fn suite(run: &mut Run) -> Result<(), String> {
    let (site, first, second) = start()?;
    let mut rounds = Vec::new();
    for (protocol, cases) in [(Protocol::Http1, &first), (Protocol::Http2, &second)] {
        for hold in [Hold::StopIteration, Hold::TrailingBuffer] {
            let kind = (rounds.len(), hold, protocol);
            rounds.push(Round::send(&site, kind, cases, |name| run.wants(name))?);
        }
    }
    let seen = site.upstream.seen();
    let (shares, counted) = (workers(&site)?, counters(&site)?);
    let mut log = site.stop()?;

    let (requests, passed): (usize, usize) = rounds
        .iter()
        .map(Round::size)
        .fold((0, 0), |(all, through), (more, more_through)| (all + more, through + more_through));
    run.holds("upstream", "Nothing reaches the upstream but what was answered for.", || same(passed, seen.len()));
    run.holds("access log", "Every request leaves a line in the access log.", || same(requests, log.size()));
    run.holds("workers", "Every worker took a share of the connections.", || {
        let idle = shares.len() != usize::try_from(WORKERS).unwrap_or(0) || shares.contains(&0);
        if idle { Err(format!("connections by worker: {shares:?}")) } else { Ok(()) }
    });
    run.holds("counters", "Every decision is counted once, under its reason.", || {
        let decisions = log.decisions();
        if counted == decisions {
            Ok(())
        } else {
            Err(format!("{} decisions, counted {}", sum(&decisions), sum(&counted)))
        }
    });
    for round in &rounds {
        round.judge(run, &seen, &mut log);
    }
    notes(run, &first);
    Ok(())
}

/// Envoy, and the cases twice: passports that one protocol consumed are spent for the other.
///
/// The replay store begins while Envoy starts and refuses passports from before, yet the bundles
/// are part of Envoy's configuration. So all is dated ahead, and then waited for.
fn start() -> Result<(Site, Cases, Cases), String> {
    for lead in LEADS {
        let issued = now() + lead;
        let (first, second) = (noted(materialise(issued, "1")?)?, noted(materialise(issued, "2")?)?);
        let site = Site::start(&first)?;
        if now() + MARGIN <= issued {
            while now() < issued {
                sleep(Duration::from_millis(50));
            }
            return Ok((site, first, second));
        }
    }
    Err(format!("Envoy takes more than {} s to start", LEADS[2] - MARGIN))
}

fn noted(mut cases: Cases) -> Result<Cases, String> {
    let changed: BTreeMap<String, InEnvoy> =
        serde_json::from_str(NOTES).map_err(|error| format!("notes.json: {error}"))?;
    for (name, note) in changed {
        let case = cases.cases.iter_mut().find(|case| case.name == name);
        case.ok_or_else(|| format!("notes.json: no case is named {name}"))?.envoy = Some(note);
    }
    Ok(cases)
}

/// Names what was not sent, and what never reached the filter as it was: none of it goes unsaid.
fn notes(run: &mut Run, cases: &Cases) {
    let (mut skipped, mut altered) = (0, 0);
    for case in &cases.cases {
        let Some(envoy) = &case.envoy else { continue };
        let why = envoy.why.as_deref().unwrap_or_default();
        match (&envoy.skip, envoy.status, &envoy.reason) {
            (Some(skip), _, _) => {
                skipped += 1;
                run.note(&format!("not reproducible in Envoy: {}: {skip}", case.name));
            }
            (None, Some(status), None) => {
                altered += 1;
                run.note(&format!("answered by Envoy with {status}: {}: {why}", case.name));
            }
            (None, Some(_), Some(reason)) => {
                altered += 1;
                run.note(&format!("altered by Envoy, then {reason}: {}: {why}", case.name));
            }
            (None, None, _) => {}
        }
    }
    run.note(&format!("{altered} answered or altered by Envoy, {skipped} not reproducible in Envoy"));
}

/// How many connections each worker took, over all listeners.
fn workers(site: &Site) -> Result<Vec<u64>, String> {
    let stats = stats(site, "worker_.*downstream_cx_total")?;
    let share = |worker: u32| {
        let name = format!(".worker_{worker}.downstream_cx_total");
        let own = stats.iter().filter(|(stat, _)| stat.starts_with("listener.") && stat.ends_with(&name));
        own.map(|(_, count)| count).sum()
    };
    Ok((0..WORKERS).map(share).collect())
}

/// The filter's own counters, by reason.
fn counters(site: &Site) -> Result<BTreeMap<String, u64>, String> {
    let stats = stats(site, "wasmcustom.*")?;
    Ok(stats.into_iter().filter_map(|(name, count)| Some((name.rsplit_once('.')?.1.to_owned(), count))).collect())
}

fn stats(site: &Site, filter: &str) -> Result<BTreeMap<String, u64>, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let stats = runtime.map_err(|error| error.to_string())?.block_on(admin::stats(site.envoy.admin(), filter));
    stats.map_err(|error| error.to_string())
}

fn sum(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}

fn same(expected: usize, found: usize) -> Result<(), String> {
    if expected == found { Ok(()) } else { Err(format!("expected {expected}, found {found}")) }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later than 1970").as_secs()
}
