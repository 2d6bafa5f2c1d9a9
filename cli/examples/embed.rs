//! The verification inside any proxy: three calls, when the head is there, when the body has ended and
//! when the replay store has answered. `cargo run --example embed -- filter-config.json`

use std::collections::HashSet;
use std::error::Error;

use trustplane_core::{Allowed, Checked, Consumed, Denied, FilterConfig, Head, ReplayKey, Reply, UnixTime, Verifier};

/// Decides on one request; `now` is told anew before each call, for a caller can stretch the time between.
pub fn decide<'b>(
    verifier: &Verifier,
    head: &Head<'_>,
    body: impl Iterator<Item = &'b [u8]>,
    consume: impl FnOnce(&ReplayKey) -> Consumed,
    now: impl Fn() -> UnixTime,
) -> Result<Allowed, Denied> {
    let mut proven = verifier.prove(head, now())?;
    for piece in body {
        if let Err(reason) = proven.feed(piece) {
            return Err(proven.deny(reason, now()));
        }
    }
    let admission = proven.settle(now())?;
    let consumed = consume(admission.replay_key());
    admission.conclude(consumed, now())
}

/// A verifier with the bundles of this configuration.
pub fn verifier(config: &[u8], now: UnixTime) -> Result<Verifier, Box<dyn Error>> {
    let config = FilterConfig::parse(config)?;
    let (policy, trust) = config.load()?;
    Ok(Verifier::new(config.settings(), policy.map(|it| Checked::new(it, now)), Checked::new(trust, now)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("which configuration?")?;
    let verifier = verifier(&std::fs::read(path)?, trustplane::clock::now())?;
    let head = Head { method: b"GET", target: b"/orders/7", authority: b"orders.example", tls: true, headers: &[] };
    let mut seen = HashSet::new();
    let consume = |key: &ReplayKey| if seen.insert(*key.id()) { Consumed::Fresh } else { Consumed::Replayed };
    match decide(&verifier, &head, std::iter::empty(), consume, trustplane::clock::now) {
        Ok(allowed) => allowed.upstream().set().for_each(|(name, value)| println!("{name}: {value}")),
        Err(denied) => {
            let reply = Reply::new(denied.reason());
            println!("{} {}", reply.status(), reply.body());
        }
    }
    Ok(())
}
