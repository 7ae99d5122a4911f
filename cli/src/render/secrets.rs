//! Secrets: which there are, at which version, and who can read them; how a drill went. Never a value.
//!
//! Neighbours: `cmd::secret` and `drill` print it.

use muster_model::backup::Drill;
use muster_model::view::{SecretView, SecretsView};

use super::{one_line, style, table};
use crate::output::Output;

/// A line for each version, newest last.
pub(crate) fn text(view: &SecretsView, output: &Output) -> String {
    let site = &view.site;
    if view.secrets.is_empty() {
        return format!(
            "the product of {site} names no secret, and none is stored\nNext: muster status {site}"
        );
    }
    let (mut rows, mut bad, mut next) = (Vec::new(), Vec::new(), Vec::new());
    for secret in &view.secrets {
        let name = &secret.secret;
        if secret.versions.is_empty() {
            rows.push(row(secret, "-", "", "", "NOT SET".to_owned()));
            bad.push(true);
            next.push(format!("muster secret set {site} {name}"));
        }
        for version in &secret.versions {
            let newest = Some(version) == secret.versions.last();
            let unread: Vec<String> = version.not_yet_readable_by.iter().map(ToString::to_string).collect();
            let readers: Vec<String> = version.readable_by.iter().map(|reader| one_line(reader)).collect();
            let mut who = readers.join(", ");
            if newest && !unread.is_empty() {
                who = format!("{who}; not yet readable by {}", unread.join(", "));
                next.push(format!("muster secret reseal {site} --recovery-key FILE"));
            }
            bad.push(newest && !unread.is_empty());
            rows.push(row(
                secret,
                &version.version.to_string(),
                &output.minute(version.at),
                &version.by,
                who,
            ));
        }
    }
    let lines = table::align(Some(&["SECRET", "VERSION", "SET", "BY", "READABLE BY", ""]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    let coloured = lines.iter().skip(1).zip(bad);
    text.extend(coloured.map(|(line, bad)| if bad { style::warn(line) } else { line.clone() }));
    next.dedup();
    if !next.is_empty() {
        text.push(String::new());
        text.push(super::next(&next));
    }
    text.join("\n")
}

fn row(secret: &SecretView, version: &str, at: &str, by: &str, who: String) -> Vec<String> {
    let remark = match (secret.wanted, secret.fixed) {
        (false, _) => "no longer named by the product",
        (true, true) => "fixed once installed",
        (true, false) => "",
    };
    vec![secret.secret.to_string(), version.to_owned(), at.to_owned(), by.to_owned(), who, remark.to_owned()]
}

/// How a drill went: a line for each version.
pub(crate) fn drill(drill: &Drill) -> String {
    if drill.secrets.is_empty() {
        return "the backup holds no secret, and no server needs one".to_owned();
    }
    let rows: Vec<Vec<String>> = drill
        .secrets
        .iter()
        .map(|tried| {
            let needed: Vec<String> = tried.needed_by.iter().map(ToString::to_string).collect();
            let needed =
                if needed.is_empty() { String::new() } else { format!("needed by {}", needed.join(", ")) };
            let how = match &tried.problem {
                None => "opens".to_owned(),
                Some(problem) => format!("FAIL, {}", one_line(problem)),
            };
            vec![tried.site.to_string(), tried.secret.to_string(), tried.version.to_string(), how, needed]
        })
        .collect();
    let lines = table::align(Some(&["SITE", "SECRET", "VERSION", "", ""]), &rows);
    let mut text: Vec<String> = lines.first().map(|line| style::bold(line)).into_iter().collect();
    let coloured = lines.iter().skip(1).zip(&drill.secrets);
    text.extend(coloured.map(
        |(line, tried)| {
            if tried.problem.is_some() { style::bad(line) } else { line.clone() }
        },
    ));
    let opens = drill.secrets.iter().filter(|tried| tried.problem.is_none()).count();
    text.push(format!("{opens} of {} open with this key", drill.secrets.len()));
    text.join("\n")
}
