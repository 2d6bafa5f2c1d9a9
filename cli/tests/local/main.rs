//! The local stack: a real Envoy, started and stopped by the program or by the library.
//!
//! Needs `envoy` on PATH and the built filter.

mod demo;
mod render;
mod running;
mod up;
