use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Fallible;
use crate::artefact;

const START: Duration = Duration::from_secs(20);
/// What the service waits for Redis, where nothing else is said.
const REDIS_MS: u32 = 800;

/// The replay service: `trustplane-broker serve` without a key.
#[derive(Debug)]
pub struct Service {
    folder: PathBuf,
    redis: PathBuf,
    flags: Vec<String>,
    child: Child,
}

impl Service {
    /// Starts it in front of the Redis at this socket and waits until it listens.
    pub fn start(folder: &Path, redis: &Path, flags: &[&str]) -> Fallible<Self> {
        std::fs::create_dir_all(folder)?;
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let child = launch(folder, redis, &flags)?;
        let mut service = Self { folder: folder.to_owned(), redis: redis.to_owned(), flags, child };
        service.await_socket()?;
        Ok(service)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        socket(&self.folder)
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> Fallible<()> {
        Ok(kill(Pid::from_raw(self.child.id().cast_signed()), signal)?)
    }

    /// Ends it at once.
    pub fn kill(&mut self) -> Fallible<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Starts it again at the same place.
    pub fn restart(&mut self) -> Fallible<()> {
        self.child = launch(&self.folder, &self.redis, &self.flags)?;
        self.await_socket()
    }

    fn await_socket(&mut self) -> Fallible<()> {
        let began = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            if self.child.try_wait()?.is_some() || began.elapsed() > START {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(format!("the replay service did not start: {log}").into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

/// Where the service of this folder listens.
pub fn socket(folder: &Path) -> PathBuf {
    folder.join("run/services.sock")
}

fn launch(folder: &Path, redis: &Path, flags: &[String]) -> Fallible<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new(artefact::broker()?);
    command.args(["serve", "--services-socket"]).arg(socket(folder));
    command.arg("--replay-redis").arg(format!("unix://{}", redis.display()));
    if !flags.iter().any(|flag| flag == "--replay-timeout-ms") {
        command.args(["--replay-timeout-ms", &REDIS_MS.to_string()]);
    }
    command.args(flags);
    Ok(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()?)
}
