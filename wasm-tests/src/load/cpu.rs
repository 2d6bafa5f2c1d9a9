//! Which core runs what, and how long it ran.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::{Pid, gettid};

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
pub enum Clock {
    /// All threads that it has when it is asked.
    Process(u32),
    /// One, by its file.
    Thread(PathBuf),
}

impl Clock {
    /// Of the thread that asks.
    pub fn of_this_thread() -> Self {
        Self::Thread(format!("/proc/self/task/{}/schedstat", gettid()).into())
    }

    /// How long it ran so far, to the nanosecond.
    pub fn now(&self) -> io::Result<Duration> {
        match self {
            Self::Process(pid) => {
                let threads = fs::read_dir(format!("/proc/{pid}/task"))?;
                threads.map(|thread| ran(&thread?.path().join("schedstat"))).sum()
            }
            Self::Thread(schedstat) => ran(schedstat),
        }
    }
}

/// The processor's name.
pub fn machine() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = text.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    model.map_or_else(|| "unknown processor".into(), |(_, name)| name.trim().into())
}

fn ran(schedstat: &Path) -> io::Result<Duration> {
    let text = fs::read_to_string(schedstat)?;
    let nanoseconds = text.split(' ').next().and_then(|field| field.parse().ok());
    nanoseconds.map(Duration::from_nanos).ok_or_else(|| io::Error::other(format!("schedstat holds {text}")))
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
