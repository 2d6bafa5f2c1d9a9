use std::fmt;
use std::sync::Arc;

use super::fault::SvidFault;
use super::svid::Svid;

/// What is known of the workload's identity.
#[derive(Clone, Debug)]
pub(super) enum State {
    /// The Workload API gives none, for this reason.
    Unavailable(String),
    /// It gave one that does not count.
    Refused(SvidFault),
    /// It gave this one, and nothing newer since.
    Verified(Arc<Svid>),
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unavailable(problem) => write!(f, "workload identity unavailable: {problem}"),
            Self::Refused(fault) => write!(f, "workload identity refused: {fault}"),
            Self::Verified(svid) => {
                write!(f, "workload identity {} verified, valid until {}", svid.id, svid.not_after.as_secs())
            }
        }
    }
}
