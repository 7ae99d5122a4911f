//! The shelf of media: a table, and what the disk still takes.
//!
//! Neighbours: `cmd::media` prints it.

use muster_model::media::{MediaView, MediumView};

use super::{one_line, style, table};
use crate::output::Output;

/// A line each, and the room.
pub(crate) fn table(media: &MediaView, output: &Output) -> String {
    let room = format!("{} free for more.", size(media.free_bytes));
    if media.media.is_empty() {
        return format!("The shelf is empty, {room}");
    }
    let row = |view: &MediumView| {
        let MediumView { medium, held_bytes, whole } = view;
        let state = if *whole { "ready".to_owned() } else { format!("{} came", size(*held_bytes)) };
        vec![
            one_line(medium.name.as_str()),
            size(medium.size_bytes),
            state,
            medium.added_by.to_string(),
            output.minute(medium.added_at),
            medium.sha256.to_string(),
        ]
    };
    let rows: Vec<Vec<String>> = media.media.iter().map(row).collect();
    let lines = table::align(Some(&["NAME", "SIZE", "STATE", "BY", "ADDED", "SHA-256"]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    text.extend(lines.into_iter().skip(1));
    text.push(room);
    text.join("\n")
}

/// As people say it: three figures are enough, and never more than there is.
pub(crate) fn size(bytes: u64) -> String {
    let (mut whole, mut tenths, mut unit) = (bytes, 0, "bytes");
    for larger in ["KiB", "MiB", "GiB"] {
        if whole < 1024 {
            break;
        }
        (whole, tenths, unit) = (whole / 1024, whole % 1024 * 10 / 1024, larger);
    }
    if unit == "bytes" || whole >= 100 {
        format!("{whole} {unit}")
    } else {
        format!("{whole}.{tenths} {unit}")
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn a_size_is_short_and_never_more_than_there_is() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1.0 KiB"),
            (1_048_575, "1023 KiB"),
            (1_610_612_736, "1.5 GiB"),
            (107_374_182_400, "100 GiB"),
        ] {
            assert_eq!(size(bytes), text);
        }
    }
}
