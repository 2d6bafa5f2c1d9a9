use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::Value;
use tokio::runtime::Runtime;
use trustplane_wasm_tests::store::{Fallible, Redis, Service};

use crate::report::{Report, Row, grouped};
use crate::site::{CALLOUT, Site};
use crate::sustained::{Ledger, Sustained};

/// How long everything is well before a fault, and after it.
const WELL: Duration = Duration::from_millis(1500);
/// How long a fault lasts, but for the frozen Redis.
const LASTS: Duration = Duration::from_secs(2);
const FROZEN: Duration = Duration::from_secs(5);
/// What was under way when the fault came may still be answered as before.
const GRACE: Duration = Duration::from_millis(200);
/// Redis looks once a second which replicas are there.
const LAG: Duration = Duration::from_millis(2500);
/// It recovers long before.
const RECOVERY: Duration = Duration::from_secs(30);

const ADMITTED: &str = "200";
const REPLAYED: &str = "403 jti_replay";
const UNAVAILABLE: &str = "503 replay_store_unavailable";
const COLD: &str = "503 replay_store_cold";
const FULL: &str = "503 replay_store_full";

/// What the faults happen to; its Envoys live through all of them.
pub struct World {
    pub site: Site,
    pub service: Service,
    pub redis: Redis,
    pub replica: Option<Redis>,
}

struct Fault {
    name: &'static str,
    /// Denials that may come, and the first one must.
    denials: &'static [&'static str],
    /// How soon nothing may be admitted until it ends, where it lasts.
    closes: Option<Duration>,
    lasts: Duration,
    begin: fn(&mut World) -> Fallible<()>,
    end: fn(&mut World) -> Fallible<()>,
}

const FAULTS: [Fault; 8] = [
    Fault {
        name: "Redis killed and restarted with its file",
        denials: &[UNAVAILABLE, COLD],
        closes: Some(GRACE),
        lasts: LASTS,
        begin: |world| world.redis.kill(),
        end: |world| world.redis.restart(),
    },
    Fault {
        name: "Redis frozen for 5 s",
        denials: &[UNAVAILABLE],
        closes: Some(GRACE),
        lasts: FROZEN,
        begin: |world| world.redis.signal(Signal::SIGSTOP),
        end: |world| world.redis.signal(Signal::SIGCONT),
    },
    Fault {
        name: "Redis out of memory",
        denials: &[FULL],
        closes: Some(GRACE),
        lasts: LASTS,
        begin: |world| world.redis.order(&["config", "set", "maxmemory", "1"]),
        end: |world| world.redis.order(&["config", "set", "maxmemory", "0"]),
    },
    Fault {
        name: "Redis without its replica, min-replicas-to-write 1",
        denials: &[UNAVAILABLE],
        closes: Some(LAG),
        lasts: Duration::from_secs(5),
        begin: |world| world.replica.as_mut().map_or_else(|| Err("no replica".into()), Redis::kill),
        end: |world| {
            world.replica.as_mut().map_or_else(|| Err("no replica".into()), Redis::restart)?;
            replicated(world)
        },
    },
    Fault {
        name: "Redis restarted empty",
        denials: &[COLD, UNAVAILABLE],
        closes: None,
        lasts: Duration::ZERO,
        begin: |world| {
            world.redis.kill()?;
            world.redis.forget()
        },
        end: |world| world.redis.restart(),
    },
    Fault {
        name: "Redis emptied by FLUSHALL",
        denials: &[COLD, UNAVAILABLE],
        closes: None,
        lasts: Duration::ZERO,
        begin: |world| world.redis.order(&["flushall"]),
        end: |_| Ok(()),
    },
    Fault {
        name: "replay service killed and restarted",
        denials: &[UNAVAILABLE],
        closes: Some(GRACE),
        lasts: LASTS,
        begin: |world| world.service.kill(),
        end: |world| world.service.restart(),
    },
    Fault {
        name: "replay service frozen for 5 s",
        denials: &[UNAVAILABLE],
        closes: Some(GRACE),
        lasts: FROZEN,
        begin: |world| world.service.signal(Signal::SIGSTOP),
        end: |world| world.service.signal(Signal::SIGCONT),
    },
];

/// Each fault while callers go on.
pub fn run(report: &mut Report, world: Fallible<World>, runtime: &Runtime) {
    let mut world = match world {
        Ok(world) => world,
        Err(err) => return report.row("faults: the stack starts", |_| Err(err)),
    };
    for fault in &FAULTS {
        report.row(&format!("faults: {}", fault.name), |row| {
            if fault.name.contains("replica") {
                join_replica(&mut world)?;
            }
            world.site.await_open(runtime)?;
            let done = suffer(row, &mut world, runtime, fault);
            if fault.name.contains("replica") {
                leave_replica(&mut world)?;
            }
            done
        });
    }
    report.row("faults: listener reloaded twice, Redis", |row| reload(row, &world.site, runtime));
}

/// Envoy takes up a new policy while callers go on; nothing may be denied for it, or admitted twice.
pub fn reload(row: &mut Row, site: &Site, runtime: &Runtime) -> Fallible<()> {
    site.await_open(runtime)?;
    let load = Sustained::start(site)?;
    sleep(WELL);
    // Its filters alone change, then all of it: Envoy drains in another way.
    site.reload(2, |_| {})?;
    let taken_up = site.await_reload(runtime, "listener_manager.listener_in_place_updated", 1)?;
    sleep(WELL);
    site.reload(3, |listener: &mut Value| listener["per_connection_buffer_limit_bytes"] = (2 << 20).into())?;
    let again = site.await_reload(runtime, "listener_manager.listener_modified", 2)?;
    load.await_admission(Instant::now(), RECOVERY)?;
    sleep(WELL);
    let mut ledger = load.stop()?;
    runtime.block_on(ledger.present_again(&site.addresses()?))?;
    judge(row, site, &ledger, &[]);
    row.fact("taken up after", format!("{taken_up:.1?}, {again:.1?}"));
    Ok(())
}

fn suffer(row: &mut Row, world: &mut World, runtime: &Runtime, fault: &Fault) -> Fallible<()> {
    let load = Sustained::start(&world.site)?;
    sleep(WELL);
    (fault.begin)(world)?;
    let begun = Instant::now();
    sleep(fault.lasts);
    let ending = Instant::now();
    (fault.end)(world)?;
    let ended = Instant::now();
    let recovered = load.await_admission(ended, RECOVERY);
    sleep(WELL);
    let mut ledger = load.stop()?;
    if let Some(grace) = fault.closes {
        let during = |sent: Instant, took| sent > begun + grace && sent + took < ending;
        let admitted = ledger.shown.iter().filter(|shown| shown.word == ADMITTED && during(shown.sent, shown.took));
        row.expect("admitted while it lasted", &admitted.count(), &0);
    }
    runtime.block_on(ledger.present_again(&world.site.addresses()?))?;
    judge(row, &world.site, &ledger, fault.denials);
    row.fact("admits again after", format!("{:.1?}", recovered?));
    Ok(())
}

/// Nothing twice, nothing unsaid, nothing late, nothing but the denials that are right.
fn judge(row: &mut Row, site: &Site, ledger: &Ledger, denials: &[&str]) {
    let words = ledger.words();
    let told: Vec<_> = words.iter().map(|(word, count)| format!("{} x {word}", grouped(*count))).collect();
    row.fact("answers", told.join(", "));
    for word in words.keys() {
        let known = [ADMITTED, REPLAYED].contains(word) || denials.contains(word);
        row.must(known, || format!("an answer that nothing explains: {word}"));
    }
    if let Some(first) = denials.first() {
        row.must(words.contains_key(first), || format!("never answered {first}: no fault was felt"));
    }
    let admissions = ledger.admissions();
    let once = admissions.values().filter(|count| **count == 1).count();
    row.fact("admitted once", format!("{once} of {}", admissions.len()));
    row.expect("admitted twice", &admissions.values().filter(|count| **count > 1).count(), &0);
    let differ = admissions.iter().filter(|(number, count)| site.upstream.of(**number) != **count).count();
    row.expect("upstream saw another number", &differ, &0);
    let slowest = ledger.shown.iter().map(|shown| shown.took).max().unwrap_or_default();
    let limit = CALLOUT + Duration::from_secs(1) + ledger.lag;
    row.fact("slowest answer", format!("{slowest:.1?}, of {limit:.1?} allowed"));
    row.must(slowest <= limit, || "an answer came too late".into());
}

/// A replica without which nothing may be written.
fn join_replica(world: &mut World) -> Fallible<()> {
    let folder = world.site.folder.path().join("replica");
    world.replica = Some(Redis::start(&folder, &["--replicaof", &world.redis.address()])?);
    replicated(world)?;
    world.redis.order(&["config", "set", "min-replicas-max-lag", "1"])?;
    world.redis.order(&["config", "set", "min-replicas-to-write", "1"])
}

fn leave_replica(world: &mut World) -> Fallible<()> {
    world.replica = None;
    world.redis.order(&["config", "set", "min-replicas-to-write", "0"])
}

fn replicated(world: &World) -> Fallible<()> {
    let began = Instant::now();
    while world.redis.info("replication", "connected_slaves")? == 0 {
        if began.elapsed() > RECOVERY {
            return Err("no replica connects".into());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(())
}
