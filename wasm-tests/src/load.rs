//! Load for a real Envoy: signed requests as bytes, and connections that count what came of them.

mod callers;
mod closed;
pub mod cpu;
mod growth;
mod lane;
pub mod site;

pub use callers::{Callers, Flaw, HOST, Order, anonymous, bearing};
pub use closed::{Seen, run};
pub use growth::{Growth, issuer};
pub use lane::{Answer, Lane, Parts, Wire};

/// How many callers take turns.
pub const CALLERS: usize = callers::CALLERS;
