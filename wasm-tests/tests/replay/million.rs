use std::cell::Cell;
use std::fs;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::runtime::Runtime;
use tokio::task::LocalSet;
use trustplane::clock;
use trustplane_core::{hex, sha256};
use trustplane_wasm_tests::load::{Lane, Order};
use trustplane_wasm_tests::store::{Fallible, Redis, Service};

use crate::distance;
use crate::report::{Row, grouped, mebibytes};
use crate::site::{Plan, Site};

const LANES: u64 = 32;
/// A passport's life; then twice the skew until it is forgotten.
const TTL: u64 = 10;
const SKEW: u64 = 1;
const KEPT: Duration = Duration::from_secs(TTL + 2 * SKEW);
/// For its first seconds the store takes nothing.
const COLD: Duration = Duration::from_secs(4);
/// Each way.
const AWAY: Duration = Duration::from_millis(1);
/// Buckets of shared data, and the largest size of one.
const SHARED_DATA: u64 = 4096 * 16 * 1024;
/// What the documentation says Redis takes for a passport.
const REDIS_PASSPORT: u64 = 200;

/// Distinct passports through one Envoy: none is forgotten too early, and none is kept for good.
///
/// Warm is when passports expire as fast as new ones come, after a life and a half.
pub fn shared_data(row: &mut Row, runtime: &Runtime, passports: u64) -> Fallible<()> {
    let site = Site::start(Site::folder()?, Plan { skew: SKEW, ..Plan::default() })?;
    site.await_open(runtime)?;
    let envoy = site.envoys.first().ok_or("no Envoy")?.pid();
    let (start, before) = (resident(envoy)?, site.upstream.count());
    let mut sent = 0;
    let began = Instant::now();
    while began.elapsed() < KEPT * 3 / 2 {
        sent += through(&site, runtime, (passports / 100).max(LANES))?;
    }
    let (warm, warmed) = (resident(envoy)?, sent);
    let measured = Instant::now();
    // At least as many again, or there would be nothing to compare.
    sent += through(&site, runtime, passports.saturating_sub(sent).max(warmed))?;
    let end = resident(envoy)?;
    row.fact("distinct passports", format!("{}, {} of them to warm up", grouped(sent), grouped(warmed)));
    row.expect("admitted once each: upstream saw", &grouped(site.upstream.count() - before), &grouped(sent));
    row.expect("upstream saw twice", &site.upstream.repeated(), &0);
    let live = live(sent - warmed, measured.elapsed());
    row.fact("live at a time", format!("about {}, {} in buckets", grouped(live), mebibytes(live * 20)));
    grown(row, "Envoy", [start, warm, end]);
    row.fact("bound", format!("{} + {} of buckets", mebibytes(start), mebibytes(SHARED_DATA)));
    row.must(end <= start + SHARED_DATA, || "Envoy is beyond the stated bound".into());
    Ok(())
}

/// Distinct passports at the replay service itself, asked as Envoy asks it.
pub fn service(row: &mut Row, runtime: &Runtime, passports: u64) -> Fallible<()> {
    let folder = Site::folder()?;
    let redis = Redis::start(&folder.path().join("redis"), &[])?;
    // A slow machine is no fault here.
    let patient = ["--replay-timeout-ms", "16000"];
    let service = Service::start(&folder.path().join("service"), &redis.socket(), &patient)?;
    let socket = service.socket();
    let used = || redis.info("memory", "used_memory");
    let (empty, start) = (used()?, resident(service.pid())?);
    std::thread::sleep(COLD);
    let numbers = Rc::new(Cell::new(0));
    // It keeps nothing of a passport, so a tenth of them will do.
    let mut fresh = asked(&socket, runtime, &numbers, passports / 10)?;
    let (warm, warmed) = (resident(service.pid())?, numbers.get());
    fresh += asked(&socket, runtime, &numbers, passports.saturating_sub(warmed))?;
    let (end, keys, used) = (resident(service.pid())?, redis.cli(&["dbsize"])?.parse::<u64>()?, used()?);
    row.fact("distinct passports", format!("{}, {} of them to warm up", grouped(numbers.get()), grouped(warmed)));
    row.expect("fresh, each once", &grouped(fresh), &grouped(numbers.get()));
    grown(row, "service", [start, warm, end]);
    let bound = keys * REDIS_PASSPORT;
    row.fact("Redis holds", format!("{} keys in {}", grouped(keys), mebibytes(used.saturating_sub(empty))));
    row.fact("bound", format!("{REDIS_PASSPORT} bytes a key: {}", mebibytes(bound)));
    row.must(used.saturating_sub(empty) <= bound, || "Redis is beyond the stated bound".into());
    Ok(())
}

/// What it costs to wait for a replica, and for one that is not around the corner.
pub fn waiting(row: &mut Row, runtime: &Runtime, passports: u64) -> Fallible<()> {
    let folder = Site::folder()?;
    let redis = Redis::start(&folder.path().join("redis"), &[])?;
    let away = distance::start(runtime, redis.tcp(), AWAY)?;
    let at = format!("{} {}", away.ip(), away.port());
    // Other passports each time.
    for (name, replica, waits, first) in [
        ("not waiting", None, "0", 0),
        ("waiting for a replica", Some(redis.address()), "1", 1 << 32),
        ("waiting for a replica 2 ms away", Some(at), "1", 2 << 32),
    ] {
        let place = folder.path().join(name.replace(' ', "-"));
        std::fs::create_dir(&place)?;
        let replica = replica.map(|at| Redis::start(&place.join("replica"), &["--replicaof", &at]));
        let replica = replica.transpose()?;
        replica.as_ref().map_or(Ok(()), Redis::await_primary)?;
        let service = Service::start(&place.join("service"), &redis.socket(), &["--replay-wait-replicas", waits])?;
        std::thread::sleep(COLD);
        let numbers = Rc::new(Cell::new(first));
        let began = Instant::now();
        let fresh = asked(&service.socket(), runtime, &numbers, passports)?;
        let rate = fresh * 1000 / u64::try_from(began.elapsed().as_millis())?.max(1);
        row.fact(&format!("fresh, {name}"), format!("{}, {} a second", grouped(fresh), grouped(rate)));
        // On a busy machine a replica may be late now and then: denied, not admitted.
        row.must(fresh * 10 >= passports * 9, || format!("{name}: nearly all should have passed"));
    }
    Ok(())
}

fn grown(row: &mut Row, who: &str, [start, warm, end]: [u64; 3]) {
    row.fact(
        &format!("{who}: at the start, warm, at the end"),
        format!("{}, {}, {}", mebibytes(start), mebibytes(warm), mebibytes(end)),
    );
    row.fact("end / warm", format!("{}.{:02}", end / warm, end % warm * 100 / warm));
    row.must(end * 10 <= warm * 11, || format!("{who} grew by more than a tenth"));
}

/// Passports that are not yet forgotten, at this rate.
fn live(count: u64, within: Duration) -> u64 {
    let millis = u64::try_from(within.as_millis()).unwrap_or(u64::MAX).max(1);
    count * KEPT.as_secs() * 1000 / millis
}

fn through(site: &Site, runtime: &Runtime, count: u64) -> Fallible<u64> {
    let left = Rc::new(Cell::new(count));
    let address = site.address(0)?;
    LocalSet::new().block_on(runtime, async {
        let lane = |_| {
            let (callers, left) = (Arc::clone(&site.callers), Rc::clone(&left));
            tokio::task::spawn_local(async move {
                let (mut lane, none) = (Lane::open(address).await?, Arc::from([]));
                while take(&left) {
                    let order = Order { ttl: TTL, ..Order::new(callers.number(), &none, clock::now()) };
                    let answer = lane.send(&callers.sign(&order)?).await?;
                    if answer.status != 200 {
                        return Err(format!("passport {}: {}", order.number, answer.word()).into());
                    }
                }
                Fallible::Ok(())
            })
        };
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        for lane in lanes {
            lane.await??;
        }
        Fallible::Ok(())
    })?;
    Ok(count)
}

/// How many of so many questions were answered "fresh".
fn asked(socket: &Path, runtime: &Runtime, numbers: &Rc<Cell<u64>>, count: u64) -> Fallible<u64> {
    let (left, fresh) = (Rc::new(Cell::new(count)), Rc::new(Cell::new(0)));
    LocalSet::new().block_on(runtime, async {
        let lane = |_| {
            let (numbers, left, fresh) = (Rc::clone(numbers), Rc::clone(&left), Rc::clone(&fresh));
            let socket = PathBuf::from(socket);
            tokio::task::spawn_local(async move {
                let (mut stream, mut buffer) = (UnixStream::connect(socket).await?, Vec::new());
                while take(&left) {
                    numbers.set(numbers.get() + 1);
                    let id = hex(&sha256(&numbers.get().to_le_bytes()));
                    if ask(&mut stream, &mut buffer, &id).await? {
                        fresh.set(fresh.get() + 1);
                    }
                }
                Fallible::Ok(())
            })
        };
        let lanes: Vec<_> = (0..LANES).map(lane).collect();
        for lane in lanes {
            lane.await??;
        }
        Fallible::Ok(fresh.get())
    })
}

async fn ask(stream: &mut UnixStream, buffer: &mut Vec<u8>, id: &str) -> Fallible<bool> {
    let (now, ttl_ms) = (clock::now().as_secs(), KEPT.as_millis());
    let body = format!(r#"{{"id":"{id}","issued_at":{now},"ttl_ms":{ttl_ms}}}"#);
    let length = body.len();
    let question = format!(
        "POST /v1/replay/consume HTTP/1.1\r\nhost: trustplane-replay\r\ncontent-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(question.as_bytes()).await?;
    buffer.clear();
    // The body comes with the head; it ends the only object there is.
    while !buffer.ends_with(b"}") {
        if stream.read_buf(buffer).await? == 0 {
            return Err("the service hung up".into());
        }
    }
    Ok(buffer.ends_with(format!(r#"{{"id":"{id}","outcome":"fresh"}}"#).as_bytes()))
}

fn take(left: &Cell<u64>) -> bool {
    let there = left.get() > 0;
    left.set(left.get().saturating_sub(1));
    there
}

/// A process's resident memory, in bytes.
fn resident(pid: u32) -> Fallible<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.strip_suffix("kB"));
    Ok(line.ok_or("no VmRSS")?.trim().parse::<u64>()? << 10)
}
