//! What differs between operating systems, and nothing else: processes, detached starts, folders, private files, signals.
//!
//! `unix` does it on Linux, leaves of `host::windows` on Windows; which of the two is chosen here and nowhere else.
//! Neighbours: `host::process`, `supervise`, `durable` and `identity` call it; it calls nobody. Decides nothing.

#[cfg(unix)]
pub mod no_service;
#[cfg(unix)]
mod unix;

#[cfg(unix)]
pub use self::no_service as service;
#[cfg(windows)]
pub use crate::host::windows::disk::{
    account, free_bytes, is_owner, make_private, make_private_folder, rename, sync_name, terminated,
};
#[cfg(windows)]
pub use crate::host::windows::guard::who_else;
#[cfg(windows)]
pub use crate::host::windows::medium::{open_unchanging, path_of};
#[cfg(windows)]
pub use crate::host::windows::msi_service::windows_installer_works;
#[cfg(windows)]
pub use crate::host::windows::process::{
    Held, add_verbatim, become_program, detach, end, ending_signal, hold, parent_id, start_mark,
};
#[cfg(windows)]
pub use crate::host::windows::shell as service;
#[cfg(unix)]
pub use unix::{
    Held, account, add_verbatim, become_program, detach, end, ending_signal, free_bytes, hold, is_owner,
    make_private, make_private_folder, open_unchanging, parent_id, path_of, rename, start_mark, sync_name,
    terminated, who_else, windows_installer_works,
};
