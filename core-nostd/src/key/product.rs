use alloc::vec::Vec;

use curve25519_dalek::Scalar;

use super::curve::{Cached, Point, Sign};
use super::digits::{self, Digit, Digits};

/// A point, its first sixteen multiples, and the scalar's digits.
struct Addend {
    multiples: Vec<Cached>,
    digits: Vec<Digit>,
}

/// The sum of products of points that have no table, in variable time; the doublings are shared
/// (Straus 1964).
///
/// Nothing if a digit has no multiple, which the range of the digits excludes.
pub(super) fn sum<const N: usize>(products: [(&Point, &Scalar); N]) -> Option<Point> {
    let mut addends = products.map(|(point, scalar)| Addend::new(point, scalar));
    let mut sum = Point::ZERO;
    for _ in 0..digits::COUNT {
        sum.shift(digits::WIDTH);
        for addend in &mut addends {
            let digit = addend.digits.pop()?;
            if let Some(place) = digit.place() {
                sum.add_cached(addend.multiples.get(place)?, digit.sign);
            }
        }
    }
    Some(sum)
}

impl Addend {
    fn new(point: &Point, scalar: &Scalar) -> Self {
        let one = point.cached();
        let mut multiple = *point;
        let mut multiples = Vec::with_capacity(digits::MULTIPLES);
        multiples.push(one);
        for _ in 1..digits::MULTIPLES {
            multiple.add_cached(&one, Sign::Plus);
            multiples.push(multiple.cached());
        }
        let mut digits = Digits::new(scalar);
        Self { multiples, digits: (0..digits::COUNT).map(|_| digits.next()).collect() }
    }
}

#[cfg(test)]
mod tests {
    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;

    use super::*;
    use crate::key::comb::tests::scalars;

    #[test]
    fn sums_of_products_are_those_of_the_curve_library() {
        let base = Point::base();
        for (one, two) in scalars().into_iter().zip(scalars().into_iter().rev()) {
            let other = B * Scalar::from(7_u8);
            let point = Point::decode(other.compress().as_bytes()).unwrap();
            let sum = sum([(&base, &one), (&point, &two)]).unwrap();
            assert_eq!(sum.encode(), (B * one + other * two).compress().to_bytes(), "{one:?}, {two:?}");
        }
    }

    #[test]
    fn digits_after_the_last_are_zero() {
        for scalar in scalars() {
            let mut digits = Digits::new(&scalar);
            for _ in 0..digits::COUNT {
                digits.next();
            }
            assert_eq!([digits.next(), digits.next()].map(|digit| digit.number), [0; 2]);
        }
    }
}
