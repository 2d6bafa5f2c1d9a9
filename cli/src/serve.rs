//! One JSON document in, one out: HTTP on a Unix socket or on loopback, for the commands that serve.

mod answer;
mod listener;
mod place;
mod server;

pub(crate) use answer::Reply;
pub(crate) use place::PlaceArgs;
pub(crate) use server::{Endpoint, serve};
