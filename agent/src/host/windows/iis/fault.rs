//! What IIS's configuration library answers when it does not do it.
//!
//! Neighbours: `config` makes faults, `commit` and `state` ask which of them pass. Words are IIS's own where it gave any, with
//! its code and what they are about before them.

use std::fmt;

use windows_core::HRESULT;

use crate::host::Error;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Fault {
    code: u32,
    what: String,
    words: String,
}

/// The class is not there: no IIS, or one for programs of 32 bits.
const CLASS_NOT_REGISTERED: u32 = 0x8004_0154;
/// Another program has the file open, or the port.
const SHARING_VIOLATION: u32 = 0x8007_0020;
/// A section, or a part of it, that the administrator has locked.
pub(super) const LOCK_VIOLATION: u32 = 0x8007_0021;
/// `ERROR_FILE_INVALID`, "cannot commit configuration changes because the file has changed on disk".
const FILE_CHANGED: u32 = 0x8007_03ee;
/// `ERROR_TRANSACTIONAL_CONFLICT`.
const TRANSACTIONAL_CONFLICT: u32 = 0x8007_1a90;
/// `ERROR_SERVICE_ALREADY_RUNNING`: it is on its way, or there.
const ALREADY_RUNNING: u32 = 0x8007_0420;
/// `ERROR_SERVICE_CANNOT_ACCEPT_CTRL`: it is on its way.
const CANNOT_ACCEPT_CONTROL: u32 = 0x8007_0425;
/// `ERROR_SERVICE_NOT_ACTIVE`: nothing of it runs, because it is not on its way yet, or stopped before the order came.
const NOT_ACTIVE: u32 = 0x8007_0426;
/// `ERROR_OBJECT_NOT_FOUND`: what was committed a moment ago is not known to the service yet.
const OBJECT_NOT_FOUND: u32 = 0x8007_10d8;

impl Fault {
    /// What a call answered; `what` it was about.
    pub(super) fn check(what: &str, told: HRESULT) -> Result<(), Self> {
        told.ok().map_err(|error| {
            // Lines, as in "Filename: ...", "Error: ...".
            let message = error.message();
            let lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
            let words = lines.collect::<Vec<_>>().join("; ").trim_end_matches('.').to_owned();
            Self { code: error.code().0.cast_unsigned(), what: what.to_owned(), words }
        })
    }

    /// A success that gave nothing.
    pub(super) fn nothing(what: &str) -> Self {
        // E_POINTER
        Self { code: 0x8000_4003, what: what.to_owned(), words: "it answered with nothing".to_owned() }
    }

    /// Somebody else writes or wrote the configuration at the same moment: all must be read again.
    pub(super) fn is_conflict(&self) -> bool {
        [SHARING_VIOLATION, FILE_CHANGED, TRANSACTIONAL_CONFLICT].contains(&self.code)
    }

    /// What it wanted to open is open elsewhere: a file, or for a site that starts a port.
    pub(super) fn is_in_use(&self) -> bool {
        self.code == SHARING_VIOLATION
    }

    /// A pool or site is on its way, or not known to the service yet.
    pub(super) fn is_not_yet(&self) -> bool {
        [ALREADY_RUNNING, CANNOT_ACCEPT_CONTROL, NOT_ACTIVE, OBJECT_NOT_FOUND].contains(&self.code)
    }

    /// As the port says it.
    pub(super) fn told(&self, operation: &'static str, name: &str) -> Error {
        if self.code == CLASS_NOT_REGISTERED {
            let message = format!("it is not installed on this server ({self})");
            return Error::Unreachable { what: "IIS", message };
        }
        let more = if self.code == LOCK_VIOLATION {
            "; it is locked in IIS's configuration: unlock it there, or take it out of the documents"
        } else {
            ""
        };
        Error::Refused { operation, name: name.to_owned(), message: format!("{self}{more}") }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, what, words } = self;
        write!(f, "error {code:#010x} at {what}: {words}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(code: u32) -> Fault {
        Fault::check("system.applicationHost/sites", HRESULT(code.cast_signed())).unwrap_err()
    }

    #[test]
    fn what_passes_is_tried_again_and_a_lock_is_not() {
        for code in [0x8007_0020, 0x8007_03ee, 0x8007_1a90] {
            assert!(fault(code).is_conflict() && !fault(code).is_not_yet(), "{code:#x}");
        }
        for code in [0x8007_0425, 0x8007_0426] {
            assert!(fault(code).is_not_yet() && !fault(code).is_conflict(), "{code:#x}");
        }
        for code in [LOCK_VIOLATION, CLASS_NOT_REGISTERED, 0x8007_0005] {
            assert!(!fault(code).is_conflict() && !fault(code).is_not_yet(), "{code:#x}");
        }
    }

    #[test]
    fn a_fault_says_its_code_and_what_it_is_about() {
        let text = fault(LOCK_VIOLATION).told("set application pool", "Sage").to_string();
        let wanted = "set application pool Sage failed: error 0x80070021 at system.applicationHost/sites: ";
        assert!(text.starts_with(wanted) && text.contains("it is locked"), "{text}");
        let text = fault(CLASS_NOT_REGISTERED).told("look at application pool", "Sage").to_string();
        assert!(text.starts_with("IIS cannot be reached: it is not installed on this server"), "{text}");
    }
}
