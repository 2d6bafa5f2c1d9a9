//! What a test reads after a request.

use std::collections::BTreeMap;

use super::Pair;
use super::pairs::first;

/// Everything the world saw of one request.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Outcome {
    pub local_response: Option<LocalResponse>,
    /// What the upstream saw, even of a request that was refused later.
    pub forwarded: Option<Forwarded>,
    /// Set by the guest; path parts are joined with dots.
    pub properties: BTreeMap<String, Vec<u8>>,
    /// All the metrics of the VM, by name, as they are now.
    pub metrics: BTreeMap<String, u64>,
    /// Every line since the request began, of whatever context.
    pub logs: Vec<LogLine>,
    pub trapped: Option<String>,
    /// Neither answered, nor closed, nor wholly forwarded: the client waits.
    pub paused_forever: bool,
    /// Reset by `proxy_close_stream`.
    pub closed: bool,
    /// The host let the request through without asking the guest.
    pub bypassed: bool,
    pub callouts: Vec<Callout>,
    /// How often a header edit made the host forget the chosen route.
    pub route_clears: u32,
    /// Uses of the ABI that some hosts punish and others forgive.
    pub violations: Vec<String>,
}

/// An answer to the client that did not come from the upstream.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LocalResponse {
    pub status: u32,
    pub headers: Vec<Pair>,
    pub body: Vec<u8>,
    pub details: Vec<u8>,
    pub grpc_status: i32,
    /// Made by the host: a trap, a body over the limit.
    pub by_host: bool,
}

/// What the upstream saw.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forwarded {
    pub headers: Vec<Pair>,
    pub body: Vec<u8>,
    pub trailers: Option<Vec<Pair>>,
    /// The callback that let the head go.
    pub released_in: Moment,
    /// Whether the guest had been shown the end of the request by then.
    pub after_end: bool,
    /// Whether the whole request went.
    pub complete: bool,
}

/// A callback into the guest.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Moment {
    #[default]
    Headers,
    Body,
    Trailers,
    Callout,
    Tick,
    /// None: the host passed a request by the guest.
    Bypass,
}

/// A `proxy_http_call` the guest made.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Callout {
    pub token: u32,
    /// The context that asked: a stream's, or a root's from a tick.
    pub context: u32,
    pub upstream: String,
    pub headers: Vec<Pair>,
    pub body: Vec<u8>,
    pub trailers: Vec<Pair>,
    pub timeout_ms: u32,
}

/// What becomes of a callout.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    Response {
        headers: Vec<Pair>,
        body: Vec<u8>,
        trailers: Vec<Pair>,
    },
    /// A reset, or an answer over the host's buffer limit: no headers at all.
    Reset,
    /// Still on its way when the test ends.
    Never,
}

/// One `proxy_log`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LogLine {
    pub context: u32,
    /// 0 trace, 1 debug, 2 info, 3 warn, 4 error, 5 critical.
    pub level: u32,
    pub message: String,
}

impl Outcome {
    /// The whole request reached the upstream, and nothing else happened.
    pub fn allowed(&self) -> bool {
        let complete = self.forwarded.as_ref().is_some_and(|sent| sent.complete);
        complete && self.local_response.is_none() && !self.closed
    }

    /// The upstream saw at least the head of a request that was not let
    /// through.
    pub fn leaked(&self) -> bool {
        self.forwarded.is_some() && !self.allowed()
    }

    /// The status of the local response.
    pub fn status(&self) -> Option<u32> {
        self.local_response.as_ref().map(|reply| reply.status)
    }

    /// The first header of that name that the upstream saw.
    pub fn upstream_header(&self, name: &str) -> Option<&[u8]> {
        first(&self.forwarded.as_ref()?.headers, name.as_bytes())
    }

    /// The first header of that name in the local response.
    pub fn response_header(&self, name: &str) -> Option<&[u8]> {
        first(&self.local_response.as_ref()?.headers, name.as_bytes())
    }
}

impl LocalResponse {
    pub(super) fn by_host(status: u32, details: &str) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), details: details.into(), grpc_status: -1, by_host: true }
    }
}

impl Callout {
    /// The first header of that name.
    pub fn header(&self, name: &str) -> Option<&[u8]> {
        first(&self.headers, name.as_bytes())
    }
}

impl Answer {
    /// A response with a status, a body and nothing else.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self::Response {
            headers: vec![(b":status".to_vec(), status.to_string().into())],
            body: body.into(),
            trailers: Vec::new(),
        }
    }
}
