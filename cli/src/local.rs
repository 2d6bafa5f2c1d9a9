//! The local stack: a real Envoy with the filter, a broker, an echoing upstream, fresh keys and bundles.

mod attested;
mod broker;
mod caller;
mod config;
mod documents;
mod filter;
mod folder;
mod replay;
mod service;
mod spire;
mod tiers;
mod up;

pub use attested::{Attested, WORKLOAD};
pub use broker::{Broker, Plan};
pub(crate) use caller::ISSUER;
pub use caller::{AUDIENCE, Caller, Draft, TRUST_DOMAIN, get_profile, post_profile};
pub use filter::find_filter;
pub use folder::Folder;
pub use replay::{Redis, ReplayThread, Store};
pub use spire::{Spire, SpireFiles};
pub use up::{Scenario, Up, UpOptions};
