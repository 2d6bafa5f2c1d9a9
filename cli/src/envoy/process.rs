use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use super::admin;

/// A cold start compiles the filter once on every worker.
const START: Duration = Duration::from_secs(60);
const STOP: Duration = Duration::from_secs(5);
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
    pid: u32,
    version: String,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
    exited: watch::Receiver<Option<ExitStatus>>,
    stop: watch::Sender<bool>,
    keeper: Option<JoinHandle<()>>,
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

struct Started {
    pid: u32,
    version: String,
    admin: SocketAddr,
    listeners: BTreeMap<String, SocketAddr>,
}

impl Envoy {
    /// Starts Envoy and waits until it is ready. Blocks.
    pub fn start(launch: &Launch) -> Result<Self, LaunchError> {
        let (report, started) = mpsc::channel();
        let (stop, stopping) = watch::channel(false);
        let (exit, exited) = watch::channel(None);
        let launch = launch.clone();
        let folder = launch.folder.clone();
        // The kernel's promise to kill the child is tied to the life of the thread that forks it,
        // so that thread does nothing else and outlives the child.
        let keeper = thread::Builder::new()
            .name("envoy".into())
            .spawn(move || keep(&launch, &report, stopping, &exit))
            .map_err(|err| LaunchError::Io(folder.clone(), err))?;
        match started.recv() {
            Ok(Ok(Started { pid, version, admin, listeners })) => {
                Ok(Self { pid, version, admin, listeners, exited, stop, keeper: Some(keeper) })
            }
            Ok(Err(err)) => Err(err),
            Err(_) => Err(LaunchError::Io(folder, io::Error::other("the thread that keeps Envoy ended"))),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Its version, such as `1.40.0`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Where the admin interface listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Where the listener of this name listens.
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.get(name).copied()
    }

    /// Holds the exit status once Envoy has ended, for whatever cause.
    pub fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.exited.clone()
    }
}

impl Drop for Envoy {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(keeper) = self.keeper.take() {
            // A panic in there was printed there.
            let _ = keeper.join();
        }
    }
}

type Report = mpsc::Sender<Result<Started, LaunchError>>;

fn keep(launch: &Launch, report: &Report, stopping: watch::Receiver<bool>, exit: &watch::Sender<Option<ExitStatus>>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(err) => {
            // The receiver waits for exactly one report.
            let _ = report.send(Err(LaunchError::Io(launch.binary.clone(), err)));
            return;
        }
    };
    runtime.block_on(async {
        let mut child = match spawn(launch) {
            Ok(child) => child,
            Err(err) => {
                let _ = report.send(Err(err));
                return;
            }
        };
        match await_ready(launch, &mut child).await {
            Ok(started) => {
                let _ = report.send(Ok(started));
                exit.send_replace(run(child, stopping).await);
            }
            Err(err) => {
                // Killing fails only when it has ended already.
                let _ = child.kill().await;
                let _ = report.send(Err(err));
            }
        }
    });
}

fn spawn(launch: &Launch) -> Result<Child, LaunchError> {
    let admin = launch.admin_file();
    match fs::remove_file(&admin) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(LaunchError::Io(admin, err)),
        _ => {}
    }
    let log = launch.log_file();
    let open = || File::options().create(true).append(true).open(&log);
    let (out, err) = open().and_then(|out| Ok((out, open()?))).map_err(|err| LaunchError::Io(log.clone(), err))?;
    let mut command = Command::new(&launch.binary);
    command
        .arg("--config-path")
        .arg(&launch.config)
        .arg("--admin-address-path")
        .arg(&admin)
        .arg("--concurrency")
        .arg(launch.workers.to_string())
        // Hot restart wants a machine-wide id; two Envoys of one machine would meet there.
        .args(["--disable-hot-restart", "--log-level", "warning"])
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        // Ctrl-C reaches the whole process group; who started Envoy decides when it ends.
        .process_group(0)
        .kill_on_drop(true);
    let parent = getpid();
    // SAFETY: prctl and getppid are async-signal-safe, and nothing here allocates.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // Between fork and prctl the parent may already have gone.
            if getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        });
    }
    command.spawn().map_err(|err| LaunchError::Io(launch.binary.clone(), err))
}

async fn await_ready(launch: &Launch, child: &mut Child) -> Result<Started, LaunchError> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        let exited = child.try_wait().map_err(|err| LaunchError::Io(launch.binary.clone(), err))?;
        if let Some(status) = exited {
            return Err(LaunchError::Exited(status, launch.log_end()));
        }
        if let (Some(pid), Some(admin)) = (child.id(), launch.admin_address())
            && admin::ready(admin).await
            && let (Ok(version), Ok(listeners)) = (admin::version(admin).await, admin::listeners(admin).await)
        {
            return Ok(Started { pid, version, admin, listeners });
        }
        sleep(POLL).await;
    }
    Err(LaunchError::NotReady(launch.log_end()))
}

/// Waits until Envoy ends or is told to.
async fn run(mut child: Child, mut stopping: watch::Receiver<bool>) -> Option<ExitStatus> {
    let asked = tokio::select! {
        status = child.wait() => return status.ok(),
        // The sender going away is an order as well.
        _ = stopping.wait_for(|stop| *stop) => child.id(),
    };
    // The child is not reaped yet, so its id is still its own.
    if let Some(pid) = asked.and_then(|pid| i32::try_from(pid).ok()) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
    match timeout(STOP, child.wait()).await {
        Ok(status) => status.ok(),
        Err(_) => {
            // It only fails when Envoy has ended meanwhile.
            let _ = child.start_kill();
            child.wait().await.ok()
        }
    }
}

impl Launch {
    /// Where Envoy's log goes.
    pub fn log_file(&self) -> PathBuf {
        self.folder.join("envoy.log")
    }

    fn admin_file(&self) -> PathBuf {
        self.folder.join("admin-address")
    }

    fn admin_address(&self) -> Option<SocketAddr> {
        fs::read_to_string(self.admin_file()).ok()?.trim().parse().ok()
    }

    fn log_end(&self) -> String {
        let log = fs::read(self.log_file()).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
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
