//! The native adapter: a reverse proxy that verifies before it forwards, for where no Envoy is at hand.

mod admin;
mod connection;
mod forward;
mod hop;
mod listen;
mod tls;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::host::Host;

pub use admin::Admin;
pub use forward::{Upstream, UpstreamError};
pub use tls::{Certificate, CertificateError};

/// What one adapter may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once; more wait in the kernel's queue.
    pub connections: u32,
    /// Requests at once on an HTTP/2 connection.
    pub streams: u32,
    /// Bytes of a request's head.
    pub head_bytes: u32,
    /// How long a head may take to come, and a connection without a request may stay.
    pub head_time: Duration,
    /// How long the service behind may take until it answers.
    pub upstream_time: Duration,
    /// How long requests under way may take once the adapter is to stop.
    pub drain_time: Duration,
}

/// A reverse proxy that verifies before it forwards.
pub struct Adapter {
    host: Arc<Host>,
    upstream: Upstream,
    certificate: Option<Certificate>,
    limits: Limits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 1024,
            streams: 100,
            // Envoy's default for a head.
            head_bytes: 60 << 10,
            head_time: Duration::from_secs(10),
            upstream_time: Duration::from_secs(15),
            drain_time: Duration::from_secs(15),
        }
    }
}

impl Adapter {
    /// In front of this service.
    pub fn new(host: Arc<Host>, upstream: Upstream, limits: Limits) -> Self {
        Self { host, upstream, certificate: None, limits }
    }

    /// Speaks TLS alone.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = Some(certificate);
        self
    }

    /// What judges here.
    pub fn host(&self) -> &Arc<Host> {
        &self.host
    }

    /// What callers are shown, where that is TLS.
    pub fn certificate(&self) -> Option<&Certificate> {
        self.certificate.as_ref()
    }

    /// How many requests that were to pass the service behind failed.
    pub fn upstream_failures(&self) -> u64 {
        self.upstream.failures()
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Adapter").field("host", &self.host).field("limits", &self.limits).finish_non_exhaustive()
    }
}
