//! The one strict JSON reader: passports, bundles, configuration and broker lines.
//!
//! Two parsers that disagree about one text are an attack (which of two `aud` members counts?), so
//! whatever has a second reading is refused: duplicate members at any depth, numbers that are not
//! small integers, trailing data, deep nesting.

mod canonical;
mod decode;
mod error;
mod locate;
mod parse;
mod present;
mod read;
mod trail;
mod value;
mod variant;

pub use canonical::canonical;
pub(crate) use canonical::canonical_without;
pub use decode::decode;
pub use error::{JsonError, Position};
pub(crate) use error::{one_of, write_fault};
pub use locate::locate;
pub use parse::{Limits, parse};
pub use present::check_present;
pub use value::{Object, Value};
