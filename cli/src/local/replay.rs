use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use trustplane_broker::{Replay, ReplayArgs, Services};
use trustplane_core::Replay as Members;

use super::service::{ServiceThread, fault};
use crate::envoy::ReplayService;
use crate::exit::Fault;

/// How long the service waits for Redis. The filter waits longer, so that the answer is the
/// service's own; a busy machine is no fault here.
const REDIS_MS: u64 = 800;
/// How long the filter waits.
const CALLOUT_MS: u32 = 1000;
/// A server that starts is there at once.
const START: Duration = Duration::from_secs(10);

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

/// A real `redis-server` that keeps nothing on disk; it ends with this value.
#[derive(Debug)]
pub struct Redis {
    child: Child,
    folder: PathBuf,
}

/// The broker's replay service alone, on a thread of its own; it ends with this value.
#[derive(Debug)]
pub struct ReplayThread {
    _thread: ServiceThread,
}

impl Redis {
    /// Starts it in this folder. Blocks.
    pub fn start(folder: &Path) -> Result<Self, Fault> {
        let log = folder.join("redis.log");
        let out = File::create(&log).map_err(|err| Fault::file(&log, err))?;
        let mut command = Command::new("redis-server");
        command.args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocketperm", "700", "--unixsocket"]);
        command.arg(folder.join("redis.sock")).arg("--dir").arg(folder).stdin(Stdio::null()).stdout(out);
        let child = command.spawn().map_err(|err| {
            Fault::new(format!("redis-server: {err}; it has to be on PATH: apt-get install redis-server"))
        })?;
        let mut redis = Self { child, folder: folder.to_owned() };
        let began = Instant::now();
        while std::os::unix::net::UnixStream::connect(redis.socket()).is_err() {
            let ended = redis.child.try_wait().is_ok_and(|status| status.is_some());
            if ended || began.elapsed() > START {
                return Err(Fault::new(format!("redis-server did not start; see {}", log.display())));
            }
            sleep(Duration::from_millis(10));
        }
        Ok(redis)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Kills it and starts it again, empty.
    pub fn restart(&mut self) -> Result<(), Fault> {
        self.kill();
        *self = Self::start(&self.folder.clone())?;
        Ok(())
    }

    fn socket(&self) -> PathBuf {
        self.folder.join("redis.sock")
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        self.kill();
    }
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
