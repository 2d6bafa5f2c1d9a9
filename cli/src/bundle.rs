//! Policy and trust material as documents: building, signing and changing them in place.

mod add;
mod edit;
mod remove;
mod sign;
mod source;

pub use add::Entry;
pub use sign::{Kind, Signer, build, sign, unsign};
pub use source::{Selector, Source};
