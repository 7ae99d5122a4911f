//! Local groups of Windows, played for the stories under Wine, which has none: its own `netapi32.dll` says of whatever
//! name that it is an administrator's.
//!
//! `groups` is the file of them, which a person can read and a story can edit; `api` is what Windows' library exports, as far as
//! the agent and what is loaded with it call it; `memory` is what it gives and takes back. The Wine of the stories takes it by a
//! DLL override for the agent alone. Nothing of this ships, and the agent knows nothing of it.

#![cfg_attr(
    not(any(windows, test)),
    expect(dead_code, reason = "only Windows has the functions that use it")
)]

mod groups;

#[cfg(windows)]
mod api;
#[cfg(windows)]
mod memory;
