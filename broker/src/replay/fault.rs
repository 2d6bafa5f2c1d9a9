use std::error::Error;
use std::fmt;

use redis::RedisError;

use super::answer::Answer;

/// Why there is no answer.
#[derive(Clone, Debug)]
pub enum Fault {
    /// The server is another one than it was, or forgot everything, since it was looked at.
    Changed,
    /// Too few replicas have the passport.
    Copies {
        /// How many have it.
        have: i64,
        /// How many were asked for.
        want: u32,
    },
    /// The server may drop what it was told to keep.
    Evicts(String),
    /// A file that was named.
    File(String, String),
    /// The server has no room left and says so.
    Full,
    /// Something to be mended in the arguments.
    Options(String),
    /// The server refused, or the way to it failed.
    Redis(RedisError),
    /// The server follows another one.
    Replica,
    /// No answer in time.
    Silent,
    /// An answer that is none.
    Strange(&'static str),
}

impl Fault {
    /// What the verifier is told.
    pub fn answer(&self) -> Answer {
        match self {
            Self::Full => Answer::Full,
            _ => Answer::Unavailable,
        }
    }

    /// Whether no restart of anything but this process with other arguments mends it.
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Evicts(_) | Self::File(..) | Self::Options(_))
    }

    /// Whether the connection that it came from is of no more use.
    pub(super) fn is_fatal(&self) -> bool {
        match self {
            Self::Redis(err) => err.is_io_error() || err.is_unrecoverable_error() || err.code() == Some("READONLY"),
            Self::Changed | Self::Replica | Self::Strange(_) | Self::Silent => true,
            _ => false,
        }
    }
}

impl From<RedisError> for Fault {
    fn from(err: RedisError) -> Self {
        match err.code() {
            Some("OOM") => Self::Full,
            _ => Self::Redis(err),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed => f.write_str("the server forgot what it knew, or is another one"),
            Self::Copies { have, want } => write!(f, "a passport reached {have} replicas in time, not {want}"),
            Self::Evicts(policy) => write!(
                f,
                "the server's maxmemory-policy is {policy}: it drops consumed passports when memory is short, and each \
                 could then pass again; set noeviction, or say --allow-evicting-redis"
            ),
            Self::File(name, err) => write!(f, "{name}: {err}"),
            Self::Full => f.write_str("the server is out of memory"),
            Self::Options(problem) => f.write_str(problem),
            Self::Redis(err) => err.fmt(f),
            Self::Replica => f.write_str("the server is a replica; passports are consumed at a primary alone"),
            Self::Silent => f.write_str("no answer in time"),
            Self::Strange(what) => write!(f, "the server gave a strange answer to {what}"),
        }
    }
}

impl Error for Fault {}
