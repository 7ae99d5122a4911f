//! What a twin's services depend on: what is started before one, and what keeps one from being stopped.
//!
//! Neighbours: the port to services asks, a restart of the computer too. Error numbers are those of Windows' service manager,
//! <https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--1000-1299->.

use jiff::Timestamp;

use super::{Service, State, find, find_key, find_mut};
use crate::host::{ServiceState, StartMode};

impl State {
    /// The services that are to be told to start so that this one starts, in order, itself last; those that run or are on
    /// their way are none of them.
    ///
    /// # Errors
    /// Where it or one that it depends on cannot start, in Windows' words.
    pub fn to_start(&self, name: &str, now: Timestamp) -> Result<Vec<String>, &'static str> {
        let mut order = Vec::new();
        self.add_to_start(name, now, &mut Vec::new(), &mut order)?;
        Ok(order)
    }

    fn add_to_start(
        &self,
        name: &str,
        now: Timestamp,
        above: &mut Vec<String>,
        order: &mut Vec<String>,
    ) -> Result<(), &'static str> {
        let missing = "error 1075: a service that it depends on is not there or is marked to go";
        let name = find_key(&self.services, name).ok_or(missing)?;
        let service = find(&self.services, &name).ok_or(missing)?;
        if above.contains(&name) {
            return Err("error 1059: it depends on itself");
        }
        let is_up = matches!(service.at(now), ServiceState::Running | ServiceState::StartPending);
        if is_up || order.contains(&name) {
            return Ok(());
        }
        if service.start == StartMode::Disabled {
            return Err(match above.is_empty() {
                true => "error 1058: the service is disabled",
                false => "error 1068: a service that it depends on is disabled",
            });
        }
        above.push(name);
        for dependency in &service.depends_on {
            self.add_to_start(dependency, now, above, order)?;
        }
        order.extend(above.pop());
        Ok(())
    }

    /// Begins to start once what it depends on runs.
    pub fn begin(&mut self, name: &str, now: Timestamp) {
        let Some(service) = find(&self.services, name) else { return };
        let runs_at = |name: &String| find(&self.services, name).and_then(|service| service.running_at);
        let ready = service.depends_on.iter().filter_map(runs_at).max().unwrap_or(now);
        if let Some(service) = find_mut(&mut self.services, name) {
            service.begin(now, ready);
        }
    }

    /// The services that do not let this one stop: those that depend on it, at whatever remove, and are not stopped; each
    /// before those that it depends on.
    pub fn active_dependents(&self, name: &str, now: Timestamp) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        self.add_dependents(name, now, &mut found);
        found.reverse();
        found
    }

    fn add_dependents(&self, name: &str, now: Timestamp, found: &mut Vec<String>) {
        let depends =
            |service: &Service| service.depends_on.iter().any(|other| other.eq_ignore_ascii_case(name));
        for (dependent, service) in &self.services {
            let is_active = service.at(now) != ServiceState::Stopped;
            if depends(service) && is_active && !found.contains(dependent) {
                found.push(dependent.clone());
                self.add_dependents(dependent, now, found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::after;
    use super::*;
    use crate::host::twin::yaml;

    #[test]
    fn a_service_runs_only_after_what_it_depends_on_does_also_after_a_restart() {
        let declared = "kind: Twin\nhost_name: A\npackages: {}\nservices:\n  \
            Base: {start: manual, start_delay_ms: 400}\n  Above: {start: automatic, depends_on: [base]}\n";
        let (mut state, _) = yaml::read(declared).unwrap().split();
        let now = Timestamp::UNIX_EPOCH;
        state.reboot(now);
        let at = |later_ms| ["Base", "Above"].map(|name| state.services[name].at(after(now, later_ms)));
        assert_eq!(at(399), [ServiceState::StartPending; 2]);
        assert_eq!(at(400), [ServiceState::Running; 2]);
    }
}
