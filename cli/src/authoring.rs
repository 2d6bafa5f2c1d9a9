//! One small file, written and reviewed by people, that gives both documents.
//!
//! Members are called what the documents call them. What an author may leave out is filled in here
//! and stands in the documents in full.

mod build;
mod file;
mod names;
mod origin;
mod places;
mod policy;
#[cfg(feature = "schema")]
mod schema;
mod toml;
mod trust;
mod types;
mod yaml;

pub use build::{Built, build};
pub use file::File;
#[cfg(feature = "schema")]
pub use schema::schema;

pub use names::{BodyMode, Class, Freshness, MatchType, QueryForm, RevocationType, Status};
pub use types::{
    Api, Authoring, Caller, Defaults, Issuer, Jwk, Key, Provenance, Revocation, Route, Term, Time, Version,
};
