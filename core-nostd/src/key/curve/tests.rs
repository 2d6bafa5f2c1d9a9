use std::vec::Vec;

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT as B, EIGHT_TORSION};
use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::{EdwardsPoint, Scalar};

use super::*;

fn ours(point: &EdwardsPoint) -> Point {
    Point::decode(point.compress().as_bytes()).unwrap()
}

/// Points of every order: the torsion, a few of the prime order, and their sums.
fn points() -> Vec<EdwardsPoint> {
    let prime = [0_u8, 1, 2, 200].map(|scalar| B * Scalar::from(scalar));
    prime.iter().flat_map(|point| EIGHT_TORSION.map(|torsion| point + torsion)).collect()
}

/// The same point with another `Z`.
fn scaled(point: &Point) -> Point {
    let by = D.times(&D2);
    Point { x: point.x.times(&by), y: point.y.times(&by), z: point.z.times(&by), t: point.t.times(&by) }
}

#[test]
fn the_constants_are_what_they_are_called() {
    let small = |number: u32| {
        let mut bytes = [0; 32];
        bytes[..4].copy_from_slice(&number.to_le_bytes());
        Element::from_bytes(&bytes)
    };
    let minus = |element: &Element| Element::ZERO.minus(element).carried();
    assert!(D.times(&small(121_666)) == minus(&small(121_665)));
    assert!(D2 == D.plus(&D).carried());
    assert!(D4 == D2.plus(&D2).carried());
    assert!(SQRT_M1.squared() == minus(&Element::ONE));
    assert_eq!(Point::base().encode(), B.compress().to_bytes());
    assert!(Point::base().y.times(&small(5)) == small(4));
}

#[test]
fn every_pair_of_points_adds_and_subtracts_as_in_the_curve_library() {
    for one in points() {
        for two in points() {
            let (left, right) = (scaled(&ours(&one)), scaled(&ours(&two)));
            let mut niels = Vec::new();
            Point::divide(&[right], &mut niels);
            let [niels] = niels[..] else { panic!("one point gives one") };
            for (sign, expected) in [(Sign::Plus, one + two), (Sign::Minus, one - two)] {
                let (mut sum, mut other) = (left, left);
                sum.add(&niels, sign);
                other.add_cached(&right.cached(), sign);
                assert_eq!([sum.encode(), other.encode()], [expected.compress().to_bytes(); 2]);
            }
        }
    }
}

/// `T` is what the next sum takes: a point is only right if that is right too.
#[test]
fn doublings_and_negatives_are_those_of_the_curve_library() {
    let one = ours(&B).cached();
    for point in points() {
        let own = scaled(&ours(&point));
        for times in 0..=10 {
            let mut shifted = own;
            shifted.shift(times);
            let expected = point * Scalar::from(1_u32 << times);
            assert_eq!(shifted.encode(), expected.compress().to_bytes());
            shifted.add_cached(&one, Sign::Plus);
            assert_eq!(shifted.encode(), (expected + B).compress().to_bytes());
        }
        let mut negated = own.negated();
        assert_eq!(negated.encode(), (-point).compress().to_bytes());
        negated.add_cached(&one, Sign::Plus);
        assert_eq!(negated.encode(), (B - point).compress().to_bytes());
    }
}

#[test]
fn what_is_divided_together_is_what_is_divided_alone() {
    let all: Vec<_> = points().iter().map(|point| scaled(&ours(point))).collect();
    let mut together = Vec::new();
    Point::divide(&all, &mut together);
    assert_eq!(together.len(), all.len());
    for (niels, point) in together.iter().zip(points()) {
        for (sign, expected) in [(Sign::Plus, point), (Sign::Minus, -point)] {
            let mut sum = Point::of(niels, sign);
            assert_eq!(sum.encode(), expected.compress().to_bytes());
            sum.add(niels, sign);
            assert_eq!(sum.encode(), (expected + expected).compress().to_bytes());
        }
    }
    for pair in all.chunks_exact(2) {
        let [one, two] = pair else { panic!("a pair") };
        assert_eq!(Point::encode_both(one, two), (one.encode(), two.encode()));
    }
}

/// Of encodings that are canonical: others are refused before they are decoded.
#[test]
fn what_decodes_is_what_the_curve_library_decodes() {
    let mut decoded = 0;
    for seed in 0..2_000_u32 {
        let mut bytes = crate::encoding::sha256(&seed.to_le_bytes());
        bytes[31] = (bytes[31] & 0x80) | (bytes[31] % 0x7f);
        let expected = CompressedEdwardsY(bytes).decompress();
        let own = Point::decode(&bytes);
        assert_eq!(own.map(|point| point.encode()), expected.map(|point| point.compress().to_bytes()));
        decoded += u32::from(own.is_some());
    }
    assert!((900..1_100).contains(&decoded), "{decoded} of 2,000");
}
