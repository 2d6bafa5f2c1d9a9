//! Proof-bound machine authorization: the whole verification, as functions of bytes and time.
#![no_std]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects, clippy::as_conversions, reason = "a test that panics fails"))]

extern crate alloc;
#[cfg(test)]
extern crate std;

mod admission;
mod audit;
mod binding;
mod checked;
mod config;
mod decision;
mod document;
mod edition;
mod encoding;
mod facts;
pub mod json;
mod key;
mod names;
mod order;
mod origin;
mod passport;
mod path;
mod policy;
mod proof;
mod proven;
mod query;
mod reason;
mod replay;
mod reply;
mod request;
mod revocation;
#[cfg(feature = "schema")]
pub mod schema;
mod settings;
mod shared;
mod time;
mod transcript;
mod trust;
mod verify;

pub use admission::Admission;
pub use audit::{AuditEvent, Component, PeerClaim, Trail};
pub use binding::KeyBinding;
pub use checked::Checked;
pub use config::{BundleSource, ConfigError, CoveredNames, FilterConfig, Hold, KeyCacheConfig, Replay, Scheme};
pub use decision::{Allowed, CREDENTIAL_HEADERS, Denied, IDENTITY_HEADERS, Upstream};
pub use document::{DocumentError, Pin, signing_input};
pub use edition::Edition;
pub use encoding::{base64url, base64url_array, base64url_bytes, hex, hex_array, sha256};
pub use facts::Facts;
pub use key::{KeyCache, KeyCacheSettings, KeyError, PublicKey, Width};
pub use path::canonical_path;
pub use policy::{Base, BodyMode, Freshness, MatchType, Policy, Presented, Route};
pub use proof::{CoveredHeaders, Uncovered};
pub use proven::Proven;
pub use query::{QueryError, QueryForm, normalize_query};
pub use reason::Reason;
pub use replay::{Consumed, ReplayKey};
pub use reply::Reply;
pub use request::{Head, Header, canonical_authority, canonical_method};
pub use revocation::{RevocationSubject, Revocations};
pub use settings::Settings;
pub use time::UnixTime;
pub use transcript::{CoveredHeader, Transcript};
pub use trust::{IssuerKey, Trust};
pub use verify::{Opened, Verifier};
