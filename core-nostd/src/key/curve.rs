//! The group of Ed25519: `−x² + y² = 1 + d x² y²`.
//!
//! The formulas are those of RFC 8032 section 5.1.4, for extended coordinates (Hisil, Wong, Carter,
//! Dawson 2008). They are complete: on this curve they hold for every pair of points, equal,
//! opposite or neutral. Nothing here is secret, so nothing runs in constant time.

mod field;

use alloc::vec::Vec;

use self::field::{Element, Factor, Sum, multiply};

pub(super) use self::field::Limb;

/// `x = X / Z`, `y = Y / Z`, `x y = T / Z`.
#[derive(Clone, Copy)]
pub(super) struct Point {
    x: Element,
    y: Element,
    z: Element,
    t: Element,
}

/// A point to be added, with all that its sum needs of it: `(y + x) / 2`, `(y − x) / 2`, `d x y`.
///
/// The formulas want the double of each, and of the other point's `Z`: this is the same point for a
/// doubling less. It lies on two cache lines, where unaligned it would mostly lie on three.
#[derive(Clone, Copy)]
#[repr(C, align(128))]
pub(super) struct Niels {
    plus: Sum,
    minus: Sum,
    twist: Element,
}

/// A point to be added that has a `Z` of its own: `Y + X`, `Y − X`, `2d T`, `2Z`.
#[derive(Clone, Copy)]
pub(super) struct Cached {
    plus: Sum,
    minus: Sum,
    twist: Element,
    zz: Sum,
}

/// Whether a point is added, or its negative.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Sign {
    Plus,
    Minus,
}

/// `−121665 / 121666`.
const D: Element = Element::from_bytes(&[
    0xa3, 0x78, 0x59, 0x13, 0xca, 0x4d, 0xeb, 0x75, 0xab, 0xd8, 0x41, 0x41, 0x4d, 0x0a, 0x70, 0x00, //
    0x98, 0xe8, 0x79, 0x77, 0x79, 0x40, 0xc7, 0x8c, 0x73, 0xfe, 0x6f, 0x2b, 0xee, 0x6c, 0x03, 0x52,
]);

/// `2d`.
const D2: Element = Element::from_bytes(&[
    0x59, 0xf1, 0xb2, 0x26, 0x94, 0x9b, 0xd6, 0xeb, 0x56, 0xb1, 0x83, 0x82, 0x9a, 0x14, 0xe0, 0x00, //
    0x30, 0xd1, 0xf3, 0xee, 0xf2, 0x80, 0x8e, 0x19, 0xe7, 0xfc, 0xdf, 0x56, 0xdc, 0xd9, 0x06, 0x24,
]);

/// `4d`.
const D4: Element = Element::from_bytes(&[
    0xb2, 0xe2, 0x65, 0x4d, 0x28, 0x37, 0xad, 0xd7, 0xad, 0x62, 0x07, 0x05, 0x35, 0x29, 0xc0, 0x01, //
    0x60, 0xa2, 0xe7, 0xdd, 0xe5, 0x01, 0x1d, 0x33, 0xce, 0xf9, 0xbf, 0xad, 0xb8, 0xb3, 0x0d, 0x48,
]);

/// A square root of −1.
const SQRT_M1: Element = Element::from_bytes(&[
    0xb0, 0xa0, 0x0e, 0x4a, 0x27, 0x1b, 0xee, 0xc4, 0x78, 0xe4, 0x2f, 0xad, 0x06, 0x18, 0x43, 0x2f, //
    0xa7, 0xd7, 0xfb, 0x3d, 0x99, 0x00, 0x4d, 0x2b, 0x0b, 0xdf, 0xc1, 0x4f, 0x80, 0x24, 0x83, 0x2b,
]);

/// The base point's encoding: `y = 4/5`, `x` even.
const BASE: [u8; 32] = {
    let mut bytes = [0x66; 32];
    let [first, ..] = &mut bytes;
    *first = 0x58;
    bytes
};

impl Point {
    pub(super) const ZERO: Self = Self { x: Element::ZERO, y: Element::ONE, z: Element::ONE, t: Element::ZERO };

    /// The base point. Its encoding decodes.
    pub(super) fn base() -> Self {
        Self::decode(&BASE).unwrap_or(Self::ZERO)
    }

    /// RFC 8032 section 5.1.3, of a canonical encoding.
    pub(super) fn decode(bytes: &[u8; 32]) -> Option<Self> {
        let mut bytes = *bytes;
        let [.., last] = &mut bytes;
        let negative = *last & 0x80 != 0;
        *last &= 0x7f;
        let y = Element::from_bytes(&bytes);
        let yy = y.squared();
        // x² = u / v, and v is never zero.
        let u = yy.minus(&Element::ONE).carried();
        let v = yy.times(&D).plus(&Element::ONE).carried();
        let v3 = v.squared().times(&v);
        let uv7 = v3.squared().times(&v).times(&u);
        let root = u.times(&v3).times(&uv7.pow_p58());
        let square = root.squared().times(&v);
        let x = if square == u {
            root
        } else if square.plus(&u).carried() == Element::ZERO {
            root.times(&SQRT_M1)
        } else {
            return None;
        };
        let x = if x.is_negative() == negative { x } else { x.negated() };
        Some(Self { x, y, z: Element::ONE, t: x.times(&y) })
    }

    pub(super) fn is_neutral(&self) -> bool {
        self.x == Element::ZERO && self.y == self.z
    }

    /// RFC 8032 section 5.1.2.
    pub(super) fn encode(&self) -> [u8; 32] {
        self.encode_with(&self.z.inverse())
    }

    /// Both encodings, for one inversion.
    pub(super) fn encode_both(one: &Self, two: &Self) -> ([u8; 32], [u8; 32]) {
        let inverse = one.z.times(&two.z).inverse();
        (one.encode_with(&inverse.times(&two.z)), two.encode_with(&inverse.times(&one.z)))
    }

    fn encode_with(&self, inverse: &Element) -> [u8; 32] {
        let mut bytes = self.y.times(inverse).to_bytes();
        let [.., last] = &mut bytes;
        *last |= u8::from(self.x.times(inverse).is_negative()) << 7;
        bytes
    }

    #[cfg(any(test, target_arch = "wasm32"))]
    pub(super) fn negated(&self) -> Self {
        Self { x: self.x.negated(), t: self.t.negated(), ..*self }
    }

    /// The point of a table entry, or its negative: where a sum begins.
    pub(super) fn of(entry: &Niels, sign: Sign) -> Self {
        let [plus, minus] = sign.turns([&entry.plus, &entry.minus]).map(Sum::carried);
        let (x, y) = (plus.minus(&minus).carried(), plus.plus(&minus).carried());
        Self { x, y, z: Element::ONE, t: x.times(&y) }
    }

    pub(super) fn add(&mut self, other: &Niels, sign: Sign) {
        let Niels { plus, minus, twist } = other;
        self.sum([plus, minus], twist, None, sign);
    }

    pub(super) fn add_cached(&mut self, other: &Cached, sign: Sign) {
        let Cached { plus, minus, twist, zz } = other;
        let d = self.z.times(zz);
        self.sum([plus, minus], twist, Some(&d), sign);
    }

    /// `d` is twice the product of both `Z`; this one's, if the other point was halved.
    ///
    /// The negative of a point has its `y + x` and `y − x` exchanged, and the sign of its `x y` turned.
    /// Which it is chooses between places alone: signs are random, and a processor that has to guess
    /// them is wrong half of the time.
    fn sum(&mut self, halves: [&Sum; 2], twist: &Element, d: Option<&Element>, sign: Sign) {
        let [plus, minus] = sign.turns(halves);
        let a = self.y.minus(&self.x).times(minus);
        let b = self.y.plus(&self.x).times(plus);
        let c = self.t.times(twist);
        let d = d.unwrap_or(&self.z);
        let (less, more) = (d.minus(&c), d.plus(&c));
        let [f, g] = sign.turns([&less, &more]);
        self.store(&b.minus(&a), f, g, &b.plus(&a));
    }

    pub(super) fn cached(&self) -> Cached {
        Cached {
            plus: self.y.plus(&self.x),
            minus: self.y.minus(&self.x),
            twist: self.t.times(&D2),
            zz: self.z.plus(&self.z),
        }
    }

    /// Appends the points to `niels`, for one inversion.
    pub(super) fn divide(points: &[Self], niels: &mut Vec<Niels>) {
        let mut product = Element::ONE;
        let mut before = Vec::with_capacity(points.len());
        for point in points {
            before.push(product);
            product = product.times(&point.z);
        }
        let from = niels.len();
        // Of the double, so that `x` and `y` come out as halves.
        let mut inverse = product.plus(&product).carried().inverse();
        for (point, before) in points.iter().zip(before).rev() {
            let own = inverse.times(&before);
            inverse = inverse.times(&point.z);
            let (x, y) = (point.x.times(&own), point.y.times(&own));
            let twist = x.times(&y).times(&D4);
            niels.push(Niels { plus: y.plus(&x), minus: y.minus(&x), twist });
        }
        if let Some(new) = niels.get_mut(from..) {
            new.reverse();
        }
    }

    /// Doubles the point so many times.
    pub(super) fn shift(&mut self, times: u8) {
        for left in (0..times).rev() {
            let (xx, yy) = (self.x.squared(), self.y.squared());
            let h = yy.plus(&xx);
            let g = yy.minus(&xx).carried();
            // A product with a sum is tight, and takes no carrying: `2 X Y`, and `2 Z²`.
            let e = self.x.plus(&self.x).times(&self.y);
            let f = self.z.plus(&self.z).times(&self.z).minus(&g);
            // Doublings have no use for a `T`.
            if left == 0 { self.store(&e, &f, &g, &h) } else { self.store_projective(&e, &f, &g, &h) }
        }
    }

    /// `X = E F`, `Y = G H`, `Z = F G`, `T = E H`: what sums and doublings come to, stored where it is
    /// wanted: in wasm, moving a point is a call into the engine.
    fn store(&mut self, e: &impl Factor, f: &Sum, g: &impl Factor, h: &Sum) {
        self.store_projective(e, f, g, h);
        multiply(e, h, &mut self.t);
    }

    /// All but `T`.
    fn store_projective(&mut self, e: &impl Factor, f: &Sum, g: &impl Factor, h: &Sum) {
        multiply(e, f, &mut self.x);
        multiply(g, h, &mut self.y);
        multiply(f, g, &mut self.z);
    }
}

impl Sign {
    /// The two in this order, or in the other.
    fn turns<T: Copy>(self, [one, two]: [T; 2]) -> [T; 2] {
        match self {
            Self::Plus => [one, two],
            Self::Minus => [two, one],
        }
    }

    pub(super) const fn turned(self) -> Self {
        match self {
            Self::Plus => Self::Minus,
            Self::Minus => Self::Plus,
        }
    }
}

impl Niels {
    /// Something of each cache line that this lies on.
    pub(super) fn read(&self) -> Limb {
        let ([first, ..], [.., last]) = (self.plus.limbs(), self.twist.limbs());
        first ^ last
    }
}

#[cfg(test)]
mod tests;
