//! A program of the stories run to its end, with all that it said.
//!
//! Neighbours: both suites of the agent start the real program by it. It reads files and no pipes: what a program starts may hold
//! a pipe open.

use std::fs::File;
use std::io::{Read as _, Result, Seek as _};
use std::process::{Command, Output, Stdio};

/// Runs the command to its end, with nothing on its standard input.
pub(crate) fn ended(command: &mut Command) -> Result<Output> {
    let (mut out, mut err) = (tempfile::tempfile()?, tempfile::tempfile()?);
    let status = command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(err.try_clone()?).status()?;
    Ok(Output { status, stdout: bytes_of(&mut out)?, stderr: bytes_of(&mut err)? })
}

/// What was written into a file, from its beginning.
fn bytes_of(file: &mut File) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}
