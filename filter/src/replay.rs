//! Consuming a passport: one atomic step, exactly one `Fresh` for each replay id.

mod bucket;
#[cfg(test)]
mod interleavings;
#[cfg(test)]
mod rules;
mod shared;

pub use shared::{SharedData, SharedStore};
