//! The agent's own service: made, steered, and run under the service manager.
//!
//! `own` makes and steers it, `control` is what runs in it, `event_log` is where it says what went wrong. Neighbours:
//! `crate::service` has the words for people. Never touches another service.

mod control;
mod event_log;
mod own;

use std::io;
use std::path::PathBuf;

pub use self::control::run;
pub use self::event_log::report_error;
pub use self::own::{install, remove, standing, start, stop};
pub use super::guard::who_may_replace;

/// `C:\ProgramData\MusterAgent`: right below a folder in which nobody but an administrator takes away what another made.
pub fn standard_folder() -> Option<PathBuf> {
    std::env::var_os("ProgramData").map(|data| PathBuf::from(data).join(crate::service::NAME))
}

/// The machine's own words, with the code first.
pub(super) fn io_error(error: windows_service::Error) -> io::Error {
    if let windows_service::Error::Winapi(error) = error { error } else { io::Error::other(error) }
}
