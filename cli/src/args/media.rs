//! What may be typed after `muster media`.
//!
//! Neighbours: `cmd` carries it out.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};

/// `muster media`.
#[derive(Debug, Subcommand)]
pub enum MediaVerb {
    /// Bring a file to the controller's shelf, or go on with one
    Add(MediaAddArgs),
    /// List what is on the shelf and what is on its way
    List,
    /// Take a medium off the shelf
    Remove(MediaRemoveArgs),
}

/// `muster media add`.
#[derive(Debug, ClapArgs)]
pub struct MediaAddArgs {
    /// The file: an installer, or a set of scripts
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `muster media remove`.
#[derive(Debug, ClapArgs)]
pub struct MediaRemoveArgs {
    /// Its name or its SHA-256, as `media list` shows them
    #[arg(value_name = "MEDIUM")]
    pub medium: String,
    /// Although a server's way back needs it
    #[arg(long)]
    pub force: bool,
}
