//! A process of the bench that is told what to do, line by line, and answers each line with one line of JSON.
//!
//! Neighbours: `load` and `bare` are such processes, the tool that starts them asks.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A started process. Ends with its handle.
#[derive(Debug)]
pub struct Child {
    process: Process,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Child {
    /// Starts this program again with other arguments.
    ///
    /// # Errors
    /// Where it cannot be started.
    pub fn start(arguments: &[&str]) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let to = process.stdin.take().context("no way to speak to it")?;
        let from = BufReader::new(process.stdout.take().context("no way to hear it")?);
        Ok(Self { process, to, from })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Gives an order and waits until it is carried out.
    ///
    /// # Errors
    /// Where the process ended instead, or answers something else.
    pub fn ask<T: DeserializeOwned>(&mut self, order: &str) -> Result<T> {
        writeln!(self.to, "{order}")?;
        let mut line = String::new();
        ensure!(self.from.read_line(&mut line)? > 0, "it ended at `{order}`");
        serde_json::from_str(&line).with_context(|| format!("{order}: {line}"))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // One that ended already is what is wanted.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Answers the order under way.
///
/// # Errors
/// Where the asker is gone.
pub fn answer<T: Serialize>(value: &T) -> Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)?;
    Ok(out.flush()?)
}
