//! The features: lines of `features.txt`, `NAME STATE [needs=NAME] [restart] [without-files]`.
//!
//! A state is a word of [`STATES`]. `restart` has a change wait for one, `without-files` has an installation find none of the
//! feature's files. A line `CALL CODE` of `faults.txt` is the answer of the next such call, once; `ledger.txt` says what was
//! asked. Neighbours: `api` asks.

use std::fs;
use std::path::PathBuf;

/// `ERROR_SUCCESS_REBOOT_REQUIRED`.
pub(crate) const RESTART_REQUIRED: u32 = 3010;
/// `DISMAPI_E_UNKNOWN_FEATURE`.
pub(crate) const UNKNOWN: u32 = 0x800f_080c;
/// `CBS_E_SOURCE_MISSING`.
pub(crate) const SOURCE_MISSING: u32 = 0x800f_081f;
/// `DISMAPI_E_PARENT_FEATURE_DISABLED`.
pub(crate) const PARENT_DISABLED: u32 = 0xc004_000d;
/// `ERROR_WRITE_FAULT`, as a result.
const WRITE_FAULT: u32 = 0x8007_001d;

/// The states in the order of their numbers, as Microsoft's header gives them.
const STATES: [&str; 8] = [
    "not-present",
    "uninstall-pending",
    "staged",
    "removed",
    "installed",
    "install-pending",
    "superseded",
    "partially-installed",
];

/// A feature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) state: u32,
    pub(crate) needs: Vec<String>,
    pub(crate) restarts: bool,
    without_files: bool,
}

impl Feature {
    fn read(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (name, state) = (words.next()?.to_owned(), words.next()?);
        let state = STATES.iter().zip(0..).find(|(word, _)| **word == state)?.1;
        let words: Vec<&str> = words.collect();
        let needs = words.iter().filter_map(|word| word.strip_prefix("needs=")).map(str::to_owned).collect();
        let (restarts, without_files) = (words.contains(&"restart"), words.contains(&"without-files"));
        Some(Self { name, state, needs, restarts, without_files })
    }

    fn line(&self) -> String {
        let state = STATES.get(self.state as usize).copied().unwrap_or("not-present");
        let mut line = format!("{} {state}", self.name);
        for need in &self.needs {
            line.push_str(&format!(" needs={need}"));
        }
        for (word, is) in [("restart", self.restarts), ("without-files", self.without_files)] {
            if is {
                line.push_str(&format!(" {word}"));
            }
        }
        line + "\n"
    }

    /// Installed, or so after the next restart.
    fn is_on(&self) -> bool {
        ["installed", "install-pending"]
            .contains(&STATES.get(self.state as usize).copied().unwrap_or_default())
    }

    fn turn(&mut self, on: bool) {
        let word = match (on, self.restarts) {
            (true, false) => "installed",
            (true, true) => "install-pending",
            (false, false) => "staged",
            (false, true) => "uninstall-pending",
        };
        self.state =
            STATES.iter().zip(0..).find(|(state, _)| **state == word).map_or(0, |(_, number)| number);
    }
}

/// The folder with the files.
#[derive(Debug)]
pub(crate) struct Features(PathBuf);

impl Features {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }

    pub(crate) fn all(&self) -> Vec<Feature> {
        let text = fs::read_to_string(self.0.join("features.txt")).unwrap_or_default();
        text.lines().filter_map(Feature::read).collect()
    }

    pub(crate) fn get(&self, name: &str) -> Result<Feature, u32> {
        self.all().into_iter().find(|own| own.name.eq_ignore_ascii_case(name)).ok_or(UNKNOWN)
    }

    /// As Windows does: what it needs must be there, unless all of it is asked for; what needs it goes with it.
    pub(crate) fn set(&self, name: &str, on: bool, all_parents: bool) -> Result<u32, u32> {
        let feature = self.get(name)?;
        if on && feature.without_files {
            return Err(SOURCE_MISSING);
        }
        let mut turned = vec![feature.name.clone()];
        let mut features = self.all();
        let is_off = |need: &&String| !self.get(need).is_ok_and(|need| need.is_on());
        if on {
            let missing: Vec<String> = feature.needs.iter().filter(is_off).cloned().collect();
            if !missing.is_empty() && !all_parents {
                return Err(PARENT_DISABLED);
            }
            turned.extend(missing);
        } else {
            let needs = |other: &&Feature| other.needs.iter().any(|need| need.eq_ignore_ascii_case(name));
            turned.extend(features.iter().filter(needs).map(|other| other.name.clone()));
        }
        let mut restart = false;
        for feature in features.iter_mut().filter(|feature| turned.contains(&feature.name)) {
            if feature.is_on() != on {
                feature.turn(on);
                restart |= feature.restarts;
            }
        }
        let text: String = features.iter().map(Feature::line).collect();
        fs::write(self.0.join("features.txt"), text).map_err(|_| WRITE_FAULT)?;
        Ok(if restart { RESTART_REQUIRED } else { 0 })
    }

    /// The answer that a story asks for, once.
    pub(crate) fn fault(&self, call: &str) -> Option<u32> {
        let text = fs::read_to_string(self.0.join("faults.txt")).unwrap_or_default();
        let mut lines: Vec<&str> = text.lines().collect();
        let at = lines.iter().position(|line| line.split_whitespace().next() == Some(call))?;
        let code = lines.remove(at).split_whitespace().nth(1)?.trim_start_matches("0x");
        let code = u32::from_str_radix(code, 16).ok()?;
        let rest: String = lines.iter().map(|line| format!("{line}\n")).collect();
        fs::write(self.0.join("faults.txt"), rest).ok()?;
        Some(code)
    }

    /// Writes down what was asked.
    pub(crate) fn note(&self, line: &str) {
        let ledger = self.0.join("ledger.txt");
        let text = fs::read_to_string(&ledger).unwrap_or_default();
        // A story that misses the line says so.
        fs::write(ledger, format!("{text}{line}\n")).ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_is_turned_with_its_restart_and_with_what_stands_on_it() {
        let folder = std::env::temp_dir().join(format!("muster-dismapi-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let lines = "Web staged\nNet staged needs=Web restart\nOld removed without-files\n";
        fs::write(folder.join("features.txt"), lines).unwrap();
        let features = Features::new(&folder);
        assert_eq!(features.get("nothing"), Err(UNKNOWN));
        assert_eq!(features.set("Old", true, false), Err(SOURCE_MISSING));
        assert_eq!(features.set("Net", true, false), Err(PARENT_DISABLED));
        assert_eq!(features.set("web", true, false), Ok(0));
        assert_eq!(features.set("Net", true, false), Ok(RESTART_REQUIRED));
        let written = "Web installed\nNet install-pending needs=Web restart\nOld removed without-files\n";
        assert_eq!(fs::read_to_string(folder.join("features.txt")).unwrap(), written);
        assert_eq!(features.set("Web", false, false), Ok(RESTART_REQUIRED), "what stands on it goes with it");
        fs::write(folder.join("faults.txt"), "enable 0x800f0902\n").unwrap();
        assert_eq!(features.fault("disable"), None);
        assert_eq!(features.fault("enable"), Some(0x800f_0902));
        assert_eq!(features.fault("enable"), None, "once");
        features.note("enable Web 0x0");
        features.note("disable Web 0x0");
        let ledger = fs::read_to_string(folder.join("ledger.txt")).unwrap();
        assert_eq!(ledger, "enable Web 0x0\ndisable Web 0x0\n");
        fs::remove_dir_all(folder).unwrap();
    }
}
