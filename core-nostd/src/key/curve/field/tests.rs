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

#[test]
fn an_inverse_is_one() {
    for seed in 1..=255 {
        let element = Element::from_bytes(&[seed & 0x7f; 32]).plus(&of(seed)).carried();
        assert!(element.times(&element.inverse()) == Element::ONE, "{seed}");
    }
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
