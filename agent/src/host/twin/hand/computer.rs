//! Changes by hand of the computer itself: versions, space, rights, sessions, listeners.
//!
//! Neighbours: `hand` says what a change looks like.

use super::{Error, parse};
use crate::host::Unfinished;
use crate::host::twin::state::{Computer, State};

/// Sets one attribute of one thing.
pub(super) fn set(
    state: &mut State,
    thing: &str,
    name: &str,
    attribute: &str,
    value: &str,
) -> Result<(), Error> {
    let computer = &mut state.computer;
    match (thing, attribute) {
        ("computer", _) if name == "facts" => set_fact(computer, attribute, value)?,
        ("drive", "free_gib") => {
            let gib = parse(attribute, value)?;
            remove(computer, thing, name);
            computer.free_gib.insert(drive(name).to_owned(), gib);
        }
        ("administrator", "member") if value == "true" => {
            computer.administrators.insert(name.to_owned());
        }
        ("session", "programs") => {
            remove(computer, thing, name);
            computer.sessions.insert(name.to_owned(), words(value).collect());
        }
        ("listener", "program") => {
            computer.listeners.insert(parse("the port", name)?, value.to_owned());
        }
        _ => return Err(Error::Wrong(format!("{thing} {name} has no {attribute}"))),
    }
    Ok(())
}

/// Takes one thing away.
pub(super) fn remove(computer: &mut Computer, thing: &str, name: &str) {
    let other = |known: &str| !known.eq_ignore_ascii_case(name);
    match thing {
        "drive" => computer.free_gib.retain(|known, _| !known.eq_ignore_ascii_case(drive(name))),
        "administrator" => computer.administrators.retain(|known| other(known)),
        "session" => computer.sessions.retain(|known, _| other(known)),
        _ => computer.listeners.retain(|port, _| port.to_string() != name),
    }
}

fn set_fact(computer: &mut Computer, attribute: &str, value: &str) -> Result<(), Error> {
    match attribute {
        "windows" => value.clone_into(&mut computer.windows),
        "bits_64" => computer.bits_64 = parse(attribute, value)?,
        "iis" => computer.iis = (value != "by_feature").then(|| value.to_owned()),
        "net_framework" => computer.net_framework = (value != "absent").then(|| value.to_owned()),
        "memory_gib" => computer.memory_gib = parse(attribute, value)?,
        "elevated" => computer.elevated = parse(attribute, value)?,
        "pending_reboot" => computer.pending_reboot = words(value).collect(),
        "unfinished_installation" => {
            computer.unfinished_installation = match value {
                "works" => Some(Unfinished::Works),
                "cut_off" => Some(Unfinished::CutOff),
                "none" => None,
                _ => return Err(Error::Wrong(format!("{value} is neither works, cut_off nor none"))),
            };
        }
        _ => return Err(Error::Wrong(format!("computer facts has no {attribute}"))),
    }
    Ok(())
}

fn drive(name: &str) -> &str {
    name.trim_end_matches(['\\', ':'])
}

/// Words between commas; none in an empty text.
fn words(value: &str) -> impl Iterator<Item = String> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty()).map(str::to_owned)
}
