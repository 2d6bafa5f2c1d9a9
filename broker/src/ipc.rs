//! Broker IPC v1: one JSON line each way over a Unix stream socket.
//!
//! The caller sends an envelope and does not close its side; the answer is the bare response
//! object, one line, nothing after it.

mod read;
mod request;
mod response;

pub use read::{Unreadable, read};
pub use request::{Ctx, Envelope, Headers, Http, Query, Request, Selected, Wish};
pub use response::{Artifacts, ErrorBody, PassportArtifact, Response, Stamp};

/// `version` of the envelope.
pub const VERSION: &str = "trustplane-broker-ipc-v1";
/// `kind` of the envelope.
pub const KIND: &str = "broker_ipc_exchange";
/// `protocol` of a request.
pub const PROTOCOL: &str = "local-json-ipc";
/// The one `operation`.
pub const OPERATION: &str = "issue_request_bound_passport";
/// The one `key_binding.intent`.
pub const INTENT: &str = "route_policy_minimum";
/// The one `http.query.normalization`.
pub const NORMALIZATION: &str = "rfc3986-sort-keys-values";
/// `artifacts.passport.format`.
pub const PASSPORT_FORMAT: &str = "compact-jws";
/// `artifacts.stamp.format`.
pub const STAMP_FORMAT: &str = "ed25519-transcript-v1";
/// The longest line that is read, without its LF.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
