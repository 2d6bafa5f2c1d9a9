/// Whether these bytes are the canonical encoding of one of the eight points whose order divides
/// the cofactor.
pub(super) fn is_small_order(bytes: &[u8; 32]) -> bool {
    SMALL_ORDER.contains(bytes)
}

/// Whether these bytes, if they encode a point at all, are its one canonical encoding: `y` is below
/// the field's order, and the sign is not that of a negative zero.
pub(super) fn is_canonical(bytes: &[u8; 32]) -> bool {
    let [rest @ .., last] = bytes;
    let y = rest.iter().copied().chain([last & 0x7f]);
    y.rev().lt(P.into_iter().rev()) && !NEGATIVE_ZERO.contains(bytes)
}

/// `x` is zero where `y` is 1 or −1.
const NEGATIVE_ZERO: [[u8; 32]; 2] = [ends([0; 32], 0x01, 0x80), ends([0xff; 32], 0xec, 0xff)];

/// `2^255 − 19`.
const P: [u8; 32] = ends([0xff; 32], 0xed, 0x7f);

/// `y` of the four points of order 8; the last bit is the sign of `x`.
const Y8: [[u8; 32]; 2] = [
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, //
        0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, //
        0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
    ],
];

/// The identity, `y = 1`; the point of order 2, `y = −1`; two of order 4, `y = 0`; four of order 8.
const SMALL_ORDER: [[u8; 32]; 8] = [
    ends([0; 32], 0x01, 0x00),
    ends([0xff; 32], 0xec, 0x7f),
    [0; 32],
    ends([0; 32], 0x00, 0x80),
    Y8[0],
    ends(Y8[0], 0xc7, 0xfa),
    Y8[1],
    ends(Y8[1], 0x26, 0x85),
];

/// `bytes` with another first and last byte.
const fn ends(bytes: [u8; 32], first: u8, last: u8) -> [u8; 32] {
    let [_, middle @ .., _] = bytes;
    let mut all = [0; 32];
    let [own_first, own_middle @ .., own_last] = &mut all;
    *own_first = first;
    *own_middle = middle;
    *own_last = last;
    all
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use curve25519_dalek::constants::EIGHT_TORSION;
    use curve25519_dalek::edwards::CompressedEdwardsY;

    use super::*;

    /// Re-encoding a decoded point gives its canonical encoding.
    #[test]
    fn what_is_called_canonical_is_what_decodes_to_a_point_that_encodes_to_it() {
        let near_one = (0..=255).map(|first| ends([0; 32], first, 0x00));
        let near_p = (0..=255).map(|first| ends([0xff; 32], first, 0x7f));
        let others = (0..=255).map(|first| ends([first; 32], 0x55, first & 0x7f));
        let mut points = 0;
        for bytes in near_one.chain(near_p).chain(others).chain(SMALL_ORDER) {
            for sign in [0, 0x80] {
                let bytes = ends(bytes, bytes[0], bytes[31] ^ sign);
                if let Some(point) = CompressedEdwardsY(bytes).decompress() {
                    assert_eq!(is_canonical(&bytes), point.compress().to_bytes() == bytes, "{bytes:x?}");
                    points += 1;
                }
            }
        }
        assert!(points > 500, "{points} points");
    }

    #[test]
    fn the_small_order_encodings_are_those_of_the_torsion_subgroup() {
        let mut expected: Vec<_> = EIGHT_TORSION.iter().map(|point| point.compress().to_bytes()).collect();
        let mut listed = SMALL_ORDER.to_vec();
        expected.sort_unstable();
        listed.sort_unstable();
        assert_eq!(listed, expected);
    }
}
