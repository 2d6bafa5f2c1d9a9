//! Real Redis servers, each in a folder of its own.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::common::{Folder, wait_for};

/// Debian's server and client; installed when they are missing and this is root.
fn installed() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        let there = || Command::new("redis-cli").arg("--version").stdout(Stdio::null()).status().is_ok();
        if there() && Command::new("redis-server").arg("--version").stdout(Stdio::null()).status().is_ok() {
            return;
        }
        let _ = Command::new("sh")
            .args(["-c", "apt-get update -qq && apt-get install -y -qq redis-server >/dev/null"])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .status();
        assert!(there(), "these tests run against a real redis-server: apt-get install redis-server");
    });
}

/// A server that forgets everything when it ends.
pub struct Redis {
    pub folder: Folder,
    pub port: u16,
    flags: Vec<String>,
    child: Child,
}

impl Redis {
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// With more of its options; `DIR` in them is its folder.
    pub fn start_with(flags: &[&str]) -> Self {
        installed();
        let folder = Folder::new();
        let port = free_port();
        let flags: Vec<String> = flags.iter().map(|flag| flag.replace("DIR", folder.0.to_str().unwrap())).collect();
        let child = launch(&folder, port, &flags);
        let redis = Self { folder, port, flags, child };
        redis.await_answer();
        redis
    }

    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    pub fn tcp_url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// One command, as `redis-cli` prints its answer.
    pub fn cli(&self, command: &[&str]) -> String {
        let output =
            Command::new("redis-cli").arg("-s").arg(self.socket()).args(command).stdin(Stdio::null()).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.child.id().cast_signed()), signal).unwrap();
    }

    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Starts it again at the same place, empty.
    pub fn restart(&mut self) {
        self.child = launch(&self.folder, self.port, &self.flags);
        self.await_answer();
    }

    fn await_answer(&self) {
        wait_for("redis-server", || self.cli(&["ping"]) == "PONG");
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn free_port() -> u16 {
    // A cluster bus listens 10,000 further up.
    loop {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        if port < 50_000 {
            return port;
        }
    }
}

fn launch(folder: &Folder, port: u16, flags: &[String]) -> Child {
    let mut command = Command::new("redis-server");
    command.args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.arg("--unixsocket").arg(folder.join("redis.sock")).arg("--dir").arg(&folder.0);
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    command.args(flags).stdin(Stdio::null()).stdout(log).spawn().unwrap()
}
