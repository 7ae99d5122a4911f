//! A Windows server: the only room of the house that calls Windows, and the only one that is `unsafe`.
//!
//! `process`, `job` and `disk` are what `crate::os` offers the portable code; `text` and `memory` serve the leaves. Each
//! unsafe operation stands alone and says why it is sound; handles and memory belong to types that give them back.
//! Neighbours: everything above the ports is the same code as on the twin. Nothing here parses text that is meant for
//! people, and nothing starts a shell.

#![expect(unsafe_code, reason = "Windows is called by its own functions; this folder alone does so")]

pub mod disk;
pub mod process;

mod job;
mod memory;
mod text;
