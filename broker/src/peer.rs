use std::fmt;
use std::fs;
use std::os::fd::AsFd;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::{PeerCredentials, PeerPidfd};
use trustplane_core::PeerClaim;

/// Longer paths are left out: they would crowd a passport.
const MAX_PROCESS_BYTES: usize = 256;

/// Something about a peer that is known, or why it is not; never a guess.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fact<T> {
    /// The kernel said so.
    Known(T),
    /// The kernel could not say.
    Unknown,
    /// The kernel has no means to say it safely.
    Unsupported,
}

/// The process at the other end of a connection, as it was when it connected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Peer {
    /// Its user.
    pub uid: Fact<u32>,
    /// Its primary group.
    pub gid: Fact<u32>,
    /// Its process id, as seen from here.
    pub pid: Fact<i32>,
    /// Path of its executable. The peer's own mount namespace named it: a restriction, no ground.
    pub process: Fact<String>,
    /// Its `/proc/PID/cgroup`, as seen from here; read only where something looks at it.
    pub cgroup: Fact<String>,
}

/// Reads what the kernel knows of a peer.
#[derive(Clone, Copy, Debug)]
pub struct PeerReader {
    unmapped_uid: Option<u32>,
    unmapped_gid: Option<u32>,
    cgroups: bool,
}

impl PeerReader {
    /// Looks at this process's own user namespace once.
    pub fn new() -> Self {
        Self { unmapped_uid: unmapped("uid"), unmapped_gid: unmapped("gid"), cgroups: false }
    }

    /// Reads control groups too, or does not.
    #[must_use]
    pub const fn with_cgroups(self, cgroups: bool) -> Self {
        Self { cgroups, ..self }
    }

    /// The peer of a connected socket.
    pub fn read(&self, socket: &impl AsFd) -> Peer {
        let Ok(cred) = getsockopt(socket, PeerCredentials) else {
            let (uid, gid) = (Fact::Unknown, Fact::Unknown);
            return Peer { uid, gid, pid: Fact::Unknown, process: Fact::Unknown, cgroup: Fact::Unknown };
        };
        let [process, cgroup] = of_process(socket, cred.pid(), self.cgroups);
        Peer {
            uid: Fact::mapped(cred.uid(), self.unmapped_uid),
            gid: Fact::mapped(cred.gid(), self.unmapped_gid),
            // A process outside this pid namespace has no number in it.
            pid: if cred.pid() > 0 { Fact::Known(cred.pid()) } else { Fact::Unknown },
            process,
            cgroup,
        }
    }
}

impl Default for PeerReader {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Fact<T> {
    /// The value, if it is known.
    pub const fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown | Self::Unsupported => None,
        }
    }
}

impl Fact<u32> {
    /// An id that stands for every id the namespace cannot express says nothing.
    fn mapped(id: u32, unmapped: Option<u32>) -> Self {
        if unmapped == Some(id) { Self::Unknown } else { Self::Known(id) }
    }
}

impl Peer {
    /// The facts as a passport and an audit event carry them.
    pub fn claim(&self) -> PeerClaim {
        PeerClaim {
            uid: self.uid.to_string(),
            gid: self.gid.to_string(),
            pid: self.pid.to_string(),
            process: self.process.to_string(),
        }
    }
}

impl<T: fmt::Display> fmt::Display for Fact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Known(value) => value.fmt(f),
            Self::Unknown => f.write_str("unknown"),
            Self::Unsupported => f.write_str("unsupported"),
        }
    }
}

/// Executable and control groups of `pid`, if that number still names the process that connected.
///
/// A number alone may be another process's by now. The pidfd (Linux 6.5) is the peer itself: as
/// long as it lives, its number is not given again, so what `/proc` says was said of the peer.
fn of_process(socket: &impl AsFd, pid: i32, cgroups: bool) -> [Fact<String>; 2] {
    const UNKNOWN: Fact<String> = Fact::Unknown;
    if pid <= 0 {
        return [UNKNOWN; 2];
    }
    let pidfd = match getsockopt(socket, PeerPidfd) {
        Ok(pidfd) => pidfd,
        Err(nix::errno::Errno::ENOPROTOOPT) => return [const { Fact::Unsupported }; 2],
        Err(_) => return [UNKNOWN; 2],
    };
    let executable = fs::read_link(format!("/proc/{pid}/exe")).ok();
    let executable = executable.and_then(|path| path.into_os_string().into_string().ok()).filter(|path| is_plain(path));
    let cgroup = if cgroups { fs::read_to_string(format!("/proc/{pid}/cgroup")).ok() } else { None };
    let mut ended = [PollFd::new(pidfd.as_fd(), PollFlags::POLLIN)];
    if poll(&mut ended, PollTimeout::ZERO) != Ok(0) {
        return [UNKNOWN; 2];
    }
    [executable, cgroup].map(|found| found.map_or(Fact::Unknown, Fact::Known))
}

fn is_plain(path: &str) -> bool {
    // The kernel marks a path that now leads elsewhere.
    path.len() <= MAX_PROCESS_BYTES
        && !path.ends_with(" (deleted)")
        && !path.bytes().any(|byte| byte.is_ascii_control())
}

/// The id that the kernel shows for ids this user namespace has no name for; `None` if it has one
/// for all.
fn unmapped(kind: &str) -> Option<u32> {
    let map = fs::read_to_string(format!("/proc/self/{kind}_map")).unwrap_or_default();
    if map.split_whitespace().eq(["0", "0", "4294967295"]) {
        return None;
    }
    let overflow = fs::read_to_string(format!("/proc/sys/kernel/overflow{kind}")).ok();
    Some(overflow.and_then(|id| id.trim().parse().ok()).unwrap_or(65534))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn a_peer_on_this_machine_is_known_by_its_credentials() {
        let (here, _there) = UnixStream::pair().unwrap();
        let peer = PeerReader::new().read(&here);
        assert_eq!(peer.uid, Fact::Known(nix::unistd::geteuid().as_raw()));
        assert_eq!(peer.gid, Fact::Known(nix::unistd::getegid().as_raw()));
        assert_eq!(peer.pid, Fact::Known(std::process::id().cast_signed()));
        let own = std::env::current_exe().unwrap().into_os_string().into_string().unwrap();
        match peer.process {
            // Kernels before 6.5 have no pidfd of a peer.
            Fact::Unsupported => assert_eq!(getsockopt(&here, PeerPidfd).unwrap_err(), nix::errno::Errno::ENOPROTOOPT),
            process => assert_eq!(process, Fact::Known(own)),
        }
    }

    #[test]
    fn an_id_without_a_name_in_this_namespace_is_unknown() {
        assert_eq!(Fact::mapped(65534, Some(65534)), Fact::Unknown);
        assert_eq!(Fact::mapped(65534, None), Fact::Known(65534));
        assert_eq!(Fact::mapped(1000, Some(65534)), Fact::Known(1000));
    }

    #[test]
    fn facts_are_written_as_value_unknown_or_unsupported() {
        let peer = Peer {
            uid: Fact::Known(7),
            gid: Fact::Unknown,
            pid: Fact::Known(42),
            process: Fact::Unsupported,
            cgroup: Fact::Unknown,
        };
        let claim =
            PeerClaim { uid: "7".into(), gid: "unknown".into(), pid: "42".into(), process: "unsupported".into() };
        assert_eq!(peer.claim(), claim);
    }

    #[test]
    fn a_path_that_leads_elsewhere_by_now_is_not_the_executable() {
        assert!(is_plain("/usr/bin/python3"));
        assert!(!is_plain("/usr/bin/python3 (deleted)"));
        assert!(!is_plain("/tmp/a\nb"));
        assert!(!is_plain(&"/x".repeat(200)));
    }
}
