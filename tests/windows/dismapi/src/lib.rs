//! The roles and features of Windows, played for the stories under Wine, which has no `dismapi.dll`.
//!
//! `features` is the file of them, which a person can read and a story can edit, with the answers that a story asks for; `api`
//! is what Windows' library exports, as far as the agent calls it; `memory` is what it gives and takes back. The Wine of the
//! stories finds it in its system folder. Nothing of this ships, and the agent knows nothing of it.

#![cfg_attr(
    not(any(windows, test)),
    expect(dead_code, reason = "only Windows has the functions that use it")
)]

mod features;

#[cfg(windows)]
mod api;
#[cfg(windows)]
mod memory;
