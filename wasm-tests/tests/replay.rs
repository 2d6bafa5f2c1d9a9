//! The replay service and a real Redis behind a real Envoy: the whole way of a passport.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::runtime::Runtime;
use tokio::sync::Barrier;
use tokio::task::JoinSet;
use trustplane::client::{Connection, Message};
use trustplane::clock;
use trustplane::envoy::{Envoy, Launch, find_binary};
use trustplane::local::{Draft, Store, Up, UpOptions};
use trustplane_wasm_tests::artefact;

/// Longer than anything here takes; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(30);
/// The filter's timeout and a second: an answer comes within them, whatever happened.
const ANSWER: Duration = Duration::from_secs(2);

struct Site {
    up: Up,
    runtime: Runtime,
}

impl Site {
    fn start(store: Store) -> Self {
        let up = Up::start(&UpOptions { filter: Some(artefact::path()), store, ..UpOptions::default() }).unwrap();
        Self { up, runtime: Runtime::new().unwrap() }
    }

    fn sign(&self, draft: &Draft) -> Message {
        self.up.caller().sign(draft, self.up.listener(), clock::now()).unwrap()
    }

    /// What a new read comes to.
    fn read(&self) -> String {
        self.send(&self.sign(&Draft::get("/orders/7")))
    }

    fn send(&self, message: &Message) -> String {
        let began = Instant::now();
        let outcome = self.runtime.block_on(send(self.up.listener(), message));
        assert!(began.elapsed() < ANSWER + Duration::from_secs(3), "a busy machine, or a request that hung");
        outcome
    }

    /// Each message at once, from as many connections as there are addresses.
    fn race(&self, message: &Message, addresses: &[SocketAddr]) -> BTreeMap<String, usize> {
        let line = Arc::new(Barrier::new(addresses.len()));
        let mut presenters = JoinSet::new();
        self.runtime.block_on(async {
            for address in addresses.iter().copied() {
                let (line, message) = (Arc::clone(&line), message.clone());
                presenters.spawn(async move {
                    let mut connection = Connection::open(address).await.unwrap();
                    line.wait().await;
                    word(&connection.send(&message).await.unwrap())
                });
            }
            let mut outcomes = BTreeMap::new();
            while let Some(outcome) = presenters.join_next().await {
                *outcomes.entry(outcome.unwrap()).or_default() += 1;
            }
            outcomes
        })
    }

    fn await_read(&self, wanted: &str) -> Duration {
        let began = Instant::now();
        while self.read() != wanted {
            assert!(began.elapsed() < PATIENCE, "no {wanted}");
            std::thread::sleep(Duration::from_millis(20));
        }
        began.elapsed()
    }
}

async fn send(address: SocketAddr, message: &Message) -> String {
    let mut connection = Connection::open(address).await.unwrap();
    word(&connection.send(message).await.unwrap())
}

/// "200", or status and reason.
fn word(answer: &trustplane::client::Answer) -> String {
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    match body["reason"].as_str() {
        Some(reason) => format!("{} {reason}", answer.status),
        None => answer.status.to_string(),
    }
}

fn once_of(many: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([("200".into(), 1), ("403 jti_replay".into(), many - 1)])
}

#[test]
fn a_passport_passes_once_on_every_way_and_a_silent_connection_is_no_fault() {
    let site = Site::start(Store::Redis);
    for draft in [Draft::get("/orders/7"), Draft::post(r#"{"item":1}"#)] {
        let message = site.sign(&draft);
        assert_eq!([site.send(&message), site.send(&message)], ["200", "403 jti_replay"]);
    }
    let seen = site.up.upstream().count();
    let mut changed = site.sign(&Draft::post(r#"{"item":1}"#));
    let sound = changed.clone();
    changed.body = br#"{"item":2}"#.to_vec();
    assert_eq!(site.send(&changed), "403 request_binding_mismatch");
    assert_eq!(site.send(&sound), "200", "another's attempt burnt nothing");
    // Longer than the service keeps a silent connection.
    std::thread::sleep(Duration::from_secs(6));
    assert_eq!(site.read(), "200");
    assert_eq!(site.up.upstream().count(), seen + 2);
}

#[test]
fn of_many_at_once_and_of_two_envoys_exactly_one_admits() {
    let site = Site::start(Store::Redis);
    let folder = site.up.state_dir().join("second");
    std::fs::create_dir(&folder).unwrap();
    let launch = Launch {
        binary: find_binary(None, std::env::var_os("PATH").as_deref()).unwrap(),
        config: PathBuf::from(&site.up.paths().envoy_config),
        folder,
        workers: 2,
    };
    let second = Envoy::start(&launch).unwrap();
    let both = [site.up.listener(), second.listener("orders").unwrap()];
    let seen = site.up.upstream().count();
    for _ in 0..20 {
        let message = site.sign(&Draft::get("/orders/7"));
        assert_eq!(site.race(&message, &both.repeat(16)), once_of(32));
    }
    assert_eq!(site.up.upstream().count(), seen + 20);
    let message = site.sign(&Draft::get("/orders/7"));
    assert_eq!(site.runtime.block_on(send(both[0], &message)), "200");
    assert_eq!(site.runtime.block_on(send(both[1], &message)), "403 jti_replay");
}

#[test]
fn a_redis_that_fails_costs_denials_and_admits_nothing_twice() {
    let mut site = Site::start(Store::Redis);
    let consumed = site.sign(&Draft::get("/orders/7"));
    assert_eq!(site.send(&consumed), "200");

    let pid = Pid::from_raw(site.up.redis().unwrap().pid().cast_signed());
    kill(pid, Signal::SIGSTOP).unwrap();
    let seen = site.up.upstream().count();
    assert_eq!([site.read(), site.read()], ["503 replay_store_unavailable", "503 replay_store_unavailable"]);
    assert_eq!(site.up.upstream().count(), seen);
    kill(pid, Signal::SIGCONT).unwrap();
    println!("frozen: admits again after {:?}", site.await_read("200"));
    assert_eq!(site.send(&consumed), "403 jti_replay");

    site.up.redis().unwrap().kill();
    let seen = site.up.upstream().count();
    assert_eq!(site.read(), "503 replay_store_unavailable");
    assert_eq!(site.up.upstream().count(), seen);
    site.up.redis().unwrap().restart().unwrap();
    println!("restarted empty: admits again after {:?}", site.await_read("200"));
    assert_eq!(site.send(&consumed), "503 replay_store_cold", "Redis forgot it, nobody else did");
}

/// What a callout costs; figures for reading, not asserted.
#[test]
fn figures() {
    for store in [Store::SharedData, Store::Redis] {
        let site = Site::start(store);
        let messages: Vec<Message> = (0..1000).map(|_| site.sign(&Draft::get("/orders/7"))).collect();
        let mut took: Vec<Duration> = site.runtime.block_on(async {
            let mut connection = Connection::open(site.up.listener()).await.unwrap();
            let mut took = Vec::new();
            for message in &messages {
                let began = Instant::now();
                assert_eq!(connection.send(message).await.unwrap().status, 200);
                took.push(began.elapsed());
            }
            took
        });
        took.sort_unstable();
        println!("{store:?}: p50 {:?}, p99 {:?}", took[500], took[990]);
    }
}
