//! One signature, natively: the core's ways beside two libraries that others verify with.

use std::hint::black_box;
use std::io::{self, Error};

use trustplane_broker::SigningKey;
use trustplane_core::{KeyCache, KeyCacheSettings, PublicKey};
use trustplane_wasm_tests::load::cpu::Clock;

const ROUNDS: usize = 11;
/// The kernel tells a thread its time to a tick of milliseconds: a round is many of them.
const TIMES: usize = 2_000;

/// A way to verify.
struct Way<'s> {
    name: &'static str,
    verify: Box<dyn FnMut(&Signed) -> bool + 's>,
    /// Processor time of one verification in each round, microseconds.
    rounds: Vec<f64>,
}

/// What a proof is: 32 bytes under a caller's key.
struct Signed {
    key: [u8; 32],
    message: [u8; 32],
    signature: [u8; 64],
}

/// Measures, interleaved, and prints one table; every way must take what is right and refuse what is not.
pub fn run() -> io::Result<()> {
    let key = SigningKey::generate().map_err(Error::other)?;
    let message = [7; 32];
    let signed = Signed { key: *key.public_key().as_bytes(), message, signature: key.sign(&message) };
    let mut keys = KeyCache::new(KeyCacheSettings::default());
    if !keys.warm(key.public_key()) {
        return Err(Error::other("no room for a table"));
    }
    let mut ways = [
        Way::new("ours, table", |signed| keys.verify(key.public_key(), &signed.message, &signed.signature)),
        Way::new("ours, known key", |signed| key.public_key().verify(&signed.message, &signed.signature)),
        Way::new("ours, new key", |signed| {
            PublicKey::from_bytes(&signed.key).is_ok_and(|key| key.verify(&signed.message, &signed.signature))
        }),
        Way::new("ring", |signed| {
            let key = ring::signature::UnparsedPublicKey::new(&ring::signature::ED25519, signed.key);
            key.verify(&signed.message, &signed.signature).is_ok()
        }),
        Way::new("aws-lc-rs", |signed| {
            let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, signed.key);
            key.verify(&signed.message, &signed.signature).is_ok()
        }),
    ];
    let wrong = Signed { message: [8; 32], ..signed };
    for way in &mut ways {
        if !(way.verify)(&signed) || (way.verify)(&wrong) {
            return Err(Error::other(format!("{} takes what is wrong, or not what is right", way.name)));
        }
    }
    for _ in 0..ROUNDS {
        for way in &mut ways {
            way.round(&signed)?;
        }
    }
    let medians: Vec<f64> = ways.iter_mut().map(Way::median).collect();
    println!("One signature over 32 bytes, natively: processor time, median of {ROUNDS} interleaved rounds.");
    println!("{:<20}{:>10}{:>12}{:>16}", "", "us", "to ring", "to aws-lc-rs");
    for (way, median) in ways.iter().zip(&medians) {
        println!("{:<20}{median:>10.1}{:>12.2}{:>16.2}", way.name, median / medians[3], median / medians[4]);
    }
    println!();
    Ok(())
}

impl<'s> Way<'s> {
    fn new(name: &'static str, verify: impl FnMut(&Signed) -> bool + 's) -> Self {
        Self { name, verify: Box::new(verify), rounds: Vec::with_capacity(ROUNDS) }
    }

    fn round(&mut self, signed: &Signed) -> io::Result<()> {
        let before = Clock::of_this_thread().now()?;
        for _ in 0..TIMES {
            black_box((self.verify)(black_box(signed)));
        }
        let time = Clock::of_this_thread().now()?.saturating_sub(before);
        self.rounds.push(time.as_secs_f64() * 1e6 / TIMES as f64);
        Ok(())
    }

    fn median(&mut self) -> f64 {
        self.rounds.sort_by(f64::total_cmp);
        self.rounds[ROUNDS / 2]
    }
}
