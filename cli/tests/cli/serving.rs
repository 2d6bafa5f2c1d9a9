use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::tool::Folder;

/// A command that serves, once it has said where.
pub struct Serving {
    child: Child,
    pub report: Value,
    place: String,
    folder: std::path::PathBuf,
}

impl Serving {
    /// Runs a command line until it says where it listens; it says nothing else before.
    pub fn start(folder: &Folder, line: &str) -> Self {
        let mut command = folder.command(&format!("{line} --json"));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let report: Value = serde_json::from_str(&said).unwrap_or_else(|_| {
            let mut err = String::new();
            child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
            panic!("{line}: {said}{err}")
        });
        let place = report["listening"].as_str().unwrap().to_owned();
        Self { child, report, place, folder: folder.path("") }
    }

    /// Posts a document and answers status and document.
    pub fn post(&self, path: &str, document: &str) -> (u16, Value) {
        let (status, _, answer) = self.ask(&format!(
            "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{document}",
            self.host(),
            document.len()
        ));
        (status, answer)
    }

    /// What stands after the scheme of where it listens.
    pub fn host(&self) -> &str {
        self.place.strip_prefix("http://").unwrap_or("localhost")
    }

    /// Sends these bytes and answers status, head and document.
    pub fn ask(&self, request: &str) -> (u16, String, Value) {
        match self.place.strip_prefix("unix:") {
            Some(path) => exchange(UnixStream::connect(self.folder.join(path)).unwrap(), request),
            None => exchange(TcpStream::connect(self.host()).unwrap(), request),
        }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(self.child.id().try_into().unwrap());
        nix::sys::signal::kill(pid, signal).unwrap();
    }

    /// Stops it, and answers how it ended and what it wrote on standard error.
    pub fn end(mut self) -> (Option<i32>, String) {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait().unwrap() {
                let mut err = String::new();
                self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
                return (status.code(), err);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("it does not end");
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn exchange(mut stream: impl Read + Write, request: &str) -> (u16, String, Value) {
    // What is refused early may be refused before all of it was sent.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_owned(), serde_json::from_str(body).unwrap())
}
