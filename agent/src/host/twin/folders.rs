//! Folders and rights on a twin (G11).
//!
//! Neighbours: `files` writes without asking for a folder, as if it had made it.

use super::fault::Operation;
use super::ledger::Deed;
use super::state::{Folder, State, find, find_mut};
use super::{Twin, refused};
use crate::host::{Access, Error, FolderFacts, Folders};

impl Folders for Twin {
    fn get(&self, path: &str) -> Result<Option<FolderFacts>, Error> {
        self.operate(Operation::FolderGet, path, |section, _| {
            let state = section.state();
            let rights = find(&state.folders, path).map(|folder| &folder.rights).into_iter().flatten();
            let rights = rights.map(|(account, access)| (account.clone(), *access)).collect();
            Ok(is_there(state, path).then_some(FolderFacts { rights }))
        })
    }

    fn create(&self, path: &str) -> Result<(), Error> {
        self.operate(Operation::FolderCreate, path, |section, _| {
            if find(&section.state().files, path).is_some() {
                let message = "error 183: a file of that name is there";
                return Err(refused(Operation::FolderCreate, path, message));
            }
            section.commit(Deed::altered("folder", path, "exists", "true"), |state| {
                state.folders.entry(path.to_owned()).or_default();
            })?;
            Ok(())
        })
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.operate(Operation::FolderRemove, path, |section, _| {
            if holds_anything(section.state(), path) {
                return Err(refused(Operation::FolderRemove, path, "error 145: the folder is not empty"));
            }
            section.commit(Deed::altered("folder", path, "exists", "absent"), |state| {
                state.folders.retain(|own, _| !own.eq_ignore_ascii_case(path));
            })?;
            Ok(())
        })
    }

    fn grant(&self, path: &str, account: &str, access: Access) -> Result<(), Error> {
        self.operate(Operation::FolderGrant, path, |section, _| {
            if !is_there(section.state(), path) {
                return Err(absent(path));
            }
            let deed = Deed::RightGranted { path: path.to_owned(), account: account.to_owned(), access };
            section.commit(deed, |state| {
                let rights = &mut entry(state, path).rights;
                match find_mut(rights, account) {
                    Some(present) => *present = access,
                    None => drop(rights.insert(account.to_owned(), access)),
                }
            })?;
            Ok(())
        })
    }

    fn revoke(&self, path: &str, account: &str) -> Result<(), Error> {
        self.operate(Operation::FolderRevoke, path, |section, _| {
            if !is_there(section.state(), path) {
                return Err(absent(path));
            }
            let deed = Deed::RightRevoked { path: path.to_owned(), account: account.to_owned() };
            section.commit(deed, |state| {
                entry(state, path).rights.retain(|present, _| !present.eq_ignore_ascii_case(account));
            })?;
            Ok(())
        })
    }
}

fn absent(path: &str) -> Error {
    Error::Absent { kind: "folder", name: path.to_owned() }
}

/// Listed, or above something that is.
fn is_there(state: &State, path: &str) -> bool {
    find(&state.folders, path).is_some() || holds_anything(state, path)
}

fn holds_anything(state: &State, path: &str) -> bool {
    let inside = format!("{}\\", path.trim_end_matches('\\').to_lowercase());
    let below = |key: &String| key.to_lowercase().starts_with(&inside);
    state.folders.keys().any(below) || state.files.keys().any(below)
}

fn entry<'state>(state: &'state mut State, path: &str) -> &'state mut Folder {
    let key = state.folders.keys().find(|key| key.eq_ignore_ascii_case(path)).cloned();
    state.folders.entry(key.unwrap_or_else(|| path.to_owned())).or_default()
}
