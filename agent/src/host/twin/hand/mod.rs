//! What a person sees and changes on a twin: the table of `twin show` (`show`), the drift of `twin set`.
//!
//! Neighbours: `cli` calls it; `system` changes what is Windows' own. Each change is a line of the ledger with the word
//! `hand`, so that no test counts it as Muster's.

mod computer;
mod iis;
mod show;
mod sql;
mod system;

use std::collections::BTreeMap;
use std::str::FromStr;

use muster_model::name::Version;
use serde::de::DeserializeOwned;
use thiserror::Error;

pub(super) use self::show::{show, show_sql};

use super::ledger::Deed;
use super::state::{Answer, Content, File, Pool, PoolDefaults, Service, State, find_mut};
use super::store::{self, Store};
use crate::host::Clock;
use crate::host::clock::SystemClock;
use crate::host::recovery;

/// Examples, shown by `twin set --help`.
pub(super) const HELP: &str = "Examples:
  twin set --dir TWIN app_pool Sage.XRT.Advanced load_user_profile=false
  twin set --dir TWIN defaults app_pools load_user_profile=false
  twin set --dir TWIN service SCPSServer state=stopped start=disabled
  twin set --dir TWIN service SCPSServer first_failure=restart first_failure_delay_seconds=5 later_failures=reboot
  twin set --dir TWIN package treasury version=4.3.004
  twin set --dir TWIN file 'C:\\Sage\\a.ini' content='x=1' 'right:BUILTIN\\Users=read' 'right:Guests=absent'
  twin set --dir TWIN site Sage.XRT.Advanced app_pool=Other state=stopped 'application:/SCPS=C:\\Sage\\SCPS'
  twin set --dir TWIN site Sage.XRT.Advanced 'binding:https/*:1025:sxa.dupont.example=absent'
  twin set --dir TWIN http_sys 0.0.0.0:1025 certificate=0123456789ABCDEF0123456789ABCDEF01234567
  twin set --dir TWIN certificate 0123456789ABCDEF0123456789ABCDEF01234567 'right:IIS APPPOOL\\Sage=absent'
  twin set --dir TWIN certificate root/0123456789ABCDEF0123456789ABCDEF01234567 'subject=CN=Dupont CA' has_key=false
  twin set --dir TWIN folder 'D:\\Import' 'right:BUILTIN\\Users=modify'
  twin set --dir TWIN registry 'HKLM\\SOFTWARE\\Sage\\Port' dword=2025
  twin set --dir TWIN feature IIS-WebServerRole state=absent
  twin set --dir TWIN http http://localhost/SCPS status=500
  twin set --dir TWIN clock offset ms=180000
  twin set --dir TWIN computer facts windows=10.0.14393 iis=8.5 memory_gib=4 elevated=false 'pending_reboot=Windows Update'
  twin set --dir TWIN drive D free_gib=5
  twin set --dir TWIN administrator 'DUPONT\\svc-sxa' absent
  twin set --dir TWIN session 'DUPONT\\anne' programs=mmc.exe,explorer.exe
  twin set --dir TWIN sql_server DUP-SQL01 version=13.0.5026.0 'edition=Express Edition' 'login:DUP-WEB01$=create_database,execute'
  twin set --dir TWIN listener 1025 program=java.exe
  twin set --dir TWIN service SCPSServer absent";

/// A change that makes no sense, or could not be made.
#[derive(Debug, Error)]
pub enum Error {
    /// The words are wrong.
    #[error("{0}; see: muster-agent twin set --help")]
    Wrong(String),
    /// The twin could not be used.
    #[error(transparent)]
    Twin(#[from] store::Error),
}

/// Makes these changes to one thing, all or none.
pub(super) fn set(store: &Store, thing: &str, name: &str, changes: &[String]) -> Result<(), Error> {
    if thing == "sql_server" {
        return sql::set(store, name, changes);
    }
    let mut section = store.lock()?;
    let mut state = section.state().clone();
    state.settle(SystemClock.now());
    for change in changes {
        if change == "absent" {
            remove(&mut state, thing, name)?;
            continue;
        }
        let (attribute, value) = change
            .split_once('=')
            .ok_or_else(|| Error::Wrong(format!("{change:?} is neither ATTRIBUTE=VALUE nor absent")))?;
        match thing {
            "app_pool" => {
                set_pool(entry(&mut state.app_pools, name, Pool::default), attribute, value)?;
            }
            "defaults" if name == "app_pools" => {
                set_defaults(&mut state.app_pool_defaults, attribute, value)?;
            }
            "service" => set_service(entry(&mut state.services, name, Service::bare), attribute, value)?,
            "package" if attribute == "version" => {
                let version: Version = parse(attribute, value)?;
                entry(&mut state.packages, name, || version.clone()).clone_from(&version);
            }
            "file" => set_file(entry(&mut state.files, name, new_file), attribute, value)?,
            "site" | "http_sys" | "certificate" => iis::set(&mut state, thing, name, attribute, value)?,
            "folder" | "registry" | "feature" => system::set(&mut state, thing, name, attribute, value)?,
            "computer" | "drive" | "administrator" | "session" | "listener" => {
                computer::set(&mut state, thing, name, attribute, value)?;
            }
            "http" if attribute == "status" => {
                entry(&mut state.http, name, new_answer).status = parse(attribute, value)?;
            }
            "clock" if name == "offset" && attribute == "ms" => {
                state.clock_offset_ms = parse(attribute, value)?
            }
            _ => return Err(Error::Wrong(format!("{thing} has no {attribute}"))),
        }
    }
    let (thing, name, change) = (thing.to_owned(), name.to_owned(), changes.join(", "));
    Ok(section.commit(Deed::SetByHand { thing, name, change }, |now| *now = state)?)
}

fn remove(state: &mut State, thing: &str, name: &str) -> Result<(), Error> {
    let other = |key: &String| !key.eq_ignore_ascii_case(name);
    match thing {
        "app_pool" => state.app_pools.retain(|key, _| other(key)),
        "service" => state.services.retain(|key, _| other(key)),
        "package" => state.remove_made_by(name),
        "file" => state.files.retain(|key, _| other(key)),
        "site" => state.sites.retain(|key, _| other(key)),
        "http_sys" => state.http_sys.retain(|key, _| other(key)),
        "certificate" => state.certificates.retain(|key, _| other(key)),
        "folder" => state.folders.retain(|key, _| other(key)),
        "registry" => state.registry.retain(|key, _| other(key)),
        "drive" | "administrator" | "session" | "listener" => {
            computer::remove(&mut state.computer, thing, name);
        }
        "http" => state.http.retain(|key, _| other(key)),
        _ => return Err(Error::Wrong(format!("{thing} cannot be absent"))),
    }
    Ok(())
}

/// The entry of that name, made where there is none.
fn entry<'map, T>(map: &'map mut BTreeMap<String, T>, name: &str, new: impl FnOnce() -> T) -> &'map mut T {
    let key = map.keys().find(|key| key.eq_ignore_ascii_case(name)).cloned();
    map.entry(key.unwrap_or_else(|| name.to_owned())).or_insert_with(new)
}

fn new_file() -> File {
    File { content: Content::Text(String::new()), rights: BTreeMap::new(), made_by: None }
}

fn new_answer() -> Answer {
    Answer { status: 200, while_running: Vec::new(), made_by: None }
}

/// Sets a pool's own setting; `inherited` takes it back.
fn set_pool(pool: &mut Pool, attribute: &str, value: &str) -> Result<(), Error> {
    let own = value != "inherited";
    match attribute {
        "enable_32bit" => pool.enable_32bit = own.then(|| parse(attribute, value)).transpose()?,
        "load_user_profile" => pool.load_user_profile = own.then(|| parse(attribute, value)).transpose()?,
        "idle_timeout_minutes" => {
            pool.idle_timeout_minutes = own.then(|| parse(attribute, value)).transpose()?;
        }
        "managed_runtime_version" => pool.managed_runtime_version = own.then(|| value.to_owned()),
        _ => return Err(Error::Wrong(format!("app_pool has no {attribute}"))),
    }
    Ok(())
}

fn set_defaults(defaults: &mut PoolDefaults, attribute: &str, value: &str) -> Result<(), Error> {
    match attribute {
        "enable_32bit" => defaults.enable_32bit = parse(attribute, value)?,
        "load_user_profile" => defaults.load_user_profile = parse(attribute, value)?,
        "idle_timeout_minutes" => defaults.idle_timeout_minutes = parse(attribute, value)?,
        "managed_runtime_version" => value.clone_into(&mut defaults.managed_runtime_version),
        _ => return Err(Error::Wrong(format!("the defaults of pools have no {attribute}"))),
    }
    Ok(())
}

fn set_service(service: &mut Service, attribute: &str, value: &str) -> Result<(), Error> {
    match attribute {
        "state" => {
            service.halt();
            service.state = word(attribute, value)?;
        }
        "start" => service.start = word(attribute, value)?,
        "command_line" => value.clone_into(&mut service.command_line),
        "account" => {
            value.clone_into(&mut service.account);
            service.password = None;
        }
        "depends_on" => {
            let names = value.split(',').filter(|name| !name.is_empty());
            service.depends_on = names.map(str::to_owned).collect();
        }
        "start_delay_ms" => service.start_delay_ms = parse(attribute, value)?,
        "listens" => {
            let ports = value.split(',').filter(|port| !port.is_empty());
            service.listens = ports.map(|port| parse(attribute, port)).collect::<Result<_, _>>()?;
        }
        _ if recovery::ATTRIBUTES.contains(&attribute) => {
            let cannot = || Error::Wrong(format!("{attribute} cannot be {value:?}"));
            service.recovery.set(attribute, value).ok_or_else(cannot)?;
        }
        _ => return Err(Error::Wrong(format!("service has no {attribute}"))),
    }
    Ok(())
}

fn set_file(file: &mut File, attribute: &str, value: &str) -> Result<(), Error> {
    match attribute.strip_prefix("right:") {
        None if attribute == "content" => file.content = Content::Text(value.to_owned()),
        None => return Err(Error::Wrong(format!("file has no {attribute}"))),
        Some(account) => set_right(&mut file.rights, account, attribute, value)?,
    }
    Ok(())
}

/// One account's right, or `absent`.
fn set_right<T: DeserializeOwned>(
    rights: &mut BTreeMap<String, T>,
    account: &str,
    attribute: &str,
    value: &str,
) -> Result<(), Error> {
    if value == "absent" {
        rights.retain(|present, _| !present.eq_ignore_ascii_case(account));
        return Ok(());
    }
    let access: T = word(attribute, value)?;
    match find_mut(rights, account) {
        Some(present) => *present = access,
        None => drop(rights.insert(account.to_owned(), access)),
    }
    Ok(())
}

fn parse<T: FromStr>(attribute: &str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_| Error::Wrong(format!("{attribute} cannot be {value:?}")))
}

/// One of the words that `state.json` uses.
fn word<T: DeserializeOwned>(attribute: &str, value: &str) -> Result<T, Error> {
    serde_json::from_value(value.into()).map_err(|_| Error::Wrong(format!("{attribute} cannot be {value:?}")))
}
