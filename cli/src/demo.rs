//! The acceptance matrix: what must pass, and what must not, against a running local stack.

mod abuse;
mod broker;
mod bundles;
mod matrix;
mod race;
mod row;
mod tiers;
mod twins;
mod workload;

pub(crate) use matrix::run;
pub(crate) use row::Row;
pub(crate) use twins::Twins;
pub(crate) use workload::Workload;
