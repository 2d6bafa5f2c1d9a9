use core::str;

use super::unreserved;

/// A query that is its own normal form at first sight, and stands in every form: nothing is escaped
/// or asks to be, every part has a value, and they are sorted.
pub(super) fn as_sent(raw: &[u8]) -> Option<&str> {
    let mut before: (&[u8], &[u8]) = (b"", b"");
    for part in raw.split(|byte| *byte == b'&') {
        let equals = part.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (part.get(..equals)?, part.get(equals.checked_add(1)?..)?);
        let plain = |half: &[u8]| half.iter().all(|byte| unreserved(*byte));
        if !plain(key) || !plain(value) || before > (key, value) {
            return None;
        }
        before = (key, value);
    }
    str::from_utf8(raw).ok()
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::super::QueryForm;
    use super::*;

    #[test]
    fn what_is_taken_as_sent_is_what_decoding_gives_in_every_form() {
        const LETTERS: &[u8] = b"aB~=&%1?";
        let mut taken = 0;
        for number in 0..8_u32.pow(5) {
            let raw: Vec<u8> = (0..5).map(|place| LETTERS[(number >> (3 * place)) as usize & 7]).collect();
            if let Some(normal) = as_sent(&raw) {
                taken += 1;
                for form in [QueryForm::Compat, QueryForm::Strict, QueryForm::Unambiguous] {
                    assert_eq!(form.decoded(&raw).as_deref(), Ok(normal));
                }
            }
        }
        assert_eq!(taken, 1365);
        for raw in ["", "a", "&", "a=1&", "b=1&a=1", "a=2&a=1", "a==", "a=%41", "a=+"] {
            assert_eq!(as_sent(raw.as_bytes()), None, "{raw}");
        }
    }
}
