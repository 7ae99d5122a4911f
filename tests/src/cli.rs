//! Commands as an operator types them.
//!
//! Neighbours: `field` has one. Every command is a process of its own with the operator's profile; nothing is remembered
//! here between two of them.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::programs::Programs;

/// The exit codes that stories name (the whole list is in `muster --help`).
pub mod code {
    /// It did what was asked.
    pub const OK: i32 = 0;
    /// The command line, or what was typed, is wrong.
    pub const USAGE: i32 = 2;
    /// Documents were rejected.
    pub const REJECTED: i32 = 3;
    /// A push started from an older revision.
    pub const STALE: i32 = 4;
    /// The controller refused.
    pub const REFUSED: i32 = 5;
    /// A run ended and is not done.
    pub const NOT_DONE: i32 = 7;
    /// A run waits for a person.
    pub const WAITING: i32 = 8;
    /// A preflight misses something.
    pub const MISSING: i32 = 9;
}

/// What a command came to.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The words of the command.
    pub typed: String,
    /// Its exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// What was written into a file, from its beginning.
fn text_of(file: &mut File) -> Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

impl Ran {
    /// Runs a command to its end.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn of(command: &mut Command) -> Result<Self> {
        Self::end_of(command.stdin(Stdio::null()), None)
    }

    /// The same, with this line on its standard input.
    ///
    /// # Errors
    /// Where it cannot be started or does not read.
    pub fn of_with(command: &mut Command, line: &str) -> Result<Self> {
        Self::end_of(command.stdin(Stdio::piped()), Some(line))
    }

    fn end_of(command: &mut Command, line: Option<&str>) -> Result<Self> {
        let typed: Vec<_> = command.get_args().map(OsStr::to_string_lossy).map(String::from).collect();
        let typed = typed.join(" ");
        // Not by pipes: what a program of a Wine starts first (the desktop, the service of COM) lives on and would hold them.
        let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
        command.stdout(out.try_clone()?).stderr(err.try_clone()?);
        let mut child = command.spawn().with_context(|| typed.clone())?;
        if let (Some(mut stdin), Some(line)) = (child.stdin.take(), line) {
            // One that refuses before it reads has closed its input, and says so by its code.
            match writeln!(stdin, "{line}") {
                Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
                Ok(()) | Err(_) => {}
            }
        }
        let code = child.wait()?.code().unwrap_or(-1);
        Ok(Self { typed, code, out: text_of(&mut out)?, err: text_of(&mut err)? })
    }

    /// Itself, where it ended with this code.
    ///
    /// # Panics
    /// Where it did not: everything that it said is shown.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "`{}` said\n{}\n{}", self.typed, self.out, self.err);
        self
    }

    /// Both outputs, for a look at words that may be in either.
    pub fn said(&self) -> String {
        format!("{}\n{}", self.out, self.err)
    }

    /// Asserts that it said all of these.
    ///
    /// # Panics
    /// Where one is missing.
    #[track_caller]
    pub fn says(&self, words: &[&str]) {
        let said = self.said();
        for word in words {
            assert!(said.contains(word), "`{}` does not say {word:?}:\n{said}", self.typed);
        }
    }
}

/// An operator's command line.
#[derive(Debug, Clone)]
pub struct Cli {
    programs: Programs,
    profile: PathBuf,
}

impl Cli {
    /// With this profile.
    pub fn new(programs: &Programs, profile: &Path) -> Self {
        Self { programs: programs.clone(), profile: profile.to_owned() }
    }

    /// The command, ready to be started.
    pub fn command<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Command {
        let mut command = Command::new(self.programs.cli());
        command.env("MUSTER_PROFILE", &self.profile).env("NO_COLOR", "1").args(words);
        command
    }

    /// Runs a command.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[track_caller]
    pub fn run<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>) -> Ran {
        match Ran::of(&mut self.command(words)) {
            Ok(ran) => ran,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Runs a command with this line on its standard input.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[track_caller]
    pub fn run_with<W: AsRef<OsStr>>(&self, words: impl IntoIterator<Item = W>, line: &str) -> Ran {
        match Ran::of_with(&mut self.command(words), line) {
            Ok(ran) => ran,
            Err(error) => panic!("{error:#}"),
        }
    }

    /// Runs a command, written as one line, that must do what was asked.
    ///
    /// # Panics
    /// Where it does not.
    #[track_caller]
    pub fn ok(&self, line: &str) -> Ran {
        self.run(line.split_whitespace()).expect(code::OK)
    }

    /// Runs a command and reads its `--output json`, envelope and all.
    ///
    /// # Panics
    /// Where it fails or prints no JSON.
    #[track_caller]
    pub fn json(&self, line: &str) -> serde_json::Value {
        let ran = self.run(["--output", "json"].into_iter().chain(line.split_whitespace())).expect(code::OK);
        match serde_json::from_str(&ran.out) {
            Ok(value) => value,
            Err(error) => panic!("`{line}` printed no JSON ({error}):\n{}", ran.out),
        }
    }
}
