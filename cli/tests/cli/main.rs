//! The command line against a controller that says what it was told to say, over real mutual TLS on loopback.
//!
//! `fake` is that controller, `world` its canned answers and the operator's folder; the stories are named for what they
//! prove. What `muster` prints is compared whole: a changed word is a changed interface. The real controller's words are
//! tried in the workspace's own tests.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops there")]

mod documents;
mod failures;
mod fake;
mod inspect;
mod media;
mod reference;
mod views;
mod watching;
mod world;
