//! The files: the configuration, who runs, what goes wrong, and what was done.
//!
//! All lie below `C:\windows\system32\inetsrv`: `config\applicationHost.config`, and in `story\` one line for each thing:
//!
//! - `state.txt`, `applicationPools/NAME=Stopped`: what was started or stopped since. A hand may edit it.
//! - `faults.txt`, `WHAT ANSWER TIMES`: `commit 0x800703ee 2`, `open 0x80070020 1`, `set:SECTION 0x80070021 9`,
//!   `Start 0x80070425 3`, `state Unknown 2`, `state 0x800710d8 2`, or `commit meanwhile=FILE 1`: another program writes that
//!   file's text as the configuration, just before the commit.
//! - `ledger.txt`: `commit`, `Start applicationPools/NAME`, each with its answer where it was none.
//!
//! Neighbours: `com` asks. Never guesses: a file that cannot be read is an error.

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use crate::config::{Answer, Config, Handle, INVALID_DATA, answer};

/// `ERROR_FILE_INVALID`: a guess, see `deploy/windows/ACCEPTANCE.md`.
const FILE_CHANGED: u32 = 0x8007_03ee;
/// `ERROR_FILE_NOT_FOUND`, or whatever else the disk says.
const NO_FILE: u32 = 0x8007_0002;

/// The folder of it all.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    folder: PathBuf,
}

impl Store {
    pub(crate) fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn config(&self) -> PathBuf {
        self.folder.join("config").join("applicationHost.config")
    }

    fn story(&self, name: &str) -> PathBuf {
        self.folder.join("story").join(name)
    }

    /// The configuration and its text.
    pub(crate) fn open(&self) -> Result<(String, Config), Answer> {
        self.fail("open")?;
        let text = fs::read_to_string(self.config()).or_else(disk)?;
        match Config::read(&text) {
            Some(config) => Ok((text, config)),
            None => answer(INVALID_DATA, "Configuration file is not well-formed XML"),
        }
    }

    /// Writes the configuration where the file is still as it was read; gives its new text.
    pub(crate) fn commit(&self, before: &str, config: &mut Config) -> Result<String, Answer> {
        let told = self.write(before, config).and_then(|text| {
            self.forget_all_but(&config.names())?;
            Ok(text)
        });
        self.note("commit", told.as_ref().err());
        told
    }

    fn write(&self, before: &str, config: &Config) -> Result<String, Answer> {
        let path = self.config();
        if let Some(strike) = self.strike("commit") {
            let Some(other) = strike.strip_prefix("meanwhile=") else {
                return answer(code(&strike), "Cannot commit configuration changes");
            };
            fs::copy(other, &path).or_else(disk)?;
        }
        if fs::read_to_string(&path).or_else(disk)? != before {
            let words = "Cannot commit configuration changes because the file has changed on disk";
            return answer(FILE_CHANGED, words);
        }
        let text = config.write();
        let new = path.with_extension("new");
        fs::write(&new, &text).or_else(disk)?;
        fs::rename(&new, &path).or_else(disk)?;
        Ok(text)
    }

    /// What was started or stopped since.
    pub(crate) fn state(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(self.story("state.txt")).unwrap_or_default();
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines.find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, state)| state.trim().to_owned())
    }

    pub(crate) fn set_state(&self, name: &str, state: &str) -> Result<(), Answer> {
        let text = fs::read_to_string(self.story("state.txt")).unwrap_or_default();
        let others = text
            .lines()
            .filter(|line| line.split_once('=').is_some_and(|(own, _)| !own.eq_ignore_ascii_case(name)));
        let lines: Vec<String> = others.map(str::to_owned).chain([format!("{name}={state}")]).collect();
        self.put("state.txt", &(lines.join("\n") + "\n")).or_else(disk)
    }

    /// What is gone runs no more, and what comes by that name later is another.
    fn forget_all_but(&self, names: &[String]) -> Result<(), Answer> {
        let text = fs::read_to_string(self.story("state.txt")).unwrap_or_default();
        let is_there = |line: &&str| {
            let name = line.split('=').next().unwrap_or_default();
            names.iter().any(|own| own.eq_ignore_ascii_case(name))
        };
        let left: String = text.lines().filter(is_there).map(|line| format!("{line}\n")).collect();
        if left != text {
            self.put("state.txt", &left).or_else(disk)?;
        }
        Ok(())
    }

    /// Fails where that is to fail.
    pub(crate) fn fail(&self, what: &str) -> Result<(), Answer> {
        match self.strike(what) {
            Some(strike) => answer(code(&strike), format!("{what} fails, as the story wants it")),
            None => Ok(()),
        }
    }

    /// What is to happen now, taken off the list.
    pub(crate) fn strike(&self, what: &str) -> Option<String> {
        let text = fs::read_to_string(self.story("faults.txt")).ok()?;
        let mut struck = None;
        let mut left = Vec::new();
        for line in text.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            match (words.as_slice(), &struck) {
                ([own, strike, times], None) if own.eq_ignore_ascii_case(what) => {
                    struck = Some((*strike).to_owned());
                    let times: u32 = times.parse().unwrap_or(1);
                    if times > 1 {
                        left.push(format!("{own} {strike} {}", times - 1));
                    }
                }
                _ => left.push(line.to_owned()),
            }
        }
        if struck.is_some() {
            // One that cannot be taken off strikes again, and the story sees it.
            drop(self.put("faults.txt", &left.iter().map(|line| format!("{line}\n")).collect::<String>()));
        }
        struck
    }

    /// One line of what was done.
    pub(crate) fn note(&self, what: &str, answer: Option<&Answer>) {
        let line = match answer {
            Some(answer) => format!("{what} {:#010x}\n", answer.code),
            None => format!("{what}\n"),
        };
        let ledger = fs::OpenOptions::new().create(true).append(true).open(self.story("ledger.txt"));
        // A story whose ledger cannot be written fails by the line that it misses.
        drop(ledger.and_then(|mut ledger| ledger.write_all(line.as_bytes())));
    }

    fn put(&self, name: &str, text: &str) -> io::Result<()> {
        let new = self.story("new.txt");
        fs::write(&new, text)?;
        fs::rename(&new, self.story(name))
    }

    /// The state of a pool or site.
    pub(crate) fn run_state(&self, config: &mut Config, handle: &Handle) -> Result<String, Answer> {
        if let Some(strike) = self.strike("state") {
            return if strike.starts_with("0x") { answer(code(&strike), "no state yet") } else { Ok(strike) };
        }
        if is_site(handle) {
            let bindings = config.part(handle, "bindings")?;
            if config.items(&bindings)?.is_empty() {
                return answer(OBJECT_NOT_FOUND, "The object identifier does not represent a valid object");
            }
        }
        let starts = config.value(handle, if is_site(handle) { "serverAutoStart" } else { "autoStart" })?;
        let default = if starts == "true" { "Started" } else { "Stopped" };
        let name = config.run_name(handle)?;
        if let Some(state) = self.state(&name) {
            return Ok(state);
        }
        // From then on only an order changes it: whether it starts with IIS is about the next start.
        self.set_state(&name, default)?;
        Ok(default.to_owned())
    }

    /// Starts, stops or recycles.
    pub(crate) fn call(&self, config: &mut Config, handle: &Handle, method: &str) -> Result<(), Answer> {
        let name = config.run_name(handle)?;
        let told = self.fail(method).and_then(|()| {
            let state = self.run_state(config, handle)?;
            match (method, state.as_str()) {
                ("Start", "Started") => {
                    answer(ALREADY_RUNNING, "An instance of the service is already running")
                }
                ("Stop" | "Recycle", "Stopped") => answer(NOT_ACTIVE, "The service has not been started"),
                ("Start", _) => self.set_state(&name, "Started"),
                ("Stop", _) => self.set_state(&name, "Stopped"),
                _ => Ok(()),
            }
        });
        self.note(&format!("{method} {name}"), told.as_ref().err());
        told
    }
}

const ALREADY_RUNNING: u32 = 0x8007_0420;
const NOT_ACTIVE: u32 = 0x8007_0426;
const OBJECT_NOT_FOUND: u32 = 0x8007_10d8;

fn is_site(handle: &Handle) -> bool {
    handle.section.ends_with("/sites")
}

/// What the disk says.
fn disk<T>(error: io::Error) -> Result<T, Answer> {
    answer(NO_FILE, error.to_string())
}

fn code(text: &str) -> u32 {
    let number = text.strip_prefix("0x").and_then(|number| u32::from_str_radix(number, 16).ok());
    // E_UNEXPECTED: a line that makes no sense shows in the story.
    number.unwrap_or(0x8000_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    const POOLS: &str = "system.applicationHost/applicationPools";

    /// A folder of its own, as it is after an installation.
    fn store(name: &str) -> Store {
        let folder = std::env::temp_dir().join(format!("muster-ahadmin-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        fs::create_dir_all(folder.join("config")).unwrap();
        fs::create_dir_all(folder.join("story")).unwrap();
        let store = Store::new(folder);
        fs::write(store.config(), include_str!("../applicationHost.config")).unwrap();
        store
    }

    #[test]
    fn a_file_that_was_changed_meanwhile_is_not_overwritten() {
        let store = store("conflict");
        let (before, mut config) = store.open().unwrap();
        let section = config.section(POOLS).unwrap();
        let pool = config.items(&section).unwrap().remove(0);
        config.set(&pool, "autoStart", "false").unwrap();
        let other = before.replace("20", "30").replace("v4.0", "v2.0");
        fs::write(store.config(), &other).unwrap();
        assert_eq!(store.commit(&before, &mut config).unwrap_err().code, FILE_CHANGED);
        assert_eq!(fs::read_to_string(store.config()).unwrap(), other);
        fs::write(store.config(), &before).unwrap();
        assert_eq!(store.commit(&before, &mut config).unwrap(), fs::read_to_string(store.config()).unwrap());
        let ledger = fs::read_to_string(store.story("ledger.txt")).unwrap();
        assert_eq!(ledger, "commit 0x800703ee\ncommit\n");
        fs::remove_dir_all(store.folder).unwrap();
    }

    #[test]
    fn a_fault_strikes_as_often_as_it_says() {
        let store = store("faults");
        fs::write(store.story("faults.txt"), "open 0x80070020 2\nStop 0x80070425 1\n").unwrap();
        assert_eq!(store.open().unwrap_err().code, 0x8007_0020);
        assert_eq!(store.open().unwrap_err().code, 0x8007_0020);
        let (_, mut config) = store.open().unwrap();
        let section = config.section(POOLS).unwrap();
        let pool = config.items(&section).unwrap().remove(0);
        assert_eq!(store.run_state(&mut config, &pool).unwrap(), "Started");
        assert_eq!(store.call(&mut config, &pool, "Stop").unwrap_err().code, 0x8007_0425);
        store.call(&mut config, &pool, "Stop").unwrap();
        assert_eq!(store.run_state(&mut config, &pool).unwrap(), "Stopped");
        assert_eq!(store.call(&mut config, &pool, "Recycle").unwrap_err().code, NOT_ACTIVE);
        fs::remove_dir_all(store.folder).unwrap();
    }
}
