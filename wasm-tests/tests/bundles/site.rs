use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime::Runtime;
use trustplane::client::{Answer, Connection, Message};
use trustplane::clock;
use trustplane::envoy::{Envoy, Launch, admin, find_binary};
use trustplane::local::{Draft, Up, UpOptions};
use trustplane_broker::SigningKey;
use trustplane_core::json::{Limits, parse};
use trustplane_core::{base64url, signing_input};
use trustplane_wasm_tests::artefact;

/// Longer than anything here takes; it only keeps a broken test from hanging.
const PATIENCE: Duration = Duration::from_secs(60);
/// Connections to each Envoy at once, dealt out among its workers.
const CONNECTIONS: usize = 4;

/// Which of the two files.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    Policy,
    Trust,
}

/// Two Envoys with one configuration, and the files that they follow.
pub struct Site {
    up: Arc<Up>,
    second: Envoy,
    runtime: Runtime,
    signer: SigningKey,
    first: [String; 2],
    issued_at: u64,
    hidden: Option<String>,
}

/// A key that the site's trust material may name besides the caller's.
pub fn second_caller() -> SigningKey {
    SigningKey::from_seed(&[42; 32]).unwrap()
}

/// Now, in seconds.
pub fn now() -> u64 {
    clock::now().as_secs()
}

impl Site {
    /// Both Envoys, serving.
    pub fn start() -> Self {
        let up = Up::start(&UpOptions { filter: Some(artefact::path()), ..UpOptions::default() }).unwrap();
        let folder = up.state_dir().join("second");
        fs::create_dir(&folder).unwrap();
        let launch = Launch {
            binary: find_binary(None, std::env::var_os("PATH").as_deref()).unwrap(),
            config: up.paths().envoy.as_ref().unwrap().config.clone(),
            folder,
            workers: 2,
        };
        let second = Envoy::start(&launch).unwrap();
        let key = fs::read_to_string(&up.paths().bundle_private_key).unwrap();
        let signer = SigningKey::from_base64url(key.trim()).unwrap();
        let mut site = Self {
            up: Arc::new(up),
            second,
            runtime: Runtime::new().unwrap(),
            signer,
            first: Default::default(),
            issued_at: now(),
            hidden: None,
        };
        // A passport must be younger than the second Envoy's store, and times are whole seconds.
        site.await_everywhere("GET", "200");
        site.first = [site.text(Kind::Policy), site.text(Kind::Trust)];
        site
    }

    fn addresses(&self) -> [SocketAddr; 2] {
        [self.up.listener(), self.second.listener(self.up.stat_prefix()).unwrap()]
    }

    fn file(&self, kind: Kind) -> &PathBuf {
        match kind {
            Kind::Policy => &self.up.paths().policy_bundle,
            Kind::Trust => &self.up.paths().trust_bundle,
        }
    }

    /// The document as the file has it.
    pub fn text(&self, kind: Kind) -> String {
        fs::read_to_string(self.file(kind)).unwrap()
    }

    /// The document as the Envoys began with it.
    pub fn first(&self, kind: Kind) -> String {
        self.first[usize::from(kind == Kind::Trust)].clone()
    }

    /// Puts another file in the place of the document's.
    pub fn put(&self, kind: Kind, text: &str) {
        let (file, beside) = (self.file(kind), self.file(kind).with_extension("new"));
        fs::write(&beside, text).unwrap();
        fs::rename(beside, file).unwrap();
    }

    /// Changes the document, issues it anew and signs it.
    pub fn publish(&mut self, kind: Kind, change: impl FnOnce(&mut Value)) {
        self.issued_at = now().max(self.issued_at + 1);
        let mut document: Value = serde_json::from_str(&self.text(kind)).unwrap();
        change(&mut document);
        document["issued_at"] = json!(self.issued_at);
        let text = document.to_string();
        let input = signing_input(&parse(text.as_bytes(), Limits::DOCUMENT).unwrap()).unwrap();
        document["signature"]["value"] = json!(base64url(&self.signer.sign(input.as_bytes())));
        self.put(kind, &document.to_string());
    }

    /// `trustplane bundle revoke`, as operators do it.
    pub fn revoke(&mut self, kid: &str) {
        let mut command = Command::new(artefact::command_line().unwrap());
        command.arg("bundle").arg("revoke").arg(self.file(Kind::Trust)).args(["kid", kid, "--signing-key"]);
        let out = command.arg(&self.up.paths().bundle_private_key).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let document: Value = serde_json::from_str(&self.text(Kind::Trust)).unwrap();
        self.issued_at = document["issued_at"].as_u64().unwrap();
    }

    /// Takes the document away.
    pub fn hide(&mut self, kind: Kind) {
        self.hidden = Some(self.text(kind));
        fs::remove_file(self.file(kind)).unwrap();
    }

    /// Puts it back.
    pub fn show(&mut self, kind: Kind) {
        let text = self.hidden.take().unwrap();
        self.put(kind, &text);
    }

    /// What a request by this method, or by this key, comes to in every worker of both Envoys.
    pub fn everywhere(&self, what: &str) -> Vec<String> {
        let mut outcomes = BTreeSet::new();
        for address in self.addresses() {
            let mut asked = [0; 2];
            while asked.contains(&0) {
                let before = self.shares(address);
                outcomes.extend(self.runtime.block_on(self.ask(address, what)));
                for ((asked, after), before) in asked.iter_mut().zip(self.shares(address)).zip(before) {
                    *asked += after - before;
                }
            }
        }
        outcomes.into_iter().collect()
    }

    fn shares(&self, address: SocketAddr) -> Vec<u64> {
        let envoy = if address == self.up.listener() { self.up.envoy().unwrap() } else { &self.second };
        self.runtime.block_on(admin::worker_connections(envoy.admin(), self.up.stat_prefix())).unwrap()
    }

    async fn ask(&self, address: SocketAddr, what: &str) -> Vec<String> {
        let mut connections = Vec::new();
        for _ in 0..CONNECTIONS {
            connections.push(Connection::open(address).await.unwrap());
        }
        let mut outcomes = Vec::new();
        for connection in &mut connections {
            let message = request(&self.up, what);
            outcomes.push(word(&connection.send(&message).await.unwrap()));
        }
        outcomes
    }

    /// Waits until every worker of both Envoys says so.
    pub fn await_everywhere(&self, what: &str, wanted: &str) {
        let began = Instant::now();
        loop {
            let outcomes = self.everywhere(what);
            if outcomes == [wanted] {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{what}: {outcomes:?}, not {wanted}");
            sleep(Duration::from_millis(20));
        }
    }
}

/// A new request, signed for the first Envoy: both are asked under one authority.
fn request(up: &Up, what: &str) -> Message {
    let (caller, listener) = (up.caller(), up.listener());
    match what {
        "GET" => caller.sign(&Draft::get("/orders/7"), listener, clock::now()),
        "POST" => caller.sign(&Draft::post("{}"), listener, clock::now()),
        kid => {
            let kid: &'static str = Box::leak(kid.to_owned().into_boxed_str());
            caller.forge(&second_caller(), &Draft { kid, ..Draft::get("/orders/7") }, listener, clock::now())
        }
    }
    .unwrap()
}

/// "200", or status and reason.
fn word(answer: &Answer) -> String {
    match answer.reason() {
        Some(reason) => format!("{} {reason}", answer.status),
        None => answer.status.to_string(),
    }
}

/// Names the second caller's key beside the first caller's.
pub fn second_key(trust: &mut Value) {
    let keys = trust["issuers"][0]["keys"].as_array_mut().unwrap();
    keys.truncate(1);
    let key = second_caller().public_key().to_base64url();
    keys.push(json!({ "kid": "caller-2", "alg": "EdDSA", "public_key_b64url": key, "max_key_binding": "software" }));
}

/// The policy's routes.
pub fn routes(policy: &mut Value) -> &mut Vec<Value> {
    policy["route_groups"][0]["routes"].as_array_mut().unwrap()
}

/// Sets a member of one route.
pub fn set_on_route(policy: &mut Value, route_id: &str, name: &str, text: &str) {
    let route = routes(policy).iter_mut().find(|route| route["route_id"] == route_id);
    route.unwrap()[name] = json!(text);
}

/// One caller that sends one request after the other to each Envoy; every one must be allowed.
pub struct Steady {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<usize>,
}

impl Steady {
    /// Begins to send.
    pub fn begin(site: &Site) -> Self {
        let (addresses, up) = (site.addresses(), Arc::clone(&site.up));
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let (connected, wait) = mpsc::channel();
        let thread = spawn(move || {
            Runtime::new().unwrap().block_on(async {
                let mut sent = 0;
                let mut connections = Vec::new();
                for address in addresses.repeat(2) {
                    connections.push(Connection::open(address).await.unwrap());
                }
                connected.send(()).unwrap();
                while !stopped.load(Ordering::Relaxed) {
                    for connection in &mut connections {
                        let answer = connection.send(&request(&up, "GET")).await.unwrap();
                        assert_eq!(word(&answer), "200", "request {sent}");
                        sent += 1;
                    }
                }
                sent
            })
        });
        // Its connections must not be taken for the site's own.
        wait.recv().unwrap();
        sleep(Duration::from_millis(100));
        Self { stop, thread }
    }

    /// Stops, and says how many were sent.
    pub fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}
