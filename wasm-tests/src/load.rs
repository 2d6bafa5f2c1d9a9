//! Load for a real Envoy: signed requests as bytes, and connections that count what came of them.

mod callers;
mod lane;

pub use callers::{Callers, Flaw, HOST, Order, anonymous, bearing};
pub use lane::{Answer, Lane, Wire};

/// How many callers take turns.
pub const CALLERS: usize = callers::CALLERS;
