//! The marks of scripts in their database: one extended property for each file, written with the batch that moves it.
//!
//! A mark is known by the digest of its file, and of what the file may take in, so that another text is another script. Neighbours:
//! the engine writes and reads them, `due` asks whether all files of a task are through. They go back with a restored backup, so
//! that what a backup does not hold is run again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use muster_model::digest::{Digest, Hasher};
use muster_model::manifest::Node;
use muster_model::value::Value;
use muster_model::variable;

use super::Place;
use super::include::relative;

/// A file of a task, as its manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its path on the server whose agent runs it.
    pub file: String,
    /// What it must be.
    pub sha256: Digest,
    /// What it may take in by `:r`.
    pub includes: Vec<Include>,
    /// What the document gives it, as sqlcmd's `-v` does; names in small letters, as they have no case.
    pub variables: BTreeMap<String, String>,
    /// The database that it runs in.
    pub database: String,
}

/// A file that a script may take in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Include {
    /// Its path on the same server.
    pub file: String,
    /// What it must be.
    pub sha256: Digest,
}

impl Script {
    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.file.rsplit('\\').next().unwrap_or(&self.file)
    }

    /// The path of that one of its files: 0 is its own.
    pub fn path(&self, file: usize) -> &str {
        let include = file.checked_sub(1).and_then(|index| self.includes.get(index));
        include.map_or(&self.file, |include| &include.file)
    }

    /// A line of one of its files, for a person: `main.sql:3`, `sub\tables.sql:7 (taken in by main.sql)`.
    pub fn told(&self, place: Place) -> String {
        let Place { file, line } = place;
        if file == 0 {
            return format!("{}:{line}", self.name());
        }
        format!("{}:{line} (taken in by {})", relative(&self.file, self.path(file)), self.name())
    }
}

/// The scripts of a task, in order.
pub fn scripts(node: &Node) -> Vec<Script> {
    let Some(Value::List(items)) = node.attributes.get("scripts") else { return Vec::new() };
    let database = node.attributes.get("database").and_then(Value::as_text).unwrap_or_default();
    let database = database.split_once('/').map_or("", |(_, name)| name);
    let mut scripts: Vec<Script> = Vec::new();
    for item in items {
        match item {
            Value::Members(members) => scripts.extend(include(item).map(|Include { file, sha256 }| Script {
                file,
                sha256,
                includes: Vec::new(),
                variables: members.iter().filter_map(given).collect(),
                database: database.to_owned(),
            })),
            // What the script before it may take in.
            Value::List(includes) => {
                if let Some(script) = scripts.last_mut() {
                    script.includes.extend(includes.iter().filter_map(include));
                }
            }
            Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) => {}
        }
    }
    scripts
}

/// A variable among the members of a script.
fn given((key, value): (&String, &String)) -> Option<(String, String)> {
    Some((variable::name_of(key)?.to_lowercase(), value.clone()))
}

/// A path and its digest.
fn include(item: &Value) -> Option<Include> {
    match item {
        Value::Members(file) => {
            Some(Include { file: file.get("file")?.clone(), sha256: file.get("sha256")?.parse().ok()? })
        }
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_) => None,
    }
}

/// The name of the extended property that holds a file's mark.
pub fn property(node: &Node, script: &Script) -> String {
    let digest = whole(script).to_string();
    format!("Muster:{}:{}", node.id.name, &digest[..32])
}

/// The digest of all that a script runs: the file, what it takes in and what it is given. One with neither has its own; never
/// changed, as databases hold it.
fn whole(script: &Script) -> Digest {
    let files = with_includes(script);
    if script.variables.is_empty() {
        return files;
    }
    let mut hash = Hasher::default();
    hash.update(b"muster script and its variables\n");
    hash.update(files.as_bytes());
    for text in script.variables.iter().flat_map(|(name, value)| [name, value]) {
        hash.update(&(text.len() as u64).to_be_bytes());
        hash.update(text.as_bytes());
    }
    hash.finish()
}

/// The digest of a script and what it takes in. Where the files lie is no part of it, only how they lie to each other; nor is the order
/// in which they are listed.
fn with_includes(script: &Script) -> Digest {
    if script.includes.is_empty() {
        return script.sha256;
    }
    let name = |include: &Include| relative(&script.file, &include.file).to_lowercase();
    let mut files: Vec<(String, Digest)> =
        script.includes.iter().map(|include| (name(include), include.sha256)).collect();
    files.sort();
    let mut hash = Hasher::default();
    hash.update(b"muster script and what it takes in\n");
    hash.update(script.sha256.as_bytes());
    for (name, sha256) in files {
        hash.update(&(name.len() as u64).to_be_bytes());
        hash.update(name.as_bytes());
        hash.update(sha256.as_bytes());
    }
    hash.finish()
}

/// Stands in a mark before the number of errors that were ignored.
const IGNORED: &str = ", errors ignored: ";

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Batches that are through; each repetition of `GO n` counts.
    pub done: u32,
    /// Whether the next one was begun outside a transaction: it may have taken place, in part or whole.
    pub begun: bool,
    /// How many there are.
    pub of: u32,
    /// How many errors of them were ignored, as the script orders.
    pub ignored: u32,
}

impl Mark {
    /// Whether the whole file is through.
    pub fn is_whole(self) -> bool {
        self.done == self.of && !self.begun
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", self.done, if self.begun { "?" } else { "" }, self.of)?;
        if self.ignored == 0 { Ok(()) } else { write!(f, "{IGNORED}{}", self.ignored) }
    }
}

impl FromStr for Mark {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no mark of Muster's; it is `4/12`, or `4?/12` for one that was begun");
        let (text, ignored) = match text.split_once(IGNORED) {
            Some((text, ignored)) => {
                (text, ignored.parse().ok().filter(|ignored| *ignored > 0).ok_or_else(wrong)?)
            }
            None => (text, 0),
        };
        let (done, of) = text.split_once('/').ok_or_else(wrong)?;
        let begun = done.ends_with('?');
        let done = done.strip_suffix('?').unwrap_or(done).parse().map_err(|_| wrong())?;
        let of = of.parse().map_err(|_| wrong())?;
        let mark = Self { done, begun, of, ignored };
        if done > of || (begun && done == of) { Err(wrong()) } else { Ok(mark) }
    }
}

/// What marks say of a task, for a person; none where nothing of it ran.
pub fn progress(scripts: &[Script], marks: &[Option<Mark>]) -> Option<String> {
    let whole = marks.iter().filter(|mark| mark.is_some_and(Mark::is_whole)).count();
    let half = scripts.iter().zip(marks).find_map(|(script, mark)| {
        let mark = mark.filter(|mark| !mark.is_whole())?;
        let begun = if mark.begun { ", the next one begun" } else { "" };
        Some(format!("{} of {} batches of {}{begun}", mark.done, mark.of, script.name()))
    });
    match (whole, half) {
        (0, None) => None,
        (_, None) => Some(format!("{whole} of {} scripts", scripts.len())),
        (0, Some(half)) => Some(half),
        (_, Some(half)) => Some(format!("{whole} of {} scripts and {half}", scripts.len())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_back_as_it_is_written_and_nothing_else_is_one() {
        for text in ["0/3", "2/3", "3/3", "0?/3", "2?/3", "3/3, errors ignored: 2", "1?/3, errors ignored: 1"]
        {
            assert_eq!(text.parse::<Mark>().unwrap().to_string(), text);
        }
        for text in ["", "3", "4/3", "3?/3", "?/3", "-1/3", "a/3", "3/3, errors ignored: 0", "3/3, "] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }

    #[test]
    fn progress_is_told_in_files_and_batches() {
        let scripts: Vec<Script> = ["a.sql", "b.sql"]
            .iter()
            .map(|name| Script {
                file: format!(r"C:\s\{name}"),
                sha256: Digest::of(name.as_bytes()),
                includes: Vec::new(),
                variables: BTreeMap::new(),
                database: String::new(),
            })
            .collect();
        let mark = |text: &str| Some(text.parse().unwrap());
        assert_eq!(progress(&scripts, &[None, None]), None);
        assert_eq!(progress(&scripts, &[mark("2/2"), None]).unwrap(), "1 of 2 scripts");
        assert_eq!(
            progress(&scripts, &[mark("2/2"), mark("1?/4")]).unwrap(),
            "1 of 2 scripts and 1 of 4 batches of b.sql, the next one begun"
        );
    }
    /// A script in a folder, which may take in these files of it with these contents.
    fn script(folder: &str, includes: &[(&str, &str)]) -> Script {
        let include = |(name, text): &(&str, &str)| Include {
            file: format!(r"{folder}\{name}"),
            sha256: Digest::of(text.as_bytes()),
        };
        Script {
            file: format!(r"{folder}\main.sql"),
            sha256: Digest::of(b"main"),
            includes: includes.iter().map(include).collect(),
            variables: BTreeMap::new(),
            database: String::new(),
        }
    }

    fn name_of(script: &Script) -> String {
        let id = "sql_scripts/new".parse().unwrap();
        property(&Node::bare(id), script)
    }

    /// Databases hold these names.
    #[test]
    fn a_script_that_takes_nothing_in_keeps_the_mark_that_it_always_had() {
        let digest = Digest::of(b"main").to_string();
        assert_eq!(name_of(&script(r"C:\s", &[])), format!("Muster:new:{}", &digest[..32]));
        assert_eq!(
            name_of(&script(r"C:\s", &[("a.sql", "a"), (r"sub\b.sql", "b")])),
            "Muster:new:cd8ec6364db760900f3c7c33da5bdb43"
        );
    }

    #[test]
    fn a_mark_covers_what_a_script_takes_in_and_not_where_it_lies() {
        let known = name_of(&script(r"C:\s", &[("a.sql", "a"), ("b.sql", "b")]));
        for same in [
            script(r"D:\x\y", &[("a.sql", "a"), ("b.sql", "b")]),
            script(r"C:\s", &[("b.sql", "b"), ("a.sql", "a")]),
            script(r"C:\s", &[("A.SQL", "a"), ("b.sql", "b")]),
        ] {
            assert_eq!(name_of(&same), known, "{same:?}");
        }
        for other in [
            script(r"C:\s", &[]),
            script(r"C:\s", &[("a.sql", "a")]),
            script(r"C:\s", &[("a.sql", "b"), ("b.sql", "a")]),
            script(r"C:\s", &[("a.sql", "a"), ("b.sql", "c")]),
            script(r"C:\s", &[("a.sql", "a"), (r"sub\b.sql", "b")]),
        ] {
            assert_ne!(name_of(&other), known, "{other:?}");
        }
    }

    #[test]
    fn a_mark_covers_what_a_script_is_given_and_not_how_its_name_is_written() {
        let given = |variables: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let variables = variables.iter().map(own).collect();
            name_of(&Script { variables, ..script(r"C:\s", &[]) })
        };
        let known = given(&[("a", "x"), ("b", "y")]);
        assert_eq!(known, given(&[("b", "y"), ("a", "x")]));
        for other in [&[][..], &[("a", "x")], &[("a", "xb"), ("b", "y")], &[("a", "y"), ("b", "x")]] {
            assert_ne!(given(other), known, "{other:?}");
        }
        // Databases hold this name.
        assert_eq!(known, "Muster:new:c5d14fa8171cefe089935910766e0607");
    }

    /// As a manifest has it: names without a case, and the database's name for all.
    #[test]
    fn a_script_s_variables_are_read_from_its_map() {
        let file =
            serde_json::json!({"file": r"C:\s\a.sql", "sha256": "0".repeat(64), "$(Tenant)": "DUPONT"});
        let attributes = serde_json::json!({"database": "main/SXA", "scripts": [file]});
        let node = serde_json::json!({"id": "sql_scripts/new", "attributes": attributes});
        let read = scripts(&serde_json::from_value(node).unwrap()).remove(0);
        assert_eq!((read.variables["tenant"].as_str(), read.database.as_str()), ("DUPONT", "SXA"));
    }

    #[test]
    fn what_follows_a_script_in_its_list_is_what_it_may_take_in() {
        let file =
            |name: &str| serde_json::json!({"file": format!(r"C:\s\{name}"), "sha256": "0".repeat(64)});
        let list = serde_json::json!([file("a.sql"), [file("b.sql"), file("c.sql")], file("d.sql")]);
        let attributes = serde_json::json!({"scripts": list});
        let node = serde_json::json!({"id": "sql_scripts/new", "attributes": attributes});
        let read = scripts(&serde_json::from_value(node).unwrap());
        assert_eq!(read.iter().map(Script::name).collect::<Vec<_>>(), ["a.sql", "d.sql"]);
        assert_eq!(
            (read[0].path(2), read[0].path(0), read[1].includes.len()),
            (r"C:\s\c.sql", r"C:\s\a.sql", 0)
        );
        assert_eq!(read[0].told(Place { file: 1, line: 7 }), "b.sql:7 (taken in by a.sql)");
    }
}
