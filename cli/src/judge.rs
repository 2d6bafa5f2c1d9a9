//! Would this request be allowed, and why not: one answer for `verify` and `verifier serve`.

mod answer;
mod description;
mod documents;
mod explanation;
mod lines;
mod request;
#[cfg(feature = "schema")]
mod schema;
mod store;

pub use description::{Description, RequestDescription};
pub(crate) use documents::{Documents, load};
pub(crate) use lines::Lines;
pub(crate) use request::{Body, Request};
#[cfg(feature = "schema")]
pub use schema::schema;
pub(crate) use store::Store;
