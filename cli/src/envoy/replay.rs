use std::path::{Path, PathBuf};

use super::unix::{endpoint, http1};
use crate::value::{Json, value};

/// Connections to one service from all workers of one Envoy; questions beyond them wait for one.
/// The service takes 256, so four Envoys of one machine can share it.
const CONNECTIONS: u32 = 64;
/// Questions that wait; more than the service could answer in time.
const WAITING: u32 = 4096;

/// The replay service, on a Unix socket.
#[derive(Clone, Debug)]
pub struct ReplayService {
    /// The cluster's name.
    pub cluster: String,
    /// The socket, as Envoy will find it.
    pub socket: PathBuf,
}

impl ReplayService {
    /// The cluster's name where nobody chose one.
    pub const CLUSTER: &str = "trustplane_replay";
    /// The authority where nobody chose one. Nothing is looked up under it.
    pub const AUTHORITY: &str = "trustplane-replay";

    /// The service on this socket, under the usual name.
    pub fn new(socket: &Path) -> Self {
        Self { cluster: Self::CLUSTER.into(), socket: socket.to_owned() }
    }

    /// The cluster as Envoy reads it.
    pub fn to_json(&self) -> Json {
        value!({
            "name": (self.cluster.as_str()),
            "type": "STATIC",
            "connect_timeout": "0.250s",
            "typed_extension_protocol_options": (http1()),
            "circuit_breakers": {
                "thresholds": [{
                    "max_connections": (CONNECTIONS),
                    "max_pending_requests": (WAITING),
                    "max_requests": (WAITING),
                    // Asked a second time, the store would say "replayed".
                    "max_retries": 0_i64,
                }],
            },
            "load_assignment": (endpoint(&self.cluster, &self.socket)),
        })
    }
}
