//! Workloads that the SPIFFE Workload API knows, by the X.509-SVID that it gives for them.

mod args;
mod binding;
mod fault;
mod follow;
mod pod;
mod rules;
mod source;
mod state;
mod svid;

pub use args::{SpiffeArgs, SpiffeConfig, SpiffeProfile};
pub use binding::{Bind, Binding};
pub use fault::SvidFault;
pub use pod::Pod;
pub use rules::{AllowedId, Domain, SvidRules};
pub use source::SpiffeSource;
pub use svid::Svid;
