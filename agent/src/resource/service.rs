//! Windows services: start mode, account (G4) and state, waited for until they hold (G13).
//!
//! Neighbours: `host::Services`, `recovery` has what Windows does when one fails, `vault` opens a password at the moment at
//! which it is set. Makes a service from its command line where there is none, and takes away what it made; never touches a
//! dependency of one.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::limits;
use muster_model::manifest::Node;
use muster_model::node::NodeKind;
use muster_model::plan::Row;
use muster_model::value::Value;

use super::way::Way;
use super::{Error, cannot, new_text, recovery, seconds_ms};
use crate::engine::patience::Patience;
use crate::host::{self, Host, ServiceFacts, ServiceState, StartMode};
use crate::vault::Secrets;

/// The longest name that a computer has before those of its accounts (NetBIOS).
const SHORT_NAME: usize = 15;

pub(super) fn observe(node: &Node, host: &dyn Host) -> Result<Observation, host::Error> {
    let Some(facts) = host.services().get(node.id.name.as_str())? else { return Ok(Observation::Absent) };
    let mut seen = BTreeMap::from([
        ("command_line".to_owned(), Value::Text(facts.command_line)),
        ("start".to_owned(), Value::from(start_word(facts.start))),
        ("state".to_owned(), Value::from(state_word(facts.state))),
        ("account".to_owned(), Value::Text(spelling(node, facts.account, host))),
    ]);
    seen.extend(recovery::observe(node, host)?);
    Ok(Observation::Present(seen))
}

/// The account as the document spells it, where it is the same one: `.` is this computer, the rest is the machine's to say.
fn spelling(node: &Node, account: String, host: &dyn Host) -> String {
    let Some(wanted) = node.attributes.get("account").and_then(Value::as_text) else { return account };
    // Where the machine does not say its name, `.` is only itself.
    let computer = host.host_name().map(|name| name.to_string()).unwrap_or_default();
    let whole = |account: &str| match account.split_once('\\') {
        Some((domain, name)) if is_computer(domain, &computer) => format!(".\\{name}").to_lowercase(),
        _ => account.to_lowercase(),
    };
    let same = whole(wanted) == whole(&account) || host.files().is_same_account(wanted, &account);
    if same { wanted.to_owned() } else { account }
}

/// By its name, or by the short one that its accounts have.
fn is_computer(domain: &str, computer: &str) -> bool {
    let short = computer.get(..SHORT_NAME).unwrap_or(computer);
    [computer, short].iter().any(|name| domain.eq_ignore_ascii_case(name))
}

pub(super) fn apply(
    node: &Node,
    before: &Observation,
    rows: &[Row],
    host: &dyn Host,
    secrets: &dyn Secrets,
) -> Result<(), Error> {
    let name = node.id.name.as_str();
    // First: there is nothing to set on a service that is not there.
    if let Some(row) = rows.iter().find(|row| row.attribute.name == "command_line") {
        let line = new_text(row).ok_or_else(|| cannot(NodeKind::Service, row))?;
        match before {
            Observation::Absent => host.services().create(name, line)?,
            Observation::Present(_) | Observation::Unreadable(_) => {
                host.services().set_command_line(name, line)?;
            }
        }
    }
    let mut logon =
        rows.iter().filter(|row| ["account", "password"].contains(&&*row.attribute.name)).peekable();
    if logon.peek().is_some() {
        set_logon(node, host, secrets)?;
    }
    recovery::apply(node, rows, host)?;
    for row in rows {
        match (row.attribute.name.as_str(), new_text(row)) {
            ("start", Some(word)) => {
                let mode = START_MODES.into_iter().find(|mode| start_word(*mode) == word);
                host.services().set_start(name, mode.ok_or_else(|| cannot(NodeKind::Service, row))?)?;
            }
            ("state", Some("running")) => host.services().start(name)?,
            ("state", Some("stopped")) => host.services().stop(name)?,
            ("command_line" | "account" | "password", _) => {}
            (name, _) if host::recovery::ATTRIBUTES.contains(&name) => {}
            _ => return Err(cannot(NodeKind::Service, row)),
        }
    }
    Ok(())
}

/// Stops a service that Muster made and has Windows forget it; [`confirm`] waits until it is gone.
pub(super) fn remove(name: &str, host: &dyn Host) -> Result<(), Error> {
    host.services().stop(name)?;
    Ok(host.services().remove(name)?)
}

/// Account and password are one setting of Windows: either of their rows sets both.
fn set_logon(node: &Node, host: &dyn Host, secrets: &dyn Secrets) -> Result<(), Error> {
    let account = node.attributes.get("account").and_then(Value::as_text).unwrap_or_default();
    let password = node.attributes.get("password").and_then(Value::as_secret);
    let password = password.map(|secret| secrets.open(secret)).transpose()?;
    Ok(host.services().set_logon(node.id.name.as_str(), account, password.as_ref())?)
}

/// Waits until the service is neither on its way up nor down, at most as long as it may take.
pub(super) fn settle(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<(), Error> {
    let mut left_ms = time_limit_ms(node);
    while left_ms > 0 {
        let Some(facts) = host.services().get(node.id.name.as_str())? else { return Ok(()) };
        if matches!(facts.state, ServiceState::Running | ServiceState::Stopped) {
            return Ok(());
        }
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
    }
    Ok(())
}

/// Waits while a service is on its way up, at most that long.
pub(super) fn come_up(
    name: &str,
    limit_ms: u64,
    host: &dyn Host,
    patience: &Patience<'_>,
) -> Result<(), Error> {
    let mut left_ms = limit_ms;
    let is_starting = |facts: ServiceFacts| facts.state == ServiceState::StartPending;
    while left_ms > 0 && host.services().get(name)?.is_some_and(is_starting) {
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
    }
    Ok(())
}

/// Waits until the service is in the wanted state, and then as long as it must stay there to count.
pub(super) fn confirm(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<(), Error> {
    let name = node.id.name.as_str();
    if node.absent {
        return confirm_gone(node, host, patience);
    }
    let Some(wanted) = node.attributes.get("state").and_then(Value::as_text) else { return Ok(()) };
    let mut way = Way::default();
    let mut state = |waited_ms| -> Result<(&'static str, String), Error> {
        let Some(facts) = host.services().get(name)? else { return Ok(("absent", String::new())) };
        way.note(&facts, waited_ms);
        let why = facts.failure.map(|failure| format!(", because of {failure}")).unwrap_or_default();
        Ok((state_word(facts.state), format!("{}{why}", way.words())))
    };
    let limit_ms = time_limit_ms(node);
    let mut left_ms = limit_ms;
    loop {
        let (now, why) = state(limit_ms - left_ms)?;
        if now == wanted {
            break;
        }
        // A start that has fallen back to stopped will not come by waiting.
        let fell_back = wanted == "running" && now == "stopped";
        if left_ms == 0 || fell_back || now == "absent" {
            let waited_ms = limit_ms - left_ms;
            return Err(Error::Unmet(format!(
                "service {name} is {now} after {waited_ms} ms, not {wanted}{why}; see its log and the event log (G13)"
            )));
        }
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
    }
    let settle_ms = seconds_ms(node, "settle_seconds", limits::SERVICE_SETTLE_SECONDS);
    let mut left_ms = settle_ms;
    while left_ms > 0 {
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
        let stayed = settle_ms - left_ms;
        let (now, why) = state(limit_ms + stayed)?;
        if now != wanted {
            return Err(Error::Unmet(format!(
                "service {name} was {wanted} and is {now} {stayed} ms later{why}; see its log and the event log (G13)"
            )));
        }
    }
    Ok(())
}

/// Windows keeps a service that was marked to go until it has stopped and the last window that shows it is closed.
fn confirm_gone(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<(), Error> {
    let name = node.id.name.as_str();
    let limit_ms = time_limit_ms(node);
    let (mut left_ms, mut way) = (limit_ms, Way::default());
    while let Some(facts) = host.services().get(name)? {
        way.note(&facts, limit_ms - left_ms);
        if left_ms == 0 {
            let (state, way) = (state_word(facts.state), way.words());
            return Err(Error::Unmet(format!(
                "service {name} is marked to go and still there after {limit_ms} ms, {state}{way}; close services.msc on the server, and resume"
            )));
        }
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
    }
    Ok(())
}

fn time_limit_ms(node: &Node) -> u64 {
    seconds_ms(node, "time_limit_seconds", limits::SERVICE_TIME_LIMIT_SECONDS)
}

const START_MODES: [StartMode; 4] =
    [StartMode::Automatic, StartMode::AutomaticDelayed, StartMode::Manual, StartMode::Disabled];

fn start_word(start: StartMode) -> &'static str {
    match start {
        StartMode::Automatic => "automatic",
        StartMode::AutomaticDelayed => "automatic_delayed",
        StartMode::Manual => "manual",
        StartMode::Disabled => "disabled",
    }
}

pub(super) fn state_word(state: ServiceState) -> &'static str {
    match state {
        ServiceState::Stopped => "stopped",
        ServiceState::StartPending => "start_pending",
        ServiceState::Running => "running",
        ServiceState::StopPending => "stop_pending",
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::host::twin::store::Store;
    use crate::host::twin::{Twin, yaml};

    #[test]
    fn g4_an_account_of_a_computer_with_a_long_name_is_the_same_by_either_of_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let text = "kind: Twin\nhost_name: SXA-PRODUCTION-01\npackages: {}\n";
        let (state, catalogue) = yaml::read(text).unwrap().split();
        Store::create(folder.path(), &state, &catalogue).unwrap();
        let twin = Twin::open(folder.path(), Path::new("muster-agent")).unwrap();
        let spellings = [r".\batch", r"sxa-production-01\Batch", r"SXA-PRODUCTION-\batch"];
        for wanted in spellings {
            let node = Node {
                attributes: BTreeMap::from([("account".to_owned(), Value::from(wanted))]),
                ..Node::bare("service/Sage".parse().unwrap())
            };
            for seen in spellings {
                assert_eq!(spelling(&node, seen.to_owned(), &twin), wanted);
            }
            for other in [r".\other", r"SXA-PRODUCTION\batch", r"DUPONT\batch", "batch"] {
                assert_eq!(spelling(&node, other.to_owned(), &twin), other);
            }
        }
    }
}
