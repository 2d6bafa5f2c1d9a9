//! TrustPlane's local broker: the only part that holds private keys.
//!
//! A caller asks over a Unix socket to make one request; the broker looks at who asks, at its own
//! policy, and answers with a passport and a proof for exactly that request, or with a reason.
#![forbid(unsafe_code)]
#![warn(missing_docs)]
// One panic would end the broker for every caller.
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod accept;
mod args;
mod asked;
mod audit;
mod broker;
mod bundle;
pub mod client;
mod clock;
mod connection;
mod identity;
pub mod ipc;
mod issue;
mod key_file;
mod log;
mod metrics;
pub mod mint;
mod nonce;
mod peer;
mod policy;
mod replay;
mod run;
mod server;
mod services;
mod signer;
mod slots;
mod socket;

pub use accept::{Accept, Underway, accept_each};
pub use args::{BrokerArgs, BrokerCommand, CheckConfigArgs, ServeArgs};
pub use asked::Asked;
pub use audit::{AuditLog, Target};
pub use broker::{Broker, Limits};
pub use bundle::{BundleFile, BundleFileError, BundleKind, Latest};
pub use identity::spiffe::{
    AllowedId, Bind, Binding, Domain, Pod, SpiffeArgs, SpiffeConfig, SpiffeProfile, SpiffeSource, Svid, SvidFault,
    SvidRules,
};
pub use identity::{Identity, Refusal, Software, WorkloadIdentitySource};
pub use issue::{Issuer, Outcome};
pub use key_file::KeyFileError;
pub use log::Log;
pub use metrics::{Gauges, Metrics};
pub use nonce::{Nonces, Use};
pub use peer::{Fact, Peer, PeerReader};
#[cfg(feature = "schema")]
pub use policy::policy_schema;
pub use policy::{Caller, Policy, PolicyFileError, Tuple, WireCaller, WirePeer, WirePolicy, WireRequest};
pub use replay::{Answer, Fault, Question, Replay, ReplayArgs, ReplayCounts};
pub use run::{RunError, check_config, run, serve};
pub use server::serve as serve_connections;
pub use services::Services;
pub use signer::{KeyFault, SigningKey};
pub use socket::{Access, BoundSocket, SocketError};
