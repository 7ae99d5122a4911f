//! Files and the rights on them.
//!
//! A file is written beside, flushed, given the rights of the one that is there, and moved into its place. Neighbours:
//! `rights` knows who may do what, `disk` moves. Never makes a folder.

use std::fs;
use std::io;
use std::path::Path;

use muster_model::limits;

use super::rights::{Object, absolute, refused};
use super::security::{protect, protection};
use super::text::error_text;
use super::{WindowsHost, account, disk, medium, rights};
use crate::durable;
use crate::host::{Access, Error, FileFacts, Files, Source};

const READ: &str = "read file";
const WRITE: &str = "write file";
const REMOVE: &str = "remove file";
const GRANT: &str = "grant a right on file";
const REVOKE: &str = "revoke a right on file";

impl Files for WindowsHost {
    fn get(&self, path: &str) -> Result<Option<FileFacts>, Error> {
        let file = absolute(READ, path)?;
        let size_bytes = match fs::metadata(&file) {
            Ok(facts) if facts.is_dir() => return Err(refused(READ, path, "it is a folder")),
            Ok(facts) => facts.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(refused(READ, path, error_text(&error))),
        };
        if size_bytes > limits::VALUE_SIZE_BYTES {
            let limit = limits::VALUE_SIZE_BYTES;
            let message =
                format!("it holds {size_bytes} bytes; text files of up to {limit} bytes are compared");
            return Err(refused(READ, path, message));
        }
        let failed = |error: io::Error| refused(READ, path, error_text(&error));
        let content = fs::read(&file).map_err(failed)?;
        let rights = rights::rights(Object::File, &protection(&file).map_err(failed)?).map_err(failed)?;
        Ok(Some(FileFacts { content, rights }))
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Source>>, Error> {
        match medium::open_unchanging(&absolute(READ, path)?) {
            Ok(file) => Ok(Some(Box::new(file))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(refused(READ, path, error_text(&error))),
        }
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        let file = absolute(WRITE, path)?;
        let next = durable::beside(&file, "muster-new");
        let written = replace(&file, &next, content);
        if written.is_err()
            && let Err(error) = fs::remove_file(&next)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %next.display(), %error, "a half-written file stays");
        }
        written.map_err(|error| refused(WRITE, path, error_text(&error)))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let file = absolute(REMOVE, path)?;
        fs::remove_file(file).map_err(|error| refused(REMOVE, path, error_text(&error)))
    }

    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error> {
        rights::grant(Object::File, GRANT, path, account, access)
    }

    fn revoke(&self, path: &str, account: &str) -> Result<(), Error> {
        rights::revoke(Object::File, REVOKE, path, account)
    }

    fn is_same_account(&self, a: &str, b: &str) -> bool {
        let sid = |name: &str| account::find(name).ok().flatten();
        a.eq_ignore_ascii_case(b) || sid(a).is_some_and(|sid_a| Some(sid_a) == sid(b))
    }
}

fn replace(file: &Path, next: &Path, content: &[u8]) -> io::Result<()> {
    durable::write(next, content)?;
    match protection(file) {
        Ok(rights) => protect(next, &rights)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    disk::rename(next, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOL: &str = r"IIS APPPOOL\Sage.XRT.Advanced";

    fn host() -> WindowsHost {
        WindowsHost::new(Path::new(r"C:\"))
    }

    #[test]
    fn a_file_is_absent_until_it_is_written_and_then_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.config");
        let name = path.to_str().unwrap();
        assert_eq!(host().get(name).unwrap(), None);
        host().write(name, b"a longer text").unwrap();
        host().write(name, "Trésorerie".as_bytes()).unwrap();
        assert_eq!(host().get(name).unwrap().unwrap().content, "Trésorerie".as_bytes());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn a_file_is_taken_away_once_and_a_folder_in_its_place_never() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let name = path.to_str().unwrap();
        host().write(name, b"x").unwrap();
        host().remove(name).unwrap();
        assert_eq!(host().get(name).unwrap(), None);
        assert!(host().remove(name).unwrap_err().to_string().contains("error 2: "));
        fs::create_dir(&path).unwrap();
        assert!(host().remove(name).is_err());
        assert!(path.is_dir());
    }

    #[test]
    fn what_is_no_file_is_refused_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let name = folder.path().to_str().unwrap();
        assert!(host().get(name).unwrap_err().to_string().contains("it is a folder"));
        for path in ["web.config", r"\web.config", r"C:web.config", r"C:\web.config:stream"] {
            assert!(host().get(path).unwrap_err().to_string().contains("error 123"), "{path}");
        }
        let nowhere = format!(r"{name}\no-folder\web.config");
        assert!(host().write(&nowhere, b"x").unwrap_err().to_string().contains("error 3"));
        assert!(matches!(host().grant(&nowhere, POOL, Access::Read), Err(Error::Absent { .. })));
    }

    #[test]
    fn a_large_file_is_not_compared() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large");
        fs::write(&path, vec![b'x'; usize::try_from(limits::VALUE_SIZE_BYTES).unwrap() + 1]).unwrap();
        assert!(host().get(path.to_str().unwrap()).unwrap_err().to_string().contains("bytes are compared"));
    }

    #[test]
    fn an_account_that_nobody_knows_is_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        let error = host().grant(path.to_str().unwrap(), "muster-nobody", Access::Read).unwrap_err();
        assert!(error.to_string().contains("muster-nobody"), "{error}");
    }

    #[test]
    fn the_rights_of_a_file_are_put_on_the_one_that_takes_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        fs::write(&path, "x").unwrap();
        host().grant(path.to_str().unwrap(), "Everyone", Access::Read).unwrap();
        let before = protection(&path).unwrap();
        host().write(path.to_str().unwrap(), b"y").unwrap();
        assert_eq!(protection(&path).unwrap(), before);
    }

    #[test]
    fn an_account_is_the_same_by_any_of_its_names() {
        assert!(host().is_same_account("NETWORK SERVICE", r"NT AUTHORITY\Network Service"));
        assert!(host().is_same_account("NETWORK SERVICE", r"NT AUTHORITY\NetworkService"));
        assert!(host().is_same_account(r"BUILTIN\Users", "S-1-5-32-545"));
        for system in ["LocalSystem", r".\localsystem", r"NT AUTHORITY\SYSTEM", "S-1-5-18"] {
            assert!(host().is_same_account(system, "LocalSystem"), "{system}");
        }
        assert!(!host().is_same_account("SYSTEM", "Users"));
    }
}
