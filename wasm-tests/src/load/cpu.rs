//! Which core runs what, and how long it ran.

use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, SysconfVar, gettid, sysconf};

/// The core of what is measured.
pub const MEASURED: usize = 0;
/// The core of everything else.
pub const OTHERS: usize = 1;

/// Binds the calling thread, and what it starts from here on, to a core.
pub fn pin(core: usize) -> io::Result<()> {
    pin_to(&[core])
}

/// The same to any of several.
pub fn pin_to(cores: &[usize]) -> io::Result<()> {
    let mut set = CpuSet::new();
    cores.iter().try_for_each(|core| set.set(*core))?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// A process or a thread of ours whose CPU time is read.
#[derive(Clone, Debug)]
pub struct Clock(String);

impl Clock {
    /// Of a process.
    pub fn of_process(pid: u32) -> Self {
        Self(format!("/proc/{pid}/stat"))
    }

    /// Of the thread that asks.
    pub fn of_this_thread() -> Self {
        Self(format!("/proc/self/task/{}/stat", gettid()))
    }

    /// User and system time so far, all threads of a process included.
    pub fn now(&self) -> io::Result<Duration> {
        let text = fs::read_to_string(&self.0)?;
        // The second field is a name in parentheses, which may hold anything.
        let fields = text.rsplit_once(')').map(|(_, rest)| rest.split_whitespace().collect::<Vec<_>>());
        let ticks = fields
            .as_deref()
            .and_then(|fields| Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?));
        let per_second = sysconf(SysconfVar::CLK_TCK)?.and_then(|ticks| u32::try_from(ticks).ok());
        match (ticks, per_second) {
            (Some(ticks), Some(per_second)) => Ok(Duration::from_secs(ticks) / per_second),
            _ => Err(io::Error::other(format!("{} is not as expected: {text}", self.0))),
        }
    }
}

/// The processor's name.
pub fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".into(), |(_, name)| name.trim().into())
}

/// How long the calling thread ran, to the nanosecond.
pub fn of_this_thread() -> io::Result<Duration> {
    ran(Path::new("/proc/thread-self/schedstat"))
}

fn ran(schedstat: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(schedstat)?;
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other(format!("schedstat holds {text}")))
}

/// How long the threads that a process has now ran, to the nanosecond.
pub fn of_process(pid: u32) -> io::Result<Duration> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"))?;
    threads.map(|thread| ran(&thread?.path().join("schedstat"))).sum()
}

/// What a process holds in memory, in KiB.
pub fn resident_kib(pid: u32) -> io::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    line.ok_or_else(|| io::Error::other("its status names no resident set"))
}

/// What else ran of late: the system's load averages.
pub fn load_average() -> io::Result<String> {
    let text = fs::read_to_string("/proc/loadavg")?;
    Ok(text.split(' ').take(3).collect::<Vec<_>>().join(" "))
}
