use alloc::vec::Vec;
use core::mem::size_of;

use curve25519_dalek::Scalar;

use super::curve::{Niels, Point};
use super::digits::{Digit, Digits};

/// How many points are divided by one inversion while a table is built.
const BATCH: usize = 256;

/// Scalars are below the group's order, and that is below `2^253`.
const SCALAR_BITS: usize = 253;

/// How many bits of a scalar one table entry stands for, 4 to 10: a product is a sum of
/// `⌈253 / width⌉` entries of 120 bytes.
///
/// | width | terms | base point's table | key's table |
/// | ----- | ----- | ------------------ | ----------- |
/// | 4     | 64    | 61 KB              | 31 KB       |
/// | 5     | 51    | 98 KB              | 50 KB       |
/// | 6     | 43    | 165 KB             | 84 KB       |
/// | 7     | 37    | 284 KB             | 146 KB      |
/// | 8     | 32    | 492 KB             | 246 KB      |
/// | 9     | 29    | 891 KB             | 461 KB      |
/// | 10    | 26    | 1.6 MB             | 799 KB      |
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
    points: Vec<Niels>,
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
    plus: Vec<Niels>,
    minus: Vec<Niels>,
}

impl Width {
    /// The default for callers' and issuers' keys: beyond it, twice the memory saves a tenth.
    pub const KEY: Self = Self(6);
    /// The default for the base point, whose one table serves every signature.
    pub const BASE: Self = Self(9);

    #[cfg(any(test, target_arch = "wasm32"))]
    /// For a point that is multiplied once: fewest sums, those for its multiples included.
    pub(super) const ONCE: Self = Self(5);

    /// Nothing outside 4 to 10.
    pub const fn new(bits: u8) -> Option<Self> {
        if matches!(bits, 4..=10) { Some(Self(bits)) } else { None }
    }

    /// The size of a table.
    pub(super) const fn table_bytes(self, rows: Rows) -> usize {
        self.rows(rows).saturating_mul(self.entries()).saturating_mul(size_of::<Niels>())
    }

    pub(super) const fn bits(self) -> u8 {
        self.0
    }

    pub(super) const fn digits(self) -> usize {
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
    pub(super) const fn entries(self) -> usize {
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
    pub(super) fn new(point: &Point, width: Width, rows: Rows) -> Self {
        let mut points = Vec::with_capacity(width.rows(rows).saturating_mul(width.entries()));
        let mut multiples = Vec::with_capacity(BATCH.max(width.entries()));
        let mut first = *point;
        for _ in 0..width.rows(rows) {
            let one = first.cached();
            let mut multiple = first;
            multiples.push(multiple);
            for _ in 1..width.entries() {
                multiple = multiple.plus_cached(&one).point();
                multiples.push(multiple);
            }
            first = multiple.shifted(if rows == Rows::Even { width.0.saturating_add(1) } else { 1 });
            if multiples.len() >= BATCH {
                Point::divide(&multiples, &mut points);
                multiples.clear();
            }
        }
        Point::divide(&multiples, &mut points);
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
    /// Room for the terms of one product or two.
    pub(super) fn of(one: &Comb, two: Option<&Comb>) -> Self {
        let combs = || [Some(one), two].into_iter().flatten();
        let low = combs().map(|comb| comb.width.rows(comb.rows)).fold(0, usize::saturating_add);
        let even = combs().filter(|comb| comb.rows == Rows::Even);
        let high = even.map(|comb| comb.width.rows(comb.rows)).fold(0, usize::saturating_add);
        Self { low: Summands::with_capacity(low), high: Summands::with_capacity(high), shift: 0 }
    }

    pub(super) fn sum(&self) -> Point {
        self.low.sum(self.high.sum(Point::ZERO).shifted(self.shift))
    }
}

impl Summands {
    /// Room for this many terms, whatever their signs.
    fn with_capacity(terms: usize) -> Self {
        Self { plus: Vec::with_capacity(terms), minus: Vec::with_capacity(terms) }
    }

    fn push(&mut self, row: &[Niels], digit: Digit) -> Option<()> {
        match digit {
            Digit::Zero => {}
            Digit::Plus(number) => self.plus.push(*row.get(number.checked_sub(1)?)?),
            Digit::Minus(number) => self.minus.push(*row.get(number.checked_sub(1)?)?),
        }
        Some(())
    }

    fn sum(&self, mut sum: Point) -> Point {
        for term in &self.plus {
            sum = sum.plus(term).point();
        }
        for term in &self.minus {
            sum = sum.minus(term).point();
        }
        sum
    }
}

#[cfg(test)]
pub(super) mod tests;
