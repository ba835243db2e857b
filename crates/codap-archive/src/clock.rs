//! Times as archives keep them.

use std::time::{SystemTime, UNIX_EPOCH};

const DAY: i64 = 24 * 60 * 60;

/// 1980 and 2107, between which zip's own field lies.
const FIRST: i64 = 3652 * DAY;
const LAST: i64 = 50_403 * DAY - 2;

/// Seconds since 1970, whole ones, before it negative.
pub(crate) fn seconds(time: SystemTime) -> i64 {
    let signed = |seconds: u64| i64::try_from(seconds).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => signed(since.as_secs()),
        Err(before) => -signed(before.duration().as_secs()),
    }
}

/// Time in the low, date in the high 16 bits, in UTC; the nearest that there is.
pub(crate) fn dos(seconds: i64) -> u32 {
    let seconds = seconds.clamp(FIRST, LAST);
    let (days, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(days);
    let time = ((second / 3600) << 11) | ((second % 3600 / 60) << 5) | (second % 60 / 2);
    let date = ((year - 1980) << 9) | (month << 5) | day;
    u32::try_from((date << 16) | time).unwrap_or(u32::MAX)
}

/// Year, month and day of a day since 1970.
fn date(days: i64) -> (i64, i64, i64) {
    // Of the centuries, only 2100 matters, and it is no leap year.
    let is_leap = |year: i64| year % 4 == 0 && year != 2100;
    let (mut year, mut left) = (1970, days);
    while left >= 365 + i64::from(is_leap(year)) {
        left -= 365 + i64::from(is_leap(year));
        year += 1;
    }
    let february = 28 + i64::from(is_leap(year));
    let lengths = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 1;
    for length in lengths {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn parts(dos: u32) -> [u32; 6] {
        let (date, time) = (dos >> 16, dos & 0xffff);
        [(date >> 9) + 1980, date >> 5 & 15, date & 31, time >> 11, time >> 5 & 63, (time & 31) * 2]
    }

    #[test]
    fn dates_are_right_and_clamped() {
        assert_eq!(parts(dos(i64::MIN)), [1980, 1, 1, 0, 0, 0]);
        assert_eq!(parts(dos(0)), [1980, 1, 1, 0, 0, 0]);
        assert_eq!(parts(dos(1_709_210_096)), [2024, 2, 29, 12, 34, 56]);
        assert_eq!(parts(dos(4_107_542_400)), [2100, 3, 1, 0, 0, 0]);
        assert_eq!(parts(dos(i64::MAX)), [2107, 12, 31, 23, 59, 58]);
    }

    #[test]
    fn seconds_go_both_ways() {
        assert_eq!(seconds(UNIX_EPOCH + Duration::from_secs(7)), 7);
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(7)), -7);
    }
}
