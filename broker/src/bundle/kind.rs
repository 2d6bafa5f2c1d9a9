use std::fmt;

use trustplane_core::json::{JsonError, Limits, locate, parse};
use trustplane_core::{DocumentError, Pin, Policy, Trust, UnixTime};

/// Which of the two bundles.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum BundleKind {
    /// Which callers may use which route.
    Policy,
    /// Whose passports are believed.
    Trust,
}

impl BundleKind {
    /// When the bundle was issued, if it says so and a verifier would load it.
    pub(super) fn check(self, bytes: &[u8], pin: &Pin) -> Result<Option<UnixTime>, JsonError> {
        let document = parse(bytes, Limits::DOCUMENT)?;
        let issued_at = match self {
            Self::Policy => Policy::load(&document, pin).map(|policy| policy.issued_at()),
            Self::Trust => Trust::load(&document, pin).map(|trust| trust.issued_at()),
        };
        issued_at.map_err(|DocumentError { pointer, problem }| placed(bytes, pointer, problem))
    }
}

/// A fault at `pointer`, with its place in the text.
pub(super) fn placed(bytes: &[u8], pointer: String, problem: String) -> JsonError {
    JsonError { position: locate(bytes, &pointer), pointer, problem }
}

impl fmt::Display for BundleKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "policy",
            Self::Trust => "trust",
        })
    }
}
