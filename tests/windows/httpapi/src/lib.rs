//! HTTP.SYS's records of certificates, played for the stories under Wine, whose own `httpapi.dll` keeps none.
//!
//! `records` is the file of them, which a person can read and a story can edit; `api` is what Windows' library exports, as far as
//! the agent calls it. The Wine of the stories takes it by a DLL override. Nothing of this ships, and the agent knows nothing of
//! it.

#![cfg_attr(
    not(any(windows, test)),
    expect(dead_code, reason = "only Windows has the functions that use it")
)]

mod records;

#[cfg(windows)]
mod api;
