//! A real broker over real sockets, in a folder of its own.
#![allow(dead_code, unused_imports, reason = "each test binary uses its own part")]

mod bundle;
mod expect;
mod keyless;
pub mod root;

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::DirBuilderExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket};
use serde_json::{Value, json};
use trustplane_broker::SigningKey;
use trustplane_broker::client::Ask;
use trustplane_broker::ipc::{Envelope, KIND, Request, VERSION};
use trustplane_core::{KeyBinding, sha256};

pub use bundle::{bundle, bundle_with};
pub use expect::{assert_denied, assert_issued, assert_recorded, assert_serving};
pub use keyless::{Keyless, Reply, exchange};

/// Longer than anything here takes; it only keeps a broken test from hanging.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A folder that only its owner reaches, removed afterwards.
pub struct Folder(pub PathBuf);

impl Folder {
    pub fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("tpb-{}-{number}", std::process::id()));
        fs::DirBuilder::new().mode(0o700).create(&path).unwrap();
        Self(path)
    }

    pub fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A policy under which this process may `GET` and `POST` orders.
pub fn policy() -> Value {
    json!({
        "version": "trustplane-broker-policy-v1",
        "policy_id": "test-policy",
        "policy_version": "1",
        "issuer": "https://broker.example.test",
        "kid": "broker-1",
        "trust_domain": "example.test",
        "ttl_seconds": 120,
        "callers": [{
            "peer": { "uid": nix::unistd::geteuid().as_raw() },
            "subject": "service:orders-caller",
            "context_fields": ["purpose", "tool_name"],
            "requests": [{ "audience": "orders-api", "route_id": "orders.get", "methods": ["GET", "POST"] }]
        }]
    })
}

pub fn key() -> SigningKey {
    SigningKey::from_seed(&std::array::from_fn(|index| index as u8)).unwrap()
}

/// `trustplane-broker serve` as a process; told to stop when dropped.
pub struct Running {
    pub folder: Folder,
    child: Child,
}

impl Running {
    pub fn start(policy: &Value) -> Self {
        Self::start_with(policy, &[])
    }

    pub fn start_with(policy: &Value, flags: &[&str]) -> Self {
        Self::launch(policy, "audit.jsonl", flags)
    }

    /// With its audit log at another place.
    pub fn start_to(policy: &Value, audit_log: &str) -> Self {
        Self::launch(policy, audit_log, &[])
    }

    /// With its audit log on standard output, which is read only through what this answers.
    pub fn start_piped(policy: &Value) -> (Self, ChildStdout) {
        let mut running = Self::launch(policy, "-", &[]);
        let stdout = running.child.stdout.take().unwrap();
        (running, stdout)
    }

    fn launch(policy: &Value, audit_log: &str, flags: &[&str]) -> Self {
        let folder = Folder::new();
        fs::write(folder.join("policy.json"), policy.to_string()).unwrap();
        key().write_file(folder.join("key")).unwrap();
        let mut command = Self::command();
        command.arg("serve");
        for (flag, name) in [("--socket", "run/broker.sock"), ("--policy", "policy.json"), ("--key-file", "key")] {
            command.arg(flag).arg(folder.join(name));
        }
        match audit_log {
            "-" => command.args(["--audit-log", "-"]).stdout(Stdio::piped()),
            name => command.arg("--audit-log").arg(folder.join(name)),
        };
        let child = command.args(flags).stderr(fs::File::create(folder.join("stderr")).unwrap()).spawn().unwrap();
        let running = Self { folder, child };
        let services = flags.iter().skip_while(|flag| **flag != "--services-socket").nth(1).map(PathBuf::from);
        for socket in services.into_iter().chain([running.socket()]) {
            wait_for("the broker's sockets", || UnixStream::connect(&socket).is_ok());
        }
        running
    }

    pub fn command() -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_trustplane-broker"));
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/broker.sock")
    }

    pub fn connect(&self) -> UnixStream {
        connect(&self.socket())
    }

    /// Sends one line and reads the one answer.
    pub fn send(&self, line: &str) -> Value {
        let mut stream = self.connect();
        stream.write_all(line.as_bytes()).unwrap();
        stream.write_all(b"\n").unwrap();
        answer(&mut stream)
    }

    pub fn ask(&self, request: &Request) -> Value {
        self.send(&line(request))
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn stop(mut self) -> (ExitStatus, Folder) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let status = self.child.wait().unwrap();
        (status, std::mem::replace(&mut self.folder, Folder(PathBuf::new())))
    }

    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn stderr(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    /// Every audit event so far.
    pub fn audit(&self) -> Vec<Value> {
        events(&self.folder.join("audit.jsonl"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener that nobody serves, with as many connections as its queue takes.
pub fn full_listener(path: &Path) -> (OwnedFd, Vec<OwnedFd>) {
    let open = || socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_NONBLOCK, None).unwrap();
    let (listener, address) = (open(), UnixAddr::new(path).unwrap());
    bind(listener.as_raw_fd(), &address).unwrap();
    listen(&listener, Backlog::new(1).unwrap()).unwrap();
    let mut queued = Vec::new();
    loop {
        queued.push(open());
        if nix::sys::socket::connect(queued.last().unwrap().as_raw_fd(), &address).is_err() {
            return (listener, queued);
        }
    }
}

pub fn events(path: &Path) -> Vec<Value> {
    fs::read_to_string(path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

pub fn connect(socket: &Path) -> UnixStream {
    let stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Connects as another user, which only root can; `None` for anyone else.
pub fn connect_as(uid: u32, socket: &Path) -> Option<UnixStream> {
    if !nix::unistd::geteuid().is_root() {
        return None;
    }
    let socket = socket.to_owned();
    let thread = std::thread::spawn(move || {
        // SAFETY: the bare call changes this thread's credentials alone, and the thread ends here.
        let changed = unsafe { nix::libc::syscall(nix::libc::SYS_setresuid, -1, uid, -1) };
        assert_eq!(changed, 0);
        connect(&socket)
    });
    Some(thread.join().unwrap())
}

/// Reads to the end, which must hold exactly one line.
pub fn answer(stream: &mut UnixStream) -> Value {
    let mut text = Vec::new();
    if let Err(err) = stream.read_to_end(&mut text) {
        // The answer is there; the broker closed with something of ours unread.
        assert_eq!(err.kind(), std::io::ErrorKind::ConnectionReset);
    }
    let text = String::from_utf8(text).unwrap();
    assert_eq!(text.matches('\n').count(), 1, "one line and nothing after it: {text:?}");
    assert!(text.ends_with('\n'), "{text:?}");
    serde_json::from_str(&text).unwrap()
}

pub fn line(request: &Request) -> String {
    let envelope = Envelope { version: VERSION.into(), kind: KIND.into(), request: request.clone() };
    serde_json::to_string(&envelope).unwrap()
}

pub fn ask<'a>() -> Ask<'a> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).unwrap();
    Ask {
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
    }
}

pub fn ask_with<'a>(change: impl FnOnce(&mut Ask<'a>)) -> Ask<'a> {
    let mut ask = ask();
    change(&mut ask);
    ask
}

/// A request that the policy above allows, with a nonce of its own.
pub fn request() -> Request {
    ask().request().unwrap()
}

#[track_caller]
pub fn wait_for(what: &str, mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        assert!(began.elapsed() < PATIENCE, "{what} did not come");
        std::thread::sleep(Duration::from_millis(5));
    }
}
