mod signed;

use alloc::vec;
use alloc::vec::Vec;
use core::hint::black_box;
use core::mem::size_of;

use curve25519_dalek::Scalar;

use super::curve::{Niels, Point, Sign};

use self::signed::{BITS, ORDER, Signed};

/// How many columns share a block of a table. A sum takes one doubling less than this.
const SHARE: usize = 7;

/// `2^255` is the highest power that a block begins with: the last one of a table ten wide.
const POWERS: usize = 256;

/// How many teeth make a batch of entries, which are divided together while a table is built: memory
/// that is taken for more is never given back in wasm.
const BATCH: usize = 8;

/// How many bits of a scalar one table entry stands for, 4 to 14: a product is a sum of
/// `⌈252 / width⌉` entries of 128 bytes, and of six doublings.
///
/// | width | entries added | table  |
/// | ----- | ------------- | ------ |
/// | 4     | 63            | 9 KB   |
/// | 5     | 51            | 16 KB  |
/// | 6     | 42            | 25 KB  |
/// | 7     | 36            | 49 KB  |
/// | 8     | 32            | 82 KB  |
/// | 9     | 28            | 131 KB |
/// | 10    | 26            | 262 KB |
/// | 11    | 23            | 524 KB |
/// | 12    | 21            | 786 KB |
/// | 13    | 20            | 1.6 MB |
/// | 14    | 18            | 3.1 MB |
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Width(u8);

/// The multiples of one point that make its product with a scalar a sum of table entries (Lim, Lee
/// 1994).
///
/// A scalar's signed bits are written below each other, as many in a line as there are columns, and
/// as many lines as the table is wide: the teeth of the comb. Each column is one entry. A block
/// serves [`SHARE`] columns that lie side by side: all but its first are doubled into place, and
/// those of all blocks together. Turned round, an entry is its negative, which halves a block.
pub(super) struct Comb {
    width: Width,
    points: Vec<Niels>,
}

/// A point times `2^0`, `2^1` and so on. Its order is the group's prime one, or it is neutral: of other
/// points, multiples by scalars that are equal modulo that order differ, and a comb takes them for
/// the same.
pub(super) struct Powers(Vec<Point>);

/// A table's point times a scalar, yet to be summed.
pub(super) struct Product<'a> {
    comb: &'a Comb,
    scalar: Signed,
}

type Term<'a> = (&'a Niels, Sign);

impl Width {
    /// The default for keys.
    pub const KEY: Self = Self(7);
    /// The default for busy keys.
    pub const BUSY: Self = Self(12);
    /// The default for the base point, whose one table serves every signature.
    pub const BASE: Self = Self(14);

    pub(crate) const LEAST: u8 = 4;
    pub(crate) const MOST: u8 = 14;

    /// Nothing outside 4 to 14.
    pub const fn new(bits: u8) -> Option<Self> {
        if matches!(bits, Self::LEAST..=Self::MOST) { Some(Self(bits)) } else { None }
    }

    /// The size of a table.
    pub(super) fn table_bytes(self) -> usize {
        self.blocks().saturating_mul(self.entries()).saturating_mul(size_of::<Niels>())
    }

    /// This width, or the widest below it whose table takes no more.
    pub(super) fn within(self, bytes: usize) -> Self {
        let mut widths = (Self::LEAST..=self.0).rev().map(Self);
        widths.find(|width| width.table_bytes() <= bytes).unwrap_or(Self(Self::LEAST))
    }

    pub(crate) const fn bits(self) -> u8 {
        self.0
    }

    fn teeth(self) -> usize {
        self.0.into()
    }

    fn columns(self) -> usize {
        BITS.saturating_add(self.teeth()).saturating_sub(1).checked_div(self.teeth()).unwrap_or_default()
    }

    fn blocks(self) -> usize {
        self.columns().div_ceil(SHARE)
    }

    /// Entries of a block.
    fn entries(self) -> usize {
        1_usize.wrapping_shl(u32::from(self.0).saturating_sub(1))
    }
}

impl Powers {
    /// Nothing for a point of another order.
    pub(super) fn of(point: &Point) -> Option<Self> {
        let mut powers = Vec::with_capacity(POWERS);
        let (mut power, mut product) = (*point, Point::ZERO);
        for index in 0..POWERS {
            if ORDER.bit(index) {
                product.add_cached(&power.cached(), Sign::Plus);
            }
            powers.push(power);
            power.shift(1);
        }
        product.is_neutral().then_some(Self(powers))
    }
}

impl Comb {
    /// Nothing if a power is not there, which the widths exclude.
    pub(super) fn new(Powers(powers): &Powers, width: Width) -> Option<Self> {
        let mut points = Vec::with_capacity(width.blocks().saturating_mul(width.entries()));
        for first in (0..width.columns()).step_by(SHARE) {
            // A line begins with its power, and goes on with the power's double.
            let mut lines = powers.get(first..)?.chunks(width.columns()).take(width.teeth());
            let mut entry = *lines.next_back()?.first()?;
            for line in lines.clone() {
                entry.add_cached(&line.first()?.cached(), Sign::Minus);
            }
            let mut batch = vec![entry];
            for line in lines.by_ref().take(BATCH) {
                let half = batch.len();
                batch.extend_from_within(..);
                add(batch.iter_mut().skip(half), line.get(1)?);
            }
            Point::divide(&batch, &mut points);
            // The other entries are those, and sums of doubles that all of them lack.
            let mut others: Vec<Point> = Vec::new();
            for line in lines {
                let (half, double) = (others.len(), line.get(1)?);
                others.push(*double);
                others.extend_from_within(..half);
                add(others.iter_mut().rev().take(half), double);
            }
            for other in others {
                let mut batch = batch.clone();
                add(batch.iter_mut(), &other);
                Point::divide(&batch, &mut points);
            }
        }
        Some(Self { width, points })
    }

    /// The table's point times a scalar; nothing for a scalar that has no signed bits, one in `2^127`.
    pub(super) fn times(&self, scalar: &Scalar) -> Option<Product<'_>> {
        Some(Product { comb: self, scalar: Signed::new(scalar, self.width)? })
    }
}

impl<'a> Product<'a> {
    /// Takes the entries of every column that is doubled so many times.
    fn gather(&self, doublings: usize, terms: &mut Vec<Term<'a>>) -> Option<()> {
        let Comb { width, points } = self.comb;
        let columns = (doublings..width.columns()).step_by(SHARE);
        for (block, column) in points.chunks_exact(width.entries()).zip(columns) {
            let (place, sign) = self.scalar.column(column)?;
            terms.push((block.get(place)?, sign));
        }
        Some(())
    }
}

/// The sum of products, in variable time. Nothing if an entry is not there, which the columns exclude.
pub(super) fn sum(products: &[Product]) -> Option<Point> {
    let columns = products.iter().map(|product| product.comb.width.columns()).fold(0, usize::saturating_add);
    let mut terms = Vec::with_capacity(columns);
    let mut ends = [0; SHARE];
    for (doublings, end) in (0..SHARE).rev().zip(&mut ends) {
        for product in products {
            product.gather(doublings, &mut terms)?;
        }
        *end = terms.len();
    }
    // Tables do not fit a processor's caches. Read at once, the entries are waited for side by side;
    // each read when it is added, one after another.
    black_box(terms.iter().fold(0, |read, (entry, _)| read ^ entry.read()));
    let mut sum: Option<Point> = None;
    let mut from = 0;
    for end in ends {
        sum.iter_mut().for_each(|sum| sum.shift(1));
        for (entry, sign) in terms.get(from..end)? {
            match &mut sum {
                Some(sum) => sum.add(entry, *sign),
                None => sum = Some(Point::of(entry, *sign)),
            }
        }
        from = end;
    }
    sum
}

fn add<'a>(points: impl Iterator<Item = &'a mut Point>, other: &Point) {
    let other = other.cached();
    for point in points {
        point.add_cached(&other, Sign::Plus);
    }
}

#[cfg(test)]
pub(super) mod tests;
