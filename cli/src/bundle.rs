//! Policy and trust material as documents: building, signing and changing them in place.

mod add;
mod edit;
mod jwks;
mod layout;
mod place;
mod remove;
mod revoke;
mod rotate;
mod sign;
mod source;
pub(crate) mod span;
mod view;

pub use add::{NewKey, Rule, add_keys};
pub use jwks::{KeySet, read_jwk, read_jwks};
pub use remove::remove_key;
pub use revoke::Revocation;
pub use rotate::{Rotated, Rotation};
pub use sign::{Kind, Signer, build, sign, sign_text, unsign_text};
pub use source::{Selector, Source};
pub(crate) use view::{Envelope, KeyView, PolicyView, RevocationView, RouteView, RuleView, TrustView};
