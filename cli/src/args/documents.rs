//! What may be typed after the verbs about documents and what they ask of a site.
//!
//! Neighbours: `cmd` carries them out; `plans` has what comes after.

use std::path::PathBuf;

use clap::{Args as ClapArgs, ValueEnum};
use muster_model::name::{ParameterName, ProductId, Revision, Slug};

/// Documents on this machine.
#[derive(Debug, ClapArgs)]
pub struct FilesArgs {
    /// A file, or a folder with *.yaml and *.yml files; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// `muster schema`.
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// Complete this product's parameters in sites, as in 'sxa 2022-r2'
    #[arg(value_name = "PRODUCT", requires = "paths")]
    pub product: Option<ProductId>,
    /// A file, or a folder with *.yaml and *.yml files, that holds the product; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", requires = "product")]
    pub paths: Vec<PathBuf>,
}

/// `muster push`.
#[derive(Debug, ClapArgs)]
pub struct PushArgs {
    /// The documents
    #[command(flatten)]
    pub files: FilesArgs,
    /// The change ticket
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The revision that these files started from [default: the newest one that you pushed]
    #[arg(long, value_name = "N", conflicts_with = "any_base")]
    pub base: Option<Revision>,
    /// Push whatever the newest revision is, even one that you have not seen
    #[arg(long)]
    pub any_base: bool,
    /// Check on the controller, store nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `muster explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// The parameter's name
    #[arg(value_name = "PARAMETER")]
    pub parameter: ParameterName,
}

/// `muster preflight`.
#[derive(Debug, ClapArgs)]
pub struct PreflightArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// Also write one page to print or to send, of HTML without scripts; replaces the file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `muster handout`.
#[derive(Debug, ClapArgs)]
pub struct HandoutArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// Who is asked
    #[arg(long = "for", value_enum, value_name = "WHOM")]
    pub whom: Whom,
    /// The Windows domain of the site's servers, whose accounts connect
    #[arg(long, value_name = "NAME", default_value = "DOMAIN")]
    pub domain: String,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whom {
    /// Whoever looks after the SQL Server
    Dba,
}

/// `muster inspect`.
#[derive(Debug, ClapArgs)]
pub struct InspectArgs {
    /// The installer: a package of Windows Installer (.msi), or a program (.exe) that may hold one
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
