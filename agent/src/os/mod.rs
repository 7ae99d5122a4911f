//! What differs between operating systems, and nothing else: processes, detached starts, folders, private files, signals.
//!
//! `unix` does it; `other` stands where nothing was written yet and refuses each act with an error, so that the program
//! compiles there and starts nothing. The Windows leaf takes the place of `other`. Neighbours: `host::process`,
//! `supervise`, `durable` and `identity` call it; it calls nobody. Decides nothing.

#[cfg(not(unix))]
mod other;
#[cfg(unix)]
mod unix;

#[cfg(not(unix))]
pub use other::{
    become_program, detach, end, ending_signal, make_private, make_private_folder, parent_id, start_mark,
    sync_folder, terminated,
};
#[cfg(unix)]
pub use unix::{
    become_program, detach, end, ending_signal, make_private, make_private_folder, parent_id, start_mark,
    sync_folder, terminated,
};
