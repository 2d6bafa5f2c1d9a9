use std::fmt;
use std::net::SocketAddr;
use std::process::ExitStatus;

use tokio::sync::watch;

use super::adapter::AdapterProcess;
use super::config::LISTENER;
use crate::client::ClientError;
use crate::envoy::{Envoy, admin};

/// What decides in a local stack.
#[derive(Debug)]
pub enum Gate {
    /// The adapter.
    Adapter(AdapterProcess),
    /// A real Envoy with the filter.
    Envoy(Envoy),
}

impl Gate {
    /// Where callers connect.
    pub fn listener(&self) -> Option<SocketAddr> {
        match self {
            Self::Adapter(adapter) => Some(adapter.listener()),
            Self::Envoy(envoy) => envoy.listener(LISTENER),
        }
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        match self {
            Self::Adapter(adapter) => adapter.pid(),
            Self::Envoy(envoy) => envoy.pid(),
        }
    }

    /// Where operators ask.
    pub fn admin(&self) -> SocketAddr {
        match self {
            Self::Adapter(adapter) => adapter.admin(),
            Self::Envoy(envoy) => envoy.admin(),
        }
    }

    /// Holds the exit status once it has ended, for whatever cause.
    pub fn exited(&self) -> watch::Receiver<Option<ExitStatus>> {
        match self {
            Self::Adapter(adapter) => adapter.exited(),
            Self::Envoy(envoy) => envoy.exited(),
        }
    }

    /// How many requests each of its threads took, where a connection is one request.
    pub async fn shares(&self) -> Result<Vec<u64>, ClientError> {
        match self {
            Self::Adapter(adapter) => adapter.judged().await,
            Self::Envoy(envoy) => admin::worker_connections(envoy.admin(), LISTENER).await,
        }
    }

    /// What two of them are called.
    pub fn plural(&self) -> &'static str {
        match self {
            Self::Adapter(_) => "adapters",
            Self::Envoy(_) => "Envoys",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Adapter(_) => f.write_str("the adapter"),
            Self::Envoy(envoy) => write!(f, "Envoy {}", envoy.version()),
        }
    }
}
