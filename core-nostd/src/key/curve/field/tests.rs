use super::*;

/// `2^255 − 19 + offset`, little-endian.
fn near_p(offset: u8) -> [u8; 32] {
    let mut bytes = [0xff; 32];
    (bytes[0], bytes[31]) = (0xed + offset, 0x7f);
    bytes
}

fn of(byte: u8) -> Element {
    let mut bytes = [0; 32];
    bytes[0] = byte;
    Element::from_bytes(&bytes)
}

#[test]
fn every_value_has_one_encoding() {
    for offset in 0..=18 {
        assert_eq!(Element::from_bytes(&near_p(offset)).to_bytes(), of(offset).to_bytes());
    }
    assert_eq!(Element::ZERO.minus(&Element::ONE).carried().to_bytes()[0], 0xec);
}

/// Small numbers, large ones, powers of two, and those of hashes.
fn numbers() -> impl Iterator<Item = Element> {
    let small = (1..=255).map(of);
    let large = (1..=255).map(|byte| of(byte).negated());
    let powers = (0..255).scan(of(1), |power, _| Some(core::mem::replace(power, power.plus(power).carried())));
    let hashes = (0..2_000_u32).map(|seed| {
        let mut bytes = crate::encoding::sha256(&seed.to_le_bytes());
        bytes[31] &= 0x7f;
        Element::from_bytes(&bytes)
    });
    small.chain(large).chain(powers).chain(hashes)
}

/// Both ways to it: the second stands in for the first, and would hide that it fails.
#[test]
fn an_inverse_is_one() {
    for number in numbers() {
        let fast = gcd::inverse(&number.to_bytes()).map(|bytes| Element::from_bytes(&bytes));
        assert!(fast.is_some_and(|inverse| inverse.times(&number) == Element::ONE));
        assert!(number.pow_p2().times(&number) == Element::ONE);
        assert!(number.inverse().times(&number) == Element::ONE);
    }
}

#[test]
fn zero_has_no_inverse_but_zero() {
    assert_eq!(gcd::inverse(&[0; 32]), Some([0; 32]));
    assert!(Element::ZERO.inverse() == Element::ZERO);
}

#[test]
fn the_power_for_roots_is_the_one_it_is_called_by() {
    for seed in 1..=255 {
        let element = of(seed);
        // 8 (p − 5) / 8 + 4 = p − 1.
        let power = element.pow_p58().squared_times(3).times(&element.squared_times(2));
        assert!(power == Element::ONE, "{seed}");
    }
}

#[test]
fn odd_encodings_are_negative() {
    assert_eq!([of(0), of(1), of(2), of(255)].map(Element::is_negative), [false, true, false, true]);
    // −1 is p − 1, which is even; 2^255 − 19 + 3 is 3.
    assert!(!Element::ZERO.minus(&of(1)).carried().is_negative());
    assert!(Element::from_bytes(&near_p(3)).is_negative());
}
