//! Folders and the rights on them; what is made below inherits these.
//!
//! Neighbours: `rights` knows who may do what. Never looks at what lies in a folder, and never removes one in which anything
//! lies.

use std::fs;
use std::io;

use super::WindowsHost;
use super::rights::{self, Object, absolute, refused};
use super::security::protection;
use super::text::error_text;
use crate::host::{Access, Error, FolderFacts, Folders};

const READ: &str = "read folder";
const MAKE: &str = "make folder";
const REMOVE: &str = "remove folder";
const GRANT: &str = "grant a right on folder";
const REVOKE: &str = "revoke a right on folder";

impl Folders for WindowsHost {
    fn get(&self, path: &str) -> Result<Option<FolderFacts>, Error> {
        let folder = absolute(READ, path)?;
        let failed = |error: io::Error| refused(READ, path, error_text(&error));
        match fs::metadata(&folder) {
            Ok(facts) if facts.is_dir() => {}
            Ok(_) => return Err(refused(READ, path, "it is a file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        }
        let protection = protection(&folder).map_err(failed)?;
        let rights = rights::rights(Object::Folder, &protection).map_err(failed)?;
        Ok(Some(FolderFacts { rights }))
    }

    fn create(&self, path: &str) -> Result<(), Error> {
        let folder = absolute(MAKE, path)?;
        fs::create_dir_all(folder).map_err(|error| refused(MAKE, path, error_text(&error)))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let folder = absolute(REMOVE, path)?;
        fs::remove_dir(folder).map_err(|error| refused(REMOVE, path, error_text(&error)))
    }

    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error> {
        rights::grant(Object::Folder, GRANT, path, account, access)
    }

    fn revoke(&self, path: &str, account: &str) -> Result<(), Error> {
        rights::revoke(Object::Folder, REVOKE, path, account)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_folder_is_absent_until_it_is_made_with_those_above_it() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("above").join("Données");
        let name = path.to_str().unwrap();
        assert_eq!(host.get(name).unwrap(), None);
        assert!(matches!(
            host.grant(name, "Everyone", Access::Read),
            Err(Error::Absent { kind: "folder", .. })
        ));
        host.create(name).unwrap();
        host.create(name).unwrap();
        assert!(host.get(name).unwrap().is_some());
    }

    #[test]
    fn a_folder_in_which_anything_lies_stays() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let base = tempfile::tempdir().unwrap();
        let (path, below) = (base.path().join("a"), base.path().join("a").join("b"));
        host.create(below.to_str().unwrap()).unwrap();
        let error = host.remove(path.to_str().unwrap()).unwrap_err().to_string();
        assert!(error.contains("error 145: "), "{error}");
        assert!(below.is_dir());
        host.remove(below.to_str().unwrap()).unwrap();
        host.remove(path.to_str().unwrap()).unwrap();
        assert_eq!(host.get(path.to_str().unwrap()).unwrap(), None);
    }

    #[test]
    fn a_file_in_its_place_is_refused_with_its_reason() {
        let host = WindowsHost::new(Path::new(r"C:\logs"));
        let base = tempfile::tempdir().unwrap();
        let path = base.path().join("a");
        fs::write(&path, "x").unwrap();
        assert!(host.get(path.to_str().unwrap()).unwrap_err().to_string().contains("it is a file"));
        assert!(host.create("relative").unwrap_err().to_string().contains("error 123"));
    }
}
