use std::fmt;
use std::fs;
use std::io;
use std::str::FromStr;

use super::pod::Pod;
use crate::peer::Peer;

/// What makes a peer the workload whose SVID the Workload API gives this process.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Bind {
    /// It runs in this process's pod.
    SamePod,
    /// It is this user, who is the one workload's alone.
    Uid(u32),
}

/// The same, with what this process is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Binding {
    /// It runs in this pod.
    SamePod(Pod),
    /// It is this user.
    Uid(u32),
}

impl Bind {
    /// Looks at what this process is.
    pub fn resolve(self) -> io::Result<Binding> {
        match self {
            Self::Uid(uid) => Ok(Binding::Uid(uid)),
            Self::SamePod => {
                let (cgroup, mounts) =
                    (fs::read_to_string("/proc/self/cgroup")?, fs::read_to_string("/proc/self/mountinfo")?);
                let pod = Pod::of_self(&cgroup, &mounts);
                pod.map(Binding::SamePod)
                    .ok_or_else(|| io::Error::other("the control groups of this process name no pod"))
            }
        }
    }
}

impl Binding {
    /// Whether the peer is the workload; else why not. What is not known binds nobody.
    pub(super) fn check(&self, peer: &Peer) -> Result<(), &'static str> {
        match self {
            Self::Uid(uid) => match peer.uid.known() {
                Some(theirs) if theirs == uid => Ok(()),
                Some(_) => Err("the peer's uid is not the workload's"),
                None => Err("the peer's uid is not known"),
            },
            Self::SamePod(pod) => match peer.cgroup.known() {
                Some(theirs) if pod.holds(theirs) => Ok(()),
                Some(_) => Err("the peer is not in this pod"),
                None => Err("the peer's pod is not known: its process is not visible from here"),
            },
        }
    }

    /// What a passport says of it.
    pub(super) const fn name(&self) -> &'static str {
        match self {
            Self::SamePod(_) => "same_pod",
            Self::Uid(_) => "workload_uid",
        }
    }
}

impl fmt::Display for Binding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SamePod(pod) => write!(f, "to callers in pod {}", pod.uid()),
            Self::Uid(uid) => write!(f, "to callers of uid {uid}"),
        }
    }
}

impl FromStr for Bind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let uid = text.strip_prefix("uid=").and_then(|uid| uid.parse().ok());
        match (text, uid) {
            ("same-pod", _) => Ok(Self::SamePod),
            (_, Some(uid)) => Ok(Self::Uid(uid)),
            _ => Err("expected same-pod or uid=NUMBER".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::Fact;

    #[test]
    fn a_user_who_is_not_known_is_nobodys_workload() {
        let peer =
            |uid| Peer { uid, gid: Fact::Unknown, pid: Fact::Known(1), process: Fact::Unknown, cgroup: Fact::Unknown };
        let binding = Binding::Uid(7);
        assert_eq!(binding.check(&peer(Fact::Known(7))), Ok(()));
        assert_eq!(binding.check(&peer(Fact::Known(8))), Err("the peer's uid is not the workload's"));
        assert_eq!(binding.check(&peer(Fact::Unknown)), Err("the peer's uid is not known"));
    }

    #[test]
    fn a_binding_is_written_in_one_of_two_ways() {
        assert_eq!("same-pod".parse(), Ok(Bind::SamePod));
        assert_eq!("uid=1000".parse(), Ok(Bind::Uid(1000)));
        for text in ["", "uid", "uid=", "uid=-1", "uid=a", "uid=4294967296", "Same-Pod", "1000"] {
            assert!(text.parse::<Bind>().is_err(), "{text:?}");
        }
    }
}
