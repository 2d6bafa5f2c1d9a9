//! TrustPlane as a proxy-wasm filter.
//!
//! [`Session`] is the request's state machine, without host and clock; the rest brings it the host's
//! bytes and does what it says. Whatever fails denies: there is one place that lets a request pass.
//!
//! # Where the module can end
//!
//! A panic is a trap, since the module is built with `panic = "abort"`, and ends the module for all
//! requests of its worker. So the entry points and the host functions are this crate's own, down to
//! raw statuses and bytes: the `proxy-wasm` crate's panic on a status they do not list, on a header
//! that is no UTF-8, on a context or a callout they do not know. What is left:
//!
//! * *Memory that runs out.* Rust aborts.
//! * *A fault in this crate or below it.* Lints keep everything that panics out of filter and core.
//!
//! A host answers the request of a trapped callback with an error of its own, Envoy with 503
//! (`wasm_fail_stream`), ngx_wasm_module with 500: the callback ended before it returned an action,
//! so there is no `Continue`. Requests of the same worker that are paused at that moment get no
//! callback any more: they wait for the host's timeout, and none of them passes. With
//! `failure_policy: FAIL_RELOAD` the next request has a new module; `FAIL_OPEN` would let it pass
//! unseen, so no configuration may name it.

#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "a test that panics fails"))]

mod data;
#[cfg(target_arch = "wasm32")]
mod entry;
mod follow;
mod gate;
mod head;
#[cfg(target_arch = "wasm32")]
mod host;
#[cfg(target_arch = "wasm32")]
mod observe;
mod pairs;
mod replay;
#[cfg(target_arch = "wasm32")]
mod request;
#[cfg(target_arch = "wasm32")]
mod root;
mod session;
mod status;

pub use data::SharedData;
pub use follow::{Ask, Follower, News};
pub use gate::{Fault, Gate, Rules};
pub use head::Heading;
pub use pairs::{Pair, read_pairs, write_pairs};
pub use replay::{Callout, Question, SharedStore, Store};
pub use session::{Callback, Event, Flow, Session, Step};
