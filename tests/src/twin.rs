//! The modelled server of a test: made from a declaration, broken by hand, and asked what really happened on it.
//!
//! Neighbours: `agent` stands on one. The ledger is the oracle: what it does not list did not take place.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use muster_agent::host::twin::ledger::{self, Action, Deed, Entry};
use muster_agent::host::twin::sql::state::{Happened, SqlState};
use muster_agent::host::twin::state::State;

use crate::cli::Ran;
use crate::programs::Programs;

/// The file of the first SQL Server of a declaration.
const SQL: &str = "sql/0/server.json";

/// A twin's folder.
#[derive(Debug, Clone)]
pub struct Twin {
    programs: Programs,
    folder: PathBuf,
}

impl Twin {
    /// Makes one.
    ///
    /// # Errors
    /// Where the declaration is refused.
    pub fn init(programs: &Programs, folder: &Path, declaration: &Path) -> Result<Self> {
        let twin = Self { programs: programs.clone(), folder: folder.to_owned() };
        let mut command = Command::new(programs.agent());
        command.args(["twin", "init", "--dir"]).arg(folder).arg("--from").arg(declaration);
        let ran = Ran::of(&mut command)?;
        ensure!(ran.code == 0, "twin init: {}", ran.said());
        Ok(twin)
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Changes it behind Muster's back, as in `&["app_pool", "Sage.XRT.Advanced", "enable_32bit=true"]`.
    ///
    /// # Panics
    /// Where the twin refuses.
    #[track_caller]
    pub fn set(&self, words: &[&str]) {
        self.type_in(&["set"], words);
    }

    /// Installs a package by hand, as a person does in the vendor's own dialogs.
    ///
    /// # Panics
    /// Where its installer does not do its work.
    #[track_caller]
    pub fn install(&self, package: &str, version: &str) {
        self.type_in(&["install"], &[package, version]);
    }

    /// Uninstalls a package by hand.
    ///
    /// # Panics
    /// Where its installer does not do its work.
    #[track_caller]
    pub fn uninstall(&self, package: &str) {
        self.type_in(&["uninstall"], &[package]);
    }

    /// Adds a fault, as in `&["service.start", "SCASServer", "fail"]`.
    ///
    /// # Panics
    /// Where the twin refuses.
    #[track_caller]
    pub fn fault(&self, words: &[&str]) {
        self.type_in(&["fault"], &[&["add"], words].concat());
    }

    /// Takes all faults away.
    ///
    /// # Panics
    /// Where the twin refuses.
    #[track_caller]
    pub fn clear_faults(&self) {
        self.type_in(&["fault"], &["clear"]);
    }

    #[track_caller]
    fn type_in(&self, verb: &[&str], words: &[&str]) {
        let mut command = Command::new(self.programs.agent());
        command.arg("twin").args(verb).arg("--dir").arg(&self.folder).args(words);
        match Ran::of(&mut command) {
            Ok(ran) => assert_eq!(ran.code, 0, "twin {verb:?} {words:?}: {}", ran.said()),
            Err(error) => panic!("{error:#}"),
        }
    }

    /// What it is now.
    ///
    /// # Panics
    /// Where its state cannot be read.
    pub fn state(&self) -> State {
        let text = std::fs::read_to_string(self.folder.join("state.json"));
        let state = text.map_err(anyhow::Error::from).and_then(|text| Ok(serde_json::from_str(&text)?));
        state.unwrap_or_else(|error| panic!("the twin's state cannot be read: {error:#}"))
    }

    /// Changes its state by hand, as an editor would; for more than `twin set` can say at once.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state();
        change(&mut state);
        let text = serde_json::to_string_pretty(&state).map_err(anyhow::Error::from);
        let written = text.and_then(|text| Ok(std::fs::write(self.folder.join("state.json"), text)?));
        written.unwrap_or_else(|error| panic!("the twin's state cannot be written: {error:#}"));
    }

    /// Everything that took place on it, oldest first.
    ///
    /// # Panics
    /// Where the ledger cannot be read.
    pub fn ledger(&self) -> Vec<Entry> {
        ledger::read(&self.folder).unwrap_or_else(|error| panic!("the ledger cannot be read: {error:#}"))
    }

    /// The first SQL Server of the declaration, as it is now.
    ///
    /// # Panics
    /// Where it cannot be read.
    pub fn sql(&self) -> SqlState {
        let text = std::fs::read_to_string(self.folder.join(SQL));
        let state = text.map_err(anyhow::Error::from).and_then(|text| Ok(serde_json::from_str(&text)?));
        state.unwrap_or_else(|error| panic!("the SQL Server cannot be read: {error:#}"))
    }

    /// Changes that server by hand, as a DBA or a wizard would.
    ///
    /// # Panics
    /// Where it cannot be written.
    pub fn change_sql(&self, change: impl FnOnce(&mut SqlState)) {
        let mut state = self.sql();
        change(&mut state);
        let text = serde_json::to_string_pretty(&state).map_err(anyhow::Error::from);
        let written = text.and_then(|text| Ok(std::fs::write(self.folder.join(SQL), text)?));
        written.unwrap_or_else(|error| panic!("the SQL Server cannot be written: {error:#}"));
    }

    /// The batches that took place on it, `FILE#NUMBER`, in order.
    pub fn batches(&self) -> Vec<String> {
        let mut labels = Vec::new();
        for line in self.sql().ledger {
            if let Happened::BatchRun { label, .. } = line.happened {
                labels.push(label);
            }
        }
        labels
    }

    /// What took place after the first `known` entries, without faults and hands: only effects.
    pub fn effects_after(&self, known: usize) -> Vec<Deed> {
        let is_effect = |deed: &Deed| !matches!(deed, Deed::FaultStruck { .. } | Deed::SetByHand { .. });
        self.ledger().into_iter().skip(known).map(|entry| entry.deed).filter(is_effect).collect()
    }

    /// Every start of an installer, as (package, action), in order.
    pub fn installer_starts(&self) -> Vec<(String, Action)> {
        let mut starts = Vec::new();
        for entry in self.ledger() {
            if let Deed::InstallerStarted { package, action, .. } = entry.deed {
                starts.push((package, action));
            }
        }
        starts
    }
}
