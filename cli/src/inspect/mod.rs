//! An installer, looked into on any system: what it is, what it can be told, and a draft of its node for a product.
//!
//! `medium` opens the file, hashes it and says what kind it is; `door` checks a package before it is read; `package` reads
//! it into what `found` names, `fields` finds the words beside a dialog's fields; `draft` writes the YAML. Neighbours:
//! `cmd::inspect` prints. Never runs an installer, never writes, and asks nobody.

mod door;
mod draft;
mod fields;
mod found;
mod guard;
mod medium;
mod package;
mod window;

use std::path::Path;

pub(crate) use self::found::Inspection;
use self::found::{Kind, Package};
use self::medium::{Content, Medium};

/// Why nothing can be said of a file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be opened or read.
    #[error("it cannot be read")]
    Read(#[from] std::io::Error),
    /// A folder, a device, a pipe.
    #[error("it is {0}, no file")]
    NoFile(&'static str),
    /// No byte in it.
    #[error("it is empty")]
    Empty,
    /// More bytes than an installer has.
    #[error("it has {size_bytes} bytes, an installer at most {most_bytes}")]
    Large {
        /// Its size.
        size_bytes: u64,
        /// The limit.
        most_bytes: u64,
    },
    /// Something that holds files.
    #[error("it is {0}")]
    Archive(&'static str),
    /// Nothing that installs.
    #[error("it is no installer: it begins with {0}, not as a package (.msi) or a program (.exe) does")]
    Other(String),
    /// A program of no known kind without a package in it.
    #[error(
        "it is a program, but holds no package and is of no known kind (InstallShield, Inno Setup, NSIS, WiX)"
    )]
    Unknown,
    /// A program of no known kind with an archive in it.
    #[error(
        "it is a program that unpacks itself: {0} is in it, no package that can be read, and it is of no known kind (InstallShield, Inno Setup, NSIS, WiX)"
    )]
    Unpacks(&'static str),
    /// A compound file of something else.
    #[error("it is a compound file of something else, not a package of Windows Installer")]
    NoPackage,
    /// A change to a package.
    #[error("it is a patch (.msp): it changes what is installed")]
    Patch,
    /// A change to an installation.
    #[error("it is a transform (.mst): it changes how a package is installed")]
    Transform,
    /// A package whose parts do not fit.
    #[error("it is damaged")]
    Damaged(#[from] Damage),
}

/// What does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Damage {
    /// The file ends early.
    #[error("it ends before its parts do")]
    Short,
    /// The compound file around the tables.
    #[error("its outer form is wrong: {0}")]
    Compound(String),
    /// A part says that it is longer than it is.
    #[error("{part} says that it has {says} bytes, and has {has}")]
    Promised {
        /// Which.
        part: String,
        /// What it says.
        says: u64,
        /// What there is.
        has: u64,
    },
    /// A part is longer than such a part ever is.
    #[error("{part} has {len_bytes} bytes, and at most {most_bytes} are read")]
    Large {
        /// Which.
        part: String,
        /// Its length.
        len_bytes: u64,
        /// The limit.
        most_bytes: u64,
    },
    /// What is in the tables.
    #[error("its tables cannot be read: {0}")]
    Tables(String),
    /// What is in the tables contradicts itself.
    #[error("its tables contradict each other")]
    Contradiction,
}

/// Looks into an installer.
///
/// # Errors
/// Where it is no installer, or one that is damaged.
pub(crate) fn inspect(path: &Path) -> Result<Inspection, Error> {
    let medium = Medium::read(path)?;
    let (kind, at_bytes, package) = match &medium.content {
        Content::Package => (Kind::Msi, 0, Some(package::read(path, 0)?)),
        Content::Program { kind, packages_at_bytes, archive } => inside(path, *kind, packages_at_bytes)
            .map_err(|error| match (error, archive) {
                (Error::Unknown, Some(archive)) => Error::Unpacks(archive),
                (error, _) => error,
            })?,
    };
    let mut inspection = Inspection {
        file: medium.name,
        size_bytes: medium.size_bytes,
        sha256: medium.sha256,
        kind,
        package_at_bytes: package.as_ref().map(|_| at_bytes),
        package,
        draft: String::new(),
    };
    inspection.draft = draft::text(&inspection);
    Ok(inspection)
}

/// The first package inside a program that can be read. One that cannot is no reason to say nothing of a known kind.
fn inside(
    path: &Path,
    kind: Option<Kind>,
    packages_at_bytes: &[u64],
) -> Result<(Kind, u64, Option<Package>), Error> {
    let mut first = None;
    for at_bytes in packages_at_bytes {
        match package::read(path, *at_bytes) {
            Ok(package) => return Ok((kind.unwrap_or(Kind::Program), *at_bytes, Some(package))),
            Err(error) => first = first.or(Some(error)),
        }
    }
    match (kind, first) {
        (Some(kind), _) => Ok((kind, 0, None)),
        (None, Some(Error::Damaged(damage))) => Err(Error::Damaged(damage)),
        (None, _) => Err(Error::Unknown),
    }
}
