//! Where Envoys of several machines remember passports: real processes, to be started and to be hurt.

mod redis;
mod service;

pub use redis::Redis;
pub use service::{Service, socket};

/// Whatever stops a run.
pub type Fallible<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;
