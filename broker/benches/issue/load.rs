//! Servers on the first core, callers on the second.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use trustplane_broker::SigningKey;
use trustplane_broker::client::Ask;
use trustplane_broker::ipc::{Envelope, KIND, VERSION};
use trustplane_core::{KeyBinding, sha256};

const CALLERS: usize = 8;

/// What one round of requests cost.
pub struct Round {
    pub cpu_us: f64,
    pub per_second: f64,
    pub p50_us: f64,
    pub p99_us: f64,
    pub issued: usize,
}

/// A server process on the first core.
pub struct Server {
    folder: PathBuf,
    child: Child,
    is_broker: bool,
}

pub fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).expect("a core's number");
    // On a machine with one core everything shares it.
    let _ = sched_setaffinity(Pid::from_raw(0), &set);
}

/// Seconds of processor time that a thread has used, to the nanosecond.
pub fn cpu_seconds(task: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{task}/schedstat")).expect("Linux");
    stat.split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).expect("nanoseconds") / 1e9
}

pub fn policy(ttl_seconds: u64) -> Value {
    json!({
        "version": "trustplane-broker-policy-v1",
        "issuer": "https://broker.example.test",
        "kid": "broker-1",
        "trust_domain": "example.test",
        "ttl_seconds": ttl_seconds,
        "callers": [{
            "peer": { "uid": nix::unistd::geteuid().as_raw() },
            "subject": "service:orders-caller",
            "context_fields": ["purpose", "tool_name"],
            "requests": [{ "audience": "orders-api", "route_id": "orders.get", "methods": ["GET", "POST"] }]
        }]
    })
}

/// A bare echo: accept, read a line, write it back, close.
pub fn echo(socket: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::UnixListener::bind(socket).expect("a socket");
        loop {
            let Ok((mut stream, _)) = listener.accept().await else { continue };
            tokio::spawn(async move {
                let mut line = Vec::with_capacity(4096);
                while !line.ends_with(b"\n") {
                    if !matches!(stream.read_buf(&mut line).await, Ok(1..)) {
                        return;
                    }
                }
                let _ = stream.write_all(&line).await;
            });
        }
    });
}

impl Server {
    pub fn echo() -> Self {
        let folder = folder();
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.arg("echo").arg(folder.join("sock"));
        Self::start(folder, command, false)
    }

    pub fn broker(policy: &Value, flags: &[&str]) -> Self {
        let folder = folder();
        fs::write(folder.join("policy.json"), policy.to_string()).expect("a file");
        SigningKey::generate().expect("entropy").write_file(folder.join("key")).expect("a file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_trustplane-broker"));
        command.arg("serve").args(flags);
        for (flag, name) in
            [("--socket", "sock"), ("--policy", "policy.json"), ("--key-file", "key"), ("--audit-log", "audit")]
        {
            command.arg(flag).arg(folder.join(name));
        }
        Self::start(folder, command, true)
    }

    fn start(folder: PathBuf, mut command: Command, is_broker: bool) -> Self {
        pin(0);
        let stderr = File::create(folder.join("stderr")).expect("a file");
        let child = command.env_clear().stdin(Stdio::null()).stderr(stderr).spawn().expect("the server");
        pin(1);
        let server = Self { folder, child, is_broker };
        while UnixStream::connect(server.socket()).is_err() {
            thread::sleep(Duration::from_millis(2));
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("sock")
    }

    /// Sends this many requests and waits for every answer.
    pub fn round(&self, requests: usize) -> Round {
        let lines: Vec<_> = (0..requests).map(|_| line()).collect();
        self.send(&lines[..requests / 10]);
        self.send(&lines[requests / 10..])
    }

    fn send(&self, lines: &[String]) -> Round {
        let next = AtomicUsize::new(0);
        let issued = AtomicUsize::new(0);
        let (cpu, began) = (self.cpu_seconds(), Instant::now());
        let mut took: Vec<Duration> = thread::scope(|scope| {
            let caller = || {
                let mut took = Vec::new();
                while let Some(line) = lines.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let answer = exchange(&self.socket(), line);
                    took.push(began.elapsed());
                    if !self.is_broker || answer.contains("\"accepted\":true") {
                        issued.fetch_add(1, Ordering::Relaxed);
                    }
                }
                took
            };
            let callers: Vec<_> = (0..CALLERS).map(|_| scope.spawn(caller)).collect();
            callers.into_iter().flat_map(|caller| caller.join().expect("a caller")).collect()
        });
        let wall = began.elapsed().as_secs_f64();
        let cpu = self.cpu_seconds() - cpu;
        took.sort();
        let at = |share: f64| took[(took.len() as f64 * share) as usize].as_secs_f64() * 1e6;
        Round {
            cpu_us: cpu * 1e6 / lines.len() as f64,
            per_second: lines.len() as f64 / wall,
            p50_us: at(0.5),
            p99_us: at(0.99),
            issued: issued.into_inner(),
        }
    }

    /// The server has one thread that serves, its first.
    fn cpu_seconds(&self) -> f64 {
        cpu_seconds(&self.child.id().to_string())
    }

    /// Memory that is resident, in KiB.
    pub fn resident_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("Linux");
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS");
        line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn exchange(socket: &PathBuf, line: &str) -> String {
    let mut stream = UnixStream::connect(socket).expect("the server");
    stream.write_all(line.as_bytes()).expect("a write");
    let mut answer = Vec::with_capacity(4096);
    let mut chunk = [0; 4096];
    while !answer.ends_with(b"\n") {
        match stream.read(&mut chunk).expect("an answer") {
            0 => break,
            count => answer.extend_from_slice(&chunk[..count]),
        }
    }
    String::from_utf8(answer).expect("text")
}

fn line() -> String {
    let mut random = [0; 16];
    getrandom::fill(&mut random).expect("entropy");
    let ask = Ask {
        method: "GET",
        scheme: "https",
        authority: "orders.example",
        path: "/orders/7",
        query: "b=2&a=1",
        content_encoding: "identity",
        headers: &[("accept", "application/json")],
        audience: "orders-api",
        route_id: "orders.get",
        body_sha256: sha256(b""),
        random,
        key_binding: KeyBinding::Software,
        allow_software_fallback: false,
        context: &[],
    };
    let request = ask.request().expect("a sound query");
    let envelope = Envelope { version: VERSION.into(), kind: KIND.into(), request };
    serde_json::to_string(&envelope).expect("JSON") + "\n"
}

fn folder() -> PathBuf {
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("tpbench-{}-{number}", std::process::id()));
    fs::create_dir(&path).expect("a folder");
    path
}
