//! The local stack: a real Envoy with the filter, an echoing upstream, fresh keys and bundles.

mod caller;
mod documents;
mod filter;
mod folder;
mod up;

pub use caller::{AUDIENCE, Caller, Draft};
pub use filter::find_filter;
pub use folder::Folder;
pub use up::{Scenario, Up, UpOptions};
