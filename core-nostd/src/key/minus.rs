#[cfg(not(target_arch = "wasm32"))]
use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};

#[cfg(target_arch = "wasm32")]
use super::comb;
use super::comb::Product;
use super::curve::Point;
#[cfg(target_arch = "wasm32")]
use super::curve::Sign;
use super::equation::{Equation, Solved};
#[cfg(target_arch = "wasm32")]
use super::product;

/// `−A`, for the equation subtracts, and what is done while the key has no table.
///
/// Natively that is dalek's, whose vector instructions take half the time of our formulas. The bare
/// wasm target has none: there one code serves both, and both signatures of a request share an
/// inversion.
#[derive(Clone)]
pub(super) struct Minus(#[cfg(target_arch = "wasm32")] Point, #[cfg(not(target_arch = "wasm32"))] EdwardsPoint);

#[cfg(target_arch = "wasm32")]
impl Minus {
    /// Of a canonical encoding of `A`.
    pub(super) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        Point::decode(bytes).map(|point| Self(point.negated()))
    }

    pub(super) fn point(&self) -> Option<Point> {
        Some(self.0)
    }

    pub(super) fn solve(&self, equation: &Equation, base: Option<Product<'_>>) -> Option<Solved> {
        let Some(mut sum) = base.and_then(|base| comb::sum(&[base])) else {
            return product::sum([(&Point::base(), &equation.s), (&self.0, &equation.k)]).map(Solved::Point);
        };
        let product = product::sum([(&self.0, &equation.k)])?;
        sum.add_cached(&product.cached(), Sign::Plus);
        Some(Solved::Point(sum))
    }
}

#[cfg(not(target_arch = "wasm32"))]
impl Minus {
    /// Of a canonical encoding of `A`.
    #[expect(clippy::arithmetic_side_effects, reason = "a curve point, whose arithmetic is total")]
    pub(super) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        CompressedEdwardsY(*bytes).decompress().map(|point| Self(-point))
    }

    pub(super) fn point(&self) -> Option<Point> {
        Point::decode(self.0.compress().as_bytes())
    }

    pub(super) fn solve(&self, equation: &Equation, _base: Option<Product<'_>>) -> Option<Solved> {
        let point = EdwardsPoint::vartime_double_scalar_mul_basepoint(&equation.k, &self.0, &equation.s);
        Some(Solved::Encoded(point.compress().to_bytes()))
    }
}
