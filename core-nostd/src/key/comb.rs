use alloc::vec::Vec;
use core::mem::size_of;

use curve25519_dalek::{EdwardsPoint, Scalar};

/// Scalars are below the group's order, and that is below `2^253`.
const SCALAR_BITS: usize = 253;

/// How many bits of a scalar one table row covers, 4 to 10.
///
/// A table holds `⌈253 / width⌉ · 2^(width − 1)` points of 160 bytes: 82 KB at 4, 131 KB at 5,
/// 220 KB at 6, 379 KB at 7, 655 KB at 8, 1.2 MB at 9, 2.1 MB at 10. A multiplication is one
/// addition per row.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Width(u8);

/// The multiples of one point that make its product with a scalar a sum of table entries.
///
/// Row `i` holds `1 … 2^(w−1)` times `2^(w·i) · P`. Digits are signed, which halves the rows.
pub(super) struct Comb {
    width: Width,
    points: Vec<EdwardsPoint>,
}

/// Table entries, copied before the first of them is added: tables do not fit the processor's
/// cache, and so their loads wait side by side instead of one after another.
#[derive(Default)]
pub(super) struct Terms {
    plus: Vec<EdwardsPoint>,
    minus: Vec<EdwardsPoint>,
}

/// What a row adds: its entry of this number, counted from 1, or that entry's negative.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Digit {
    Zero,
    Plus(usize),
    Minus(usize),
}

/// The digits of a scalar, least significant first, and zeros after them.
struct Digits<'a> {
    width: u32,
    bytes: core::slice::Iter<'a, u8>,
    /// The low `held` bits are bits of the scalar that no digit has taken yet.
    bits: usize,
    held: u32,
    carry: usize,
}

impl Width {
    /// The default for callers' and issuers' keys: twice the memory for a tenth of the time is no
    /// bargain beyond it.
    pub const KEY: Self = Self(6);
    /// The default for the base point, whose one table serves every signature.
    pub const BASE: Self = Self(9);

    /// Nothing outside 4 to 10.
    pub const fn new(bits: u8) -> Option<Self> {
        if matches!(bits, 4..=10) { Some(Self(bits)) } else { None }
    }

    /// The size of a table.
    pub const fn table_bytes(self) -> usize {
        self.rows().saturating_mul(self.entries()).saturating_mul(size_of::<EdwardsPoint>())
    }

    const fn rows(self) -> usize {
        match self.0 {
            4 => SCALAR_BITS.div_ceil(4),
            5 => SCALAR_BITS.div_ceil(5),
            6 => SCALAR_BITS.div_ceil(6),
            7 => SCALAR_BITS.div_ceil(7),
            8 => SCALAR_BITS.div_ceil(8),
            9 => SCALAR_BITS.div_ceil(9),
            _ => SCALAR_BITS.div_ceil(10),
        }
    }

    /// Entries of a row.
    const fn entries(self) -> usize {
        match self.0 {
            4 => 8,
            5 => 16,
            6 => 32,
            7 => 64,
            8 => 128,
            9 => 256,
            _ => 512,
        }
    }
}

impl Comb {
    #[expect(clippy::arithmetic_side_effects, reason = "curve points, whose arithmetic is total")]
    pub(super) fn new(point: &EdwardsPoint, width: Width) -> Self {
        let mut points = Vec::with_capacity(width.rows().saturating_mul(width.entries()));
        let mut first = *point;
        for _ in 0..width.rows() {
            let mut multiple = first;
            points.push(multiple);
            for _ in 1..width.entries() {
                multiple += first;
                points.push(multiple);
            }
            first = multiple + multiple;
        }
        Self { width, points }
    }

    /// At most as many terms does a product have.
    pub(super) const fn rows(&self) -> usize {
        self.width.rows()
    }

    /// Adds to `terms` the points whose sum is `scalar` times the table's point, in variable time.
    /// Nothing if the table lacks an entry, which the range of the digits excludes.
    pub(super) fn gather(&self, scalar: &Scalar, terms: &mut Terms) -> Option<()> {
        let mut digits = Digits::new(scalar, self.width);
        for row in self.points.chunks_exact(self.width.entries()) {
            match digits.next() {
                Digit::Zero => {}
                Digit::Plus(number) => terms.plus.push(*row.get(number.checked_sub(1)?)?),
                Digit::Minus(number) => terms.minus.push(*row.get(number.checked_sub(1)?)?),
            }
        }
        Some(())
    }
}

impl Terms {
    pub(super) fn with_capacity(rows: usize) -> Self {
        Self { plus: Vec::with_capacity(rows), minus: Vec::with_capacity(rows) }
    }

    #[expect(clippy::arithmetic_side_effects, reason = "curve points, whose arithmetic is total")]
    pub(super) fn sum(&self) -> EdwardsPoint {
        let mut plus = self.plus.iter();
        let mut sum = plus.next().copied().unwrap_or_default();
        for term in plus {
            sum += term;
        }
        for term in &self.minus {
            sum -= term;
        }
        sum
    }
}

impl<'a> Digits<'a> {
    fn new(scalar: &'a Scalar, width: Width) -> Self {
        Self { width: u32::from(width.0), bytes: scalar.as_bytes().iter(), bits: 0, held: 0, carry: 0 }
    }

    /// From `−2^(w−1) + 1` to `2^(w−1)`: what is more becomes negative and carries one to the next.
    fn next(&mut self) -> Digit {
        while self.held < self.width {
            let byte = self.bytes.next().copied().map_or(0, usize::from);
            self.bits |= byte.wrapping_shl(self.held);
            self.held = self.held.wrapping_add(8);
        }
        let radix = 1_usize.wrapping_shl(self.width);
        let value = (self.bits & radix.wrapping_sub(1)).wrapping_add(self.carry);
        self.bits = self.bits.wrapping_shr(self.width);
        self.held = self.held.wrapping_sub(self.width);
        self.carry = usize::from(value > radix.wrapping_shr(1));
        match (self.carry, radix.wrapping_sub(value)) {
            (0, _) if value == 0 => Digit::Zero,
            (0, _) => Digit::Plus(value),
            (_, 0) => Digit::Zero,
            (_, less) => Digit::Minus(less),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use curve25519_dalek::constants::ED25519_BASEPOINT_POINT as B;
    use sha2::{Digest as _, Sha512};

    use super::*;

    const WIDTHS: [u8; 7] = [4, 5, 6, 7, 8, 9, 10];

    /// Zero, one, the largest, those whose digits are all equal, and fifty others.
    fn scalars() -> Vec<Scalar> {
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
        let sizes = WIDTHS.map(|bits| Width::new(bits).unwrap().table_bytes());
        assert_eq!(sizes, [81_920, 130_560, 220_160, 378_880, 655_360, 1_187_840, 2_129_920]);
        for bits in WIDTHS {
            let width = Width::new(bits).unwrap();
            let comb = Comb::new(&B, width);
            assert_eq!(size_of::<EdwardsPoint>() * comb.points.len(), width.table_bytes());
            assert_eq!(comb.points.capacity(), comb.points.len());
        }
    }

    #[test]
    fn products_from_tables_of_every_width_are_those_of_the_curve_library() {
        let point = B * Scalar::from(0xdead_beef_u32);
        for bits in WIDTHS {
            let comb = Comb::new(&point, Width::new(bits).unwrap());
            for scalar in scalars() {
                let mut terms = Terms::default();
                assert_eq!(comb.gather(&scalar, &mut terms), Some(()));
                assert_eq!(terms.sum(), point * scalar, "width {bits}, scalar {scalar:?}");
            }
        }
    }

    #[test]
    fn digits_after_the_last_row_are_zero() {
        for bits in WIDTHS {
            let width = Width::new(bits).unwrap();
            for scalar in scalars() {
                let mut digits = Digits::new(&scalar, width);
                for _ in 0..width.rows() {
                    digits.next();
                }
                assert_eq!([digits.next(), digits.next()], [Digit::Zero; 2]);
            }
        }
    }
}
