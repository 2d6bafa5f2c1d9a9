use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use trustplane::clock;
use trustplane_wasm_tests::load::{Lane, Order, Wire};
use trustplane_wasm_tests::store::{Fallible, Redis, Service};

use crate::report::{Row, grouped};
use crate::site::{Plan, Site, Store};

/// An issuer's clock that runs ahead by so much is within the skew, and beyond the cold margin.
const AHEAD: u64 = 100;
const SKEW: u64 = 120;
const LANES: usize = 16;
const PATIENCE: Duration = Duration::from_secs(20);
/// Redis looks once a second which replicas are there.
const LAG: Duration = Duration::from_millis(2500);

/// Passports that a primary admits and its successor never hears of.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// How far ahead the issuer's clock runs.
    pub ahead: u64,
    /// More of the service's options.
    pub service: &'static [&'static str],
    /// What all of them are answered at the primary, and then at its successor.
    pub answers: [&'static str; 2],
}

pub const ON_TIME: Case = Case { ahead: 0, service: &[], answers: ["200", "503 replay_store_cold"] };
pub const CLOCK_AHEAD: Case = Case { ahead: AHEAD, service: &[], answers: ["200", "200"] };
pub const WAITING: Case =
    Case { ahead: AHEAD, service: &["--replay-wait-replicas", "1"], answers: ["503 replay_store_unavailable", "200"] };

/// The replica is cut off, passports are presented, the primary dies, the replica takes its place.
pub fn run(row: &mut Row, runtime: &Runtime, case: Case, passports: u64) -> Fallible<()> {
    let folder = Site::folder()?;
    let mut primary = Redis::start(&folder.path().join("primary"), &[])?;
    let replica = Redis::start(&folder.path().join("replica"), &["--replicaof", &primary.address()])?;
    let place = folder.path().join("redis.sock");
    point(&place, &primary.socket())?;
    let service = Service::start(&folder.path().join("service"), &place, case.service)?;
    let plan = Plan { envoys: 2, workers: 2, skew: SKEW, store: Store::Service, ..Plan::default() };
    let site = Site::start(folder, plan)?;
    site.await_open(runtime)?;

    let known = presented(&site, case.ahead, passports)?;
    let words = runtime.block_on(present(&site, &known))?;
    row.expect("replicated", &text(&words), &all(passports, "200"));
    let synced = Instant::now();
    while replica.cli(&["dbsize"])? != primary.cli(&["dbsize"])? {
        if synced.elapsed() > PATIENCE {
            return Err("the replica does not follow".into());
        }
    }
    replica.order(&["replicaof", "127.0.0.1", "1"])?;
    let lost = presented(&site, case.ahead, passports)?;
    let words = runtime.block_on(present(&site, &lost))?;
    row.expect("unreplicated", &text(&words), &all(passports, case.answers[0]));

    primary.kill()?;
    replica.order(&["replicaof", "no", "one"])?;
    point(&place, &replica.socket())?;
    // Of its own, for those who wait for one.
    let _next = Redis::start(&site.folder.path().join("next"), &["--replicaof", &replica.address()])?;
    site.await_open(runtime)?;
    let words = runtime.block_on(present(&site, &known))?;
    row.fact("replicated, at the new primary", text(&words));
    row.must(!words.contains_key("200"), || "what was replicated passed again".into());
    let words = runtime.block_on(present(&site, &lost))?;
    row.expect("unreplicated, at the new primary", &text(&words), &all(passports, case.answers[1]));
    let twice = if case.answers == ["200", "200"] { passports } else { 0 };
    row.expect("ADMITTED TWICE", &grouped(u64::try_from(site.upstream.repeated())?), &grouped(twice));
    drop(service);
    Ok(())
}

/// Two primaries that each believe to be the one, each with an Envoy: the same passports at both.
#[derive(Clone, Copy, Debug)]
pub struct Split {
    /// More of the old primary's options, and of the services'.
    pub redis: &'static [&'static str],
    pub service: &'static [&'static str],
    /// What all passports are answered at the old primary, and at the new one.
    pub answers: [&'static str; 2],
}

pub const UNGUARDED: Split = Split { redis: &[], service: &[], answers: ["200", "200"] };
pub const MIN_REPLICAS: Split = Split {
    redis: &["--min-replicas-to-write", "1", "--min-replicas-max-lag", "1"],
    service: &[],
    answers: ["503 replay_store_unavailable", "200"],
};

/// The replica is promoted while its primary goes on.
pub fn split(row: &mut Row, runtime: &Runtime, case: Split, passports: u64) -> Fallible<()> {
    let (left, right) = (Site::folder()?, Site::folder()?);
    let primary = Redis::start(&left.path().join("redis"), case.redis)?;
    let replica = Redis::start(&right.path().join("redis"), &["--replicaof", &primary.address()])?;
    let plan = Plan { workers: 2, store: Store::Service, ..Plan::default() };
    let here = Service::start(&left.path().join("service"), &primary.socket(), case.service)?;
    let left = Site::start(left, plan.clone())?;
    left.await_open(runtime)?;
    replica.order(&["replicaof", "no", "one"])?;
    let there = Service::start(&right.path().join("service"), &replica.socket(), case.service)?;
    let right = Site::start_for(right, plan, Arc::clone(&left.callers))?;
    right.await_open(runtime)?;
    std::thread::sleep(LAG);

    let wires = presented(&left, 0, passports)?;
    let words = runtime.block_on(present(&left, &wires))?;
    row.expect("at the old primary", &text(&words), &all(passports, case.answers[0]));
    let words = runtime.block_on(present(&right, &wires))?;
    row.expect("at the new primary", &text(&words), &all(passports, case.answers[1]));
    let both = u64::try_from(left.upstream.common(&right.upstream))?;
    let twice = if case.answers == ["200", "200"] { passports } else { 0 };
    row.expect("ADMITTED TWICE", &grouped(both), &grouped(twice));
    drop((here, there));
    Ok(())
}

fn all(passports: u64, word: &str) -> String {
    format!("{} x {word}", grouped(passports))
}

fn presented(site: &Site, ahead: u64, passports: u64) -> Fallible<Vec<Wire>> {
    let order = |_| {
        let now = clock::now().plus(ahead);
        site.callers.sign(&Order::new(site.callers.number(), &Arc::from([]), now))
    };
    Ok((0..passports).map(order).collect::<Result<_, _>>()?)
}

/// Each once, at the site's Envoys in turn, several at a time: who waits for replicas waits long.
async fn present(site: &Site, wires: &[Wire]) -> Fallible<BTreeMap<String, u64>> {
    let (addresses, mut lanes) = (site.addresses()?, JoinSet::new());
    for lane in 0..LANES {
        let (address, wires) = (addresses[lane % addresses.len()], wires.to_vec());
        lanes.spawn(async move {
            let (mut connection, mut words) = (Lane::open(address).await?, Vec::new());
            for wire in wires.iter().skip(lane).step_by(LANES) {
                words.push(connection.send(wire).await?.word());
            }
            Fallible::Ok(words)
        });
    }
    let mut words = BTreeMap::new();
    while let Some(done) = lanes.join_next().await {
        for word in done?? {
            *words.entry(word).or_default() += 1;
        }
    }
    Ok(words)
}

fn text(words: &BTreeMap<String, u64>) -> String {
    words.iter().map(|(word, count)| format!("{} x {word}", grouped(*count))).collect::<Vec<_>>().join(", ")
}

/// Lets the service's place of Redis be another one from now on.
fn point(place: &Path, socket: &Path) -> Fallible<()> {
    let new = PathBuf::from(format!("{}.new", place.display()));
    symlink(socket, &new)?;
    Ok(fs::rename(new, place)?)
}
