use curve25519_dalek::Scalar;
use sha2::{Digest, Sha512};

use super::PublicKey;
use super::comb::{self, Comb};
use super::curve::Point;
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

/// `sB − kA`.
pub(super) enum Solved {
    Point(Point),
    #[cfg(not(target_arch = "wasm32"))]
    Encoded([u8; 32]),
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

    /// `sB − kA`, from tables where there are both; `key` is the one the equation was read with, and
    /// `table` its own.
    pub(super) fn solve(&self, key: &PublicKey, base: Option<&Comb>, table: Option<&Comb>) -> Option<Solved> {
        let base = base.and_then(|base| base.times(&self.s));
        let table = table.and_then(|table| table.times(&self.k));
        match (base, table) {
            (Some(base), Some(table)) => comb::sum(&[base, table]).map(Solved::Point),
            (base, _) => key.minus.solve(self, base),
        }
    }
}

impl Solved {
    pub(super) fn encode(&self) -> [u8; 32] {
        match self {
            Self::Point(point) => point.encode(),
            #[cfg(not(target_arch = "wasm32"))]
            Self::Encoded(bytes) => *bytes,
        }
    }

    /// Both encodings, for one inversion where both are points.
    pub(super) fn encode_both(one: &Self, two: &Self) -> ([u8; 32], [u8; 32]) {
        match (one, two) {
            (Self::Point(one), Self::Point(two)) => Point::encode_both(one, two),
            #[cfg(not(target_arch = "wasm32"))]
            _ => (one.encode(), two.encode()),
        }
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;

    use super::*;
    use crate::key::comb::tests::{scalars, table};

    /// Those included that a table has no sums for.
    #[test]
    fn whatever_a_table_cannot_do_is_done_without() {
        let point = B * Scalar::from(7_u8);
        let key = PublicKey::from_bytes(point.compress().as_bytes()).unwrap();
        let (base, own) = (table(&B, 4), table(&-point, 7));
        for s in scalars() {
            for k in scalars() {
                let solved = Equation { s, k, r: [0; 32] }.solve(&key, Some(&base), Some(&own)).unwrap();
                assert_eq!(solved.encode(), (B * s - point * k).compress().0, "{s:?}, {k:?}");
            }
        }
    }
}
