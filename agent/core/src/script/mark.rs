//! The marks of scripts in their database: one extended property for each file, written with the batch that moves it.
//!
//! Neighbours: the engine writes and reads them, `due` asks whether all files of a task are through. They go back with a
//! restored backup, so that what a backup does not hold is run again.

use std::fmt;
use std::str::FromStr;

use muster_model::digest::Digest;
use muster_model::manifest::Node;
use muster_model::value::Value;

/// A file of a task, as its manifest lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its path on the server whose agent runs it.
    pub file: String,
    /// What it must be.
    pub sha256: Digest,
}

impl Script {
    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.file.rsplit('\\').next().unwrap_or(&self.file)
    }
}

/// The scripts of a task, in order.
pub fn scripts(node: &Node) -> Vec<Script> {
    let Some(Value::List(items)) = node.attributes.get("scripts") else { return Vec::new() };
    let script = |item: &Value| match item {
        Value::Members(script) => {
            Some(Script { file: script.get("file")?.clone(), sha256: script.get("sha256")?.parse().ok()? })
        }
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_) => None,
    };
    items.iter().filter_map(script).collect()
}

/// The name of the extended property that holds a file's mark.
pub fn property(node: &Node, script: &Script) -> String {
    let digest = script.sha256.to_string();
    format!("Muster:{}:{}", node.id.name, &digest[..32])
}

/// How far a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Batches that are through; each repetition of `GO n` counts.
    pub done: u32,
    /// Whether the next one was begun outside a transaction: it may have taken place, in part or whole.
    pub begun: bool,
    /// How many there are.
    pub of: u32,
}

impl Mark {
    /// Whether the whole file is through.
    pub fn is_whole(self) -> bool {
        self.done == self.of && !self.begun
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}/{}", self.done, if self.begun { "?" } else { "" }, self.of)
    }
}

impl FromStr for Mark {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("{text:?} is no mark of Muster's; it is `4/12`, or `4?/12` for one that was begun");
        let (done, of) = text.split_once('/').ok_or_else(wrong)?;
        let begun = done.ends_with('?');
        let done = done.strip_suffix('?').unwrap_or(done).parse().map_err(|_| wrong())?;
        let of = of.parse().map_err(|_| wrong())?;
        let mark = Self { done, begun, of };
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
        for text in ["0/3", "2/3", "3/3", "0?/3", "2?/3"] {
            assert_eq!(text.parse::<Mark>().unwrap().to_string(), text);
        }
        for text in ["", "3", "4/3", "3?/3", "?/3", "-1/3", "a/3"] {
            assert!(text.parse::<Mark>().is_err(), "{text}");
        }
    }

    #[test]
    fn progress_is_told_in_files_and_batches() {
        let scripts: Vec<Script> = ["a.sql", "b.sql"]
            .iter()
            .map(|name| Script { file: format!(r"C:\s\{name}"), sha256: Digest::of(name.as_bytes()) })
            .collect();
        let mark = |text: &str| Some(text.parse().unwrap());
        assert_eq!(progress(&scripts, &[None, None]), None);
        assert_eq!(progress(&scripts, &[mark("2/2"), None]).unwrap(), "1 of 2 scripts");
        assert_eq!(
            progress(&scripts, &[mark("2/2"), mark("1?/4")]).unwrap(),
            "1 of 2 scripts and 1 of 4 batches of b.sql, the next one begun"
        );
    }
}
