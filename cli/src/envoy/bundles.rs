use std::path::{Path, PathBuf};

use super::unix::{endpoint, http1};
use crate::value::{Json, value};

/// Envoy's default of 1 MiB ends an answer that is larger, and a policy of ten thousand routes is.
const LARGEST_ANSWER: i64 = 64 << 20;

/// The service that serves newer bundles, on a Unix socket.
#[derive(Clone, Debug)]
pub struct BundleService {
    /// The cluster's name.
    pub cluster: String,
    /// The socket, as Envoy will find it.
    pub socket: PathBuf,
}

impl BundleService {
    /// The cluster's name where nobody chose one.
    pub const CLUSTER: &str = "trustplane_bundles";

    /// The service on this socket, under the usual name.
    pub fn new(socket: &Path) -> Self {
        Self { cluster: Self::CLUSTER.into(), socket: socket.to_owned() }
    }

    pub(super) fn to_json(&self) -> Json {
        value!({
            "name": (self.cluster.as_str()),
            "type": "STATIC",
            "connect_timeout": "0.250s",
            "per_connection_buffer_limit_bytes": (LARGEST_ANSWER),
            "typed_extension_protocol_options": (http1()),
            "load_assignment": (endpoint(&self.cluster, &self.socket)),
        })
    }
}
