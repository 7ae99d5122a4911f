//! Windows services on a twin.
//!
//! Neighbours: `state` says when a start has had its delay, and which services depend on which. Error numbers are those of
//! Windows' service manager, <https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--1000-1299->.

use super::fault::{Operation, Strike};
use super::ledger::Deed;
use super::state::{Service, after, find, find_key, find_mut, logon_digest};
use super::{Twin, refused};
use crate::host::clock::SystemClock;
use crate::host::recovery::{self, FailureActions, Recovery};
use muster_proto::secret::SecretValue;

use crate::host::{Clock, Error, Pending, ServiceFacts, ServiceState, Services, StartMode};

fn absent(name: &str) -> Error {
    Error::Absent { kind: "service", name: name.to_owned() }
}

/// Always the same: a twin's services come on at one stroke.
fn pending(state: ServiceState) -> Option<Pending> {
    match state {
        ServiceState::StartPending | ServiceState::StopPending => {
            Some(Pending { checkpoint: 1, wait_hint_ms: 2_000 })
        }
        ServiceState::Running | ServiceState::Stopped => None,
    }
}

impl Services for Twin {
    fn get(&self, name: &str) -> Result<Option<ServiceFacts>, Error> {
        self.operate(Operation::ServiceGet, name, |section, _| {
            let now = SystemClock.now();
            let service = find(&section.state().services, name);
            Ok(service.map(|service| ServiceFacts {
                state: service.at(now),
                pending: pending(service.at(now)),
                start: service.start,
                failure: None,
                account: service.account.clone(),
                command_line: service.command_line.clone(),
            }))
        })
    }

    fn create(&self, name: &str, command_line: &str) -> Result<(), Error> {
        self.operate(Operation::ServiceCreate, name, |section, _| {
            if find(&section.state().services, name).is_some() {
                let message = "error 1073: the service is there already";
                return Err(refused(Operation::ServiceCreate, name, message));
            }
            let (service, command_line) = (name.to_owned(), command_line.to_owned());
            let deed = Deed::ServiceCreated { service: service.clone(), command_line: command_line.clone() };
            section.commit(deed, |state| {
                state.services.insert(service, Service { command_line, ..Service::bare() });
            })?;
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> Result<(), Error> {
        self.operate(Operation::ServiceRemove, name, |section, _| {
            let Some(key) = find_key(&section.state().services, name) else { return Ok(()) };
            section.commit(Deed::ServiceRemoved { service: key.clone() }, |state| {
                state.services.remove(&key);
            })?;
            Ok(())
        })
    }

    fn set_command_line(&self, name: &str, command_line: &str) -> Result<(), Error> {
        self.operate(Operation::ServiceSetCommandLine, name, |section, _| {
            let key = find_key(&section.state().services, name).ok_or_else(|| absent(name))?;
            let deed = Deed::ServiceCommandLineSet { service: key, command_line: command_line.to_owned() };
            section.commit(deed, |state| {
                if let Some(service) = find_mut(&mut state.services, name) {
                    command_line.clone_into(&mut service.command_line);
                }
            })?;
            Ok(())
        })
    }

    fn start(&self, name: &str) -> Result<(), Error> {
        self.operate(Operation::ServiceStart, name, |section, strike| {
            let now = SystemClock.now();
            let service = find(&section.state().services, name).ok_or_else(|| absent(name))?;
            // Error 1056, already running or on its way: what was asked for is there.
            if matches!(service.at(now), ServiceState::Running | ServiceState::StartPending) {
                return Ok(());
            }
            let order = section.state().to_start(name, now);
            for started in order.map_err(|message| refused(Operation::ServiceStart, name, message))? {
                section.commit(Deed::ServiceStarted { service: started.clone() }, |state| {
                    state.begin(&started, now);
                    let Some(Strike::DiesAfterMs(life_ms)) = strike else { return };
                    let asked = find_mut(&mut state.services, &started);
                    if let Some(service) = asked.filter(|_| started.eq_ignore_ascii_case(name)) {
                        service.dies_at = Some(after(service.running_at.unwrap_or(now), life_ms));
                    }
                })?;
            }
            Ok(())
        })
    }

    fn stop(&self, name: &str) -> Result<(), Error> {
        self.operate(Operation::ServiceStop, name, |section, _| {
            let service = find(&section.state().services, name).ok_or_else(|| absent(name))?;
            // Error 1062, not started: what was asked for is there.
            let now = SystemClock.now();
            let state = service.at(now);
            if state == ServiceState::Stopped {
                return Ok(());
            }
            if state == ServiceState::StartPending {
                let message = "error 1061: it takes no stop while it is still starting";
                return Err(refused(Operation::ServiceStop, name, message));
            }
            let dependents = section.state().active_dependents(name, now);
            if !dependents.is_empty() {
                let names = dependents.join(", ");
                let message =
                    format!("error 1051: services that run depend on it; stop these first: {names}");
                return Err(refused(Operation::ServiceStop, name, message));
            }
            section.commit(Deed::ServiceStopped { service: name.to_owned() }, |state| {
                if let Some(service) = find_mut(&mut state.services, name) {
                    service.halt();
                }
            })?;
            Ok(())
        })
    }

    fn set_start(&self, name: &str, start: StartMode) -> Result<(), Error> {
        self.operate(Operation::ServiceSetStart, name, |section, _| {
            find(&section.state().services, name).ok_or_else(|| absent(name))?;
            section.commit(Deed::ServiceStartSet { service: name.to_owned(), start }, |state| {
                if let Some(service) = find_mut(&mut state.services, name) {
                    service.start = start;
                }
            })?;
            Ok(())
        })
    }

    /// Of the password only a digest is kept, bound to the service: enough to tell whether it is the right one.
    fn set_logon(&self, name: &str, account: &str, password: Option<&SecretValue>) -> Result<(), Error> {
        self.operate(Operation::ServiceSetLogon, name, |section, _| {
            let key = find_key(&section.state().services, name).ok_or_else(|| absent(name))?;
            let password = password.map(|password| logon_digest(&key, password.expose()));
            let deed = Deed::ServiceLogonSet { service: name.to_owned(), account: account.to_owned() };
            section.commit(deed, |state| {
                if let Some(service) = find_mut(&mut state.services, name) {
                    account.clone_into(&mut service.account);
                    service.password = password;
                }
                state.let_log_on(account);
            })?;
            Ok(())
        })
    }

    fn recovery(&self, name: &str) -> Result<Recovery, Error> {
        self.operate(Operation::ServiceGet, name, |section, _| {
            let service = find(&section.state().services, name).ok_or_else(|| absent(name))?;
            Ok(service.recovery.clone())
        })
    }

    fn set_failure_actions(&self, name: &str, actions: &FailureActions) -> Result<(), Error> {
        self.recover(name, |recovery| recovery.actions.clone_from(actions))
    }

    fn set_failures_include_errors(&self, name: &str, include: bool) -> Result<(), Error> {
        self.recover(name, |recovery| recovery.include_errors = include)
    }
}

impl Twin {
    /// The ledger has what became another, attribute by attribute.
    fn recover(&self, name: &str, change: impl FnOnce(&mut Recovery)) -> Result<(), Error> {
        self.operate(Operation::ServiceSetRecovery, name, |section, _| {
            let service = find(&section.state().services, name).ok_or_else(|| absent(name))?;
            let mut after = service.recovery.clone();
            change(&mut after);
            let changed = |attribute: &&str| after.word(attribute) != service.recovery.word(attribute);
            let words = recovery::ATTRIBUTES.into_iter().filter(changed);
            let changes = words.filter_map(|name| Some((name.to_owned(), after.word(name)?))).collect();
            let deed = Deed::Altered { thing: "service".to_owned(), name: name.to_owned(), changes };
            section.commit(deed, |state| {
                if let Some(service) = find_mut(&mut state.services, name) {
                    service.recovery = after;
                }
            })?;
            Ok(())
        })
    }
}
