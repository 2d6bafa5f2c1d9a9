//! What an issue costs on one core, against its floor and against a bare echo, in one run.
//!
//! Server and floor run on the first core, callers on the second. Costs are the server's own
//! processor time, so that a caller too slow to keep it busy changes nothing; rounds alternate
//! between the rows and the median counts.

mod load;
mod memory;

use std::hint::black_box;

use load::{Round, Server, pin};
use trustplane_broker::SigningKey;

const ROUNDS: usize = 7;
const REQUESTS: usize = 12_000;
const SIGNATURES: u32 = 12_000;

fn main() {
    let mut args = std::env::args().skip(1);
    if args.next().as_deref() == Some("echo") {
        load::echo(&args.next().expect("a socket"));
        return;
    }
    pin(1);
    let policy = load::policy(300);
    let mut floor = Vec::new();
    let mut echo = Vec::new();
    let mut broker = Vec::new();
    for _ in 0..ROUNDS {
        floor.push(signatures());
        echo.push(Server::echo().round(REQUESTS));
        broker.push(Server::broker(&policy, &[]).round(REQUESTS));
    }
    let floor = median(floor);
    println!("row                     cpu us   per second and core   wall/s    p50 us    p99 us");
    println!("two signatures (floor) {floor:7.1} {:21.0}", 1e6 / floor);
    let echo_us = report("bare echo             ", &echo);
    let broker_us = report("issue, audit on       ", &broker);
    println!();
    println!("issue without its connection: {:.1} us", broker_us - echo_us);
    println!("floor / issue without its connection: {:.2} (aim: 0.70)", floor / (broker_us - echo_us));
    println!("floor / issue with its connection:    {:.2}", floor / broker_us);
    println!();
    memory::run();
}

fn report(name: &str, rounds: &[Round]) -> f64 {
    let pick = |of: fn(&Round) -> f64| median(rounds.iter().map(of).collect());
    let cpu = pick(|round| round.cpu_us);
    println!(
        "{name} {cpu:7.1} {:21.0} {:8.0} {:9.0} {:9.0}",
        1e6 / cpu,
        pick(|round| round.per_second),
        pick(|round| round.p50_us),
        pick(|round| round.p99_us),
    );
    cpu
}

/// Microseconds for a passport's and a proof's signature alone.
fn signatures() -> f64 {
    pin(0);
    let key = SigningKey::generate().expect("entropy");
    let (passport, digest) = ([b'p'; 700], [7u8; 32]);
    let began = load::cpu_seconds("thread-self");
    for _ in 0..SIGNATURES {
        black_box(key.sign(black_box(&passport)));
        black_box(key.sign(black_box(&digest)));
    }
    let took = load::cpu_seconds("thread-self") - began;
    pin(1);
    took * 1e6 / f64::from(SIGNATURES)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
