use alloc::string::String;

/// A moment in whole seconds since 1970-01-01T00:00:00Z.
///
/// The core has no clock: every step that can be separated in time takes its own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `secs` seconds after the epoch.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs)
    }

    /// Seconds since the epoch.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// `secs` later; the end of time is sticky, so that no sum wraps into the past.
    pub const fn plus(self, secs: u64) -> Self {
        Self(self.0.saturating_add(secs))
    }

    /// `secs` earlier, no earlier than the epoch.
    pub const fn minus(self, secs: u64) -> Self {
        Self(self.0.saturating_sub(secs))
    }

    /// Seconds that passed since `earlier`; zero when it is not earlier.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// RFC 3339 in UTC with whole seconds, as audit events carry it. Its years end with 9999.
    pub fn rfc3339(self) -> String {
        let secs = self.0.min(LAST_OF_9999);
        let (year, month, day) = civil(secs / 86_400);
        let clock = secs % 86_400;
        let mut text = *b"0000-00-00T00:00:00Z";
        for (place, number) in [
            (0, year / 100),
            (2, year % 100),
            (5, month),
            (8, day),
            (11, clock / 3_600),
            (14, clock % 3_600 / 60),
            (17, clock % 60),
        ] {
            if let Some(digits) = text.get_mut(place..).and_then(<[u8]>::first_chunk_mut) {
                *digits = two_digits(number);
            }
        }
        // Digits are ASCII.
        String::from_utf8(text.into()).unwrap_or_default()
    }
}

/// 9999-12-31T23:59:59Z.
const LAST_OF_9999: u64 = 253_402_300_799;

fn two_digits(number: u64) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| u8::try_from(digit).unwrap_or(0).wrapping_add(b'0'))
}

/// The Gregorian date of a day number, by the era method (400-year cycles of 146,097 days).
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days.saturating_add(719_468);
    let era = shifted / 146_097;
    let day_of_era = shifted % 146_097;
    let leaps = (day_of_era / 1_460).saturating_add(day_of_era / 146_096).saturating_sub(day_of_era / 36_524);
    let year_of_era = day_of_era.saturating_sub(leaps) / 365;
    let before = (year_of_era.saturating_mul(365)).saturating_add(year_of_era / 4).saturating_sub(year_of_era / 100);
    let day_of_year = day_of_era.saturating_sub(before);
    let shifted_month = day_of_year.saturating_mul(5).saturating_add(2) / 153;
    let first_day = shifted_month.saturating_mul(153).saturating_add(2) / 5;
    let day = day_of_year.saturating_sub(first_day).saturating_add(1);
    let (month, carry) = match shifted_month {
        0..=9 => (shifted_month.saturating_add(3), 0),
        _ => (shifted_month.saturating_sub(9), 1),
    };
    let year = year_of_era.saturating_add(era.saturating_mul(400)).saturating_add(carry);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_gregorian() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_740_000_000, "2025-02-19T21:20:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "9999-12-31T23:59:59Z"),
            (u64::MAX, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).rfc3339(), text);
        }
    }

    #[test]
    fn sums_stick_at_both_ends() {
        assert_eq!(UnixTime::from_secs(u64::MAX).plus(1), UnixTime(u64::MAX));
        assert_eq!(UnixTime::from_secs(3).minus(4), UnixTime(0));
        assert_eq!(UnixTime::from_secs(3).since(UnixTime(5)), 0);
    }
}
