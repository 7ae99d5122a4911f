//! What Windows does when a service fails: how the service manager writes it down, and how it is told another.
//!
//! Neighbours: the port above asks, `levels` has the calls, `host::recovery` is what comes of it. What is read is taken apart
//! byte by byte and never followed out of its buffer. The command of a program and the words before a restart of the computer
//! are never read and never written: null leaves both as they are.

use std::io;
use std::mem::offset_of;
use std::ptr;

use windows_sys::Win32::System::Services::{
    SC_ACTION, SC_ACTION_NONE, SC_ACTION_REBOOT, SC_ACTION_RESTART, SC_ACTION_RUN_COMMAND, SC_ACTION_TYPE,
    SERVICE_CHANGE_CONFIG, SERVICE_CONFIG_FAILURE_ACTIONS, SERVICE_CONFIG_FAILURE_ACTIONS_FLAG,
    SERVICE_FAILURE_ACTIONS_FLAG, SERVICE_FAILURE_ACTIONSW, SERVICE_START,
};
use windows_sys::Win32::System::Threading::INFINITE;

use super::levels::{number, word};
use super::manager::Service;
use crate::host::Error;
use crate::host::recovery::{FailureAction, FailureActions, OnFailure};

/// What these levels hold, in the words of an error.
const WHAT: &str = "what Windows does when a service fails";

/// The rights that it takes to set these: Windows starts the service again for whoever said so.
pub(super) fn rights(actions: &FailureActions) -> u32 {
    let restarts = actions.list.iter().any(|on| on.action == FailureAction::Restart);
    if restarts { SERVICE_CHANGE_CONFIG | SERVICE_START } else { SERVICE_CHANGE_CONFIG }
}

/// Whether one of these is a restart of the computer, which takes a right of its own also where it only stays.
pub(super) fn reboots(actions: &FailureActions) -> bool {
    actions.list.iter().any(|on| on.action == FailureAction::Reboot)
}

impl Service<'_> {
    pub(super) fn failure_actions(&self) -> Result<FailureActions, Error> {
        let told = self.told(SERVICE_CONFIG_FAILURE_ACTIONS, WHAT)?;
        read(&told.bytes, told.address)
            .ok_or_else(|| self.refused("its recovery is not written as documented"))
    }

    pub(super) fn failures_include_errors(&self) -> Result<bool, Error> {
        let told = self.told(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, WHAT)?;
        let at = offset_of!(SERVICE_FAILURE_ACTIONS_FLAG, fFailureActionsOnNonCrashFailures);
        let flag = number(&told.bytes, at)
            .ok_or_else(|| self.refused("its recovery is not written as documented"))?;
        Ok(flag != 0)
    }

    /// Sets actions and their time together, as Windows takes them; of command and words, nothing.
    pub(super) fn set_failure_actions(&self, actions: &FailureActions) -> io::Result<()> {
        let mut list: Vec<SC_ACTION> = actions.list.iter().map(written).collect();
        let info = SERVICE_FAILURE_ACTIONSW {
            dwResetPeriod: actions.reset_seconds.unwrap_or(INFINITE),
            lpRebootMsg: ptr::null_mut(),
            lpCommand: ptr::null_mut(),
            cActions: u32::try_from(list.len()).unwrap_or(u32::MAX),
            lpsaActions: list.as_mut_ptr(),
        };
        self.change_2(SERVICE_CONFIG_FAILURE_ACTIONS, ptr::from_ref(&info).cast())
    }

    pub(super) fn set_failures_include_errors(&self, include: bool) -> io::Result<()> {
        let info = SERVICE_FAILURE_ACTIONS_FLAG { fFailureActionsOnNonCrashFailures: i32::from(include) };
        self.change_2(SERVICE_CONFIG_FAILURE_ACTIONS_FLAG, ptr::from_ref(&info).cast())
    }
}

/// The actions in a buffer that was filled at that address; none where it is not what Microsoft documents.
fn read(bytes: &[u8], address: usize) -> Option<FailureActions> {
    let reset = number(bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, dwResetPeriod))?;
    let count = number(bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, cActions))? as usize;
    let actions = word(bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, lpsaActions))?;
    let mut list = Vec::new();
    if count > 0 {
        let from = usize::from_ne_bytes(actions).checked_sub(address)?;
        let to = from.checked_add(count.checked_mul(size_of::<SC_ACTION>())?)?;
        let on_failure = |one: &[u8]| {
            let ty = number(one, offset_of!(SC_ACTION, Type))?.cast_signed();
            let delay_ms = number(one, offset_of!(SC_ACTION, Delay))?;
            Some(OnFailure { action: action(ty), delay_ms })
        };
        let all = bytes.get(from..to)?.chunks_exact(size_of::<SC_ACTION>());
        list = all.map(on_failure).collect::<Option<_>>()?;
    }
    Some(FailureActions { list, reset_seconds: (reset != INFINITE).then_some(reset) })
}

fn action(ty: SC_ACTION_TYPE) -> FailureAction {
    match ty {
        SC_ACTION_NONE => FailureAction::None,
        SC_ACTION_RESTART => FailureAction::Restart,
        SC_ACTION_REBOOT => FailureAction::Reboot,
        SC_ACTION_RUN_COMMAND => FailureAction::Program,
        other => FailureAction::Other(other),
    }
}

fn written(on: &OnFailure) -> SC_ACTION {
    let ty = match on.action {
        FailureAction::None => SC_ACTION_NONE,
        FailureAction::Restart => SC_ACTION_RESTART,
        FailureAction::Reboot => SC_ACTION_REBOOT,
        FailureAction::Program => SC_ACTION_RUN_COMMAND,
        FailureAction::Other(number) => number,
    };
    SC_ACTION { Type: ty, Delay: on.delay_ms }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where the buffer of these tests is said to have been filled.
    const ADDRESS: usize = 0x1_0000;
    const RECORD: usize = size_of::<SERVICE_FAILURE_ACTIONSW>();

    /// As Windows writes it: the structure, behind it the actions, and what points to them.
    fn laid_out(reset: u32, actions: &[(SC_ACTION_TYPE, u32)]) -> Vec<u8> {
        let mut bytes = vec![0; RECORD];
        let count = u32::try_from(actions.len()).unwrap();
        put(&mut bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, dwResetPeriod), &reset.to_ne_bytes());
        put(&mut bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, lpCommand), &usize::MAX.to_ne_bytes());
        put(&mut bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, cActions), &count.to_ne_bytes());
        point(&mut bytes, ADDRESS + RECORD);
        for (ty, delay_ms) in actions {
            bytes.extend(ty.to_ne_bytes());
            bytes.extend(delay_ms.to_ne_bytes());
        }
        bytes
    }

    fn put(bytes: &mut [u8], at: usize, what: &[u8]) {
        bytes[at..at + what.len()].copy_from_slice(what);
    }

    fn point(bytes: &mut [u8], to: usize) {
        put(bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, lpsaActions), &to.to_ne_bytes());
    }

    /// On 64 bits: <https://learn.microsoft.com/en-us/windows/win32/api/winsvc/ns-winsvc-service_failure_actionsw>.
    #[test]
    fn the_record_is_where_microsoft_says() {
        assert_eq!(
            (offset_of!(SERVICE_FAILURE_ACTIONSW, cActions), RECORD, size_of::<SC_ACTION>()),
            (24, 40, 8)
        );
    }

    #[test]
    fn a_record_of_every_action_is_read_as_it_is() {
        use FailureAction::{None, Other, Program, Reboot, Restart};
        let read = |reset, actions: &[_]| read(&laid_out(reset, actions), ADDRESS).unwrap();
        let actions = [(1, 5_000), (3, 0), (2, 60_000), (0, 1), (4, 2)];
        let list = [(Restart, 5_000), (Program, 0), (Reboot, 60_000), (None, 1), (Other(4), 2)];
        let list = list.map(|(action, delay_ms)| OnFailure { action, delay_ms }).to_vec();
        let wanted = FailureActions { list: list.clone(), reset_seconds: Some(86_400) };
        assert_eq!(read(86_400, &actions), wanted);
        assert_eq!(read(INFINITE, &actions), FailureActions { list, reset_seconds: Option::None });
        assert_eq!(read(0, &[]), FailureActions::default());
        for (ty, _) in actions {
            assert_eq!(written(&OnFailure { action: action(ty), delay_ms: 7 }).Type, ty);
        }
    }

    #[test]
    fn a_record_that_points_out_of_its_buffer_is_not_followed() {
        let good = laid_out(60, &[(1, 5_000), (2, 60_000)]);
        assert!(read(&good, ADDRESS).is_some());
        for to in [0, 1, ADDRESS - 8, ADDRESS + RECORD + 1, ADDRESS + good.len(), usize::MAX] {
            let mut bytes = good.clone();
            point(&mut bytes, to);
            assert_eq!(read(&bytes, ADDRESS), None, "{to:#x}");
        }
        for count in [3, 1_024, u32::MAX] {
            let mut bytes = good.clone();
            put(&mut bytes, offset_of!(SERVICE_FAILURE_ACTIONSW, cActions), &count.to_ne_bytes());
            assert_eq!(read(&bytes, ADDRESS), None, "{count}");
        }
        for length in 0..good.len() {
            assert_eq!(read(&good[..length], ADDRESS), None, "{length}");
        }
    }

    #[test]
    fn a_restart_of_the_service_takes_the_right_to_start_it() {
        let of =
            |action| FailureActions { list: vec![OnFailure { action, delay_ms: 0 }], reset_seconds: None };
        assert_eq!(rights(&of(FailureAction::Restart)), SERVICE_CHANGE_CONFIG | SERVICE_START);
        for action in [FailureAction::None, FailureAction::Reboot, FailureAction::Program] {
            assert_eq!(rights(&of(action)), SERVICE_CHANGE_CONFIG);
            assert_eq!(reboots(&of(action)), action == FailureAction::Reboot);
        }
    }
}
