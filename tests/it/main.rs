//! Stories: what an operator does, from the command line to the server and back, with real processes over mutual TLS.
//!
//! One file per story; each test's name says what is proven, and cites the guide's demand where it has one. The oracle of
//! effects is the twin's ledger. Nothing here calls a function of the programs, but that `past` sets a controller's clock back.

#![expect(clippy::unwrap_used, reason = "a helper of a story may fail its test as the story itself may")]

mod agreement;
mod attributes;
mod bench;
mod canary;
mod cancel;
mod certificates;
mod conformance;
mod database;
mod documents;
mod drift;
mod events;
mod failure;
mod fencing;
mod guide;
mod guided;
mod identity;
mod installation;
mod installer_secrets;
mod kinds;
mod leaving;
mod limits;
mod manual;
mod media;
mod offline;
mod pages;
mod past;
mod pfx;
mod preflight;
mod recovery;
mod replacement;
mod restart;
mod schema;
mod secrets;
mod shapes;
mod wine;
mod wine_features;
mod wine_groups;
mod wine_guide;
mod wine_handover;
mod wine_iis;
mod wine_install;
mod wine_kills;
mod wine_nsis;
mod wine_package;
mod wine_restart;
mod wine_selftest;
mod wine_server;
mod wine_sql;
mod wine_sql_site;
mod wine_vendor;
