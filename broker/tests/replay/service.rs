//! The service, as a verifier asks it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, ExitStatus};
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::common::{Folder, Running, connect, wait_for};

/// `trustplane-broker serve` without a key.
pub struct Service {
    pub folder: Folder,
    child: Child,
}

impl Service {
    /// A service that answers.
    pub fn start(url: &str, flags: &[&str]) -> Self {
        let service = Self::spawn(url, flags);
        wait_for("the services socket", || UnixStream::connect(service.socket()).is_ok());
        service
    }

    fn spawn(url: &str, flags: &[&str]) -> Self {
        let folder = Folder::new();
        let mut command = Running::command();
        command.arg("serve").arg("--metrics").arg("--services-socket").arg(folder.join("run/services.sock"));
        command.arg("--replay-redis").arg(url).args(flags);
        let child = command.stderr(fs::File::create(folder.join("stderr")).unwrap()).spawn().unwrap();
        Self { folder, child }
    }

    /// One that is to end by itself, and what it said.
    pub fn refused(url: &str, flags: &[&str]) -> (ExitStatus, String) {
        let mut service = Self::spawn(url, flags);
        let mut status = None;
        wait_for("the end of the service", || {
            status = service.child.try_wait().unwrap();
            status.is_some()
        });
        (status.unwrap(), service.log())
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.join("run/services.sock")
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("stderr")).unwrap()
    }

    pub fn send(&self, head: &str, body: &str) -> (u16, String) {
        let mut stream = connect(&self.socket());
        let length = body.len();
        write!(stream, "{head} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}")
            .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    /// What the store says about a passport that was issued long after it began.
    #[track_caller]
    pub fn consume(&self, number: u64) -> String {
        self.consume_issued(number, now() + 3600)
    }

    /// What the store says about a passport that was issued then.
    #[track_caller]
    pub fn consume_issued(&self, number: u64, issued_at: u64) -> String {
        let id = id(number);
        let body = format!(r#"{{"id":"{id}","issued_at":{issued_at},"ttl_ms":60000}}"#);
        let (status, body) = self.send("POST /v1/replay/consume", &body);
        let answer: Value = serde_json::from_str(&body).unwrap();
        let outcome = answer["outcome"].as_str().unwrap().to_owned();
        assert_eq!(body, format!(r#"{{"id":"{id}","outcome":"{outcome}"}}"#), "byte for byte");
        assert_eq!(status, if outcome == "unavailable" { 503 } else { 200 });
        outcome
    }

    /// The count of an outcome in `/metrics`.
    pub fn count(&self, outcome: &str) -> u64 {
        let (_, text) = self.send("GET /metrics", "");
        let name = format!("trustplane_broker_replay_total{{outcome=\"{outcome}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&name)).unwrap().parse().unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn id(number: u64) -> String {
    format!("{number:064x}")
}

pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
