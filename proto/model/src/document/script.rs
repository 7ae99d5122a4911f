//! The files of a list of scripts, each judged at its own place: what it is, and what it is beside the others.
//!
//! A script is a map; what it takes in is a list behind it (`raw` makes both of one map of the document). Neighbours: `node` asks
//! for lists that are written out, `resolve` for those that expressions gave.

use std::collections::{BTreeMap, BTreeSet};

use super::{Place, Placed, Raw};
use crate::digest::Digest;
use crate::limits::SCRIPT_INCLUDES;
use crate::parameter::is_windows_path;
use crate::value::Value;
use crate::variable;

/// What is wrong with a list, and where.
pub(crate) struct Fault {
    pub(crate) place: Place,
    pub(crate) rule: &'static str,
    pub(crate) problem: String,
    pub(crate) advice: String,
}

/// A file that can be read.
struct File<'v> {
    place: Place,
    path: &'v str,
    sha256: Digest,
}

/// Everything that is wrong with the files of a list, or nothing.
pub(crate) fn faults(raw: &Placed<Raw>, value: &Value) -> Vec<Fault> {
    let Value::List(items) = value else { return Vec::new() };
    let mut faults = Vec::new();
    let mut known = BTreeMap::new();
    let mut script = None;
    for (index, item) in items.iter().enumerate() {
        let written = item_of(raw, index);
        match item {
            Value::List(includes) => {
                let files = included(written, includes, script.as_ref(), &mut faults);
                files.iter().for_each(|file| one_digest(file, &mut known, &mut faults));
            }
            Value::Members(_) | Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) => {
                script = file(written, item, &mut faults);
                variables(written, item, &mut faults);
                script.iter().for_each(|file| one_digest(file, &mut known, &mut faults));
            }
        }
    }
    faults
}

/// What a script may take in: each file once, and not itself.
fn included<'v>(
    written: &Placed<Raw>,
    includes: &'v [Value],
    script: Option<&File<'_>>,
    faults: &mut Vec<Fault>,
) -> Vec<File<'v>> {
    if includes.is_empty() || includes.len() as u64 > SCRIPT_INCLUDES {
        faults.push(Fault {
            place: written.place,
            rule: "wrong-value",
            problem: format!("`includes` lists {} files", includes.len()),
            advice: format!("list 1 to {SCRIPT_INCLUDES}, or leave it out"),
        });
    }
    let mut seen: BTreeSet<String> = script.iter().map(|script| script.path.to_lowercase()).collect();
    let files =
        includes.iter().enumerate().filter_map(|(index, item)| file(item_of(written, index), item, faults));
    let files: Vec<File<'_>> = files.collect();
    for File { place, path, .. } in &files {
        if !seen.insert(path.to_lowercase()) {
            faults.push(Fault {
                place: *place,
                rule: "duplicate-file",
                problem: format!("{path} is the script itself, or is in its `includes` already"),
                advice: "list each file once; it may be taken in any number of times".to_owned(),
            });
        }
    }
    files
}

/// A file and its digest, and nothing else.
fn file<'v>(written: &Placed<Raw>, item: &'v Value, faults: &mut Vec<Fault>) -> Option<File<'v>> {
    let Value::Members(members) = item else {
        let problem = format!("`{item}` is no file with its digest");
        faults.push(wrong(written.place, problem));
        return None;
    };
    let before = faults.len();
    let is_part = |key: &str| ["file", "sha256"].contains(&key) || variable::name_of(key).is_some();
    if let Some(key) = members.keys().find(|key| !is_part(key)) {
        faults.push(wrong(member_of(written, key), format!("`{key}` is no part of a file")));
    }
    let path = members.get("file").map_or("", String::as_str);
    if !is_windows_path(path) {
        let problem = format!("`file` is `{path}`, which is no absolute path");
        faults.push(wrong(member_of(written, "file"), problem));
    }
    let sha256 = members.get("sha256").map_or("", String::as_str);
    let digest = sha256.parse::<Digest>();
    if digest.is_err() {
        let problem = format!("`sha256` of {path} is `{sha256}`, which is no digest");
        faults.push(wrong(member_of(written, "sha256"), problem));
    }
    let sha256 = digest.ok().filter(|_| faults.len() == before)?;
    Some(File { place: written.place, path, sha256 })
}

/// What a script is given as sqlcmd's `-v` gives it: names that sqlcmd takes, each once, and values of one line.
fn variables(written: &Placed<Raw>, item: &Value, faults: &mut Vec<Fault>) {
    let Value::Members(members) = item else { return };
    let mut seen = BTreeSet::new();
    for (key, value) in members {
        let Some(name) = variable::name_of(key) else { continue };
        let lower = name.to_lowercase();
        let (problem, advice) = if !variable::is_name(name) {
            ("is no variable's name", "letters, digits, _ and -; the first is a letter or _")
        } else if lower.starts_with("sqlcmd") {
            ("is a variable of sqlcmd itself", "give it another name; SQLCMDDBNAME is known to every script")
        } else if value.contains("$(") || value.contains(char::is_control) {
            ("has a value with `$(` or of more than one line", "write the value itself, on one line")
        } else if !seen.insert(lower) {
            (
                "is there twice, as sqlcmd takes capital and small letters for the same",
                "give each variable once",
            )
        } else {
            continue;
        };
        let problem = format!("`{name}` {problem}");
        let place = member_of(written, key);
        faults.push(Fault { place, rule: "wrong-value", problem, advice: advice.to_owned() });
    }
}

/// One path has one digest: of two, one could not be what is there.
fn one_digest(
    File { place, path, sha256 }: &File<'_>,
    known: &mut BTreeMap<String, (Digest, Place)>,
    faults: &mut Vec<Fault>,
) {
    let (first, at) = *known.entry(path.to_lowercase()).or_insert((*sha256, *place));
    if first != *sha256 {
        faults.push(Fault {
            place: *place,
            rule: "duplicate-file",
            problem: format!("{path} has another SHA-256 on line {} of its document", at.line),
            advice: "a file has one content: correct one of the two, or give the files two names".to_owned(),
        });
    }
}

fn wrong(place: Place, problem: String) -> Fault {
    let advice = r"wanted: {file: 'C:\Folder\name.sql', sha256: its 64 hexadecimal digits}".to_owned();
    Fault { place, rule: "wrong-value", problem, advice }
}

/// An item as it is written; the whole list where an expression gives it.
fn item_of(raw: &Placed<Raw>, index: usize) -> &Placed<Raw> {
    let Raw::List(items) = &raw.value else { return raw };
    items.get(index).unwrap_or(raw)
}

/// Where a member's value is written.
fn member_of(raw: &Placed<Raw>, key: &str) -> Place {
    let Raw::Members(members) = &raw.value else { return raw.place };
    members.iter().find(|(name, _)| name.value == key).map_or(raw.place, |(_, value)| value.place)
}
