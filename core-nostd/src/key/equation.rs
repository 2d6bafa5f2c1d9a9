use curve25519_dalek::{EdwardsPoint, Scalar};
use sha2::{Digest, Sha512};

use super::PublicKey;
use super::encoded::is_small_order;

/// What holds when a signature stands: the encoding of `sB − kA` is `r`, byte for byte (RFC 8032
/// section 5.1.7, without the cofactor).
///
/// `r` is never decoded. An encoder only writes canonical encodings, so an `r` that is none, or
/// that is no point, equals nothing.
pub(super) struct Equation {
    pub s: Scalar,
    pub k: Scalar,
    pub r: [u8; 32],
}

impl Equation {
    /// Nothing if no key could have made the signature.
    pub(super) fn read(key: &PublicKey, message: &[u8], signature: &[u8; 64]) -> Option<Self> {
        let (r, s) = signature.split_first_chunk::<32>()?;
        // `s + ℓ` would be a second signature for the same message.
        let s = Option::from(Scalar::from_canonical_bytes(s.try_into().ok()?))?;
        if is_small_order(r) {
            return None;
        }
        let hash = Sha512::new().chain_update(r).chain_update(key.as_bytes()).chain_update(message).finalize();
        Some(Self { s, k: Scalar::from_bytes_mod_order_wide(&hash.into()), r: *r })
    }

    /// `sB − kA` without a table; `key` is the one the equation was read with.
    pub(super) fn point(&self, key: &PublicKey) -> EdwardsPoint {
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&self.k, &key.minus, &self.s)
    }
}
