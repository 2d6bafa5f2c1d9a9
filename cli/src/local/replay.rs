use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep};
use trustplane_broker::{Replay, ReplayArgs, Services};
use trustplane_core::Replay as Members;

use super::service::{ServiceThread, fault};
use crate::child::{Kept, StartError, log_end, quiet};
use crate::envoy::ReplayService;
use crate::exit::Fault;

/// How long the service waits for Redis. The filter waits longer, so that the answer is the
/// service's own; a busy machine is no fault here.
const REDIS_MS: u64 = 800;
/// How long the filter waits.
const CALLOUT_MS: u32 = 1000;
/// A server that starts is there at once.
const START: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(10);

/// Where a local stack remembers consumed passports.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Store {
    /// In a real Redis, which the broker's service asks.
    Redis,
    /// In the memory of the one Envoy.
    #[default]
    SharedData,
}

impl Store {
    /// What the filter is told. No margin: it is for passports of an earlier run, and the keys are new.
    pub(super) fn members(self) -> Members {
        match (self, Members::default()) {
            (Self::Redis, _) => Members::Callout {
                cluster: ReplayService::CLUSTER.into(),
                authority: ReplayService::AUTHORITY.into(),
                path: "/v1/replay/consume".into(),
                timeout_ms: CALLOUT_MS,
            },
            (Self::SharedData, Members::SharedData { bucket_bytes, multi_replica, replicas, .. }) => {
                Members::SharedData { cold_margin_seconds: 0, bucket_bytes, multi_replica, replicas }
            }
            (Self::SharedData, other) => other,
        }
    }
}

/// A real `redis-server` that keeps nothing on disk.
///
/// It ends with this value. Should this process be killed outright, the kernel kills it too.
#[derive(Debug)]
pub struct Redis {
    _kept: Kept,
    socket: PathBuf,
}

/// The broker's replay service alone, on a thread of its own; it ends with this value.
#[derive(Debug)]
pub struct ReplayThread {
    _thread: ServiceThread,
}

impl Redis {
    /// Starts it in this folder. Blocks.
    pub fn start(folder: &Path) -> Result<Self, Fault> {
        let (log, socket) = (folder.join("redis.log"), folder.join("redis.sock"));
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocketperm", "700", "--unixsocket"]);
        command.arg(&socket).arg("--dir").arg(folder);
        quiet(&mut command, &log).map_err(|err| Fault::file(&log, err))?;
        let waited_for = socket.clone();
        match Kept::start("redis", command, async move |child: &mut Child| await_socket(&waited_for, child).await) {
            Ok((kept, ())) => Ok(Self { _kept: kept, socket }),
            Err(StartError::Io(err)) => {
                Err(Fault::new(format!("redis-server: {err}; it has to be on PATH: apt-get install redis-server")))
            }
            Err(StartError::NotReady(())) => {
                Err(Fault::new(format!("redis-server did not start; its log ends:\n{}", log_end(&log))))
            }
        }
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }
}

async fn await_socket(socket: &Path, child: &mut Child) -> Result<(), ()> {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline && child.try_wait().is_ok_and(|status| status.is_none()) {
        if UnixStream::connect(socket).is_ok() {
            return Ok(());
        }
        sleep(POLL).await;
    }
    Err(())
}

impl ReplayThread {
    /// Starts it with this Redis and waits until it listens.
    pub fn start(socket: &Path, redis: &str) -> Result<Self, Fault> {
        let args =
            ReplayArgs { replay_redis: vec![redis.to_owned()], replay_timeout_ms: REDIS_MS, ..ReplayArgs::default() };
        let thread = ServiceThread::start(socket, |runtime| {
            let replay = Replay::new(&args).map_err(fault)?;
            runtime.block_on(replay.check()).map_err(fault)?;
            Ok(Services::default().with_replay(replay))
        })?;
        Ok(Self { _thread: thread })
    }
}
