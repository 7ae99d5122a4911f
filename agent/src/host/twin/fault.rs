//! Faults: what goes wrong on a twin, as an input. `faults.json`, also edited by hand.
//!
//! Neighbours: `store` takes a matching fault under the lock and spends it, `cli` adds and clears them. A fault never
//! changes what an operation means: it fails, waits, or takes the machine down, as a real one would.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::operation::Operation;

/// What a full disk says.
pub(super) const DISK_FULL: &str = "error 112: there is not enough space on the disk";

/// A fault that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct InvalidFault(String);

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Strike {
    /// The operation fails with these words, or its usual ones.
    Fail(Option<String>),
    /// It takes that many milliseconds longer.
    SlowMs(u64),
    /// It does not come back until the fault is cleared.
    Hang,
    /// The computer goes down here: every process of it ends at once, and services start again by their start mode.
    Reboot,
    /// The disk is full.
    DiskFull,
    /// The installer exits with this code; its work is done where the code is a success, and not where it is none.
    ExitCode(i32),
    /// The service runs and dies that many milliseconds after its start.
    DiesAfterMs(u64),
    /// The address answers with this status.
    Answer(u16),
}

impl FromStr for Strike {
    type Err = InvalidFault;
    fn from_str(text: &str) -> Result<Self, InvalidFault> {
        let wrong = || {
            InvalidFault(format!(
                "{text:?} is no fault; use fail, fail=WORDS, slow=MS, hang, reboot, disk-full, exit-code=N, dies=MS or answer=STATUS"
            ))
        };
        fn number<T: FromStr>(text: &str, wrong: impl Fn() -> InvalidFault) -> Result<T, InvalidFault> {
            text.parse().map_err(|_| wrong())
        }
        match text.split_once('=') {
            None => match text {
                "fail" => Ok(Self::Fail(None)),
                "hang" => Ok(Self::Hang),
                "reboot" => Ok(Self::Reboot),
                "disk-full" => Ok(Self::DiskFull),
                _ => Err(wrong()),
            },
            Some(("fail", words)) => Ok(Self::Fail(Some(words.to_owned()))),
            Some(("slow", ms)) => Ok(Self::SlowMs(number(ms, wrong)?)),
            Some(("exit-code", code)) => Ok(Self::ExitCode(number(code, wrong)?)),
            Some(("dies", ms)) => Ok(Self::DiesAfterMs(number(ms, wrong)?)),
            Some(("answer", status)) => Ok(Self::Answer(number(status, wrong)?)),
            Some(_) => Err(wrong()),
        }
    }
}

impl fmt::Display for Strike {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fail(None) => f.write_str("fail"),
            Self::Fail(Some(words)) => write!(f, "fail={words}"),
            Self::SlowMs(ms) => write!(f, "slow={ms}"),
            Self::Hang => f.write_str("hang"),
            Self::Reboot => f.write_str("reboot"),
            Self::DiskFull => f.write_str("disk-full"),
            Self::ExitCode(code) => write!(f, "exit-code={code}"),
            Self::DiesAfterMs(ms) => write!(f, "dies={ms}"),
            Self::Answer(status) => write!(f, "answer={status}"),
        }
    }
}

/// Whether a fault strikes before the effect or after it, when the caller has not heard of it yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// Before: the effect does not take place, or later.
    #[default]
    Before,
    /// After: the effect took place.
    After,
}

/// One fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Where it strikes.
    pub operation: Operation,
    /// On what: a service, a package, a path, an address. None is any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What happens.
    pub strike: Strike,
    /// Before or after the effect.
    #[serde(default)]
    pub moment: Moment,
    /// How often it strikes still; none is always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
}

impl Fault {
    /// Refuses a fault that could never strike.
    pub fn check(&self) -> Result<(), InvalidFault> {
        let refuse =
            |rule: &str| Err(InvalidFault(format!("{} on {}: {rule}", self.strike, self.operation.name())));
        let before = self.moment == Moment::Before;
        match self.strike {
            Strike::ExitCode(_) if !self.operation.is_installer() || !before => {
                refuse("exit codes belong to package.install and package.uninstall, before the effect")
            }
            Strike::DiesAfterMs(_) if self.operation != Operation::ServiceStart || !before => {
                refuse("only a service that starts can die, and the fault is set before its start")
            }
            Strike::Answer(_) if self.operation != Operation::HttpGet || !before => {
                refuse("a status belongs to http.get, before the answer")
            }
            Strike::Fail(_)
            | Strike::SlowMs(_)
            | Strike::Hang
            | Strike::Reboot
            | Strike::DiskFull
            | Strike::ExitCode(_)
            | Strike::DiesAfterMs(_)
            | Strike::Answer(_) => Ok(()),
        }
    }

    /// Whether it strikes here.
    pub(super) fn matches(&self, operation: Operation, target: &str, moment: Moment) -> bool {
        self.operation == operation
            && self.moment == moment
            && self.times != Some(0)
            && self.target.as_deref().is_none_or(|own| own.eq_ignore_ascii_case(target))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_read_back_as_it_is_written() {
        for text in [
            "fail",
            "fail=no",
            "slow=5",
            "hang",
            "reboot",
            "disk-full",
            "exit-code=-1",
            "dies=9",
            "answer=500",
        ] {
            assert_eq!(text.parse::<Strike>().unwrap().to_string(), text);
        }
        for operation in Operation::ALL {
            assert_eq!(operation.name().parse(), Ok(*operation));
        }
        for text in ["", "slow", "slow=x", "exit-code=", "answer=70000", "explode"] {
            assert!(text.parse::<Strike>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_fault_that_could_never_strike_is_refused() {
        let fault = |operation, strike| Fault {
            operation,
            target: None,
            strike,
            moment: Moment::Before,
            times: None,
        };
        assert!(fault(Operation::HttpGet, Strike::ExitCode(3)).check().is_err());
        assert!(fault(Operation::ServiceStop, Strike::DiesAfterMs(3)).check().is_err());
        assert!(fault(Operation::FileGet, Strike::Answer(500)).check().is_err());
        assert!(fault(Operation::FileGet, Strike::Hang).check().is_ok());
    }
}
