//! Roles and features of Windows, through its servicing library (G1).
//!
//! One feature at a time: what it stands on is never brought along, and one that others stand on is not taken off, because no
//! row named them. What Windows itself turns on together with a feature comes with it all the same. A restart that Windows
//! wants shows in the state. Neighbours: `dism` asks, `dism_fault` says what an answer means.

use super::WindowsHost;
use super::dism::{Session, ask};
use super::dism_fault::Fault;
use crate::host::{Error, FeatureState, Features};

const LOOK: &str = "look for feature";
const INSTALL: &str = "install feature";
const REMOVE: &str = "remove feature";

/// `ERROR_SUCCESS_REBOOT_REQUIRED`, as it is and as a result.
const RESTART_REQUIRED: [u32; 2] = [3010, 0x8007_0bc2];

impl Features for WindowsHost {
    fn get(&self, name: &str) -> Result<Option<FeatureState>, Error> {
        if is_list(name) {
            return Ok(None);
        }
        match ask(|session| session.state(name)) {
            Ok(number) => state(number),
            Err(fault) if fault.is_unknown() => Ok(None),
            Err(fault) => Err(fault.told(LOOK, name)),
        }
    }

    fn set(&self, name: &str, installed: bool) -> Result<(), Error> {
        if is_list(name) {
            return Err(Error::Absent { kind: "feature", name: name.to_owned() });
        }
        let success = if installed { install(name) } else { remove(name) }?;
        if RESTART_REQUIRED.contains(&success) {
            tracing::warn!(feature = name, installed, "Windows wants a restart for this feature");
        }
        Ok(())
    }
}

/// The library takes several names with semicolons between them; a node has one.
fn is_list(name: &str) -> bool {
    name.contains(';')
}

/// The numbers of `DismPackageFeatureState`. A feature that is removed has not even its files on the server.
fn state(number: i32) -> Result<Option<FeatureState>, Error> {
    let untold = |words: &str| {
        let message =
            format!("Windows calls it {words}; bring it in order with `dism /online`, then plan again");
        Error::CannotTell { what: "the state of the feature", message }
    };
    match number {
        0 => Ok(None),
        1 => Ok(Some(FeatureState::RemovePending)),
        2 | 3 => Ok(Some(FeatureState::Absent)),
        4 => Ok(Some(FeatureState::Installed)),
        5 => Ok(Some(FeatureState::InstallPending)),
        6 => Err(untold("superseded")),
        7 => Err(untold("installed in part")),
        other => Err(untold(&format!("by the unknown number {other}"))),
    }
}

fn is_on(number: i32) -> bool {
    matches!(number, 4 | 5)
}

fn install(name: &str) -> Result<u32, Error> {
    let done = ask(|session| {
        let done = session.enable(name);
        // Asked before anything else, while the fault is there.
        let missing = match &done {
            Err(fault) if fault.is_parent_disabled() => names_off(session.parents(name)?),
            Err(_) | Ok(_) => Vec::new(),
        };
        Ok((done, missing))
    });
    let told = |fault: Fault| fault.told(INSTALL, name);
    match done.map_err(told)? {
        (Ok(success), _) => Ok(success),
        (Err(fault), missing) if missing.is_empty() => Err(fault.told(INSTALL, name)),
        (Err(fault), missing) => {
            let message = format!("{fault}; give it a node above it for {}", missing.join(", "));
            Err(Error::Refused { operation: INSTALL, name: name.to_owned(), message })
        }
    }
}

fn names_off(features: Vec<(String, i32)>) -> Vec<String> {
    features.into_iter().filter(|(_, state)| !is_on(*state)).map(|(name, _)| name).collect()
}

fn remove(name: &str) -> Result<u32, Error> {
    let done = ask(|session| match user(session, name)? {
        Some(user) => Ok(Err(user)),
        None => session.disable(name).map(Ok),
    });
    match done.map_err(|fault| fault.told(REMOVE, name))? {
        Ok(success) => Ok(success),
        Err(user) => {
            let message = format!(
                "feature {user} needs it and would go with it; take that one off by a node of its own"
            );
            Err(Error::Refused { operation: REMOVE, name: name.to_owned(), message })
        }
    }
}

/// An installed feature that stands on this one: Windows takes it off along with it, unasked.
fn user(session: &Session, name: &str) -> Result<Option<String>, Fault> {
    for (other, state) in session.all()? {
        if !is_on(state) || other.eq_ignore_ascii_case(name) {
            continue;
        }
        if session.parents(&other)?.iter().any(|(parent, _)| parent.eq_ignore_ascii_case(name)) {
            return Ok(Some(other));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_a_state_has_one_meaning_or_is_said() {
        let told: Vec<_> = (0..8).map(|number| state(number).ok()).collect();
        let wanted = [
            Some(None),
            Some(Some(FeatureState::RemovePending)),
            Some(Some(FeatureState::Absent)),
            Some(Some(FeatureState::Absent)),
            Some(Some(FeatureState::Installed)),
            Some(Some(FeatureState::InstallPending)),
            None,
            None,
        ];
        assert_eq!(told, wanted);
        assert!(state(8).unwrap_err().to_string().contains("unknown number 8"));
    }
}
