//! What Windows Installer has begun and not ended, where nobody recorded how an installer ended.
//!
//! A version that is listed then may be one that is still put on, or one that the next installation takes back: Windows
//! Installer lists a product before the last of its own actions have run. Neighbours: `package` asks before it believes what
//! it sees. Never ends anything.

use muster_model::causes::with_causes;
use muster_model::limits;

use super::package::time_limit_ms;
use super::{Engine, Error, Task};
use crate::host::Unfinished;

impl Engine {
    /// Waits until Windows Installer rests, for the step's time limit at most. Why what is seen does not settle the step; none
    /// where it does.
    pub(super) fn unfinished(&self, task: &Task) -> Result<Option<String>, Error> {
        let patience = self.patience(task, "Windows Installer still works");
        let mut left_ms = time_limit_ms(&task.node);
        loop {
            match self.host.packages().unfinished() {
                Ok(None) => return Ok(None),
                Ok(Some(Unfinished::Works)) if left_ms == 0 => {
                    let number = task.step.number;
                    return Ok(Some(format!(
                        "Windows Installer still works; wait for its end, then resume with --restart {number}"
                    )));
                }
                Ok(Some(Unfinished::Works)) => {}
                Ok(Some(Unfinished::CutOff)) => {
                    let why = "Windows Installer was cut off in the midst of an installation, which the next one may take back; start \
                               that installer once by hand and look at what it says, then make a new plan";
                    return Ok(Some(why.to_owned()));
                }
                Err(error) => return Ok(Some(with_causes(&error))),
            }
            left_ms = patience.pause_ms(left_ms, limits::INSTALLER_POLL_MS)?;
        }
    }
}
