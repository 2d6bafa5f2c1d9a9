use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use nix::poll::{PollFd, PollFlags, poll};
use trustplane_core::{AuditEvent, Component};

use crate::mint::PeerClaim;

/// How long a reader of the log may keep an answer waiting, in milliseconds.
const STALL_MS: u8 = 250;

/// Where audit events go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// Appended to a file, made with mode 0600.
    File(PathBuf),
    /// Standard output.
    Stdout,
}

/// The audit log: one event a line, written before its answer is sent.
///
/// An event that cannot be written, or whose reader does not read, turns its allow into a denial:
/// nothing leaves the broker without a record.
#[derive(Debug)]
pub struct AuditLog {
    target: Target,
    out: Mutex<Out>,
}

#[derive(Debug)]
struct Out {
    file: File,
    /// Whether the last line was cut off, so that the next must not join it.
    torn: bool,
}

impl AuditLog {
    /// Opens the log.
    pub fn open(target: Target) -> io::Result<Self> {
        let file = target.open()?;
        Ok(Self { target, out: Mutex::new(Out { file, torn: false }) })
    }

    /// Opens the log again, for whoever has moved the file away; keeps the old one on error.
    pub fn reopen(&self) -> io::Result<()> {
        let file = self.target.open()?;
        *self.out.lock().unwrap_or_else(PoisonError::into_inner) = Out { file, torn: false };
        Ok(())
    }

    /// Writes one event with the peer's facts.
    pub fn write(&self, event: &AuditEvent, peer: &PeerClaim) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).line(&line(event, peer))
    }
}

impl Target {
    fn open(&self) -> io::Result<File> {
        match self {
            Self::File(path) => OpenOptions::new().append(true).create(true).mode(0o600).open(path),
            Self::Stdout => Ok(File::from(io::stdout().as_fd().try_clone_to_owned()?)),
        }
    }
}

impl Out {
    fn line(&mut self, line: &str) -> io::Result<()> {
        // A pipe that polls writable takes 4096 bytes, more than any event has, without blocking.
        let mut ready = [PollFd::new(self.file.as_fd(), PollFlags::POLLOUT)];
        if poll(&mut ready, STALL_MS)? == 0 {
            return Err(io::ErrorKind::TimedOut.into());
        }
        if self.torn {
            self.file.write_all(b"\n")?;
        }
        self.torn = true;
        self.file.write_all(line.as_bytes())?;
        self.torn = false;
        Ok(())
    }
}

/// The event as core writes it, with `peer` as its last member.
fn line(event: &AuditEvent, peer: &PeerClaim) -> String {
    let mut line = event.to_json(Component::Broker);
    // The event is an object with members, and four strings always serialise.
    line.truncate(line.len().saturating_sub(1));
    line.push_str(",\"peer\":");
    line.push_str(&serde_json::to_string(peer).unwrap_or_default());
    line.push_str("}\n");
    line
}

#[cfg(test)]
mod tests {
    use trustplane_core::{Reason, Trail, UnixTime};

    use super::*;

    #[test]
    fn an_event_ends_with_the_facts_about_its_peer() {
        let event = AuditEvent {
            occurred_at: UnixTime::from_secs(1_740_000_000),
            reason: Reason::BrokerPeerDenied,
            trail: Trail::default(),
        };
        let peer = PeerClaim { uid: "7".into(), gid: "8".into(), pid: "9".into(), process: "unknown".into() };
        assert_eq!(
            line(&event, &peer),
            "{\"version\":\"trustplane-auth-audit-event-v0.1\",\"occurred_at\":\"2025-02-19T21:20:00Z\",\
             \"component\":\"broker\",\"outcome\":\"deny\",\"accepted\":false,\"reason_code\":\"broker_peer_denied\",\
             \"detail_reason\":\"No rule of the broker's policy names this peer.\",\
             \"peer\":{\"uid\":\"7\",\"gid\":\"8\",\"pid\":\"9\",\"process\":\"unknown\"}}\n"
        );
    }
}
