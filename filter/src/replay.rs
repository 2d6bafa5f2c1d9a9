//! Consuming a passport: one atomic step, exactly one `Fresh` for each replay id.

mod bucket;
mod callout;
#[cfg(test)]
mod interleavings;
mod shared;

pub use callout::{Callout, Question};
pub use shared::SharedStore;

/// Where consumed passports are remembered. Configured, never probed: a host that lost one store
/// must not fall back to another that remembers nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Store {
    /// In the host's shared data: the workers of one process.
    Shared(SharedStore),
    /// In a service: any number of processes.
    Callout(Callout),
}
