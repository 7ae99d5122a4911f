//! The agent's errors in Windows' event log, for whoever looks there first.
//!
//! The Application log shows a text by a program of messages. Windows has one whose messages are nothing but a text, that of
//! its own `eventcreate`; the source names that one, so that the agent carries none. Neighbours: `own` makes the source,
//! `crate::log` says what is written. Never reads the log, and leaves the source where the service is taken away: without it
//! what was written could not be read any more.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::HANDLE;
use windows_sys::Win32::System::EventLog::{
    DeregisterEventSource, EVENTLOG_ERROR_TYPE, RegisterEventSourceW, ReportEventW,
};

use super::super::registry::{Key, View};
use super::super::registry_values::encode;
use super::super::text::wide;
use crate::host::RegistryData;

const SOURCES: &str = r"SYSTEM\CurrentControlSet\Services\EventLog\Application";
/// Its messages 1 to 1000 are `%1`.
const MESSAGES: &str = r"%SystemRoot%\System32\EventCreate.exe";
const EVENT_ID: u32 = 1;
/// Microsoft, `ReportEventW`: the longest text, in UTF-16 units, with room for the zero.
const TEXT_UNITS: usize = 31_000;

/// Makes the source, or makes it again.
///
/// # Errors
/// Where the registry cannot be written.
pub(super) fn make_source(name: &str) -> io::Result<()> {
    let source = Key::make(&format!(r"{SOURCES}\{name}"), View::Bits64)?;
    let values = [
        ("EventMessageFile", RegistryData::ExpandString(MESSAGES.to_owned())),
        ("TypesSupported", RegistryData::Dword(EVENTLOG_ERROR_TYPE.into())),
    ];
    values.iter().try_for_each(|(name, data)| source.set(name, &encode(data).map_err(io::Error::other)?))
}

/// Writes an error of that source; one that is too long is cut.
///
/// # Errors
/// Where the event log does not take it.
pub fn report_error(name: &str, text: &str) -> io::Result<()> {
    let source = Source::open(name)?;
    let cut: String = text.chars().take(TEXT_UNITS / 2).collect();
    let text = wide(&cut);
    let texts = [text.as_ptr()];
    // SAFETY: the source is open, one text is passed that ends with a zero and lives until the call is done, and no data.
    let taken = unsafe {
        ReportEventW(
            source.0,
            EVENTLOG_ERROR_TYPE,
            0,
            EVENT_ID,
            ptr::null_mut(),
            1,
            0,
            texts.as_ptr(),
            ptr::null(),
        )
    };
    if taken == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

struct Source(HANDLE);

impl Source {
    fn open(name: &str) -> io::Result<Self> {
        let name = wide(name);
        // SAFETY: null is this computer, and the name ends with a zero.
        let source = unsafe { RegisterEventSourceW(ptr::null(), name.as_ptr()) };
        if source.is_null() { Err(io::Error::last_os_error()) } else { Ok(Self(source)) }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the source is open, and this value alone closes it.
        let closed = unsafe { DeregisterEventSource(self.0) };
        debug_assert!(closed != 0, "not closed: {}", io::Error::last_os_error());
    }
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::System::Registry::REG_EXPAND_SZ;

    use super::*;

    #[test]
    fn a_source_names_windows_own_messages_and_can_be_made_twice() {
        let name = "muster-story-events";
        make_source(name).unwrap();
        make_source(name).unwrap();
        let source = Key::open(&format!(r"{SOURCES}\{name}"), View::Bits64).unwrap().unwrap();
        assert_eq!(source.number("", "TypesSupported").unwrap(), Some(1));
        let file = source.raw("EventMessageFile").unwrap().unwrap();
        assert_eq!(file.kind, REG_EXPAND_SZ);
        assert_eq!(file.bytes.len(), 2 * (MESSAGES.len() + 1));
    }

    /// `tests/windows/run services` looks for it in what Wine says of its event log, which it keeps nowhere.
    #[test]
    #[ignore = "run by tests/windows/run services, which sees what arrives"]
    fn an_error_arrives_whole_and_a_long_one_cut() {
        report_error("muster-story-events", "the journal cannot be written: é, one of many").unwrap();
        report_error("muster-story-events", &"é".repeat(100_000)).unwrap();
    }
}
