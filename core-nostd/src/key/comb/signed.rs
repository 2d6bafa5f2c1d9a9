use curve25519_dalek::Scalar;

use super::{Sign, Width};

/// Bits of nearly every scalar: only one in `2^127` takes more.
pub(super) const BITS: usize = 252;

/// In eights; there are sixty-three at most.
const MOST_COLUMNS: usize = 64;

/// The group's prime order.
pub(super) const ORDER: Number = Number([0x5812_631a_5cf5_d3ed, 0x14de_f9de_a2f7_9cd6, 0, 1 << 60]);

/// A number below `2^256`, its lowest limb first.
#[derive(Clone, Copy)]
pub(super) struct Number([u64; 4]);

/// A scalar as a sum of `2^i` or `−2^i` for every `i` below a table's bits, written in as many lines as
/// the table is wide.
///
/// Such a sum is odd. An even scalar is taken off the order, which is odd, and every sign turned.
pub(super) struct Signed {
    /// What stands below each other in the lines, the lowest line first. A bit is set where its power
    /// is added.
    columns: [u16; MOST_COLUMNS],
    /// That of the highest line.
    highest: u16,
    sign: Sign,
}

impl Number {
    fn read(scalar: &Scalar) -> Self {
        let mut limbs = [0; 4];
        for (limb, bytes) in limbs.iter_mut().zip(scalar.as_bytes().as_chunks().0) {
            *limb = u64::from_le_bytes(*bytes);
        }
        Self(limbs)
    }

    pub(super) fn bit(&self, index: usize) -> bool {
        self.bits(index) & 1 == 1
    }

    /// 64 bits from this one.
    fn bits(&self, from: usize) -> u64 {
        let (limb, shift) = (from / 64, u32::try_from(from % 64).unwrap_or_default());
        let [low, high] = [limb, limb.wrapping_add(1)].map(|limb| self.0.get(limb).copied().unwrap_or_default());
        let above = u64::BITS.wrapping_sub(shift);
        low.wrapping_shr(shift) | high.checked_shl(above).unwrap_or_default()
    }

    /// What is left of the order.
    fn complement(&self) -> Self {
        let mut rest = ORDER;
        let mut borrows = false;
        for (limb, other) in rest.0.iter_mut().zip(self.0) {
            let (less, one) = limb.overflowing_sub(other);
            let (less, two) = less.overflowing_sub(borrows.into());
            (*limb, borrows) = (less, one || two);
        }
        rest
    }
}

impl Signed {
    /// Nothing for a scalar of more bits than a table of this width has.
    pub(super) fn new(scalar: &Scalar, width: Width) -> Option<Self> {
        let number = Number::read(scalar);
        let (number, sign) = if number.bit(0) { (number, Sign::Plus) } else { (number.complement(), Sign::Minus) };
        let (teeth, count) = (width.teeth(), width.columns());
        if number.bits(teeth.wrapping_mul(count)) != 0 {
            return None;
        }
        let (mut columns, mut bit) = ([0; MOST_COLUMNS], 1_u16);
        for tooth in 0..teeth {
            // `2^(i+1) = 2^i + … + 1 + 1`: the sign of a power is the bit above it.
            let line = number.bits(tooth.wrapping_mul(count).wrapping_add(1)).to_le_bytes();
            let (eights, _) = columns.as_chunks_mut::<8>();
            for (eight, line) in eights.iter_mut().zip(line).take(count.div_ceil(8)) {
                for (column, mask) in eight.iter_mut().zip([1, 2, 4, 8, 16, 32, 64, 128]) {
                    *column |= if line & mask == 0 { 0 } else { bit };
                }
            }
            bit = bit.wrapping_shl(1);
        }
        let highest = bit.wrapping_shr(1);
        // The highest power is always added.
        *columns.get_mut(count.wrapping_sub(1))? |= highest;
        Some(Self { columns, highest, sign })
    }

    /// Where in its block the entry of a column stands, and whether it is added.
    pub(super) fn column(&self, column: usize) -> Option<(usize, Sign)> {
        let bits = *self.columns.get(column)?;
        // Entries have the highest line's power added; the others are their negatives.
        let (place, sign) = if bits & self.highest == 0 { (!bits, self.sign.turned()) } else { (bits, self.sign) };
        Some((usize::from(place & self.highest.wrapping_sub(1)), sign))
    }
}
