use core::slice;

use curve25519_dalek::Scalar;

use super::curve::Sign;

/// Bits of a digit: fewest sums, those for the multiples included.
pub(super) const WIDTH: u8 = 5;

/// Digits of a scalar, which is below `2^253`.
pub(super) const COUNT: usize = 51;

/// The most that a digit stands for.
pub(super) const MULTIPLES: usize = 16;

/// What a digit adds: the multiple of this number, counted from 1, or its negative; nothing at 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Digit {
    pub number: usize,
    pub sign: Sign,
}

/// The digits of a scalar, least significant first, and zeros after them.
pub(super) struct Digits<'a> {
    words: slice::Iter<'a, [u8; 4]>,
    /// The low `held` bits are bits of the scalar that no digit has taken yet.
    bits: u64,
    held: u32,
    carry: usize,
}

impl Digit {
    /// Where among the multiples the one stands that it adds.
    pub(super) const fn place(self) -> Option<usize> {
        self.number.checked_sub(1)
    }
}

impl<'a> Digits<'a> {
    pub(super) fn new(scalar: &'a Scalar) -> Self {
        let (words, _) = scalar.as_bytes().as_chunks();
        Self { words: words.iter(), bits: 0, held: 0, carry: 0 }
    }

    /// From `−2^(w−1) + 1` to `2^(w−1)`: what is more becomes negative and carries one to the next.
    pub(super) fn next(&mut self) -> Digit {
        let width = u32::from(WIDTH);
        if self.held < width {
            let word = self.words.next().copied().map_or(0, u32::from_le_bytes);
            self.bits |= u64::from(word).wrapping_shl(self.held);
            self.held = self.held.wrapping_add(u32::BITS);
        }
        let radix = 1_usize.wrapping_shl(width);
        let low = self.bits & !u64::MAX.wrapping_shl(width);
        let value = usize::try_from(low).map_or(0, |low| low.wrapping_add(self.carry));
        self.bits = self.bits.wrapping_shr(width);
        self.held = self.held.wrapping_sub(width);
        let rest = radix.wrapping_sub(value);
        let carries = value > radix.wrapping_shr(1);
        self.carry = usize::from(carries);
        if carries { Digit { number: rest, sign: Sign::Minus } } else { Digit { number: value, sign: Sign::Plus } }
    }
}
