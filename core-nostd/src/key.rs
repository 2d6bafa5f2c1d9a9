//! The only file that names the curve library.

use alloc::format;
use alloc::string::String;
use core::fmt;

use ed25519_dalek::{Signature, VerifyingKey};

use crate::encoding::{base64url, base64url_array, hex, sha256};

/// An Ed25519 public key that is canonical and not of small order.
///
/// A small-order key verifies almost any message: a passport that carries one would be a bearer
/// token. Such keys are refused here, so they are refused wherever a key is read.
#[derive(Clone, Eq, PartialEq)]
pub struct PublicKey(VerifyingKey);

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
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NonCanonical)?;
        // The decoder takes y >= p and "negative zero"; re-encoding shows them.
        if key.to_edwards().compress().as_bytes() != bytes {
            return Err(KeyError::NonCanonical);
        }
        if key.is_weak() {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self(key))
    }

    /// Reads the wire form.
    pub fn from_base64url(text: &str) -> Result<Self, KeyError> {
        let bytes = base64url_array::<32>(text.as_bytes()).ok_or(KeyError::Encoding)?;
        Self::from_bytes(&bytes)
    }

    /// The 32 bytes of the key.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
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
    pub fn verify(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        let signature = Signature::from_bytes(signature);
        self.0.verify_strict(message, &signature).is_ok()
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
