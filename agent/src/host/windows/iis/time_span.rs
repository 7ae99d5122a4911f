//! Spans of time as IIS writes them, `[days.]hours:minutes:seconds`.
//!
//! Neighbours: `pools`. Muster's documents speak of whole minutes, and so does IIS's schema.

const MINUTES_OF_DAY: i64 = 24 * 60;

/// The whole number of minutes of a span; none where it is none.
pub(super) fn minutes(text: &str) -> Option<i64> {
    let (days, time) = text.split_once('.').unwrap_or(("0", text));
    let mut parts = time.split(':').map(|part| part.parse::<i64>().ok().filter(|part| *part >= 0));
    let (hours, minutes, seconds) = (parts.next()??, parts.next()??, parts.next()??);
    let days: i64 = days.parse().ok()?;
    let is_whole = parts.next().is_none() && seconds == 0 && days >= 0;
    let days_minutes = days.checked_mul(MINUTES_OF_DAY)?;
    is_whole.then(|| days_minutes.checked_add(hours.checked_mul(60)?)?.checked_add(minutes)).flatten()
}

/// That many minutes.
pub(super) fn text(minutes: i64) -> String {
    let (days, rest) = (minutes.div_euclid(MINUTES_OF_DAY), minutes.rem_euclid(MINUTES_OF_DAY));
    let time = format!("{:02}:{:02}:00", rest / 60, rest % 60);
    if days == 0 { time } else { format!("{days}.{time}") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_span_is_read_as_iis_writes_it() {
        for (text, wanted) in [
            ("00:20:00", Some(20)),
            ("00:00:00", Some(0)),
            ("1.05:00:00", Some(29 * 60)),
            ("00:20:30", None),
            ("20", None),
            ("00:20", None),
            ("-1.00:00:00", None),
            ("", None),
        ] {
            assert_eq!(minutes(text), wanted, "{text}");
        }
        assert_eq!(text(29 * 60), "1.05:00:00");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(count in 0_i64..100_000) {
            prop_assert_eq!(minutes(&text(count)), Some(count));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9.:-]{0,24}") {
            minutes(&text);
        }
    }
}
