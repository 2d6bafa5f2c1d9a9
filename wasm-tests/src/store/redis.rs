use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::Fallible;

const START: Duration = Duration::from_secs(20);

/// A real `redis-server` on a Unix socket and on loopback.
#[derive(Debug)]
pub struct Redis {
    folder: PathBuf,
    flags: Vec<String>,
    port: u16,
    child: Child,
}

impl Redis {
    /// Starts one that keeps nothing on disk, unless these options of its say otherwise.
    pub fn start(folder: &Path, flags: &[&str]) -> Fallible<Self> {
        fs::create_dir_all(folder)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let child = launch(folder, port, &flags)?;
        let mut redis = Self { folder: folder.to_owned(), flags, port, child };
        redis.await_answer()?;
        Ok(redis)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Where it listens.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// Where it listens besides.
    pub fn tcp(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// As `--replicaof` takes it.
    pub fn address(&self) -> String {
        format!("127.0.0.1 {}", self.port)
    }

    /// One command, as `redis-cli` prints its answer.
    pub fn cli(&self, command: &[&str]) -> Fallible<String> {
        let output =
            Command::new("redis-cli").arg("-s").arg(self.socket()).args(command).stdin(Stdio::null()).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// The same, where the answer is "OK".
    pub fn order(&self, command: &[&str]) -> Fallible<()> {
        match self.cli(command)?.as_str() {
            "OK" => Ok(()),
            other => Err(format!("redis-cli {}: {other}", command.join(" ")).into()),
        }
    }

    /// A number of one of its `INFO` sections.
    pub fn info(&self, section: &str, name: &str) -> Fallible<u64> {
        let text = self.cli(&["info", section])?;
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        Ok(value.ok_or_else(|| format!("INFO {section} has no {name}"))?.trim().parse()?)
    }

    /// Waits until it follows its primary.
    pub fn await_primary(&self) -> Fallible<()> {
        let began = Instant::now();
        while !self.cli(&["info", "replication"])?.contains("master_link_status:up") {
            if began.elapsed() > START {
                return Err("the replica does not follow".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
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

    /// Starts it again at the same place, with what it wrote to disk.
    pub fn restart(&mut self) -> Fallible<()> {
        self.child = launch(&self.folder, self.port, &self.flags)?;
        self.await_answer()
    }

    /// Throws away what it wrote to disk.
    pub fn forget(&self) -> Fallible<()> {
        match fs::remove_dir_all(self.folder.join("appendonlydir")) {
            Err(err) if err.kind() != std::io::ErrorKind::NotFound => Err(err.into()),
            _ => Ok(()),
        }
    }

    fn await_answer(&mut self) -> Fallible<()> {
        let began = Instant::now();
        while self.cli(&["ping"])? != "PONG" {
            if self.child.try_wait()?.is_some() || began.elapsed() > START {
                return Err(format!("redis-server did not start; see {}", self.folder.join("log").display()).into());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.kill();
    }
}

fn launch(folder: &Path, port: u16, flags: &[String]) -> Fallible<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut command = Command::new("redis-server");
    command.args(["--save", "", "--appendonly", "no", "--bind", "127.0.0.1", "--port", &port.to_string()]);
    command.arg("--unixsocket").arg(folder.join("redis.sock")).arg("--dir").arg(folder).args(flags);
    let child = command.stdin(Stdio::null()).stdout(log).spawn();
    child.map_err(|err| format!("redis-server: {err}; install it with apt-get install redis-server").into())
}
