//! A minute at full rate, while bundles change every second and the replay store is restarted once.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::task::LocalSet;

use trustplane::clock;
use trustplane::upstream::Echo;
use trustplane_wasm_tests::load::{Callers, Flaw, Lane, Order, Wire, anonymous, cpu};
use trustplane_wasm_tests::run::Run;
use trustplane_wasm_tests::store::{Fallible, Redis};

use crate::ledger::{Kind, Ledger, Outage, TURNS};
use crate::process::{Documents, Proxy};

const CONNECTIONS: usize = 16;
/// Tables of keys are built, connections opened, arenas filled.
const WARM_UP: Duration = Duration::from_secs(15);
const LOAD: Duration = Duration::from_secs(60);
/// When the store goes, and for how long.
const OUTAGE_AT: Duration = Duration::from_secs(25);
const OUTAGE: Duration = Duration::from_secs(1);
/// A store that began anew refuses what was issued up to two seconds later; times are whole seconds.
const COLD: Duration = Duration::from_secs(4);
/// How much more memory may be held in the end.
const GROWTH: f64 = 1.1;

/// What all threads share.
struct World {
    stop: AtomicBool,
    outage: Mutex<Outage>,
}

pub fn all(run: &mut Run) {
    run.holds("proxy under load", "Nothing that changes under load makes a wrong decision, or takes memory.", || {
        load().map_err(|error| error.to_string())
    });
}

fn load() -> Fallible<()> {
    let (documents, echo) = (Documents::new("load", clock::now())?, Echo::start()?);
    let mut redis = Redis::start(&documents.folder().join("redis"), &[])?;
    let url = format!("unix://{}", redis.socket().display());
    let store = ["--replay", "redis", "--replay-redis", &url, "--replay-timeout-ms", "800"];
    let proxy = documents.start(echo.address(), &store)?;
    thread::sleep(COLD);

    let world = Arc::new(World { stop: AtomicBool::new(false), outage: Mutex::default() });
    let documents = Arc::new(documents);
    let calling = spawn("callers", &world, {
        let (documents, address) = (Arc::clone(&documents), proxy.address);
        move |world| callers(&documents, address, world)
    })?;
    let changing = spawn("bundles", &world, {
        let documents = Arc::clone(&documents);
        move |world| change(&documents, world)
    })?;

    thread::sleep(WARM_UP);
    let (began, warm) = (Instant::now(), cpu::resident_kib(proxy.pid())?);
    thread::sleep(OUTAGE_AT);
    world.outage().began = Some(Instant::now());
    redis.kill()?;
    thread::sleep(OUTAGE);
    redis.restart()?;
    world.outage().ended = Some(Instant::now() + COLD);
    thread::sleep(LOAD.saturating_sub(began.elapsed()));
    let held = cpu::resident_kib(proxy.pid())?;
    world.stop.store(true, Ordering::SeqCst);
    let ledger = joined(calling)?;
    let changes = joined(changing)?;
    judge(ledger, &proxy, &echo, changes, (warm, held))
}

impl World {
    fn outage(&self) -> std::sync::MutexGuard<'_, Outage> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stopped(&self) -> bool {
        self.stop.load(Ordering::SeqCst)
    }
}

/// Documents that are newer every second, and say other things about nobody here.
fn change(documents: &Documents, world: &World) -> Fallible<u64> {
    let (mut changes, mut last) = (0, clock::now());
    while !world.stopped() {
        thread::sleep(Duration::from_millis(50));
        let now = clock::now();
        if now > last {
            last = now;
            changes += 1;
            let nobody = json!({ "type": "jti", "value": format!("nobody-{changes}"), "revoked_at": now.as_secs() });
            documents.write(now, &[nobody])?;
        }
    }
    Ok(changes)
}

fn callers(documents: &Arc<Documents>, address: SocketAddr, world: &Arc<World>) -> Fallible<Ledger> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let ledger = Rc::new(RefCell::new(Ledger::default()));
    LocalSet::new().block_on(&runtime, async {
        let calls = (0..CONNECTIONS).map(|number| {
            let (documents, world, ledger) = (Arc::clone(documents), Arc::clone(world), Rc::clone(&ledger));
            tokio::task::spawn_local(async move { call(number, &documents.callers, address, &world, &ledger).await })
        });
        for ended in calls.collect::<Vec<_>>() {
            ended.await??;
        }
        Fallible::Ok(())
    })?;
    Ok(ledger.take())
}

/// One connection: its next request goes out when its last is answered.
async fn call(
    number: usize,
    callers: &Callers,
    address: SocketAddr,
    world: &World,
    ledger: &RefCell<Ledger>,
) -> Fallible<()> {
    let (empty, body): (Arc<[u8]>, Arc<[u8]>) = (Arc::from([]), Arc::from([b'x'; 4096]));
    let mut lane = Lane::open(address).await?;
    // The last passport that was admitted here, and when it was signed.
    let mut spent: Option<(Wire, Instant)> = None;
    for turn in number.. {
        if world.stopped() {
            return Ok(());
        }
        let kind = TURNS[turn % TURNS.len()];
        let order = |body: &Arc<[u8]>, flaw| Order { flaw, ..Order::new(callers.number(), body, clock::now()) };
        let signed = Instant::now();
        let wire = match kind {
            Kind::Anonymous => anonymous(&empty),
            Kind::OtherIssuer => callers.sign(&order(&empty, Flaw::Issuer))?,
            Kind::OtherProof => callers.sign(&order(&body, Flaw::Proof))?,
            Kind::OtherSubject => callers.sign(&order(&empty, Flaw::Subject))?,
            Kind::OtherTarget => callers.sign(&order(&empty, Flaw::Target))?,
            Kind::Read => callers.sign(&order(&empty, Flaw::None))?,
            Kind::Write => callers.sign(&order(&body, Flaw::None))?,
            Kind::Replay => match &spent {
                Some((wire, _)) => wire.clone(),
                None => continue,
            },
        };
        let sent = Instant::now();
        let answer = match lane.send(&wire).await {
            Ok(answer) => answer,
            Err(error) => return Err(format!("{kind:?}: no answer: {error}").into()),
        };
        let (took, word, outage) = (sent.elapsed(), answer.word(), *world.outage());
        let before = spent.as_ref().is_some_and(|(_, signed)| outage.touches(*signed));
        let expected = kind.expects(&word, outage.touches(sent), kind == Kind::Replay && before);
        if word == "200" {
            spent = Some((wire, signed));
        }
        ledger.borrow_mut().add(kind, word, took, expected);
        if answer.closes {
            lane = Lane::open(address).await?;
        }
    }
    Ok(())
}

fn judge(mut ledger: Ledger, proxy: &Proxy, echo: &Echo, changes: u64, (warm, held): (u64, u64)) -> Fallible<()> {
    let seconds = (WARM_UP + LOAD).as_secs_f64();
    let total: u64 = ledger.words.values().sum();
    ledger.latencies.sort_unstable();
    let at = |of_hundred: usize| ledger.latencies.get(ledger.latencies.len() * of_hundred / 100).copied();
    let (half, most) = (at(50).unwrap_or_default(), at(99).unwrap_or_default());
    println!("adapter under load: {total} requests in {seconds:.0} s, {:.0} a second", total as f64 / seconds);
    println!("    on {CONNECTIONS} connections; half within {half:.1?}, 99 of 100 within {most:.1?}");
    for ((kind, word), count) in &ledger.words {
        println!("    {count:>8}  {kind:?}: {word}");
    }
    let taken = proxy.log()?.matches("policy bundle").count();
    println!("    {changes} changes of both bundles; {taken} lines of the log tell of the policy's");
    let growth = held as f64 / warm as f64;
    println!("    {warm} KiB held after {} s, {held} KiB at the end: {growth:.3}", WARM_UP.as_secs());

    let allowed: u64 = ledger.words.iter().filter(|((_, word), _)| word == "200").map(|(_, count)| count).sum();
    let told: u64 = ledger.words.iter().filter(|((_, word), _)| word.starts_with("503")).map(|(_, count)| count).sum();
    let mut wrong = ledger.wrong;
    let mut hold = |statement: bool, what: String| {
        if !statement {
            wrong.push(what);
        }
    };
    hold(allowed == echo.count(), format!("{allowed} allowed, the service behind saw {}", echo.count()));
    hold(told > 0, "the outage was not felt".into());
    hold(allowed > 1000, format!("{allowed} allowed are no load"));
    let least = usize::try_from(LOAD.as_secs()).unwrap_or(usize::MAX);
    hold(taken >= least, format!("{taken} changes of the policy were taken"));
    let log = proxy.log()?;
    let refused = log.lines().find(|line| line.contains("refused, "));
    hold(refused.is_none(), format!("a change was refused: {refused:?}"));
    hold(growth <= GROWTH, format!("memory grew to {growth:.3} of what it was"));
    match wrong.first() {
        None => Ok(()),
        Some(first) => Err(format!("{} faults; first {first}", wrong.len()).into()),
    }
}

fn spawn<T: Send + 'static>(
    name: &str,
    world: &Arc<World>,
    work: impl FnOnce(&Arc<World>) -> Fallible<T> + Send + 'static,
) -> Fallible<JoinHandle<Fallible<T>>> {
    let world = Arc::clone(world);
    Ok(thread::Builder::new().name(name.into()).spawn(move || work(&world))?)
}

fn joined<T>(thread: JoinHandle<Fallible<T>>) -> Fallible<T> {
    thread.join().map_err(|_| "a thread of the load panicked")?
}
