//! Exactly one of many, through real Envoys, a real Redis and every fault that both have.

mod basics;
mod distance;
mod failover;
mod faults;
mod griefing;
mod million;
mod race;
mod site;
mod sustained;
mod upstream;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::runtime::Runtime;
use trustplane::envoy::Hold;
use trustplane_wasm_tests::report;
use trustplane_wasm_tests::store::{Fallible, Redis, Service};

use crate::faults::World;
use crate::report::{Report, grouped};
use crate::site::{Plan, Site, Store};

#[derive(Parser)]
struct Args {
    /// Only rows that have this in their name.
    only: Option<String>,
    /// Divides the passports of every row, for a try.
    #[arg(long, default_value_t = 1)]
    divide: u64,
}

fn main() -> ExitCode {
    let Args { only, divide } = Args::parse();
    let mut report = Report::new(only);
    if divide > 1 {
        println!("a try: every count is divided by {divide}");
    }
    let of = |count: u64| (count / divide).max(4);
    let runtime = Runtime::new().expect("threads start");
    // Where nothing is broken, a slow machine is no fault.
    let patient = Plan { envoys: 2, workers: 2, callout: Duration::from_secs(20), ..Plan::default() };
    let pair = Plan { envoys: 2, workers: 2, watched: true, ..Plan::default() };

    for hold in [Hold::StopIteration, Hold::TrailingBuffer] {
        report.row(&format!("each passport once through Redis, {hold:?}"), |row| {
            let (site, mut service, _redis) = with_redis(Plan { workers: 2, hold, ..Plan::default() })?;
            basics::once(row, &site, &runtime)?;
            basics::without_service(row, &site, &runtime, &mut service)
        });
    }

    let passports = of(20_000);
    report.row(&format!("{} passports x 32 at once, shared data, 1 Envoy", grouped(passports)), |row| {
        let site = Site::start(Site::folder()?, Plan::default())?;
        race::run(row, &site, &runtime, passports)
    });
    report.row(&format!("{} passports x 32 at once, Redis, 2 Envoys", grouped(passports)), |row| {
        let (site, _service, _redis) = with_redis(patient.clone())?;
        race::run(row, &site, &runtime, passports)
    });

    if report.wants("faults") {
        let world = with_redis(pair);
        let world = world.map(|(site, service, redis)| World { site, service, redis, replica: None });
        faults::run(&mut report, world, &runtime);
    }
    report.row("faults: listener reloaded twice, shared data", |row| {
        let site = Site::start(Site::folder()?, Plan { workers: 2, watched: true, ..Plan::default() })?;
        faults::reload(row, &site, &runtime)
    });

    let lost = of(1000);
    for (name, case, lost) in [
        ("a replica promoted that lacks the last writes", failover::ON_TIME, lost),
        ("the same, the issuer's clock 100 s ahead", failover::CLOCK_AHEAD, lost),
        // Each of them waits for a replica until the service gives up.
        ("the same, --replay-wait-replicas 1", failover::WAITING, lost / 5),
    ] {
        report.row(&format!("failover: {name}"), |row| failover::run(row, &runtime, case, lost));
    }
    for (name, case) in [
        ("two primaries at once", failover::UNGUARDED),
        ("two primaries at once, min-replicas-to-write 1", failover::MIN_REPLICAS),
    ] {
        report.row(&format!("failover: {name}"), |row| failover::split(row, &runtime, case, lost));
    }

    let tries = of(10_000);
    report.row(&format!("{} tries to burn another's passport, shared data", grouped(tries)), |row| {
        let site = Site::start(Site::folder()?, Plan::default())?;
        griefing::run(row, &site, &runtime, tries)
    });
    report.row(&format!("{} tries to burn another's passport, Redis", grouped(tries)), |row| {
        let (site, _service, _redis) = with_redis(patient.clone())?;
        griefing::run(row, &site, &runtime, tries)
    });

    let million = of(1_000_000);
    report.row(&format!("{} distinct passports, memory of Envoy, shared data", grouped(million)), |row| {
        million::shared_data(row, &runtime, million)
    });
    report.row(&format!("{} distinct passports, memory of the service and Redis", grouped(million)), |row| {
        million::service(row, &runtime, million)
    });
    let passports = of(20_000);
    report.row(&format!("{} passports at the service, waiting for replicas", grouped(passports)), |row| {
        million::waiting(row, &runtime, passports)
    });
    report.finish()
}

/// A site whose passports are remembered in a Redis that writes to disk.
fn with_redis(plan: Plan) -> Fallible<(Site, Service, Redis)> {
    let folder = Site::folder()?;
    let redis = Redis::start(&folder.path().join("redis"), &["--appendonly", "yes"])?;
    let time = (plan.callout * 4 / 5).as_millis().to_string();
    let service = Service::start(&folder.path().join("service"), &redis.socket(), &["--replay-timeout-ms", &time])?;
    let site = Site::start(folder, Plan { store: Store::Service, ..plan })?;
    Ok((site, service, redis))
}
