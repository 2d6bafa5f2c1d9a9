use alloc::borrow::Cow;
use core::cmp::Ordering;

/// Longer amounts are malformed: none that anybody means has so many digits.
const MAX_LENGTH: usize = 64;

/// A plain decimal that is not negative: digits, then perhaps a point and more digits.
///
/// Amounts are compared digit by digit: a float would round `0.1` and let a sum slip past its
/// ceiling.
#[derive(Clone, Debug)]
pub(super) struct Decimal<'a> {
    /// Without leading zeros.
    whole: Cow<'a, str>,
    /// Without trailing zeros.
    fraction: Cow<'a, str>,
}

impl<'a> Decimal<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (whole, fraction) = match text.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (text, ""),
        };
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if text.len() > MAX_LENGTH || whole.is_empty() || !digits(whole) || !digits(fraction) {
            return None;
        }
        Some(Self {
            whole: Cow::Borrowed(whole.trim_start_matches('0')),
            fraction: Cow::Borrowed(fraction.trim_end_matches('0')),
        })
    }

    pub(super) fn into_owned(self) -> Decimal<'static> {
        Decimal { whole: Cow::Owned(self.whole.into_owned()), fraction: Cow::Owned(self.fraction.into_owned()) }
    }

    /// More whole digits are more; of as many, the first that differs counts.
    pub(super) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        (self.whole.len().cmp(&other.whole.len()))
            .then_with(|| self.whole.cmp(&other.whole))
            .then_with(|| self.fraction.cmp(&other.fraction))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn compare(a: &str, b: &str) -> Ordering {
        Decimal::parse(a).unwrap().into_owned().compare(&Decimal::parse(b).unwrap())
    }

    #[test]
    fn amounts_compare_as_numbers() {
        for (a, b, order) in [
            ("1000.00", "1000", Ordering::Equal),
            ("0", "0.00", Ordering::Equal),
            ("007", "7.0", Ordering::Equal),
            ("9", "10", Ordering::Less),
            ("10.1", "10.09", Ordering::Greater),
            ("0.1", "0.10000000000000000000000000000000001", Ordering::Less),
            ("9007199254740993", "9007199254740992", Ordering::Greater),
            ("99999999999999999999999999999999", "100000000000000000000000000000000", Ordering::Less),
            ("1000.01", "1000", Ordering::Greater),
        ] {
            assert_eq!(compare(a, b), order, "{a} {b}");
            assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
        }
    }

    #[test]
    fn whatever_is_no_plain_decimal_is_malformed() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "-0",
            "+1",
            "1e3",
            "1,000",
            " 1",
            "1 ",
            "1.2.3",
            "0x10",
            "NaN",
            "١",
            "1_000",
            "11111111111111111111111111111111111111111111111111111111111111111",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }
}
