//! Where the sites stand: all of them in a table, one of them in sentences.
//!
//! Neighbours: `muster_core::view` made the sentences and the commands; nothing is judged here.

use muster_model::event::RunEnd;
use muster_model::limits::END_DATE_SHOWN_DAYS;
use muster_model::view::{EndDate, SiteState, SiteView, StatusView};

use super::{one_line, servers, style, table};
use crate::output::Output;

/// All sites, a line each.
pub(crate) fn table(sites: &[SiteView], output: &Output) -> String {
    let rows: Vec<Vec<String>> = sites
        .iter()
        .map(|site| {
            vec![
                site.site.to_string(),
                site.product.to_string(),
                word(site.state).to_owned(),
                site.progress.map(|(done, all)| format!("{done}/{all}")).unwrap_or_default(),
                site.since.map(|since| output.minute(since)).unwrap_or_default(),
                // What ends soon and the remark of a server come before the site's sentence: SIMULATED must not be cut off
                // by a narrow window.
                format!(
                    "{}{}{}",
                    if is_simulated(site) { "SIMULATED  " } else { "" },
                    soon(site).map(|end| ended(end, false) + "; ").unwrap_or_default(),
                    output.prose(&one_line(&site.detail))
                ),
            ]
        })
        .collect();
    let lines = table::align(Some(&["SITE", "PRODUCT", "STATE", "STEPS", "SINCE", ""]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    text.extend(lines.iter().skip(1).zip(sites).map(|(line, site)| coloured(site.state, line)));
    text.push(String::new());
    text.push(summary(sites));
    let next: Vec<String> = sites
        .iter()
        .filter(|site| site.state != SiteState::InSync)
        .filter_map(|site| site.next.first().cloned())
        .take(3)
        .collect();
    if !next.is_empty() {
        text.push(super::next(&next));
    }
    text.join("\n")
}

/// No site to show.
pub(crate) fn none(status: &StatusView, problems: bool) -> String {
    match status.revision {
        Some(revision) if problems => format!("no site needs a person; newest revision {revision}"),
        Some(revision) => format!(
            "revision {revision} has no site\nNext: write a document of kind Site, then muster push -f PATH"
        ),
        None => "nothing was pushed yet\nNext: muster validate -f PATH\n  or: muster push -f PATH".to_owned(),
    }
}

/// One site, its servers, and what to type.
pub(crate) fn one(site: &SiteView, output: &Output) -> String {
    let progress =
        site.progress.map(|(done, all)| format!("  {done} of {all} steps done")).unwrap_or_default();
    let plan = site.plan.map(|plan| format!("  {plan}")).unwrap_or_default();
    let since = site.since.map(|since| format!("  since {}", output.minute(since))).unwrap_or_default();
    let title = format!("{}  {}  {}{plan}{progress}{since}", site.site, site.product, word(site.state));
    let mut text = vec![coloured(site.state, &title), output.prose(&one_line(&site.detail))];
    text.extend(site.ends.iter().map(|end| ended(end, true)));
    if is_simulated(site) {
        text.push(style::warn(
            "SIMULATED: a twin stands in for a server of this site; nothing real is managed.",
        ));
    }
    text.push(String::new());
    text.push(servers::table(&site.servers, output));
    if !site.next.is_empty() {
        text.push(String::new());
        text.push(super::next(&site.next));
    }
    text.join("\n")
}

/// What ends first, where that is near enough to be said among other sites.
pub(crate) fn soon(site: &SiteView) -> Option<&EndDate> {
    site.ends.first().filter(|end| is_near(end))
}

fn is_near(end: &EndDate) -> bool {
    // A day that has passed does not fit.
    u64::try_from(end.days).unwrap_or(0) <= END_DATE_SHOWN_DAYS
}

/// `licences end 2027-03-31`, and how far that is where there is room.
fn ended(end: &EndDate, far: bool) -> String {
    let EndDate { ends, what, role, days } = end;
    let what = one_line(what);
    let text = if *days < 0 { format!("{what} ended {ends}") } else { format!("{what} end {ends}") };
    let far = match (far, *days) {
        (false, _) => String::new(),
        (true, ..0) => format!(" on {role}; plan again and confirm its renewal"),
        (true, 0) => format!(" on {role}: today"),
        (true, 1) => format!(" on {role}: tomorrow"),
        (true, days) => format!(" on {role}: in {days} days"),
    };
    let text = text + &far;
    if is_near(end) { style::warn(&text) } else { text }
}

/// What is said of a site on a twin, wherever it is shown; nothing of others.
pub(crate) fn twin_label(site: &SiteView) -> Option<String> {
    let label = "SIMULATED: a twin stands in for a server of this site; nothing real is managed.";
    is_simulated(site).then(|| style::warn(label))
}

/// Whether a server of the site stands on a twin.
pub(crate) fn is_simulated(site: &SiteView) -> bool {
    site.servers.iter().any(|server| server.simulated == Some(true))
}

/// `67 sites: 41 in sync, 18 running, ...`, in the order of the states' first appearance.
fn summary(sites: &[SiteView]) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for site in sites {
        let word = word(site.state);
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    let counts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
    format!("{}: {}", super::count(sites.len(), "site"), counts.join(", "))
}

/// A site's state in a word or two.
pub(crate) fn word(state: SiteState) -> &'static str {
    match state {
        SiteState::New => "new",
        SiteState::Planned => "planned",
        SiteState::Approved => "approved",
        SiteState::Running => "running",
        SiteState::Waiting => "WAITING",
        SiteState::Offline => "OFFLINE",
        SiteState::InSync => "in sync",
        SiteState::Stopped(end) => self::end(end),
    }
}

/// How a run ended, in a word.
pub(crate) fn end(end: RunEnd) -> &'static str {
    match end {
        RunEnd::Done => "done",
        RunEnd::Failed => "FAILED",
        RunEnd::Blocked => "BLOCKED",
        RunEnd::Unknown => "UNKNOWN",
        RunEnd::Refused => "REFUSED",
        RunEnd::Cancelled => "cancelled",
        RunEnd::Expired => "EXPIRED",
    }
}

/// A line in the colour of a site's state.
pub(crate) fn coloured(state: SiteState, line: &str) -> String {
    match state {
        SiteState::InSync | SiteState::Stopped(RunEnd::Done) => style::good(line),
        SiteState::New | SiteState::Running | SiteState::Planned | SiteState::Approved => line.to_owned(),
        SiteState::Waiting | SiteState::Offline | SiteState::Stopped(RunEnd::Cancelled | RunEnd::Expired) => {
            style::warn(line)
        }
        SiteState::Stopped(_) => style::bad(line),
    }
}
