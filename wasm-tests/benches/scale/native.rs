//! The core by itself, in this process.

use std::hint::black_box;
use std::io;
use std::time::Duration;

use trustplane_core::json::{self, Limits};
use trustplane_core::{
    Checked, Consumed, KeyCache, KeyCacheSettings, Pin, Policy, Settings, Trust, UnixTime, Verifier,
};
use trustplane_wasm_tests::counting::Counted;
use trustplane_wasm_tests::load::cpu::Clock;
use trustplane_wasm_tests::load::{CALLERS, Callers, Growth, Parts, Wire, issuer};

use crate::{ALLOCATOR, judge, micros, now, requests};

const SIZES: [Growth; 3] = [sized(10, 10), sized(1_000, 1_000), sized(100_000, 10_000)];
/// What a host reads is bounded, because it reads before it knows the signer; the largest document
/// here is several times that.
const LIMITS: Limits = Limits { max_bytes: 1 << 30, ..Limits::DOCUMENT };
const REQUESTS: usize = 2_000;
const ROUNDS: usize = 25;
const LOOK_UPS: usize = 8_000_000;

/// One pair of documents, loaded.
struct Loaded {
    growth: Growth,
    text_bytes: usize,
    time: Duration,
    memory: Counted,
    policy: Checked<Policy>,
    trust: Checked<Trust>,
    verifier: Verifier,
    wires: Vec<Wire>,
}

const fn sized(routes: usize, issuers: usize) -> Growth {
    Growth { routes, sources: 10, issuers, revocations: 10_000 }
}

pub fn run() -> io::Result<bool> {
    let callers = Callers::new()?;
    let now = now();
    let all = SIZES.iter().map(|growth| Loaded::new(&callers, *growth, now)).collect::<io::Result<Vec<_>>>()?;
    let mut decisions = vec![Duration::ZERO; all.len()];
    let mut keys = KeyCache::new(KeyCacheSettings::default());
    let heads = all.iter().map(Loaded::heads).collect::<io::Result<Vec<_>>>()?;
    // Enough of every caller's requests for its key to have a table.
    for parts in heads[0].iter().take(CALLERS * 12) {
        decide(&all[0].verifier, parts, &mut keys, now)?;
    }
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..ROUNDS {
        for ((loaded, heads), time) in all.iter().zip(&heads).zip(&mut decisions) {
            let before = Clock::of_this_thread().now()?;
            for parts in heads {
                decide(&loaded.verifier, parts, &mut keys, now)?;
            }
            *time += Clock::of_this_thread().now()? - before;
        }
    }
    println!("The core natively: 10 sources a route, 10,000 revocations, keys warm; processor time of one thread.");
    println!(
        "{:>8}{:>9}{:>10}{:>9}{:>10}{:>10}{:>11}{:>9}{:>13}",
        "routes", "issuers", "text MiB", "load s", "held MiB", "peak MiB", "route ns", "key ns", "decision us"
    );
    let decisions: Vec<_> = decisions.into_iter().map(|time| micros(time, ROUNDS * REQUESTS)).collect();
    for (loaded, decision) in all.iter().zip(&decisions) {
        println!(
            "{:>8}{:>9}{:>10.2}{:>9.3}{:>10.1}{:>10.1}{:>11.0}{:>9.0}{decision:>13.1}",
            loaded.growth.routes,
            loaded.growth.issuers,
            mebibytes(loaded.text_bytes),
            loaded.time.as_secs_f64(),
            mebibytes(loaded.memory.held),
            mebibytes(loaded.memory.most),
            loaded.route_look_up()?,
            loaded.key_look_up()?,
        );
    }
    Ok(judge("one decision, 100,000 routes to 10", decisions[0], decisions[2]))
}

impl Loaded {
    fn new(callers: &Callers, growth: Growth, now: UnixTime) -> io::Result<Self> {
        let mut configuration = callers.configuration(now);
        growth.apply(&mut configuration)?;
        let policy = configuration["policy_bundle"].take().to_string();
        let trust = configuration["trust_bundle"].take().to_string();
        drop(configuration);
        let before = Clock::of_this_thread().now()?;
        let (loaded, memory) = ALLOCATOR.during(|| load(&policy, &trust));
        let time = Clock::of_this_thread().now()? - before;
        let (loaded_policy, loaded_trust) = loaded.map_err(io::Error::other)?;
        let (policy_text, trust_text) = (policy.len(), trust.len());
        let policy = Checked::new(loaded_policy, now);
        let trust = Checked::new(loaded_trust, now);
        let verifier = Verifier::new(Settings::default(), Some(policy.clone()), trust.clone());
        let wires = requests(callers, REQUESTS, growth.routes, now)?;
        Ok(Self { growth, text_bytes: policy_text + trust_text, time, memory, policy, trust, verifier, wires })
    }

    fn heads(&self) -> io::Result<Vec<Parts<'_>>> {
        let heads = self.wires.iter().map(Wire::parts).collect::<Option<_>>();
        heads.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    /// Nanoseconds to find a route, over all of them.
    fn route_look_up(&self) -> io::Result<f64> {
        let names: Vec<_> = self.spread(self.growth.routes).map(|number| format!("/further-{number}/7")).collect();
        look_up(&names, |path| self.policy.document().route("GET", path).is_some())
    }

    /// Nanoseconds to find an issuer's key, over all of them.
    fn key_look_up(&self) -> io::Result<f64> {
        let names: Vec<_> = self.spread(self.growth.issuers).map(issuer).collect();
        look_up(&names, |name| self.trust.document().key(name, "1").is_some())
    }

    fn spread(&self, of: usize) -> impl Iterator<Item = usize> {
        (0..of).step_by((of / REQUESTS).max(1))
    }
}

fn load(policy: &str, trust: &str) -> Result<(Policy, Trust), Box<dyn std::error::Error + Send + Sync>> {
    let policy = Policy::load(&json::parse(policy.as_bytes(), LIMITS)?, &Pin::UnsignedDev)?;
    let trust = Trust::load(&json::parse(trust.as_bytes(), LIMITS)?, &Pin::UnsignedDev)?;
    Ok((policy, trust))
}

fn decide(verifier: &Verifier, parts: &Parts<'_>, keys: &mut KeyCache, now: UnixTime) -> io::Result<()> {
    let proven = verifier.prove_with(&parts.head(), keys, now);
    let allowed = proven.and_then(|proven| proven.settle(now)?.conclude(Consumed::Fresh, now));
    allowed.map(|allowed| drop(black_box(allowed))).map_err(|denied| io::Error::other(denied.reason().as_str()))
}

fn look_up(names: &[String], found: impl Fn(&str) -> bool) -> io::Result<f64> {
    let before = Clock::of_this_thread().now()?;
    let missing = names.iter().cycle().take(LOOK_UPS).filter(|name| !found(black_box(name))).count();
    let time = Clock::of_this_thread().now()? - before;
    if missing == 0 { Ok(micros(time, LOOK_UPS) * 1e3) } else { Err(io::Error::other("a name that is not there")) }
}

fn mebibytes(bytes: usize) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}
