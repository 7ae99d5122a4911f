//! IIS, through the library that its own tools use: AppHostAdminLibrary, in this process.
//!
//! `pools`, `sites` and `http_sys` are the ports. Below them `commit` (one look, one change), `state` (start, stop, wait), `config`
//! (what the library shows), `fault` (what it answers), `turn` (one at a time), `site`, `time_span`, `endpoint`, and `ahadmin`,
//! its interfaces. Nothing here writes `applicationHost.config` itself, starts a tool of IIS or reads what one prints.

mod ahadmin;
mod commit;
mod config;
mod endpoint;
mod fault;
pub(super) mod http_sys;
pub(super) mod pools;
mod site;
mod sites;
mod state;
mod time_span;
mod turn;

#[cfg(test)]
mod story;
