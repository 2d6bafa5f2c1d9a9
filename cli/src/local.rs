//! The local stack: a real Envoy with the filter, a broker, an echoing upstream, fresh keys and bundles.

mod broker;
mod caller;
mod config;
mod documents;
mod filter;
mod folder;
mod replay;
mod service;
mod tiers;
mod up;

pub use broker::Broker;
pub(crate) use caller::ISSUER;
pub use caller::{AUDIENCE, Caller, Draft, TRUST_DOMAIN, get_profile, post_profile};
pub use filter::find_filter;
pub use folder::Folder;
pub use replay::{Redis, ReplayThread, Store};
pub use up::{Scenario, Up, UpOptions};
