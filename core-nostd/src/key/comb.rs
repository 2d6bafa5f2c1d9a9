mod digits;

use alloc::vec::Vec;
use core::mem::size_of;

use curve25519_dalek::{EdwardsPoint, Scalar};

use self::digits::{Digit, Digits};

/// Scalars are below the group's order, and that is below `2^253`.
const SCALAR_BITS: usize = 253;

/// How many bits of a scalar one table entry stands for, 4 to 10: a product is a sum of
/// `⌈253 / width⌉` entries of 160 bytes.
///
/// | width | terms | base point's table | key's table |
/// | ----- | ----- | ------------------ | ----------- |
/// | 4     | 64    | 82 KB              | 41 KB       |
/// | 5     | 51    | 131 KB             | 67 KB       |
/// | 6     | 43    | 220 KB             | 113 KB      |
/// | 7     | 37    | 379 KB             | 195 KB      |
/// | 8     | 32    | 655 KB             | 328 KB      |
/// | 9     | 29    | 1.2 MB             | 614 KB      |
/// | 10    | 26    | 2.1 MB             | 1.1 MB      |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Width(u8);

/// Which rows a table holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rows {
    /// One for each digit of a scalar.
    All,
    /// One for every second digit. The others use it too, and their sum is then shifted by one
    /// digit, which takes `width` doublings: half the memory for an eighth more work.
    Even,
}

/// The multiples of one point that make its product with a scalar a sum of table entries.
///
/// Row `i` holds `1 … 2^(w−1)` times `2^(w·i) · P`. Digits are signed, which halves the rows.
pub(super) struct Comb {
    width: Width,
    rows: Rows,
    points: Vec<EdwardsPoint>,
}

/// Table entries, copied before the first of them is added: tables do not fit the processor's
/// cache, and so their loads wait side by side instead of one after another.
#[derive(Default)]
pub(super) struct Terms {
    low: Summands,
    /// To be doubled `shift` times.
    high: Summands,
    shift: u8,
}

#[derive(Default)]
struct Summands {
    plus: Vec<EdwardsPoint>,
    minus: Vec<EdwardsPoint>,
}

impl Width {
    /// The default for callers' and issuers' keys: beyond it, twice the memory saves a tenth.
    pub const KEY: Self = Self(6);
    /// The default for the base point, whose one table serves every signature.
    pub const BASE: Self = Self(9);

    /// Nothing outside 4 to 10.
    pub const fn new(bits: u8) -> Option<Self> {
        if matches!(bits, 4..=10) { Some(Self(bits)) } else { None }
    }

    /// The size of a table.
    pub(super) const fn table_bytes(self, rows: Rows) -> usize {
        self.rows(rows).saturating_mul(self.entries()).saturating_mul(size_of::<EdwardsPoint>())
    }

    const fn digits(self) -> usize {
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

    const fn rows(self, rows: Rows) -> usize {
        match rows {
            Rows::All => self.digits(),
            Rows::Even => self.digits().div_ceil(2),
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
    pub(super) fn new(point: &EdwardsPoint, width: Width, rows: Rows) -> Self {
        let mut points = Vec::with_capacity(width.rows(rows).saturating_mul(width.entries()));
        let mut first = *point;
        for _ in 0..width.rows(rows) {
            let mut multiple = first;
            points.push(multiple);
            for _ in 1..width.entries() {
                multiple += first;
                points.push(multiple);
            }
            first = multiple + multiple;
            if rows == Rows::Even {
                first = shifted(first, width.0);
            }
        }
        Self { width, rows, points }
    }

    /// Adds to `terms` the points whose sum is `scalar` times the table's point, in variable time.
    /// Nothing if the table lacks an entry, which the range of the digits excludes, or if the terms
    /// are to be shifted otherwise than this table wants.
    pub(super) fn gather(&self, scalar: &Scalar, terms: &mut Terms) -> Option<()> {
        let mut digits = Digits::new(scalar, self.width);
        if self.rows == Rows::Even {
            if ![0, self.width.0].contains(&terms.shift) {
                return None;
            }
            terms.shift = self.width.0;
        }
        for row in self.points.chunks_exact(self.width.entries()) {
            terms.low.push(row, digits.next())?;
            if self.rows == Rows::Even {
                terms.high.push(row, digits.next())?;
            }
        }
        Some(())
    }
}

impl Terms {
    /// Room for the terms of two products.
    pub(super) fn of(one: &Comb, two: &Comb) -> Self {
        let rows = |comb: &Comb| comb.width.rows(comb.rows);
        let high = |comb: &Comb| if comb.rows == Rows::Even { rows(comb) } else { 0 };
        Self {
            low: Summands::with_capacity(rows(one).saturating_add(rows(two))),
            high: Summands::with_capacity(high(one).saturating_add(high(two))),
            shift: 0,
        }
    }

    pub(super) fn sum(&self) -> EdwardsPoint {
        let high = shifted(self.high.sum(EdwardsPoint::default()), self.shift);
        self.low.sum(high)
    }
}

impl Summands {
    /// Room for this many terms, whatever their signs.
    fn with_capacity(terms: usize) -> Self {
        Self { plus: Vec::with_capacity(terms), minus: Vec::with_capacity(terms) }
    }

    fn push(&mut self, row: &[EdwardsPoint], digit: Digit) -> Option<()> {
        match digit {
            Digit::Zero => {}
            Digit::Plus(number) => self.plus.push(*row.get(number.checked_sub(1)?)?),
            Digit::Minus(number) => self.minus.push(*row.get(number.checked_sub(1)?)?),
        }
        Some(())
    }

    #[expect(clippy::arithmetic_side_effects, reason = "curve points, whose arithmetic is total")]
    fn sum(&self, mut sum: EdwardsPoint) -> EdwardsPoint {
        for term in &self.plus {
            sum += term;
        }
        for term in &self.minus {
            sum -= term;
        }
        sum
    }
}

/// `2^bits` times a point.
#[expect(clippy::arithmetic_side_effects, reason = "curve points, whose arithmetic is total")]
fn shifted(point: EdwardsPoint, bits: u8) -> EdwardsPoint {
    // The cofactor is 8, and its product the one doubling that the library exports.
    let eightfold = (0..bits / 3).fold(point, |point, _| point.mul_by_cofactor());
    (0..bits % 3).fold(eightfold, |point, _| point + point)
}

#[cfg(test)]
mod tests;
