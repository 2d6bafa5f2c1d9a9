use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use crate::child::{Kept, StartError, log_end, quiet};
use crate::client::{self, ClientError, Message};
use crate::exit::Fault;

const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// How an adapter of the local stack is started.
#[derive(Clone, Debug)]
pub(crate) struct AdapterLaunch {
    /// The program whose `adapter` it is.
    pub(crate) program: PathBuf,
    /// 0 takes a free one.
    pub(crate) port: u16,
    pub(crate) workers: u32,
    /// The service behind.
    pub(crate) upstream: SocketAddr,
    pub(crate) policy_bundle: PathBuf,
    pub(crate) trust_bundle: PathBuf,
    /// Who signed both, as base64url.
    pub(crate) signer: String,
    /// Where consumed passports are remembered, if not in its memory.
    pub(crate) redis: Option<String>,
    pub(crate) audit_log: PathBuf,
    pub(crate) log: PathBuf,
}

/// A running `trustplane adapter`.
///
/// It ends with this value. Should this process be killed outright, the kernel kills the adapter too.
#[derive(Debug)]
pub struct AdapterProcess {
    kept: Kept,
    pid: u32,
    listener: SocketAddr,
    admin: SocketAddr,
}

impl AdapterProcess {
    /// Starts it and waits until it listens. Blocks.
    pub(crate) fn start(launch: &AdapterLaunch) -> Result<Self, Fault> {
        let mut command = launch.command();
        quiet(&mut command, &launch.log).map_err(|err| Fault::file(&launch.log, err))?;
        let log = launch.log.clone();
        match Kept::start("adapter", command, async move |child: &mut Child| await_listeners(&log, child).await) {
            Ok((kept, (pid, listener, admin))) => Ok(Self { kept, pid, listener, admin }),
            Err(StartError::Io(err)) => Err(Fault::file(&launch.program, err)),
            Err(StartError::NotReady(())) => {
                Err(Fault::new(format!("the adapter did not start; its log ends:\n{}", log_end(&launch.log))))
            }
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Where callers connect.
    pub fn listener(&self) -> SocketAddr {
        self.listener
    }

    /// Where operators ask.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Holds the exit status once it has ended, for whatever cause.
    pub fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        self.kept.exited()
    }

    /// How many requests each of its threads judged.
    pub async fn judged(&self) -> Result<Vec<u64>, ClientError> {
        let ask = Message {
            method: "GET".into(),
            target: "/metrics".into(),
            authority: self.admin.to_string(),
            ..Message::default()
        };
        let answer = client::send(self.admin, &ask).await?;
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        let own = text.lines().filter(|line| line.starts_with("trustplane_judged_total{"));
        Ok(own.filter_map(|line| line.rsplit_once(' ')?.1.parse().ok()).collect())
    }
}

impl AdapterLaunch {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(["adapter", "--listen", &format!("127.0.0.1:{}", self.port), "--admin-listen", "127.0.0.1:0"]);
        command.args(["--upstream", &format!("http://{}", self.upstream), "--threads", &self.workers.to_string()]);
        command.arg("--policy-bundle").arg(&self.policy_bundle).arg("--bundle").arg(&self.trust_bundle);
        for pin in ["--policy-bundle-signature-public-key", "--bundle-signature-public-key"] {
            command.args([pin, &self.signer]);
        }
        // No margin: it is for passports of an earlier run, and the keys are new.
        command.args(["--scheme", "http", "--replay-cold-margin-seconds", "0"]);
        if let Some(redis) = &self.redis {
            command.args(["--replay", "redis", "--replay-redis", redis]);
        }
        command.arg("--audit-log").arg(&self.audit_log);
        // What the user has set for a broker of their own is not about this one.
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("TRUSTPLANE_BROKER_"))
        {
            command.env_remove(name);
        }
        command
    }
}

/// Its log says where it listens.
async fn await_listeners(log: &Path, child: &mut Child) -> Result<(u32, SocketAddr, SocketAddr), ()> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline && child.try_wait().is_ok_and(|status| status.is_none()) {
        let text = fs::read_to_string(log).unwrap_or_default();
        let at = |word: &str| {
            let line = text.lines().find_map(|line| line.split_once(word).map(|(_, rest)| rest))?;
            line.split(',').next()?.parse().ok()
        };
        if let (Some(listener), Some(admin), Some(pid)) =
            (at("listening on http://"), at("admin on http://"), child.id())
        {
            return Ok((pid, listener, admin));
        }
        sleep(POLL).await;
    }
    Err(())
}
