//! The encodings of the wire: base64url without padding, lower-case hex, SHA-256.

use alloc::string::String;
use alloc::vec::Vec;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};

/// Decodes canonical base64url (RFC 4648 section 5, no padding, no trailing bits) of exactly `N` bytes.
pub fn base64url_array<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    // The estimate for N bytes may exceed N by a few, and the decoder wants that room.
    let mut room = [0u8; 96];
    let written = URL_SAFE_NO_PAD.decode_slice(text, &mut room).ok()?;
    room.get(..written)?.try_into().ok()
}

/// Decodes canonical base64url of any length.
pub fn base64url_bytes(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Encodes as base64url without padding.
pub fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Lower-case hex of a digest.
pub fn hex(digest: &[u8; 32]) -> String {
    // Digits are ASCII.
    String::from_utf8(hex_digits(digest).into()).unwrap_or_default()
}

/// The same without an allocation.
pub(crate) fn hex_digits(digest: &[u8; 32]) -> [u8; 64] {
    let mut text = [b'0'; 64];
    let (pairs, _) = text.as_chunks_mut::<2>();
    for ([high, low], byte) in pairs.iter_mut().zip(digest) {
        *high = hex_digit(byte >> 4);
        *low = hex_digit(byte & 0x0f);
    }
    text
}

/// Reads 64 lower-case hex digits; upper case is not the wire form.
pub fn hex_array(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let (pairs, _) = text.as_chunks::<2>();
    let mut digest = [0u8; 32];
    // Without a way out in between, many digits are read in one step.
    let mut bad = 0;
    for (byte, [high, low]) in digest.iter_mut().zip(pairs) {
        let (high, low) = (nibble(*high), nibble(*low));
        bad |= high | low;
        *byte = (high << 4) | (low & 0x0f);
    }
    (bad & 0xf0 == 0).then_some(digest)
}

/// SHA-256 of no bytes: of most bodies, and of most queries.
pub(crate) const SHA256_OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, //
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// SHA-256 of one piece of bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    if bytes.is_empty() { SHA256_OF_NOTHING } else { Sha256::digest(bytes).into() }
}

fn hex_digit(nibble: u8) -> u8 {
    nibble.wrapping_add(if nibble < 10 { b'0' } else { b'a' - 10 })
}

/// The digit's value, or a number beyond 15.
const fn nibble(digit: u8) -> u8 {
    let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
    if number < 10 {
        number
    } else if letter < 6 {
        letter.wrapping_add(10)
    } else {
        0xff
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_base64url_is_read() {
        assert_eq!(base64url_array::<1>(b"AQ"), Some([1]));
        for bad in ["AR", "AQ==", "A", "A+", "A/", " AQ", "AQ\n", ""] {
            assert_eq!(base64url_array::<1>(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(base64url_array::<64>(base64url(&[7; 64]).as_bytes()), Some([7; 64]));
        assert_eq!(base64url_array::<32>(base64url(&[7; 33]).as_bytes()), None);
        assert_eq!(base64url_array::<32>(&[b'A'; 4096]), None);
    }

    #[test]
    fn hex_is_lower_case_and_whole() {
        let digest = sha256(b"");
        assert_eq!(digest, <[u8; 32]>::from(Sha256::digest(b"")));
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(hex(&digest), text);
        assert_eq!(hex_array(text.as_bytes()), Some(digest));
        assert_eq!(hex_array(text.to_uppercase().as_bytes()), None);
        assert_eq!(hex_array(text.get(1..).unwrap_or_default().as_bytes()), None);
    }
}
