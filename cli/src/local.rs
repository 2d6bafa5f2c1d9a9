//! The local stack: a real Envoy with the filter, or the adapter, a broker, an echoing upstream, fresh keys and bundles.

mod adapter;
mod attested;
mod broker;
mod caller;
mod config;
mod documents;
mod filter;
mod folder;
mod gate;
mod ground;
mod replay;
mod service;
mod spire;
mod tiers;
mod up;

pub(crate) use adapter::AdapterLaunch;
pub use adapter::AdapterProcess;
pub use attested::{Attested, WORKLOAD};
pub use broker::{Broker, Plan};
pub(crate) use caller::ISSUER;
pub use caller::{AUDIENCE, Caller, Draft, TRUST_DOMAIN, get_profile, post_profile};
pub use filter::find_filter;
pub use folder::Folder;
pub use gate::Gate;
pub use replay::{Redis, ReplayThread, Store};
pub use spire::{Spire, SpireFiles};
pub use up::{EnvoyPaths, Host, Scenario, Up, UpOptions};
