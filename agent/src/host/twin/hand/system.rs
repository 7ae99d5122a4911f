//! Drift by hand of what is Windows' own: folders, registry values, features.
//!
//! Neighbours: `hand` says what a change looks like.

use super::{Error, entry, parse, set_right, word};
use crate::host::RegistryData;
use crate::host::twin::state::{Folder, RegistryValue, State, find_mut};

/// Sets one attribute of one thing.
pub(super) fn set(
    state: &mut State,
    thing: &str,
    name: &str,
    attribute: &str,
    value: &str,
) -> Result<(), Error> {
    let wrong = || Error::Wrong(format!("{thing} has no {attribute}"));
    match (thing, attribute.strip_prefix("right:")) {
        ("folder", Some(account)) => {
            let folder = entry(&mut state.folders, name, Folder::default);
            set_right(&mut folder.rights, account, attribute, value)
        }
        ("registry", None) => {
            let data = data(attribute, value)?.ok_or_else(wrong)?;
            let new = || RegistryValue { data: data.clone(), made_by: None };
            entry(&mut state.registry, name, new).data = data.clone();
            Ok(())
        }
        ("feature", None) if attribute == "state" => {
            let unknown = || Error::Wrong(format!("this Windows knows no feature {name}"));
            find_mut(&mut state.features, name).ok_or_else(unknown)?.state = word(attribute, value)?;
            Ok(())
        }
        _ => Err(wrong()),
    }
}

fn data(ty: &str, value: &str) -> Result<Option<RegistryData>, Error> {
    Ok(Some(match ty {
        "string" => RegistryData::String(value.to_owned()),
        "expand_string" => RegistryData::ExpandString(value.to_owned()),
        "multi_string" => RegistryData::MultiString(value.split('|').map(str::to_owned).collect()),
        "dword" => RegistryData::Dword(parse(ty, value)?),
        "qword" => RegistryData::Qword(parse(ty, value)?),
        "other" => RegistryData::Other(value.to_owned()),
        _ => return Ok(None),
    }))
}
