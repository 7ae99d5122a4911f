//! Preflight: looks at everything that must be so before anything runs, and changes nothing (G1, G4, G6).
//!
//! Each attribute of a node and each claim gives an item of its own; nothing stops at the first. `sql` asks a SQL Server,
//! `ports` who listens, `claims` who holds what the manifest would take. Neighbours: `host::Inventory` and the other
//! ports; `reception` reports the items with every comparison, the engine looks again before the first effect. What a
//! server cannot tell is unknown, and never passed.

mod claims;
mod ports;
mod sql;

use muster_agent_core::ledger::Ledger;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::NodeId;
use muster_model::node::NodeKind;
use muster_model::preflight::{FOR_INSTALLERS, PreflightItem, Verdict};
use muster_model::value::Value;

use super::sql_query::at_least;
use crate::host::{self, Host, LogOn};

/// The feature of Windows that brings IIS.
const IIS_FEATURE: &str = "IIS-WebServerRole";
const GIB: u64 = 1024 * 1024 * 1024;

/// What a preflight looks at beside the node itself.
pub struct Scope<'a> {
    /// All that the server should be.
    pub manifest: &'a Manifest,
    /// What Muster set there.
    pub ledger: &'a Ledger,
    /// Whether the plan changes that node, or would if nothing stood in its way.
    pub changes: &'a dyn Fn(&NodeId) -> bool,
}

impl Scope<'_> {
    /// Whether the plan puts anything on the server by an installer.
    fn installs(&self) -> bool {
        let installed = |node: &&Node| matches!(node.id.kind, NodeKind::Package | NodeKind::WindowsFeature);
        self.manifest.nodes.iter().filter(installed).any(|node| (self.changes)(&node.id))
    }

    /// Whether what bears this name on the server is Muster's, comes from a package of the manifest, or may be taken over.
    fn is_ours(&self, id: &NodeId) -> bool {
        let same = |other: &NodeId| {
            other.kind == id.kind && other.name.as_str().eq_ignore_ascii_case(id.name.as_str())
        };
        let provided = self.manifest.nodes.iter().any(|node| node.provided_by.is_some() && same(&node.id));
        let mut taken_over = preflights(self.manifest).flat_map(|node| texts(node, "take_over"));
        provided
            || self.ledger.nodes().any(same)
            || taken_over.any(|name| name.eq_ignore_ascii_case(&id.to_string()))
    }
}

/// Looks at everything that the preflights of a manifest ask for.
pub fn look_at_all(scope: &Scope<'_>, host: &dyn Host) -> Vec<PreflightItem> {
    preflights(scope.manifest).flat_map(|node| look(node, scope, host)).collect()
}

/// The preflights of a manifest, in their order.
fn preflights(manifest: &Manifest) -> impl Iterator<Item = &Node> {
    manifest.nodes.iter().filter(|node| node.id.kind == NodeKind::Preflight)
}

/// Looks at everything that one node asks for; the first one of a manifest also at its claims.
pub fn look(node: &Node, scope: &Scope<'_>, host: &dyn Host) -> Vec<PreflightItem> {
    let mut items = Vec::new();
    for spec in node.id.kind.spec().attributes {
        let for_nobody = FOR_INSTALLERS.contains(&spec.name) && !scope.installs();
        if let Some(value) = node.attributes.get(spec.name).filter(|_| !for_nobody) {
            attribute(node, spec.name, value, scope, host, &mut items);
        }
    }
    if preflights(scope.manifest).next().is_some_and(|first| first.id == node.id) {
        items.extend(claims::look(scope, host));
    }
    items
}

/// What came of one node, for a person: everything that is missing, or how much was looked at.
///
/// # Errors
/// Where anything did not pass.
pub fn summary(items: &[PreflightItem]) -> Result<String, String> {
    let missing: Vec<&PreflightItem> = items.iter().filter(|item| item.verdict != Verdict::Passed).collect();
    if missing.is_empty() {
        return Ok(format!("{} looked at, everything is as it must be", things(items.len())));
    }
    let mut text =
        format!("{} of {} not as they must be; nothing was done", missing.len(), things(items.len()));
    for item in missing {
        text.push_str(&format!("\n- {item} -> {}", item.advice));
    }
    Err(text)
}

fn things(count: usize) -> String {
    if count == 1 { "1 thing".to_owned() } else { format!("{count} things") }
}

fn attribute(
    node: &Node,
    name: &'static str,
    value: &Value,
    scope: &Scope<'_>,
    host: &dyn Host,
    items: &mut Vec<PreflightItem>,
) {
    let ask = |guide| Ask { node: &node.id, check: name, guide };
    let text = value.as_text().unwrap_or_default();
    match name {
        "windows_at_least" => items.push(windows(&ask("G1"), text, host)),
        "iis_at_least" => items.push(iis(&ask("G1"), text, scope, host)),
        "net_framework_at_least" => items.push(net_framework(&ask("G1"), text, host)),
        "memory_gib" => items.push(memory(&ask("G1"), value.as_integer().unwrap_or_default(), host)),
        "free_disk_gib" => {
            items.extend(members(value).map(|(place, gib)| disk(&ask("G1"), place, gib, host)))
        }
        "local_administrators" => {
            items.extend(texts(node, name).map(|account| administrator(&ask("G4"), account, host)));
        }
        "closed_programs" => {
            let sessions = host.inventory().sessions();
            items.extend(texts(node, name).map(|program| closed(&ask("G1"), program, &sessions)));
        }
        "free_ports" => items.extend(ports::look(&ask("G6"), node, scope, host)),
        "sql_server" => items.extend(sql::look(node, host)),
        _ if value.as_boolean() == Some(true) => items.extend(wanted_so(&ask("G1"), host)),
        // The other attributes say more of `sql_server`, or nothing of the server itself.
        _ => {}
    }
}

/// The attributes that are `true` or left out.
fn wanted_so(ask: &Ask<'_>, host: &dyn Host) -> Option<PreflightItem> {
    let inventory = host.inventory();
    Some(match ask.check {
        "windows_64bit" => ask.judge(
            inventory.windows_64bit(),
            "a 64-bit one",
            "the product needs another server: a 32-bit Windows cannot be turned into a 64-bit one",
            |is| (is, format!("Windows is a {} one", if is { "64-bit" } else { "32-bit" })),
        ),
        "no_pending_reboot" => ask.judge(
            inventory.pending_reboot(),
            "no restart waits",
            "restart the server, then look again",
            |reasons| match reasons.as_slice() {
                [] => (true, "Windows does not wait for a restart".to_owned()),
                reasons => (false, format!("Windows waits for a restart: {}", reasons.join(", "))),
            },
        ),
        "elevated" => ask.judge(
            inventory.elevated(),
            "an administrator's rights",
            "run the agent as its service: muster-agent service install; or start it as an administrator",
            |is| {
                (
                    is,
                    format!(
                        "the agent runs {} an administrator's rights",
                        if is { "with" } else { "without" }
                    ),
                )
            },
        ),
        "no_sessions" => ask.judge(
            inventory.sessions(),
            "nobody is logged on",
            "sign these sessions out: `query user`, then `logoff ID`, or ask them to",
            |sessions| match sessions.as_slice() {
                [] => (true, "nobody is logged on".to_owned()),
                open => {
                    let names: Vec<&str> = open.iter().map(|session| session.account.as_str()).collect();
                    (false, format!("logged on: {}", names.join(", ")))
                }
            },
        ),
        _ => return None,
    })
}

fn windows(ask: &Ask<'_>, least: &str, host: &dyn Host) -> PreflightItem {
    let wanted = format!("at least {}", windows_named(least));
    let advice = "update Windows, or use a newer server";
    ask.judge(host.inventory().windows_version(), &wanted, advice, |version| {
        (at_least(&version, least), format!("Windows {}", windows_named(&version)))
    })
}

/// A version of Windows with the name that people know.
fn windows_named(version: &str) -> String {
    let name = match version.strip_prefix("10.0.").map(|build| build.split('.').next().unwrap_or_default()) {
        Some("14393") => "Windows Server 2016",
        Some("17763") => "Windows Server 2019",
        Some("20348") => "Windows Server 2022",
        Some("26100") => "Windows Server 2025",
        Some(_) | None => return version.to_owned(),
    };
    format!("{version} ({name})")
}

/// IIS is looked at as it is; where it is not there and this manifest installs it, as this Windows brings it.
fn iis(ask: &Ask<'_>, least: &str, scope: &Scope<'_>, host: &dyn Host) -> PreflightItem {
    let comes = scope.manifest.nodes.iter().any(|node| {
        node.id.kind == NodeKind::WindowsFeature
            && node.id.name.as_str().eq_ignore_ascii_case(IIS_FEATURE)
            && node.attributes.get("state").and_then(Value::as_text) == Some("installed")
    });
    let fact = host.inventory().iis_version().and_then(|version| match version {
        None if comes => Ok((brought_by(&host.inventory().windows_version()?), true)),
        version => Ok((version, false)),
    });
    let wanted = format!("IIS {least} at least");
    let advice =
        "install the role Web Server (IIS) in Server Manager, on a Windows that has it in this version";
    ask.judge(fact, &wanted, advice, |(version, brought)| match version {
        None => (false, "IIS is not installed".to_owned()),
        Some(version) if brought => (
            at_least(&version, least),
            format!("IIS comes with this product; this Windows brings IIS {version}"),
        ),
        Some(version) => (at_least(&version, least), format!("IIS {version}")),
    })
}

/// The version of IIS that a version of Windows brings.
fn brought_by(windows: &str) -> Option<String> {
    let known = [("10.0.", "10.0"), ("6.3.", "8.5"), ("6.2.", "8.0"), ("6.1.", "7.5")];
    known.iter().find(|(version, _)| windows.starts_with(version)).map(|(_, iis)| (*iis).to_owned())
}

fn net_framework(ask: &Ask<'_>, least: &str, host: &dyn Host) -> PreflightItem {
    let wanted = format!("{least} at least");
    let advice = "install that version of the .NET Framework; it may want a restart";
    ask.judge(host.inventory().net_framework_version(), &wanted, advice, |version| match version {
        None => (false, "the .NET Framework 4.5 or later is not installed".to_owned()),
        Some(version) => (at_least(&version, least), format!(".NET Framework {version}")),
    })
}

/// Windows keeps a little of the memory for itself: the nearest whole GiB is what was bought.
fn memory(ask: &Ask<'_>, least: i64, host: &dyn Host) -> PreflightItem {
    let wanted = format!("at least {least} GiB");
    ask.judge(host.inventory().memory_bytes(), &wanted, "give the server more memory", |bytes| {
        let gib = i64::try_from(bytes.saturating_add(GIB / 2) / GIB).unwrap_or(i64::MAX);
        (gib >= least, format!("{gib} GiB of memory"))
    })
}

fn disk(ask: &Ask<'_>, place: &str, least: &str, host: &dyn Host) -> PreflightItem {
    let folder = match place.strip_suffix(':').unwrap_or(place) {
        drive if drive.len() == 1 => format!(r"{}:\", drive.to_ascii_uppercase()),
        _ => place.to_owned(),
    };
    let wanted = format!("at least {least} GiB free");
    let advice = "make room, or enlarge the disk";
    ask.judge(host.inventory().free_bytes(&folder), &wanted, advice, |free| match free {
        None => (false, format!("there is no drive for {folder}")),
        Some(bytes) => {
            let gib = bytes / GIB;
            (least.parse::<u64>().is_ok_and(|least| gib >= least), format!("{gib} GiB free for {folder}"))
        }
    })
}

fn administrator(ask: &Ask<'_>, account: &str, host: &dyn Host) -> PreflightItem {
    let advice = format!("add it on this server: net localgroup Administrators \"{account}\" /add");
    ask.judge(host.inventory().is_local_administrator(account), "a local administrator", &advice, |is| {
        (is, format!("{account} is {} local administrator", if is { "a" } else { "no" }))
    })
}

fn closed(ask: &Ask<'_>, program: &str, sessions: &Result<Vec<LogOn>, host::Error>) -> PreflightItem {
    let wanted = "closed in every session, as long as something is installed";
    let advice = "close it, or sign that session out: `query user`, then `logoff ID`";
    let file = file_of(program);
    ask.judge(sessions.as_ref().map_err(Clone::clone), wanted, advice, |sessions| {
        let has = |session: &&LogOn| session.programs.iter().any(|open| open.eq_ignore_ascii_case(&file));
        let open: Vec<&str> = sessions.iter().filter(has).map(|session| session.account.as_str()).collect();
        match open.as_slice() {
            [] => (true, format!("nobody has {program} open")),
            accounts => (false, format!("{program} is open in the session of {}", accounts.join(", "))),
        }
    })
}

/// The file of a program as people name it: a console of Windows, as in services.msc, is shown by mmc.exe.
fn file_of(program: &str) -> String {
    let lower = program.to_lowercase();
    match lower.rsplit_once('.') {
        Some((_, "msc")) => "mmc.exe".to_owned(),
        Some((_, "exe")) => lower,
        Some(_) | None => format!("{lower}.exe"),
    }
}

/// What is asked for, and where it is written.
struct Ask<'a> {
    node: &'a NodeId,
    check: &'static str,
    guide: &'static str,
}

impl Ask<'_> {
    /// Judges a fact; one that could not be had is unknown.
    fn judge<T>(
        &self,
        fact: Result<T, host::Error>,
        wanted: &str,
        advice: &str,
        is_so: impl FnOnce(T) -> (bool, String),
    ) -> PreflightItem {
        match fact.map(is_so) {
            Ok((true, found)) => self.item(Verdict::Passed, found, wanted, ""),
            Ok((false, found)) => self.item(Verdict::Missing, found, wanted, advice),
            Err(error) => self.unknown(&error, wanted),
        }
    }

    /// What nobody can tell.
    fn unknown(&self, error: &host::Error, wanted: &str) -> PreflightItem {
        let advice =
            "look at it on the server by hand; where it is so, take it out of the product's preflight";
        self.item(Verdict::Unknown, error.to_string(), wanted, advice)
    }

    fn item(&self, verdict: Verdict, found: String, wanted: &str, advice: &str) -> PreflightItem {
        PreflightItem {
            node: Some(self.node.clone()),
            check: self.check.to_owned(),
            verdict,
            found,
            wanted: wanted.to_owned(),
            advice: advice.to_owned(),
            guide: self.guide.parse().ok(),
        }
    }
}

/// The texts of a list.
fn texts<'n>(node: &'n Node, attribute: &str) -> impl Iterator<Item = &'n str> {
    items(node, attribute).iter().filter_map(Value::as_text)
}

/// The items of a list; none where the attribute is left out.
fn items<'n>(node: &'n Node, attribute: &str) -> &'n [Value] {
    match node.attributes.get(attribute) {
        Some(Value::List(items)) => items,
        Some(
            Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Members(_) | Value::Secret(_),
        )
        | None => &[],
    }
}

/// The members of a set.
fn members(value: &Value) -> impl Iterator<Item = (&str, &str)> {
    let members = match value {
        Value::Members(members) => Some(members),
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_) => None,
    };
    members.into_iter().flatten().map(|(key, value)| (key.as_str(), value.as_str()))
}

#[cfg(test)]
mod tests;
