//! Media that an agent holds ahead of time, in the folder `media` of its data folder, by SHA-256.
//!
//! `cache` keeps the files, `desk` takes what is asked for, `fetch` brings it from the controller, `import` from a folder that
//! somebody carried here, `tidy` shows and removes.
//! Neighbours: `reception` passes on what the controller asks for, `outlet` says how far it is. Nothing here starts an
//! installer.

mod cache;
mod desk;
mod fetch;
mod import;
mod tidy;

pub use self::cache::Cache;
pub use self::desk::Stager;
pub use self::fetch::Fetcher;
pub use self::import::import;
pub use self::tidy::{list, remove};
