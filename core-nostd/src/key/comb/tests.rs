use std::vec::Vec;

use curve25519_dalek::EdwardsPoint;
use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;
use sha2::{Digest as _, Sha512};

use super::*;

fn ours(point: &EdwardsPoint) -> Point {
    Point::decode(point.compress().as_bytes()).unwrap()
}

const WIDTHS: [u8; 7] = [4, 5, 6, 7, 8, 9, 10];

/// Zero, one, the largest, those whose digits are all equal, and fifty others.
pub(in crate::key) fn scalars() -> Vec<Scalar> {
    let mut all = std::vec![Scalar::ZERO, Scalar::ONE, -Scalar::ONE, -Scalar::from(2_u8)];
    all.extend([0x0f, 0x10, 0x55, 0x77, 0x88, 0x80, 0xff].map(|byte| Scalar::from_bytes_mod_order([byte; 32])));
    all.extend((0..50_u8).map(|seed| Scalar::from_bytes_mod_order_wide(&Sha512::digest([seed]).into())));
    all
}

#[test]
fn a_width_outside_four_to_ten_is_none() {
    assert_eq!([0, 3, 11, 255].map(Width::new), [None; 4]);
}

#[test]
fn tables_have_the_size_they_state() {
    let sizes = |rows| WIDTHS.map(|bits| Width::new(bits).unwrap().table_bytes(rows));
    assert_eq!(sizes(Rows::All), [65_536, 104_448, 176_128, 303_104, 524_288, 950_272, 1_703_936]);
    assert_eq!(sizes(Rows::Even), [32_768, 53_248, 90_112, 155_648, 262_144, 491_520, 851_968]);
    for (bits, rows) in WIDTHS.into_iter().flat_map(|bits| [(bits, Rows::All), (bits, Rows::Even)]) {
        let width = Width::new(bits).unwrap();
        let comb = Comb::new(&Point::base(), width, rows);
        assert_eq!(size_of::<Niels>() * comb.points.len(), width.table_bytes(rows));
        assert_eq!(comb.points.capacity(), comb.points.len());
    }
}

#[test]
fn products_from_tables_of_every_form_are_those_of_the_curve_library() {
    let point = B * Scalar::from(0xdead_beef_u32);
    for (bits, rows) in WIDTHS.into_iter().flat_map(|bits| [(bits, Rows::All), (bits, Rows::Even)]) {
        let comb = Comb::new(&ours(&point), Width::new(bits).unwrap(), rows);
        for scalar in scalars() {
            let mut terms = Terms::default();
            assert_eq!(comb.gather(&scalar, &mut terms), Some(()));
            assert_eq!(
                terms.sum().encode(),
                (point * scalar).compress().0,
                "width {bits}, {rows:?}, scalar {scalar:?}"
            );
        }
    }
}

#[test]
fn products_of_two_tables_add_up_whatever_their_forms() {
    let [narrow, wide] = [4, 5].map(|bits| Width::new(bits).unwrap());
    let other = B * Scalar::from(7_u8);
    let mut scalars = scalars().into_iter();
    while let (Some(one), Some(two)) = (scalars.next(), scalars.next()) {
        for (rows, width) in [(Rows::All, wide), (Rows::Even, narrow)] {
            let combs = [Comb::new(&Point::base(), width, rows), Comb::new(&ours(&other), narrow, Rows::Even)];
            let mut terms = Terms::default();
            for (comb, scalar) in combs.iter().zip([one, two]) {
                comb.gather(&scalar, &mut terms).unwrap();
            }
            assert_eq!(terms.sum().encode(), (B * one + other * two).compress().0);
        }
    }
    let [one, other] = [narrow, wide].map(|width| Comb::new(&Point::base(), width, Rows::Even));
    let mut terms = Terms::default();
    one.gather(&Scalar::ONE, &mut terms).unwrap();
    assert_eq!(other.gather(&Scalar::ONE, &mut terms), None);
}

#[test]
fn digits_after_the_last_row_are_zero() {
    for bits in WIDTHS {
        let width = Width::new(bits).unwrap();
        for scalar in scalars() {
            let mut digits = Digits::new(&scalar, width);
            for _ in 0..width.digits() {
                digits.next();
            }
            assert_eq!([digits.next(), digits.next()].map(|digit| digit.number), [0; 2]);
        }
    }
}
