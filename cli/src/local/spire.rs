//! SPIRE's server and agent, real ones, for the local stack.

mod config;
mod files;

use std::fs;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};

use super::folder::Folder;
use crate::child::{Kept, StartError, log_end, quiet};
use crate::exit::Fault;
use crate::files::Readers;

pub use files::SpireFiles;

const START: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);

/// A trust domain of its own: a server on loopback and an agent that joined it by a token.
///
/// Both end with this value.
#[derive(Debug)]
pub struct Spire {
    // The agent ends first.
    agent: Option<Process>,
    _server: Process,
    files: SpireFiles,
    folder: Folder,
    trust_domain: String,
}

#[derive(Debug)]
struct Process {
    _kept: Kept,
    pid: Option<u32>,
}

impl Spire {
    /// Starts both and waits until the agent serves the Workload API. Blocks.
    pub fn start(files: &SpireFiles, folder: &Path, trust_domain: &str) -> Result<Self, Fault> {
        let folder = Folder::open(folder)?;
        let port = free_port().map_err(|err| Fault::of("SPIRE", err))?;
        let server = config::server(&folder, trust_domain, port);
        let server = folder.write("server.conf", &server, Readers::Owner)?;
        let agent = config::agent(&folder, trust_domain, port);
        folder.write("agent.conf", &agent, Readers::Owner)?;
        let process = start(&files.server, &["run", "-config"], &server, &folder, "server")?;
        let mut spire =
            Self { agent: None, _server: process, files: files.clone(), folder, trust_domain: trust_domain.into() };
        let bundle = spire.server(&["bundle", "show"], &[])?;
        spire.folder.write("bundle.pem", &bundle, Readers::Owner)?;
        let token = spire.server(&["token", "generate"], &["-spiffeID", &spire.node(), "-output", "json"])?;
        let token = text(&token, "value").ok_or_else(|| Fault::of("SPIRE", "its server gave no join token"))?;
        spire.run_agent(Some(&token))?;
        Ok(spire)
    }

    /// The Workload API, as `SPIFFE_ENDPOINT_SOCKET` names it.
    pub fn endpoint(&self) -> String {
        format!("unix:{}", self.folder.file("agent.sock").display())
    }

    /// Registers what runs as a user under an ID, with SVIDs of this life in seconds; answers the entry's own id.
    pub fn register(&self, id: &str, uid: u32, ttl: u64) -> Result<String, Fault> {
        let (parent, selector, ttl) = (self.node(), format!("unix:uid:{uid}"), ttl.to_string());
        let flags =
            ["-parentID", &parent, "-spiffeID", id, "-selector", &selector, "-x509SVIDTTL", &ttl, "-output", "json"];
        let made = self.server(&["entry", "create"], &flags)?;
        text(&made, "id").ok_or_else(|| Fault::of("SPIRE", format!("its server made no entry: {made}")))
    }

    /// Deletes an entry.
    pub fn delete(&self, entry: &str) -> Result<(), Fault> {
        self.server(&["entry", "delete"], &["-entryID", entry]).map(drop)
    }

    /// Kills the agent outright.
    pub fn kill_agent(&mut self) -> Result<(), Fault> {
        self.signal_agent(Signal::SIGKILL)?;
        self.agent = None;
        Ok(())
    }

    /// Starts it again: it knows its node by the key on its disk.
    pub fn restart_agent(&mut self) -> Result<(), Fault> {
        self.run_agent(None)
    }

    /// Sends the agent a signal.
    pub fn signal_agent(&self, signal: Signal) -> Result<(), Fault> {
        let pid = self.agent.as_ref().and_then(|agent| agent.pid).and_then(|pid| i32::try_from(pid).ok());
        let pid = pid.ok_or_else(|| Fault::of("SPIRE", "its agent does not run"))?;
        kill(Pid::from_raw(pid), signal).map_err(|err| Fault::of("SPIRE", err))
    }

    fn node(&self) -> String {
        format!("spiffe://{}/node", self.trust_domain)
    }

    fn run_agent(&mut self, token: Option<&str>) -> Result<(), Fault> {
        let socket = self.folder.file("agent.sock");
        match fs::remove_file(&socket) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(Fault::file(&socket, err)),
            _ => {}
        }
        let mut before = vec!["run"];
        before.extend(token.iter().flat_map(|token| ["-joinToken", token]));
        before.push("-config");
        let agent = start(&self.files.agent, &before, &self.folder.file("agent.conf"), &self.folder, "agent")?;
        self.agent = Some(agent);
        Ok(())
    }

    /// One command of the server's own command line.
    fn server(&self, command: &[&str], flags: &[&str]) -> Result<String, Fault> {
        let mut run = std::process::Command::new(&self.files.server);
        run.args(command).arg("-socketPath").arg(self.folder.file("server.sock")).args(flags);
        let out = run.output().map_err(|err| Fault::file(&self.files.server, err))?;
        if out.status.success() {
            return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
        }
        let said = format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
        Err(Fault::file(&self.files.server, format!("{}: {}", command.join(" "), said.trim())))
    }
}

enum NotReady {
    Exited(ExitStatus),
    Io(io::Error),
    Late,
}

/// Starts a program and waits until its socket answers.
fn start(program: &Path, before: &[&str], config: &Path, folder: &Folder, name: &str) -> Result<Process, Fault> {
    let (log, socket) = (folder.file(&format!("{name}.log")), folder.file(&format!("{name}.sock")));
    let mut command = Command::new(program);
    command.args(before).arg(config);
    quiet(&mut command, &log).map_err(|err| Fault::file(&log, err))?;
    let ready = async move |child: &mut Child| await_ready(&socket, child).await;
    let problem = match Kept::start("spire", command, ready) {
        Ok((_kept, pid)) => return Ok(Process { _kept, pid }),
        Err(StartError::Io(err) | StartError::NotReady(NotReady::Io(err))) => return Err(Fault::file(program, err)),
        Err(StartError::NotReady(NotReady::Exited(status))) => format!("it ended before it was ready ({status})"),
        Err(StartError::NotReady(NotReady::Late)) => format!("it was not ready within {} s", START.as_secs()),
    };
    Err(Fault::file(program, format!("{problem}; its log ends:\n{}", log_end(&log))))
}

async fn await_ready(socket: &Path, child: &mut Child) -> Result<Option<u32>, NotReady> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().map_err(NotReady::Io)? {
            return Err(NotReady::Exited(status));
        }
        if UnixStream::connect(socket).is_ok() {
            return Ok(child.id());
        }
        sleep(POLL).await;
    }
    Err(NotReady::Late)
}

/// A port that nobody had a moment ago: SPIRE takes none by itself.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The first string of this name, at whatever depth.
fn text(json: &str, name: &str) -> Option<String> {
    fn find(value: &serde_json::Value, name: &str) -> Option<String> {
        match value {
            serde_json::Value::Object(members) => match members.get(name) {
                Some(serde_json::Value::String(found)) if !found.is_empty() => Some(found.clone()),
                _ => members.values().find_map(|value| find(value, name)),
            },
            serde_json::Value::Array(elements) => elements.iter().find_map(|value| find(value, name)),
            _ => None,
        }
    }
    find(&serde_json::from_str(json).ok()?, name)
}
