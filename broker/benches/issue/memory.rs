//! Memory over several lifetimes of nonces, and at the bound.

use std::time::{Duration, Instant};

use trustplane_broker::Nonces;

use crate::load::{Server, policy};

const TTL: u64 = 5;
const LIFETIMES: usize = 4;
const BATCH: usize = 2_000;

pub fn run() {
    println!("memory, nonces kept {TTL} s, as many issues as one core gives:");
    let server = Server::broker(&policy(TTL), &[]);
    let mut resident = Vec::new();
    for lifetime in 1..=LIFETIMES {
        let began = Instant::now();
        let mut issued = 0;
        while began.elapsed() < Duration::from_secs(TTL) {
            issued += server.round(BATCH).issued;
        }
        resident.push(server.resident_kib());
        println!("  after {lifetime} TTL: {issued} issued in it, {} KiB resident", server.resident_kib());
    }
    println!("  last / second: {:.2}", resident[LIFETIMES - 1] as f64 / resident[1] as f64);
    let server = Server::broker(&policy(300), &["--max-nonces", "5000"]);
    let round = server.round(10_000);
    println!(
        "at a bound of 5000 nonces: {} of the 9000 after the first 1000 issued, the rest broker_overloaded",
        round.issued
    );
    println!(
        "bound: count x 9 x 16/7 x 3/2 bytes; 5000 nonces: {} bytes; the default 1048576: {} bytes",
        Nonces::memory_bound(5000),
        Nonces::memory_bound(1 << 20)
    );
}
