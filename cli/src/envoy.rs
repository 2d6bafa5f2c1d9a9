//! Envoy: its configuration, and the real process.

pub mod admin;
mod binary;
mod bootstrap;
mod bundles;
mod connection_manager;
mod process;
mod replay;
mod unix;

pub use binary::{BinaryError, find_binary};
pub use bootstrap::{Bootstrap, Cluster, Filter, Listener, LogTarget, Tls};
pub use bundles::BundleService;
pub use process::{Envoy, Launch, LaunchError};
pub use replay::ReplayService;
pub use trustplane_core::Hold;
