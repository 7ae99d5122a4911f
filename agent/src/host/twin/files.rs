//! Files and rights on a twin.
//!
//! Neighbours: `state` keeps text readable. Folders are not modelled: every absolute Windows path can be written.

use std::io::Cursor;

use muster_model::digest::Digest;

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Content, File, find, find_mut};
use super::{Twin, refused};
use crate::host::{Access, Error, FileFacts, Files, Source};

impl Files for Twin {
    fn get(&self, path: &str) -> Result<Option<FileFacts>, Error> {
        self.operate(Operation::FileGet, path, |section, _| {
            Ok(find(&section.state().files, path).map(|file| FileFacts {
                content: file.content.bytes().to_vec(),
                rights: file.rights.iter().map(|(account, access)| (account.clone(), *access)).collect(),
            }))
        })
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Source>>, Error> {
        let content = |file: FileFacts| -> Box<dyn Source> { Box::new(Cursor::new(file.content)) };
        Ok(self.get(path)?.map(content))
    }

    fn write(&self, path: &str, content: &[u8]) -> Result<(), Error> {
        self.operate(Operation::FileWrite, path, |section, _| {
            if !is_absolute(path) {
                let message = "error 123: the path is not an absolute Windows path";
                return Err(refused(Operation::FileWrite, path, message));
            }
            let deed = Deed::FileWritten { path: path.to_owned(), content: Digest::of(content) };
            let content = Content::new(content);
            section.commit(deed, |state| match find_mut(&mut state.files, path) {
                Some(file) => file.content = content,
                None => {
                    let file = File { content, rights: std::collections::BTreeMap::new(), made_by: None };
                    state.files.insert(path.to_owned(), file);
                }
            })?;
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.operate(Operation::FileRemove, path, |section, _| {
            section.commit(Deed::altered("file", path, "exists", "absent"), |state| {
                state.files.retain(|own, _| !own.eq_ignore_ascii_case(path));
            })?;
            Ok(())
        })
    }

    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error> {
        self.operate(Operation::FileGrant, path, |section, _| {
            find(&section.state().files, path).ok_or_else(|| absent(path))?;
            let deed = Deed::RightGranted { path: path.to_owned(), account: account.to_owned(), access };
            section.commit(deed, |state| {
                if let Some(file) = find_mut(&mut state.files, path) {
                    match find_mut(&mut file.rights, account) {
                        Some(present) => *present = access,
                        None => drop(file.rights.insert(account.to_owned(), access)),
                    }
                }
            })?;
            Ok(())
        })
    }

    fn revoke(&self, path: &str, account: &str) -> Result<(), Error> {
        self.operate(Operation::FileRevoke, path, |section, _| {
            find(&section.state().files, path).ok_or_else(|| absent(path))?;
            let deed = Deed::RightRevoked { path: path.to_owned(), account: account.to_owned() };
            section.commit(deed, |state| {
                if let Some(file) = find_mut(&mut state.files, path) {
                    file.rights.retain(|present, _| !present.eq_ignore_ascii_case(account));
                }
            })?;
            Ok(())
        })
    }
}

fn absent(path: &str) -> Error {
    Error::Absent { kind: "file", name: path.to_owned() }
}

/// `C:\...` or `\\server\share\...`.
fn is_absolute(path: &str) -> bool {
    let drive = matches!(path.as_bytes(), [letter, b':', b'\\', ..] if letter.is_ascii_alphabetic());
    drive || path.starts_with(r"\\")
}
