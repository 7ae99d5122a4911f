//! IIS's configuration library, played for the stories under Wine, which has no IIS: the class that the shipped agent asks for,
//! under its real identifier, over a real `applicationHost.config` that a person can read and a story can edit.
//!
//! `xml` reads and writes the file, `schema` says what IIS 10 knows and what each setting is where nobody says it, `config` is
//! the file in memory with what it inherits, `store` commits it and keeps what IIS keeps elsewhere (who runs), and `com` is the
//! class. Faults are lines of a file. What is a guess about IIS is listed in `deploy/windows/ACCEPTANCE.md`. Everything but
//! `com` is tested on Linux too. Nothing of this ships, and the agent knows nothing of it.

#![cfg_attr(not(windows), expect(dead_code, reason = "only Windows has the class that uses it"))]

mod config;
mod schema;
mod store;
mod xml;

#[cfg(windows)]
mod com;
