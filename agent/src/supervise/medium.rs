//! An installer's medium, held from the look at its content to the installer's end.
//!
//! What was hashed must be what is executed. So the file is opened once, in a way that lets nobody else write, rename or remove
//! it, hashed through that opening, and executed under the path that this opening has: a folder on the way that is swapped for
//! another makes no difference. Neighbours: the supervisor holds it while an installer runs, the engine while the old version
//! goes. A replaced package's medium is hashed by both, on purpose: the engine's look is why the old version may go, and dies
//! with the agent; the supervisor is another process, outlives the agent, and executes what it hashed itself. Other files
//! beside it, such as a `data1.cab`, are not looked at.

use std::fs::File;
use std::io;

use muster_model::digest::{Digest, Hasher};
use muster_model::package::Medium;
use thiserror::Error;

use crate::host::CommandLine;
use crate::os;

/// Why a medium may not be used.
#[derive(Debug, Error)]
pub enum Error {
    /// It is not there, somebody is writing it, or it cannot be read.
    #[error("the medium {path} cannot be taken hold of: {source}")]
    Unreadable {
        /// Its path, as documents name it.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// It holds something else.
    #[error("the medium {path} has the SHA-256 {found}, and {wanted} was approved; put the right file there")]
    Other {
        /// Its path, as documents name it.
        path: String,
        /// What was approved.
        wanted: Digest,
        /// What is there.
        found: Digest,
    },
}

/// A medium that nobody can change as long as this value lives.
#[derive(Debug)]
pub struct HeldMedium {
    _file: File,
    path: String,
}

impl HeldMedium {
    /// Opens it and looks at the whole of its content.
    pub fn take(medium: &Medium) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: medium.path.clone(), source };
        let mut file = os::open_unchanging(medium.path.as_ref()).map_err(unreadable)?;
        let found = digest_of(&mut file).map_err(unreadable)?;
        if found != medium.sha256 {
            let (path, wanted) = (medium.path.clone(), medium.sha256);
            return Err(Error::Other { path, wanted, found });
        }
        let path = os::path_of(&file).map_err(unreadable)?;
        Ok(Self { _file: file, path })
    }

    /// The command that executes the very file that is held.
    pub fn named_in(&self, command: CommandLine) -> CommandLine {
        command.with_medium_at(&self.path)
    }
}

/// The digest of the rest of a file.
pub(crate) fn digest_of(file: &mut File) -> io::Result<Digest> {
    let mut hash = Hasher::default();
    io::copy(file, &mut hash)?;
    Ok(hash.finish())
}
