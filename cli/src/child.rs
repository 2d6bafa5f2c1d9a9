//! Child processes that never outlive this one.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use nix::sys::prctl;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

/// How long a child may take to end once it is told to.
const STOP: Duration = Duration::from_secs(5);
/// How much of a log explains why a child ended.
const LOG_LINES: usize = 20;

/// A running child.
///
/// It ends with this value. Should this process be killed outright, the kernel kills the child too.
#[derive(Debug)]
pub(crate) struct Kept {
    exited: watch::Receiver<Option<ExitStatus>>,
    stop: watch::Sender<bool>,
    keeper: Option<JoinHandle<()>>,
}

/// Why a child does not run.
#[derive(Debug)]
pub(crate) enum StartError<E> {
    /// It could not be started.
    Io(io::Error),
    /// It never became what it was started for.
    NotReady(E),
}

impl Kept {
    /// Starts `command` and waits for `ready`. Blocks.
    pub(crate) fn start<T: Send + 'static, E: Send + 'static>(
        name: &str,
        command: Command,
        ready: impl AsyncFnOnce(&mut Child) -> Result<T, E> + Send + 'static,
    ) -> Result<(Self, T), StartError<E>> {
        let (report, started) = mpsc::channel();
        let (stop, stopping) = watch::channel(false);
        let (exit, exited) = watch::channel(None);
        // The kernel's promise to kill the child is tied to the life of the thread that forks it,
        // so that thread does nothing else and outlives the child.
        let keeper = thread::Builder::new()
            .name(name.into())
            .spawn(move || keep(command, ready, &report, stopping, &exit))
            .map_err(StartError::Io)?;
        match started.recv() {
            Ok(Ok(found)) => Ok((Self { exited, stop, keeper: Some(keeper) }, found)),
            Ok(Err(err)) => Err(err),
            Err(_) => Err(StartError::Io(io::Error::other("the thread that keeps the child ended"))),
        }
    }

    /// Holds the exit status once the child has ended, for whatever cause.
    pub(crate) fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.exited.clone()
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(keeper) = self.keeper.take() {
            // A panic in there was printed there.
            let _ = keeper.join();
        }
    }
}

/// Without input, and with what it says appended to the file `log`.
pub(crate) fn quiet(command: &mut Command, log: &Path) -> io::Result<()> {
    let open = || File::options().create(true).append(true).open(log);
    command.stdin(Stdio::null()).stdout(open()?).stderr(open()?);
    Ok(())
}

/// The last lines of a log.
pub(crate) fn log_end(log: &Path) -> String {
    let log = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&log);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

fn keep<T, E>(
    mut command: Command,
    ready: impl AsyncFnOnce(&mut Child) -> Result<T, E>,
    report: &mpsc::Sender<Result<T, StartError<E>>>,
    stopping: watch::Receiver<bool>,
    exit: &watch::Sender<Option<ExitStatus>>,
) {
    // The receiver waits for exactly one report, so none of these fails.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(err) => {
            let _ = report.send(Err(StartError::Io(err)));
            return;
        }
    };
    runtime.block_on(async {
        let mut child = match spawn(&mut command) {
            Ok(child) => child,
            Err(err) => {
                let _ = report.send(Err(StartError::Io(err)));
                return;
            }
        };
        match ready(&mut child).await {
            Ok(found) => {
                let _ = report.send(Ok(found));
                exit.send_replace(run(child, stopping).await);
            }
            Err(err) => {
                // Killing fails only when it has ended already.
                let _ = child.kill().await;
                let _ = report.send(Err(StartError::NotReady(err)));
            }
        }
    });
}

fn spawn(command: &mut Command) -> io::Result<Child> {
    // Ctrl-C reaches the whole process group; who started the child decides when it ends.
    command.process_group(0).kill_on_drop(true);
    let parent = getpid();
    // SAFETY: prctl and getppid are async-signal-safe, and nothing here allocates.
    unsafe {
        command.pre_exec(move || {
            prctl::set_pdeathsig(Signal::SIGKILL)?;
            // Between fork and prctl the parent may already have gone.
            if getppid() == parent { Ok(()) } else { Err(io::ErrorKind::BrokenPipe.into()) }
        });
    }
    command.spawn()
}

/// Waits until the child ends or is told to.
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
            // It only fails when the child has ended meanwhile.
            let _ = child.start_kill();
            child.wait().await.ok()
        }
    }
}
