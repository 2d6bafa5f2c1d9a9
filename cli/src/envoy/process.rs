use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::admin;
use crate::child::{Kept, StartError, log_end, quiet};

/// A cold start compiles the filter once on every worker.
const START: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// How to start one Envoy.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, see [`super::find_binary`].
    pub binary: PathBuf,
    /// Its configuration; the admin interface and the listeners may ask for port 0.
    pub config: PathBuf,
    /// A folder for its log and for the address of its admin interface.
    pub folder: PathBuf,
    /// Worker threads.
    pub workers: u32,
}

/// A running Envoy whose listeners accept connections.
///
/// It ends with this value. Should this process be killed outright, the kernel kills Envoy too.
#[derive(Debug)]
pub struct Envoy {
    started: Started,
    kept: Kept,
}

/// Why Envoy does not run.
#[derive(Debug)]
pub enum LaunchError {
    /// It ended before it was ready; with the end of its log.
    Exited(ExitStatus, String),
    /// A file or the process could not be made.
    Io(PathBuf, io::Error),
    /// It was not ready in time; with the end of its log.
    NotReady(String),
}

#[derive(Debug)]
struct Started {
    pid: u32,
    version: String,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Envoy {
    /// Starts Envoy and waits until it is ready. Blocks.
    pub fn start(launch: &Launch) -> Result<Self, LaunchError> {
        let command = launch.command()?;
        let waiting = launch.clone();
        let ready = async move |child: &mut Child| await_ready(&waiting, child).await;
        match Kept::start("envoy", command, ready) {
            Ok((kept, started)) => Ok(Self { started, kept }),
            Err(StartError::Io(err)) => Err(LaunchError::Io(launch.binary.clone(), err)),
            Err(StartError::NotReady(err)) => Err(err),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.started.pid
    }

    /// Its version, such as `1.40.0`.
    pub fn version(&self) -> &str {
        &self.started.version
    }

    /// Where the admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.started.admin
    }

    /// Where the listener of this name listens.
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.started.listeners.get(name).copied()
    }

    /// Holds the exit status once Envoy has ended, for whatever cause.
    pub fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.kept.exited()
    }
}

async fn await_ready(launch: &Launch, child: &mut Child) -> Result<Started, LaunchError> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        let exited = child.try_wait().map_err(|err| LaunchError::Io(launch.binary.clone(), err))?;
        if let Some(status) = exited {
            return Err(LaunchError::Exited(status, log_end(&launch.log_file())));
        }
        if let (Some(pid), Some(admin)) = (child.id(), launch.admin_address())
            && admin::ready(admin).await
            && let (Ok(version), Ok(listeners)) = (admin::version(admin).await, admin::listeners(admin).await)
        {
            return Ok(Started { pid, version, admin, listeners });
        }
        sleep(POLL).await;
    }
    Err(LaunchError::NotReady(log_end(&launch.log_file())))
}

impl Launch {
    /// Where Envoy's log goes.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("envoy.log")
    }

    fn command(&self) -> Result<Command, LaunchError> {
        let admin = self.admin_file();
        match fs::remove_file(&admin) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(LaunchError::Io(admin, err)),
            _ => {}
        }
        let mut command = Command::new(&self.binary);
        command
            .arg("--config-path")
            .arg(&self.config)
            .arg("--admin-address-path")
            .arg(&admin)
            .arg("--concurrency")
            .arg(self.workers.to_string())
            // Hot restart wants a machine-wide id; two Envoys of one machine would meet there.
            .args(["--disable-hot-restart", "--log-level", "warning"]);
        let log = self.log_file();
        quiet(&mut command, &log).map_err(|err| LaunchError::Io(log, err))?;
        Ok(command)
    }

    fn admin_file(&self) -> PathBuf {
        self.folder.join("admin-address")
    }

    fn admin_address(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.admin_file()).ok()?.trim().parse().ok()
    }
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(status, log) => write!(f, "Envoy ended before it was ready ({status}); its log ends:\n{log}"),
            Self::Io(path, err) => write!(f, "{}: {err}", path.display()),
            Self::NotReady(log) => {
                write!(f, "Envoy was not ready within {} s; its log ends:\n{log}", START.as_secs())
            }
        }
    }
}

impl std::error::Error for LaunchError {}
