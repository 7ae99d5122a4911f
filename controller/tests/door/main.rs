//! The controller's one door, from outside: real TLS on loopback, real files.
//!
//! `fixture` makes a controller and its callers; each other file is a set of stories about who gets in, and who does not.

#![expect(clippy::unwrap_used, reason = "a helper of a test that does not get what it needs ends the test")]

mod access;
mod backup;
mod enrollment;
mod fixture;
mod init;
mod limits;
mod operators;
mod process;
mod renewal;
mod revocation;
mod start;
