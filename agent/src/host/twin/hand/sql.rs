//! Changes by hand of a modelled SQL Server: what it is, who gets in, and what each may do.
//!
//! Neighbours: `hand` says what a change looks like; the server has a file and a ledger of its own, which other twins may share.

use std::collections::BTreeSet;

use super::{Error, parse, word};
use crate::host::twin::sql::state::{Happened, Right, SqlState};
use crate::host::twin::sql::store::SqlStore;
use crate::host::twin::state::find;
use crate::host::twin::store::Store;

/// Makes these changes to the server at that address, all or none.
pub(super) fn set(store: &Store, address: &str, changes: &[String]) -> Result<(), Error> {
    let catalogue = store.catalogue()?;
    let unknown = || Error::Wrong(format!("this twin reaches no SQL Server {address}"));
    let folder = find(&catalogue.sql_servers, address).ok_or_else(unknown)?;
    let server = SqlStore::open(&store.dir().join(folder))?;
    let mut section = server.lock()?;
    let mut state = section.state().clone();
    for change in changes {
        let (attribute, value) = change
            .split_once('=')
            .ok_or_else(|| Error::Wrong(format!("{change:?} is not ATTRIBUTE=VALUE")))?;
        set_one(&mut state, attribute, value)?;
    }
    let happened = Happened::SetByHand { change: changes.join(", ") };
    Ok(section.commit("hand", happened, |now| *now = state)?)
}

fn set_one(state: &mut SqlState, attribute: &str, value: &str) -> Result<(), Error> {
    match (attribute, attribute.strip_prefix("login:")) {
        ("version", None) => value.clone_into(&mut state.version),
        ("edition", None) => value.clone_into(&mut state.edition),
        ("free_mb", None) => state.free_mb = parse(attribute, value)?,
        ("backup_ms", None) => state.backup_ms = parse(attribute, value)?,
        (_, Some(login)) => {
            state.logins.retain(|known, _| !known.eq_ignore_ascii_case(login));
            if value != "absent" {
                let rights = value.split(',').filter(|right| !right.is_empty());
                let rights: BTreeSet<Right> =
                    rights.map(|right| word(attribute, right)).collect::<Result<_, _>>()?;
                state.logins.insert(login.to_owned(), rights);
            }
        }
        (_, None) => return Err(Error::Wrong(format!("sql_server has no {attribute}"))),
    }
    Ok(())
}
