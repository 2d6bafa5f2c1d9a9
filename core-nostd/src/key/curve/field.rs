//! Integers modulo `2^255 − 19`.
//!
//! The arithmetic is fiat-crypto's, whose code is generated together with a proof that it computes
//! what it says as long as limbs stay within bounds. The two types are those bounds: a sum is not an
//! element before it is carried, and only what may be multiplied without an overflow has a product.

mod gcd;

#[cfg(not(target_pointer_width = "64"))]
use fiat_crypto::curve25519_32 as fiat;
#[cfg(target_pointer_width = "64")]
use fiat_crypto::curve25519_64 as fiat;

#[cfg(not(target_pointer_width = "64"))]
pub(in crate::key) type Limb = u32;
#[cfg(target_pointer_width = "64")]
pub(in crate::key) type Limb = u64;

type Limbs = [Limb; 40 / size_of::<Limb>()];

const ZERO: Limbs = [0; 40 / size_of::<Limb>()];

/// A carried integer.
#[derive(Clone, Copy)]
pub(in crate::key) struct Element(fiat::fiat_25519_tight_field_element);

/// A carried integer, or one sum or difference of two of them.
#[derive(Clone, Copy)]
pub(in crate::key) struct Sum(fiat::fiat_25519_loose_field_element);

/// What may be multiplied: the bounds of an element are within those of a sum.
pub(super) trait Factor: Sized {
    fn limbs(&self) -> &Limbs;

    fn times(&self, other: &impl Factor) -> Element {
        let mut product = Element::ZERO;
        multiply(self, other, &mut product);
        product
    }

    fn squared(&self) -> Element {
        let mut square = Element::ZERO;
        fiat::fiat_25519_carry_square(&mut square.0, &fiat::fiat_25519_loose_field_element(*self.limbs()));
        square
    }
}

impl Factor for Element {
    fn limbs(&self) -> &Limbs {
        &self.0.0
    }
}

impl Factor for Sum {
    fn limbs(&self) -> &Limbs {
        &self.0.0
    }
}

/// [`Factor::times`], to where the product is wanted.
pub(super) fn multiply(one: &impl Factor, two: &impl Factor, product: &mut Element) {
    multiply_limbs(one.limbs(), two.limbs(), product);
}

/// Compiled once for all kinds of factors.
fn multiply_limbs(one: &Limbs, two: &Limbs, product: &mut Element) {
    let [one, two] = [one, two].map(|limbs| fiat::fiat_25519_loose_field_element(*limbs));
    fiat::fiat_25519_carry_mul(&mut product.0, &one, &two);
}

impl Element {
    pub(super) const ZERO: Self = Self::from_bytes(&[0; 32]);

    pub(super) const ONE: Self = Self::from_bytes(&[
        1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    ]);

    /// Reads 255 bits, little-endian: the last one must be clear.
    pub(super) const fn from_bytes(bytes: &[u8; 32]) -> Self {
        let mut element = fiat::fiat_25519_tight_field_element(ZERO);
        fiat::fiat_25519_from_bytes(&mut element, bytes);
        Self(element)
    }

    /// The one encoding below the modulus.
    pub(super) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        fiat::fiat_25519_to_bytes(&mut bytes, &self.0);
        bytes
    }

    pub(super) fn plus(&self, other: &Self) -> Sum {
        let mut sum = fiat::fiat_25519_loose_field_element(ZERO);
        fiat::fiat_25519_add(&mut sum, &self.0, &other.0);
        Sum(sum)
    }

    pub(super) fn minus(&self, other: &Self) -> Sum {
        let mut sum = fiat::fiat_25519_loose_field_element(ZERO);
        fiat::fiat_25519_sub(&mut sum, &self.0, &other.0);
        Sum(sum)
    }

    pub(super) fn negated(&self) -> Self {
        Self::ZERO.minus(self).carried()
    }

    /// Squared `count` times. Nine callers want it, and it takes longer than a call.
    #[inline(never)]
    fn squared_times(&self, count: u32) -> Self {
        (0..count).fold(*self, |power, _| power.squared())
    }

    /// The `2^250 − 1`st power, and the 11th.
    fn pow_250(&self) -> (Self, Self) {
        let two = self.squared();
        let nine = two.squared_times(2).times(self);
        let eleven = nine.times(&two);
        let pow_5 = eleven.squared().times(&nine);
        let pow_10 = pow_5.squared_times(5).times(&pow_5);
        let pow_20 = pow_10.squared_times(10).times(&pow_10);
        let pow_40 = pow_20.squared_times(20).times(&pow_20);
        let pow_50 = pow_40.squared_times(10).times(&pow_10);
        let pow_100 = pow_50.squared_times(50).times(&pow_50);
        let pow_200 = pow_100.squared_times(100).times(&pow_100);
        (pow_200.squared_times(50).times(&pow_50), eleven)
    }

    /// The inverse, and zero of zero.
    ///
    /// The fast way is believed only after its product with the number came to one.
    pub(super) fn inverse(&self) -> Self {
        let fast = gcd::inverse(&self.to_bytes()).map(|bytes| Self::from_bytes(&bytes));
        fast.filter(|inverse| inverse.times(self) == Self::ONE).unwrap_or_else(|| self.pow_p2())
    }

    /// The `p − 2`nd power, which is the inverse (Fermat).
    fn pow_p2(&self) -> Self {
        let (pow_250, eleven) = self.pow_250();
        pow_250.squared_times(5).times(&eleven)
    }

    /// The `(p − 5) / 8`th power.
    pub(super) fn pow_p58(&self) -> Self {
        let (pow_250, _) = self.pow_250();
        pow_250.squared_times(2).times(self)
    }

    /// Whether the encoding is odd, which RFC 8032 calls negative.
    pub(super) fn is_negative(self) -> bool {
        let [first, ..] = self.to_bytes();
        first & 1 == 1
    }
}

impl Eq for Element {}

impl PartialEq for Element {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Sum {
    pub(super) fn carried(&self) -> Element {
        let mut element = fiat::fiat_25519_tight_field_element(ZERO);
        fiat::fiat_25519_carry(&mut element, &self.0);
        Element(element)
    }
}

#[cfg(test)]
mod tests;
