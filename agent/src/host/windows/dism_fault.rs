//! What Windows' servicing library answers when it does not do it, and what a person does about it.
//!
//! Codes are those of Microsoft's `dismapi.h` and `winerror.h`. Neighbours: `dism` makes faults, `features` tells them.

use std::fmt;
use std::io;

use super::text::error_text;
use crate::host::Error;

/// `DISMAPI_E_UNKNOWN_FEATURE`.
const UNKNOWN: u32 = 0x800f_080c;
/// `DISMAPI_E_PARENT_FEATURE_DISABLED`.
const PARENT_DISABLED: u32 = 0xc004_000d;
/// `CBS_E_SOURCE_MISSING`: the files are nowhere.
const SOURCE_MISSING: u32 = 0x800f_081f;
/// `CBS_E_DOWNLOAD_FAILURE`: the files are not here, and Windows Update was not reached.
const DOWNLOAD_FAILED: u32 = 0x800f_0906;
/// `CBS_E_GROUPPOLICY_DISALLOWED`: the files are not here, and a policy forbids fetching them.
const POLICY: u32 = 0x800f_0907;
/// `DISMAPI_E_BUSY`.
const BUSY: u32 = 0x800f_0902;
/// `E_ACCESSDENIED`.
const ACCESS_DENIED: u32 = 0x8007_0005;
/// `ERROR_ELEVATION_REQUIRED`, as a result.
const ELEVATION_REQUIRED: u32 = 0x8007_02e4;
/// `DISMAPI_E_DISMAPI_ALREADY_INITIALIZED`.
const ALREADY_INITIALIZED: u32 = 0xc004_0000;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Fault {
    call: &'static str,
    code: Option<u32>,
    words: String,
}

impl Fault {
    /// What a call answered, in the library's own words where it has any.
    pub(super) fn new(call: &'static str, code: u32, words: &str) -> Self {
        let lines = words.lines().map(str::trim).filter(|line| !line.is_empty());
        let words = lines.collect::<Vec<_>>().join(" ").trim_end_matches('.').to_owned();
        Self { call, code: Some(code), words }
    }

    /// A success that gave nothing.
    pub(super) fn nothing(call: &'static str) -> Self {
        Self { call, code: None, words: "it answered with nothing".to_owned() }
    }

    /// The library is not there, or not all of it.
    pub(super) fn missing(error: io::Error) -> Self {
        Self { call: "dismapi.dll", code: None, words: error_text(&error) }
    }

    /// This Windows knows no feature of that name.
    pub(super) fn is_unknown(&self) -> bool {
        self.code == Some(UNKNOWN)
    }

    /// A feature that it stands on is not installed.
    pub(super) fn is_parent_disabled(&self) -> bool {
        self.code == Some(PARENT_DISABLED)
    }

    /// As the port says it.
    pub(super) fn told(&self, operation: &'static str, name: &str) -> Error {
        if self.is_unknown() {
            return Error::Absent { kind: "feature", name: name.to_owned() };
        }
        let message = match self.advice() {
            Some(advice) => format!("{self}; {advice}"),
            None => self.to_string(),
        };
        Error::Refused { operation, name: name.to_owned(), message }
    }

    fn advice(&self) -> Option<&'static str> {
        Some(match self.code? {
            SOURCE_MISSING | DOWNLOAD_FAILED | POLICY => {
                "its files are not on this server: give Windows a medium of its own version once, with `dism /online \
                 /enable-feature /featurename:NAME /source:D:\\sources\\sxs /limitaccess`, or allow the download by the policy \
                 \"Specify settings for optional component installation\", then plan again"
            }
            ACCESS_DENIED | ELEVATION_REQUIRED => {
                "the agent is no administrator here: run it as its service, or in a window of an administrator"
            }
            BUSY => {
                "Windows is changing itself at this moment: wait until its updates are through, then resume"
            }
            ALREADY_INITIALIZED => "this process uses the library already: start the agent again",
            PARENT_DISABLED => "a feature that it stands on is not installed: give that one a node above it",
            _ => return None,
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "error {code:#010x} of {}", self.call)?,
            None => write!(f, "{}", self.call)?,
        }
        if self.words.is_empty() { Ok(()) } else { write!(f, ": {}", self.words) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_told_with_its_code_and_what_to_do() {
        let fault = |code| {
            Fault::new("DismEnableFeature", code, "The words.\r\n").told("install feature", "X").to_string()
        };
        for (code, words) in [
            (0x800f_080c, "there is no feature X"),
            (0x800f_081f, "/source:D:\\sources\\sxs"),
            (0x8007_0005, "no administrator"),
            (0x8007_02e4, "no administrator"),
            (0x800f_0902, "wait until its updates are through"),
            (0xc004_000d, "give that one a node above it"),
            (0x8000_4005, "install feature X failed: error 0x80004005 of DismEnableFeature: The words"),
        ] {
            assert!(fault(code).contains(words), "{}", fault(code));
        }
        assert_eq!(
            Fault::nothing("DismGetFeatureInfo").to_string(),
            "DismGetFeatureInfo: it answered with nothing"
        );
    }
}
