//! Text as Windows wants and gives it: UTF-16 in, UTF-16 out, and its error codes in words.
//!
//! Neighbours: every leaf of this folder. Never decides what an error means.

use std::ffi::OsStr;
use std::io;
use std::os::windows::ffi::OsStrExt as _;

/// The text as Windows reads it: UTF-16 with a zero at its end.
pub(super) fn wide(text: impl AsRef<OsStr>) -> Vec<u16> {
    text.as_ref().encode_wide().chain([0]).collect()
}

/// Text that Windows wrote, up to its zero where it has one.
pub(super) fn narrow(text: &[u16]) -> String {
    let end = text.iter().position(|unit| *unit == 0).unwrap_or(text.len());
    String::from_utf16_lossy(&text[..end])
}

/// Text that lies somewhere in Windows' memory, up to its zero.
///
/// # Safety
/// `start` points to UTF-16 that ends with a zero, and nobody changes it meanwhile.
pub(super) unsafe fn narrow_at(start: *const u16) -> String {
    let mut text = Vec::new();
    let mut at = start;
    loop {
        // SAFETY: no zero was met yet, so `at` is still within the text.
        let unit = unsafe { at.read() };
        if unit == 0 {
            return String::from_utf16_lossy(&text);
        }
        text.push(unit);
        // SAFETY: the zero comes later, so that the next unit is within the text.
        at = unsafe { at.add(1) };
    }
}

/// An error as a person looks it up, `error 1060: ...`: the code first, then Windows' words in the server's own language.
pub(super) fn error_text(error: &io::Error) -> String {
    let Some(code) = error.raw_os_error() else { return error.to_string() };
    let text = error.to_string();
    let words = text.strip_suffix(&format!(" (os error {code})")).unwrap_or(&text);
    // Codes of COM and of keys are looked up by their digits in base sixteen.
    let code = if code < 0 { format!("{:#010x}", code.cast_unsigned()) } else { code.to_string() };
    format!("error {code}: {}", words.trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_survives_the_way_there_and_back() {
        assert_eq!(narrow(&wide("Trésorerie")), "Trésorerie");
        assert_eq!(narrow(&[0x41, 0x42]), "AB", "no zero at its end");
    }

    #[test]
    fn an_error_says_its_code_once_and_first() {
        let text = error_text(&io::Error::from_raw_os_error(1060));
        assert!(text.starts_with("error 1060: "), "{text}");
        assert!(!text.contains("os error"), "{text}");
        let text = error_text(&io::Error::from_raw_os_error(0x8009_2005_u32.cast_signed()));
        assert!(text.starts_with("error 0x80092005: "), "{text}");
    }
}
