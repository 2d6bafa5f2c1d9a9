use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::task::LocalSet;
use tokio::time::{sleep, timeout};
use trustplane::clock;
use trustplane_wasm_tests::load::{Callers, Lane, Order, Wire};
use trustplane_wasm_tests::store::Fallible;

use crate::site::Site;

/// Callers at a time; each presents its passport on four connections at once, to every Envoy in turn.
const CALLERS: usize = 16;
const LANES: usize = 4;
/// Between two passports of a caller: the machine is not to be the limit.
const PACE: Duration = Duration::from_millis(40);
/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(20);
const BEAT: Duration = Duration::from_millis(10);

/// What is said of a request without an answer.
pub const NO_ANSWER: &str = "no answer";

/// Callers that go on until they are told to stop, on a thread of their own.
pub struct Sustained {
    stop: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
    thread: JoinHandle<Fallible<()>>,
}

/// One presentation of a passport.
#[derive(Clone, Debug)]
pub struct Shown {
    pub number: u64,
    pub sent: Instant,
    pub took: Duration,
    pub word: String,
}

/// Everything that was presented.
#[derive(Debug, Default)]
pub struct Ledger {
    pub shown: Vec<Shown>,
    pub wires: Vec<(u64, Wire)>,
    /// The longest that this machine kept a timer of ours waiting.
    pub lag: Duration,
}

impl Sustained {
    pub fn start(site: &Site) -> Fallible<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, ledger) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::default()));
        let (addresses, callers) = (site.addresses()?, Arc::clone(&site.callers));
        let (told, shared) = (Arc::clone(&stop), Arc::clone(&ledger));
        let thread = thread::Builder::new().name("callers".into()).spawn(move || {
            LocalSet::new().block_on(&runtime, async {
                let heart = tokio::task::spawn_local(beat(Arc::clone(&shared)));
                let caller = |_| {
                    let (stop, ledger) = (Arc::clone(&told), Arc::clone(&shared));
                    tokio::task::spawn_local(call(addresses.clone(), Arc::clone(&callers), stop, ledger))
                };
                let tasks: Vec<_> = (0..CALLERS).map(caller).collect();
                for task in tasks {
                    task.await??;
                }
                heart.abort();
                Ok(())
            })
        })?;
        Ok(Self { stop, ledger, thread })
    }

    /// Waits for an admission of a request that was sent after `since`.
    pub fn await_admission(&self, since: Instant, limit: Duration) -> Fallible<Duration> {
        while since.elapsed() < limit {
            let ledger = lock(&self.ledger);
            let admitted = ledger.shown.iter().rev().filter(|shown| shown.sent >= since && shown.word == "200");
            if let Some(first) = admitted.map(|shown| shown.sent + shown.took).min() {
                return Ok(first - since);
            }
            drop(ledger);
            thread::sleep(BEAT);
        }
        Err(format!("nothing was admitted within {limit:?}").into())
    }

    pub fn stop(self) -> Fallible<Ledger> {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().map_err(|_| "the callers' thread panicked")??;
        Ok(std::mem::take(&mut *lock(&self.ledger)))
    }
}

impl Ledger {
    /// Every passport once more, at every Envoy.
    pub async fn present_again(&mut self, addresses: &[SocketAddr]) -> Fallible<()> {
        for address in addresses {
            let mut lane = None;
            for (number, wire) in &self.wires {
                self.shown.push(show(&mut lane, *address, *number, wire).await);
            }
        }
        Ok(())
    }

    /// How often which answer was given.
    pub fn words(&self) -> BTreeMap<&str, u64> {
        let mut words = BTreeMap::new();
        for shown in &self.shown {
            *words.entry(shown.word.as_str()).or_default() += 1;
        }
        words
    }

    /// How often each passport was admitted.
    pub fn admissions(&self) -> BTreeMap<u64, u32> {
        let mut admissions: BTreeMap<u64, u32> = BTreeMap::new();
        for shown in &self.shown {
            *admissions.entry(shown.number).or_default() += u32::from(shown.word == "200");
        }
        admissions
    }
}

async fn call(
    addresses: Vec<SocketAddr>,
    callers: Arc<Callers>,
    stop: Arc<AtomicBool>,
    ledger: Arc<Mutex<Ledger>>,
) -> Fallible<()> {
    let mut lanes: [Option<Lane>; LANES] = Default::default();
    let address = |lane: usize| addresses[lane % addresses.len()];
    while !stop.load(Ordering::Relaxed) {
        let number = callers.number();
        let wire = callers.sign(&Order::new(number, &Arc::from([]), clock::now()))?;
        let [a, b, c, d] = &mut lanes;
        let shown = tokio::join!(
            show(a, address(0), number, &wire),
            show(b, address(1), number, &wire),
            show(c, address(2), number, &wire),
            show(d, address(3), number, &wire),
        );
        {
            let mut ledger = lock(&ledger);
            ledger.shown.extend(<[Shown; LANES]>::from(shown));
            ledger.wires.push((number, wire));
        }
        sleep(PACE).await;
    }
    Ok(())
}

async fn show(lane: &mut Option<Lane>, address: SocketAddr, number: u64, wire: &Wire) -> Shown {
    let sent = Instant::now();
    let exchange = async {
        let mut open = match lane.take() {
            Some(open) => open,
            None => Lane::open(address).await?,
        };
        let answer = open.send(wire).await?;
        if !answer.closes {
            *lane = Some(open);
        }
        io::Result::Ok(answer.word())
    };
    let word = match timeout(PATIENCE, exchange).await {
        Ok(Ok(word)) => word,
        Ok(Err(_)) | Err(_) => NO_ANSWER.into(),
    };
    Shown { number, sent, took: sent.elapsed(), word }
}

/// Notes how late this thread gets to run.
async fn beat(ledger: Arc<Mutex<Ledger>>) {
    loop {
        let begun = Instant::now();
        sleep(BEAT).await;
        let late = begun.elapsed().saturating_sub(BEAT);
        let mut ledger = lock(&ledger);
        ledger.lag = ledger.lag.max(late);
    }
}

fn lock(ledger: &Mutex<Ledger>) -> MutexGuard<'_, Ledger> {
    ledger.lock().unwrap_or_else(PoisonError::into_inner)
}
