//! What only one installer may know: its answers, its secret arguments, and the values that no log may keep.
//!
//! It goes from the agent to the supervisor through a pipe and is in no record; the answers alone lie in a file, from right
//! before the installer's start to its end. Neighbours: the engine opens it from what the command brought, `run` uses it,
//! `scrub` takes the values out of logs. It has no `Debug`, `Display` or `Clone`, and is wiped when dropped.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use muster_proto::secret::SecretValue;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::host::CommandLine;
use crate::os;

/// What one installer is handed in secret.
#[derive(Default)]
pub struct Confidential {
    /// What its file of answers holds.
    pub answers: Option<Zeroizing<String>>,
    /// What stands in its command line behind all else.
    pub arguments: Vec<Zeroizing<String>>,
    /// Every value in it, for [`super::scrub`].
    pub values: Vec<SecretValue>,
}

/// One start, as it goes through the pipe and nowhere else.
#[derive(Serialize)]
struct Out<'a> {
    command: &'a CommandLine,
    answers: Option<&'a str>,
    arguments: Vec<&'a str>,
    values: Vec<&'a str>,
}

/// The same at its other end.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct In {
    command: CommandLine,
    #[serde(default)]
    answers: Option<String>,
    #[serde(default)]
    arguments: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
}

impl Confidential {
    /// One line of JSON for the pipe, wiped when dropped.
    pub(super) fn to_line(&self, command: &CommandLine) -> io::Result<Zeroizing<Vec<u8>>> {
        let out = Out {
            command,
            answers: self.answers.as_ref().map(|answers| answers.as_str()),
            arguments: self.arguments.iter().map(|argument| argument.as_str()).collect(),
            values: self.values.iter().map(SecretValue::expose).collect(),
        };
        // Measured first: a buffer that grows leaves copies behind.
        let mut length = Length(1);
        serde_json::to_writer(&mut length, &out)?;
        let mut line = Zeroizing::new(Vec::with_capacity(length.0));
        serde_json::to_writer(&mut *line, &out)?;
        line.push(b'\n');
        Ok(line)
    }

    /// Reads such a line.
    pub(super) fn of_line(line: &str) -> io::Result<(CommandLine, Self)> {
        let In { command, answers, arguments, values } = serde_json::from_str(line)?;
        let values = values.into_iter().map(|value| SecretValue::new(Zeroizing::new(value)));
        let confidential = Self {
            answers: answers.map(Zeroizing::new),
            arguments: arguments.into_iter().map(Zeroizing::new).collect(),
            values: values.collect(),
        };
        Ok((command, confidential))
    }

    /// The command with the path of its answers where that is named.
    pub(super) fn named_in(&self, mut command: CommandLine, answers: &Path) -> CommandLine {
        if self.answers.is_some() {
            let path = answers.display().to_string();
            for argument in &mut command.arguments {
                *argument = argument.replace(muster_model::package::RESPONSE_FILE, &path);
            }
        }
        command
    }

    /// Writes the answers, for the installer and nobody else.
    pub(super) fn write_answers(&self, path: &Path) -> io::Result<()> {
        let Some(answers) = &self.answers else { return Ok(()) };
        let mut options = OpenOptions::new();
        let mut file = os::make_private(options.write(true).create(true).truncate(true))?.open(path)?;
        file.write_all(answers.as_bytes())?;
        file.sync_all()
    }
}

/// Takes a file of answers away, after its content was written over; one that is not there is as good. Whether the disk
/// keeps an older copy of what was written over is the disk's.
pub(super) fn remove_answers(path: &Path) -> io::Result<()> {
    let over = OpenOptions::new().write(true).open(path).and_then(|mut file| {
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        file.write_all(&vec![0; length])?;
        file.sync_all()
    });
    match over.and_then(|()| fs::remove_file(path)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Counts what is written.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Zeroizing<String> {
        Zeroizing::new(text.to_owned())
    }

    #[test]
    fn what_goes_through_the_pipe_comes_out_as_it_was() {
        let command = CommandLine::plain("setup.exe".into(), vec!["/f1%RESPONSE_FILE%".to_owned()]);
        let confidential = Confidential {
            answers: Some(text("[a]\r\nb=\"c\"")),
            arguments: vec![text("/P=\"x\"")],
            values: vec![SecretValue::new(text("x"))],
        };
        let line = confidential.to_line(&command).unwrap();
        assert_eq!(line.len(), line.capacity(), "it never grew");
        let (again, came) = Confidential::of_line(std::str::from_utf8(&line).unwrap()).unwrap();
        assert_eq!(again, command);
        assert_eq!(came.answers, confidential.answers);
        assert_eq!(came.arguments, confidential.arguments);
        assert_eq!(came.values[0].expose(), "x");
        let named = came.named_in(command.clone(), Path::new("/answers"));
        assert_eq!(named.arguments, ["/f1/answers"]);
        assert_eq!(Confidential::default().named_in(command.clone(), Path::new("/answers")), command);
    }

    #[test]
    fn answers_are_the_installers_alone_and_go_without_a_trace_in_their_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.answers");
        remove_answers(&path).unwrap();
        let confidential = Confidential { answers: Some(text("secret")), ..Confidential::default() };
        confidential.write_answers(&path).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "secret");
        let second = folder.path().join("second");
        fs::hard_link(&path, &second).unwrap();
        remove_answers(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(second).unwrap(), [0; 6]);
    }
}
