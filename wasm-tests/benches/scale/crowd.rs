//! Many callers: the core natively, and what it costs that a key has no table.

use std::hint::black_box;
use std::io::{self, Error};
use std::time::Duration;

use trustplane_core::{
    Checked, Consumed, FilterConfig, KeyCache, KeyCacheSettings, PublicKey, Settings, UnixTime, Verifier, sha256,
};
use trustplane_wasm_tests::load::cpu::Clock;
use trustplane_wasm_tests::load::{Callers, Order, Wire};

use crate::{median, micros, now};

/// The first all have tables, of the others ever fewer.
pub const CROWDS: [u64; 5] = [64, 1_000, 10_000, 100_000, 1_000_000];
/// Drawn at random, so that the cache is as it would be after any number of them.
const WARM_UP: usize = 12_000;
const ROUND: usize = 1_500;
const ROUNDS: usize = 7;

/// Requests of callers that are drawn from a crowd of this many, each as likely as any other.
pub struct Crowd<'c> {
    callers: &'c Callers,
    members: u64,
}

/// What a key has when it is asked for.
#[derive(Clone, Copy)]
enum Known {
    Table,
    Key,
    Never,
}

impl Crowd<'_> {
    pub const fn new(callers: &Callers, members: u64) -> Crowd<'_> {
        Crowd { callers, members }
    }

    /// The next so many requests.
    pub fn requests(&self, total: usize, now: UnixTime) -> io::Result<Vec<Wire>> {
        (0..total).map(|_| self.request(now)).collect()
    }

    fn request(&self, now: UnixTime) -> io::Result<Wire> {
        let number = self.callers.number();
        let [a, b, c, d, e, f, g, h, ..] = sha256(&number.to_le_bytes());
        let member = u64::from_le_bytes([a, b, c, d, e, f, g, h]) % self.members;
        self.callers.sign(&Order { member: Some(member), ..Order::new(number, &[].into(), now) })
    }
}

pub fn run(callers: &Callers) -> io::Result<()> {
    let now = now();
    let verifier = verifier(callers, now)?;
    println!("The core natively, callers drawn at random; processor time of one thread, signing aside; medians.");
    println!(
        "{:>10}{:>18}{:>14}{:>18}{:>12}",
        "callers", "keys with tables", "decision us", "decisions/s core", "ratio"
    );
    let mut all = Vec::new();
    for members in CROWDS {
        let crowd = Crowd::new(callers, members);
        let mut keys = KeyCache::new(KeyCacheSettings::default());
        decide(&verifier, &crowd.requests(WARM_UP, now)?, &mut keys, now)?;
        all.push((crowd, keys, Vec::new()));
    }
    // Interleaved, so that what else the machine does falls on all alike.
    for _ in 0..ROUNDS {
        for (crowd, keys, rounds) in &mut all {
            rounds.push(micros(decide(&verifier, &crowd.requests(ROUND, now)?, keys, now)?, ROUND));
        }
    }
    let first = all.first().map_or(0.0, |(_, _, rounds)| median(rounds));
    for (crowd, keys, rounds) in &all {
        let cost = median(rounds);
        println!("{:>10}{:>18}{cost:>14.1}{:>18.0}{:>12.2}", crowd.members, keys.tables(), 1e6 / cost, cost / first);
    }
    println!();
    misses(callers, &verifier, now)
}

/// One decision whose caller's key has a table, is known without one, and was never seen; the
/// issuer's has one in every case.
fn misses(callers: &Callers, verifier: &Verifier, now: UnixTime) -> io::Result<()> {
    println!("The same, by what the cache knows of the caller's key; the issuer's has a table.");
    println!("{:>24}{:>14}{:>18}{:>12}", "", "decision us", "miss costs us", "ratio");
    let all = [(Known::Table, "table"), (Known::Key, "key without table"), (Known::Never, "key never seen")];
    let mut costs = [const { Vec::new() }; 3];
    let mut caches: Vec<KeyCache> = all.iter().map(|(known, _)| known.cache(callers.issuer())).collect();
    let few = Crowd::new(callers, CROWDS[0]);
    for (cache, (known, _)) in caches.iter_mut().zip(all) {
        if !matches!(known, Known::Never) {
            decide(verifier, &few.requests(ROUND, now)?, cache, now)?;
        }
    }
    for _ in 0..ROUNDS {
        for ((cache, (known, _)), cost) in caches.iter_mut().zip(all).zip(&mut costs) {
            let crowd = match known {
                Known::Table | Known::Key => &few,
                // So many that hardly one comes twice.
                Known::Never => &Crowd::new(callers, u64::MAX),
            };
            cost.push(micros(decide(verifier, &crowd.requests(ROUND, now)?, cache, now)?, ROUND));
        }
    }
    let costs = costs.map(|rounds| median(&rounds));
    for ((_, name), cost) in all.iter().zip(costs) {
        println!("{name:>24}{cost:>14.1}{:>18.1}{:>12.2}", cost - costs[0], cost / costs[0]);
    }
    Ok(())
}

impl Known {
    fn cache(self, issuer: &PublicKey) -> KeyCache {
        let build_after = match self {
            Self::Table => KeyCacheSettings::default().build_after,
            Self::Key | Self::Never => u32::MAX,
        };
        let mut cache = KeyCache::new(KeyCacheSettings { build_after, ..KeyCacheSettings::default() });
        assert!(cache.warm(issuer), "room for one table");
        cache
    }
}

fn verifier(callers: &Callers, now: UnixTime) -> io::Result<Verifier> {
    let config = callers.configuration(now).to_string();
    let config = FilterConfig::parse(config.as_bytes()).map_err(Error::other)?;
    let (policy, trust) = config.load().map_err(Error::other)?;
    let policy = policy.map(|policy| Checked::new(policy, now));
    Ok(Verifier::new(Settings::default(), policy, Checked::new(trust, now)))
}

/// What deciding all of them took; every one must be allowed.
fn decide(verifier: &Verifier, wires: &[Wire], keys: &mut KeyCache, now: UnixTime) -> io::Result<Duration> {
    let parts: Option<Vec<_>> = wires.iter().map(Wire::parts).collect();
    let parts = parts.ok_or(io::ErrorKind::InvalidData)?;
    let before = Clock::of_this_thread().now()?;
    for parts in &parts {
        let proven = verifier.prove_with(&parts.head(), keys, now);
        let allowed = proven.and_then(|proven| proven.settle(now)?.conclude(Consumed::Fresh, now));
        drop(black_box(allowed.map_err(|denied| Error::other(denied.reason().as_str()))?));
    }
    Ok(Clock::of_this_thread().now()?.saturating_sub(before))
}
