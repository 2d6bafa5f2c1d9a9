//! The acceptance matrix: what must pass, and what must not, against a running local stack.

mod broker;
mod matrix;
mod race;
mod row;
mod tiers;

pub(crate) use matrix::run;
pub(crate) use row::Row;
