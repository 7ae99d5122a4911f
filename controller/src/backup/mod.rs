//! Backups of a controller: one folder with its database and, sealed to the recovery keys, its own keys.
//!
//! `make` writes one while the controller serves, `restore` makes a data directory of one, `seal` closes and opens the keys,
//! `secrets` tries whether every secret opens. Neighbours: `muster_model::backup` is the format, `staging` has the folder
//! appear whole, `store` copies the database. Nothing here talks to the process that serves: a backup needs the controller's
//! files, and its machine's account.

mod make;
pub mod restore;
mod seal;
mod secrets;

pub use make::{Error, Made, Options, run};
