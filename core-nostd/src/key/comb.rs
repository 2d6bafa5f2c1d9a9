use alloc::vec::Vec;
use core::hint::black_box;
use core::mem::size_of;

use curve25519_dalek::Scalar;

use super::curve::{Niels, Point, Sign};
use super::digits::{Digit, Digits};

/// How many points are divided by one inversion while a table is built.
const BATCH: usize = 256;

/// Scalars are below the group's order, and that is below `2^253`.
const SCALAR_BITS: usize = 253;

/// How many bits of a scalar one table entry stands for, 4 to 10: a product is a sum of
/// `⌈253 / width⌉` entries of 128 bytes.
///
/// | width | terms | base point's table | key's table |
/// | ----- | ----- | ------------------ | ----------- |
/// | 4     | 64    | 66 KB              | 33 KB       |
/// | 5     | 51    | 104 KB             | 53 KB       |
/// | 6     | 43    | 176 KB             | 90 KB       |
/// | 7     | 37    | 303 KB             | 156 KB      |
/// | 8     | 32    | 524 KB             | 262 KB      |
/// | 9     | 29    | 950 KB             | 492 KB      |
/// | 10    | 26    | 1.7 MB             | 852 KB      |
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

/// Table entries whose sum is a product, or two.
#[derive(Default)]
pub(super) struct Terms<'a> {
    low: Vec<Term<'a>>,
    /// To be doubled `shift` times.
    high: Vec<Term<'a>>,
    shift: u8,
}

type Term<'a> = (&'a Niels, Sign);

impl Width {
    /// The default for keys: beyond it, twice the memory saves a tenth.
    pub const KEY: Self = Self(6);
    /// The default for the base point, whose one table serves every signature, and for busy keys.
    pub const BASE: Self = Self(10);

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

    pub(crate) const fn bits(self) -> u8 {
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
                multiple.add_cached(&one, Sign::Plus);
                multiples.push(multiple);
            }
            multiple.shift(if rows == Rows::Even { width.0.saturating_add(1) } else { 1 });
            first = multiple;
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
    pub(super) fn gather<'a>(&'a self, scalar: &Scalar, terms: &mut Terms<'a>) -> Option<()> {
        if self.rows == Rows::Even {
            if ![0, self.width.0].contains(&terms.shift) {
                return None;
            }
            terms.shift = self.width.0;
        }
        let mut digits = Digits::new(scalar, self.width);
        for row in self.points.chunks_exact(self.width.entries()) {
            push(&mut terms.low, row, digits.next())?;
            if self.rows == Rows::Even {
                push(&mut terms.high, row, digits.next())?;
            }
        }
        Some(())
    }
}

impl Terms<'_> {
    /// Room for the terms of one product or two.
    pub(super) fn of(one: &Comb, two: Option<&Comb>) -> Self {
        let combs = || [Some(one), two].into_iter().flatten();
        let low = combs().map(|comb| comb.width.rows(comb.rows)).fold(0, usize::saturating_add);
        let even = combs().filter(|comb| comb.rows == Rows::Even);
        let high = even.map(|comb| comb.width.rows(comb.rows)).fold(0, usize::saturating_add);
        Self { low: Vec::with_capacity(low), high: Vec::with_capacity(high), shift: 0 }
    }

    pub(super) fn sum(&self) -> Point {
        // Tables do not fit a processor's caches. Read at once, the entries are waited for side by
        // side; each read when it is added, one after another.
        black_box(self.low.iter().chain(&self.high).fold(0, |read, (entry, _)| read ^ entry.read()));
        let mut sum: Option<Point> = None;
        for (terms, shift) in [(&self.high, self.shift), (&self.low, 0)] {
            for (entry, sign) in terms {
                match &mut sum {
                    Some(sum) => sum.add(entry, *sign),
                    None => sum = Some(Point::of(entry, *sign)),
                }
            }
            sum.iter_mut().for_each(|sum| sum.shift(shift));
        }
        sum.unwrap_or(Point::ZERO)
    }
}

/// Takes a digit's entry of a row.
fn push<'a>(terms: &mut Vec<Term<'a>>, row: &'a [Niels], digit: Digit) -> Option<()> {
    if let Some(place) = digit.place() {
        terms.push((row.get(place)?, digit.sign));
    }
    Some(())
}

#[cfg(test)]
pub(super) mod tests;
