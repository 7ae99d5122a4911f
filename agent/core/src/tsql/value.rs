//! Values of an answer as people write them: days, times, amounts.
//!
//! Neighbours: the Windows host reads them off the wire as numbers.

/// A day of the calendar, counted from 0001-01-01 as SQL Server does: `2024-03-07`.
pub fn date(days: i64) -> String {
    // Years begin in March here, so that a leap day is the last of one; 400 years have 146,097 days.
    let days = days + 306;
    let (cycle, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    format!("{:04}-{month:02}-{day:02}", year + cycle * 400 + next)
}

/// A time of the day, with that many digits of a second: `07:08:09.123`.
pub fn time(nanoseconds: u64, digits: u8) -> String {
    let seconds = nanoseconds / 1_000_000_000;
    let fraction = format!("{:09}", nanoseconds % 1_000_000_000);
    let fraction = fraction.get(..usize::from(digits.min(9))).unwrap_or_default();
    let point = if fraction.is_empty() { "" } else { "." };
    format!("{:02}:{:02}:{:02}{point}{fraction}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// An amount that is held in ten thousandths: `-1.5000`.
pub fn money(ten_thousandths: i64) -> String {
    let sign = if ten_thousandths < 0 { "-" } else { "" };
    let amount = ten_thousandths.unsigned_abs();
    format!("{sign}{}.{:04}", amount / 10_000, amount % 10_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_times_and_amounts_are_written_as_people_do() {
        let days = [0, 58, 59, 364, 365, 693_595, 738_951, 738_950, 3_652_058].map(date);
        assert_eq!(
            days,
            [
                "0001-01-01",
                "0001-02-28",
                "0001-03-01",
                "0001-12-31",
                "0002-01-01",
                "1900-01-01",
                "2024-03-07",
                "2024-03-06",
                "9999-12-31"
            ]
        );
        assert_eq!(date(738_943), "2024-02-28");
        assert_eq!(date(738_944), "2024-02-29", "a leap day");
        assert_eq!(time(25_689_123_456_700, 7), "07:08:09.1234567");
        assert_eq!(time(0, 0), "00:00:00");
        assert_eq!([money(-15_000), money(1), money(0)], ["-1.5000", "0.0001", "0.0000"]);
    }
}
