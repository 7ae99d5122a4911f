//! What may be typed after `muster secret`.
//!
//! Neighbours: `cmd` and `drill` carry it out. A value is never an argument.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use muster_model::name::{ParameterName, Slug};

use super::SiteArgs;

/// `muster secret ...`.
#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// Set a new value: typed twice without echo, or read from stdin
    Set(SecretSetArgs),
    /// List a site's secrets, their versions and who can read them
    List(SiteArgs),
    /// Seal every secret of a site anew to those who are to read it now
    Reseal(ResealArgs),
    /// Prove from a backup and one recovery key that every secret opens
    Drill(DrillArgs),
}

/// `muster secret set`.
#[derive(Debug, ClapArgs)]
pub struct SecretSetArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// The secret's name: a parameter of type secret
    #[arg(value_name = "NAME")]
    pub secret: ParameterName,
    /// Read the value from this file instead, one line
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
}

/// `muster secret reseal`.
#[derive(Debug, ClapArgs)]
pub struct ResealArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// A recovery key, which never leaves this machine
    #[arg(long, value_name = "FILE")]
    pub recovery_key: PathBuf,
}

/// `muster secret drill`.
#[derive(Debug, ClapArgs)]
pub struct DrillArgs {
    /// A folder that `muster-controller backup` made
    #[arg(long, value_name = "DIR")]
    pub backup: PathBuf,
    /// A recovery key, which never leaves this machine
    #[arg(long, value_name = "FILE")]
    pub recovery_key: PathBuf,
}
