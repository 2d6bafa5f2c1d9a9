//! Inverses modulo `2^255 − 19` by divsteps (Bernstein, Yang 2019), thirty at a time, in variable time.
//!
//! Whoever asks multiplies the answer with the number: nothing rests on this being right.

/// Bits of a limb, and divsteps in a batch.
const BITS: u32 = 30;

const MASK: i32 = (1 << BITS) - 1;

/// The paper's bound for numbers of 255 bits, 737 divsteps, in batches.
const BATCHES: usize = 25;

/// The inverse of the modulus, modulo `2^30`.
const MODULUS_INVERSE: i32 = 395_589_093;

/// `Σ vᵢ 2^(30 i)`. All limbs but the last are in `0 … 2^30 − 1`; its sign is the number's.
#[derive(Clone, Copy)]
struct Limbs([i32; 9]);

/// What a batch makes of `f` and `g`: `2^30` times the new ones are `u f + v g` and `q f + r g`.
struct Batch {
    u: i32,
    v: i32,
    q: i32,
    r: i32,
}

/// The inverse of a number below the modulus; of zero, zero. All little-endian.
pub(super) fn inverse(number: &[u8; 32]) -> Option<[u8; 32]> {
    let (mut f, mut g) = (Limbs::MODULUS, Limbs::read(number));
    // `d` times the number is `f`, and `e` times the number is `g`, modulo the modulus.
    let (mut d, mut e) = (Limbs::ZERO, Limbs::ONE);
    let mut eta = -1;
    for _ in 0..BATCHES {
        let batch = Batch::new(&mut eta, f.low(), g.low());
        batch.apply(&mut f, &mut g, 0, 0);
        let (more_d, more_e) = batch.multiples(&d, &e);
        batch.apply(&mut d, &mut e, more_d, more_e);
        if g.0 == Limbs::ZERO.0 {
            let inverse = d.reduced();
            let inverse = if f.is_negative() { inverse.negated() } else { inverse };
            return Some(inverse.reduced().write());
        }
    }
    None
}

impl Batch {
    /// From the low limbs alone, for the rest has no say in it. `eta` is the paper's `−δ`.
    fn new(eta: &mut i32, f: i32, g: i32) -> Self {
        let (mut f, mut g) = (f, g);
        let (mut u, mut v, mut q, mut r) = (1_i32, 0_i32, 0_i32, 1_i32);
        let mut left = BITS;
        loop {
            // Halvings, all of them until `g` is odd.
            let zeros = g.trailing_zeros().min(left);
            g >>= zeros;
            u = u.wrapping_shl(zeros);
            v = v.wrapping_shl(zeros);
            *eta = eta.wrapping_sub_unsigned(zeros);
            left = left.wrapping_sub(zeros);
            if left == 0 {
                return Self { u, v, q, r };
            }
            if *eta < 0 {
                *eta = eta.wrapping_neg();
                (f, g) = (g, f.wrapping_neg());
                (u, q) = (q, u.wrapping_neg());
                (v, r) = (r, v.wrapping_neg());
            }
            // As many of its low bits as the next swap allows, six at most: `−1/f` is
            // `f (f² − 2)` modulo 64.
            let bits = eta.unsigned_abs().wrapping_add(1).min(left).min(6);
            let times = f.wrapping_mul(g).wrapping_mul(f.wrapping_mul(f).wrapping_sub(2));
            let times = times & !(-1_i32).wrapping_shl(bits);
            g = g.wrapping_add(f.wrapping_mul(times));
            q = q.wrapping_add(u.wrapping_mul(times));
            r = r.wrapping_add(v.wrapping_mul(times));
        }
    }

    /// How often the modulus is to be added, so that what is applied to `d` and `e` can be divided,
    /// and stays between the modulus and minus twice that.
    fn multiples(&self, d: &Limbs, e: &Limbs) -> (i32, i32) {
        let (d_sign, e_sign) = (d.sign(), e.sign());
        let multiple = |u: i32, v: i32| {
            let more = (u & d_sign).wrapping_add(v & e_sign);
            let low = u.wrapping_mul(d.low()).wrapping_add(v.wrapping_mul(e.low()));
            more.wrapping_sub(MODULUS_INVERSE.wrapping_mul(low).wrapping_add(more) & MASK)
        };
        (multiple(self.u, self.v), multiple(self.q, self.r))
    }

    /// Replaces `a` and `b` by what the batch makes of them, the modulus added that often.
    fn apply(&self, a: &mut Limbs, b: &mut Limbs, more_a: i32, more_b: i32) {
        let [u, v, q, r, more_a, more_b] = [self.u, self.v, self.q, self.r, more_a, more_b].map(i64::from);
        let (mut sum_a, mut sum_b) = (more_a.wrapping_mul(-19), more_b.wrapping_mul(-19));
        let (old_a, old_b) = (*a, *b);
        let mut new = a.0.iter_mut().zip(&mut b.0);
        for (index, (a, b)) in old_a.0.into_iter().zip(old_b.0).enumerate() {
            let (a, b) = (i64::from(a), i64::from(b));
            sum_a = sum_a.wrapping_add(u.wrapping_mul(a)).wrapping_add(v.wrapping_mul(b));
            sum_b = sum_b.wrapping_add(q.wrapping_mul(a)).wrapping_add(r.wrapping_mul(b));
            if index == 8 {
                sum_a = sum_a.wrapping_add(more_a.wrapping_shl(15));
                sum_b = sum_b.wrapping_add(more_b.wrapping_shl(15));
            }
            // The lowest limbs are zero by now: to leave them out is the division.
            if index > 0
                && let Some((place_a, place_b)) = new.next()
            {
                (*place_a, *place_b) = (low(sum_a), low(sum_b));
            }
            sum_a >>= BITS;
            sum_b >>= BITS;
        }
        if let Some((place_a, place_b)) = new.next() {
            (*place_a, *place_b) = (top(sum_a), top(sum_b));
        }
    }
}

impl Limbs {
    const ZERO: Self = Self([0; 9]);
    const ONE: Self = Self([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    const MODULUS: Self = Self([MASK - 18, MASK, MASK, MASK, MASK, MASK, MASK, MASK, (1 << 15) - 1]);

    fn read(bytes: &[u8; 32]) -> Self {
        let (mut limbs, mut bits, mut held) = (Self::ZERO, 0_u64, 0);
        let (words, _) = bytes.as_chunks();
        let mut words = words.iter().copied().map(u32::from_le_bytes);
        for limb in &mut limbs.0 {
            if held < BITS {
                bits |= u64::from(words.next().unwrap_or(0)).wrapping_shl(held);
                held = held.wrapping_add(u32::BITS);
            }
            *limb = low(bits.cast_signed());
            bits >>= BITS;
            held = held.wrapping_sub(BITS);
        }
        limbs
    }

    /// Of a number from zero to below `2^256`.
    fn write(&self) -> [u8; 32] {
        let (mut bytes, mut bits, mut held) = ([0; 32], 0_u64, 0);
        let mut limbs = self.0.iter().map(|limb| u64::from(limb.cast_unsigned()));
        let (words, _) = bytes.as_chunks_mut();
        for word in words {
            while held < u32::BITS {
                bits |= limbs.next().unwrap_or(0).wrapping_shl(held);
                held = held.wrapping_add(BITS);
            }
            let [a, b, c, d, ..] = bits.to_le_bytes();
            *word = [a, b, c, d];
            bits >>= u32::BITS;
            held = held.wrapping_sub(u32::BITS);
        }
        bytes
    }

    const fn low(&self) -> i32 {
        let [low, ..] = self.0;
        low
    }

    /// All ones where the number is negative, else zero.
    const fn sign(&self) -> i32 {
        let [.., top] = self.0;
        top >> 31
    }

    const fn is_negative(&self) -> bool {
        self.sign() != 0
    }

    /// The modulus added, should the number be negative.
    fn reduced(&self) -> Self {
        if self.is_negative() { self.mapped(|limb, modulus| limb.wrapping_add(modulus)) } else { *self }
    }

    fn negated(&self) -> Self {
        self.mapped(|limb, _| limb.wrapping_neg())
    }

    /// Each limb with the modulus' own, then carried.
    fn mapped(&self, of: impl Fn(i64, i64) -> i64) -> Self {
        let (mut limbs, mut sum) = (*self, 0_i64);
        let mut places = limbs.0.iter_mut().zip(Self::MODULUS.0).peekable();
        while let Some((limb, modulus)) = places.next() {
            sum = sum.wrapping_add(of(i64::from(*limb), i64::from(modulus)));
            *limb = if places.peek().is_some() { low(sum) } else { top(sum) };
            sum >>= BITS;
        }
        limbs
    }
}

/// The lowest limb of a sum.
fn low(sum: i64) -> i32 {
    top(sum & i64::from(MASK))
}

/// A sum that is the highest limb: the numbers here are so bounded that it fits.
const fn top(sum: i64) -> i32 {
    let [a, b, c, d, ..] = sum.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
