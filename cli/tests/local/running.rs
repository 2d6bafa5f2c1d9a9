use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

/// A running `trustplane up`.
pub struct Running {
    pub child: Child,
    pub places: Value,
}

impl Running {
    /// Starts it and waits for its one line.
    pub fn start(args: &[&str]) -> Self {
        let mut up = command();
        up.args(["up", "--json"]).args(args);
        Self::start_as(up)
    }

    /// The same, of a command that is all there.
    pub fn start_as(mut up: Command) -> Self {
        let mut child = up.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let Ok(places) = serde_json::from_str(&line) else {
            let ended = child.wait_with_output().unwrap();
            panic!("no line of JSON: {line:?}, {}", String::from_utf8_lossy(&ended.stderr));
        };
        Self { child, places }
    }

    pub fn text(&self, name: &str) -> &str {
        self.places[name].as_str().unwrap_or_else(|| panic!("no {name} in {}", self.places))
    }

    pub fn envoy_pid(&self) -> i32 {
        self.places["envoy_pid"].as_i64().unwrap().try_into().unwrap()
    }

    /// Sends a signal, waits for the end, and answers the exit code and what was said.
    pub fn end(mut self, signal: Signal) -> (Option<i32>, String) {
        kill(Pid::from_raw(self.child.id().try_into().unwrap()), signal).unwrap();
        let mut said = String::new();
        std::io::Read::read_to_string(self.child.stderr.as_mut().unwrap(), &mut said).unwrap();
        (self.child.wait().unwrap().code(), said)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already; else it is to clean up behind itself.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM);
            let _ = self.child.wait();
        }
    }
}

pub fn command() -> Command {
    Command::new(env!("CARGO_BIN_EXE_trustplane"))
}

/// Whether a process is gone, or is about to be: nobody may have collected it yet.
pub fn is_gone(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.is_empty() || stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z'))
}

/// Waits until it holds; a kernel takes its time to tear a process down.
pub fn eventually(holds: impl Fn() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

pub fn json(path: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

pub fn exists(path: &str) -> bool {
    Path::new(path).exists()
}
