//! The only folder that knows the curve.
//!
//! Verification has no secrets, so everything here runs in variable time.

mod cache;
mod comb;
mod curve;
mod encoded;
mod equation;
mod minus;
// What the bare wasm target does without a table, and what tests hold against the curve library.
#[cfg(any(test, target_arch = "wasm32"))]
mod digits;
#[cfg(any(test, target_arch = "wasm32"))]
mod product;
mod recent;

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use crate::encoding::{base64url, base64url_array, hex, sha256};

use self::encoded::{is_canonical, is_small_order};
use self::equation::Equation;
use self::minus::Minus;

pub(crate) use cache::Pending;
pub use cache::{KeyCache, KeyCacheSettings};
pub use comb::Width;

/// An Ed25519 public key that is canonical and not of small order.
///
/// A small-order key verifies almost any message: a passport that carries one would be a bearer
/// token. Such keys are refused here, so they are refused wherever a key is read.
#[derive(Clone)]
pub struct PublicKey {
    bytes: [u8; 32],
    /// Shared: a key is handed from check to check, and a point is large.
    minus: Arc<Minus>,
}

/// Why bytes are no usable public key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum KeyError {
    /// Not canonical unpadded base64url of 32 bytes.
    Encoding,
    /// No point of the curve, or not its one canonical encoding.
    NonCanonical,
    /// A point of small order.
    SmallOrder,
}

impl PublicKey {
    /// Reads the 32 bytes of RFC 8032 section 5.1.2.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        // The decoder takes them all the same.
        if !is_canonical(bytes) {
            return Err(KeyError::NonCanonical);
        }
        if is_small_order(bytes) {
            return Err(KeyError::SmallOrder);
        }
        let minus = Minus::decode(bytes).ok_or(KeyError::NonCanonical)?;
        Ok(Self { bytes: *bytes, minus: Arc::new(minus) })
    }

    /// Reads the wire form.
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        let bytes = base64url_array::<32>(text.as_bytes()).ok_or(KeyError::Encoding)?;
        Self::from_bytes(&bytes)
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The wire form.
    pub fn to_base64url(&self) -> String {
        base64url(self.as_bytes())
    }

    /// `sha256:` and the hex digest of the raw key.
    pub fn fingerprint(&self) -> String {
        format!("sha256:{}", hex(&sha256(self.as_bytes())))
    }

    /// Whether `signature` is this key's over `message`, by the strict rules: canonical `s`, no
    /// small-order or non-canonical `R`, no cofactor slack.
    ///
    /// [`KeyCache::verify`] gives the same answers, faster.
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        Equation::read(self, message, signature).is_some_and(|equation| {
            equation.solve(self, None, None).is_some_and(|solved| solved.encode() == equation.r)
        })
    }
}

impl Eq for PublicKey {}

impl PartialEq for PublicKey {
    /// A canonical encoding names one point.
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_base64url())
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Encoding => "not unpadded base64url of 32 bytes",
            Self::NonCanonical => "not the canonical encoding of a curve point",
            Self::SmallOrder => "a point of small order, which would verify almost any message",
        })
    }
}
