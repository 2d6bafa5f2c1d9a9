use std::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use sha2::{Digest as _, Sha512};

use super::*;

fn ours(point: &EdwardsPoint) -> Point {
    Point::decode(point.compress().as_bytes()).unwrap()
}

fn width(bits: u8) -> Width {
    Width::new(bits).unwrap()
}

pub(in crate::key) fn table(point: &EdwardsPoint, bits: u8) -> Comb {
    Comb::new(&Powers::of(&ours(point)).unwrap(), width(bits)).unwrap()
}

const WIDTHS: [u8; 11] = [4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14];

/// Zero, one, the largest, those about the most bits that a table may have, those whose digits are
/// all equal, and fifty others.
pub(in crate::key) fn scalars() -> Vec<Scalar> {
    let mut all = std::vec![Scalar::ZERO, Scalar::ONE, Scalar::from(2_u8), -Scalar::ONE, -Scalar::from(2_u8)];
    let most = (0..252).fold(Scalar::ONE, |power, _| power + power);
    all.extend([most - Scalar::ONE, most, most + Scalar::ONE, -most - Scalar::ONE, -most, Scalar::ONE - most]);
    all.extend([0x0f, 0x10, 0x55, 0x77, 0x88, 0x80, 0xff].map(|byte| Scalar::from_bytes_mod_order([byte; 32])));
    all.extend((0..50_u8).map(|seed| Scalar::from_bytes_mod_order_wide(&Sha512::digest([seed]).into())));
    all
}

#[test]
fn a_width_outside_four_to_fourteen_is_none() {
    assert_eq!([0, 3, 15, 255].map(Width::new), [None; 4]);
}

#[test]
fn tables_have_the_size_they_state() {
    let sizes = WIDTHS.map(|bits| width(bits).table_bytes());
    assert_eq!(
        sizes,
        [9_216, 16_384, 24_576, 49_152, 81_920, 131_072, 262_144, 524_288, 786_432, 1_572_864, 3_145_728]
    );
    assert_eq!(WIDTHS.map(|bits| width(bits).columns()), [63, 51, 42, 36, 32, 28, 26, 23, 21, 20, 18]);
    for bits in WIDTHS {
        let comb = table(&B, bits);
        assert_eq!(size_of::<Niels>() * comb.points.len(), width(bits).table_bytes());
        assert_eq!(comb.points.capacity(), comb.points.len());
    }
}

#[test]
fn a_table_that_would_take_too_much_is_narrower() {
    let within = |bytes| width(12).within(bytes).bits();
    assert_eq!([usize::MAX, 786_432, 786_431, 9_216, 0].map(within), [12, 12, 11, 4, 4]);
}

#[test]
fn products_from_tables_of_every_width_are_those_of_the_curve_library() {
    let point = B * Scalar::from(0xdead_beef_u32);
    for bits in WIDTHS {
        let comb = table(&point, bits);
        let mut none = 0;
        for scalar in scalars() {
            let Some(product) = comb.times(&scalar) else {
                none += 1;
                continue;
            };
            let sum = sum(&[product]).unwrap();
            assert_eq!(sum.encode(), (point * scalar).compress().0, "width {bits}, scalar {scalar:?}");
        }
        // Of 252 bits exactly: 0 and 2, −2, and those about 2^252 and its negative.
        assert_eq!(none, if [4, 6, 7, 9, 12, 14].contains(&bits) { 5 } else { 0 }, "width {bits}");
    }
}

#[test]
fn products_of_two_tables_add_up_whatever_their_widths() {
    let other = B * Scalar::from(7_u8);
    for (one, two) in [(5, 4), (4, 5), (14, 6), (8, 8)] {
        let tables = [table(&B, one), table(&other, two)];
        let mut added = 0;
        for (one, two) in scalars().into_iter().zip(scalars().into_iter().rev()) {
            if let (Some(left), Some(right)) = (tables[0].times(&one), tables[1].times(&two)) {
                let sum = sum(&[left, right]).unwrap();
                assert_eq!(sum.encode(), (B * one + other * two).compress().0, "{one:?}, {two:?}");
                added += 1;
            }
        }
        assert!(added >= 50, "{added}");
    }
}

/// A key may have a part of small order, and its signatures stand or fall by it: `kA` is not
/// `(k + ℓ) A` then.
#[test]
fn a_point_of_another_order_than_the_prime_one_has_no_table() {
    for (index, torsion) in EIGHT_TORSION.iter().enumerate() {
        let point = B * Scalar::from(7_u8) + torsion;
        assert_eq!(Powers::of(&ours(&point)).is_some(), index == 0);
    }
}

#[test]
fn no_product_is_no_sum() {
    assert!(sum(&[]).is_none());
}
