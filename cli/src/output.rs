//! Where words go: data to stdout, everything else to stderr, progress only where a person watches.
//!
//! Neighbours: `main` opens the console, tests open buffers, every command writes through it. Colours are written always
//! and stripped where the stream is not a terminal. In JSON, stdout holds records and nothing else.

use std::io::{IsTerminal as _, Write};
use std::sync::{Arc, Mutex, PoisonError};

use anstream::{AutoStream, StripStream};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::failure::Failure;

/// How data is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// Tables and sentences for people.
    #[default]
    Table,
    /// One JSON record in a named, versioned shape; for streams, one a line.
    Json,
}

/// The two streams of a command, and how to write on them.
pub struct Output {
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    format: Format,
    zone: TimeZone,
    bar: Option<ProgressBar>,
    watched: bool,
}

/// A buffer that a test can read while a command still writes.
#[derive(Debug, Clone, Default)]
pub struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    /// What was written so far.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap_or_else(PoisonError::into_inner)).into_owned()
    }
}

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Output {
    /// The process's own streams and the machine's time zone.
    pub fn console() -> Self {
        Self {
            stdout: Box::new(AutoStream::auto(std::io::stdout())),
            stderr: Box::new(AutoStream::auto(std::io::stderr())),
            format: Format::Table,
            zone: TimeZone::system(),
            bar: None,
            watched: std::io::stderr().is_terminal(),
        }
    }

    /// Buffers in place of the console, without colour and without progress.
    pub fn buffers(stdout: Buffer, stderr: Buffer, zone: TimeZone) -> Self {
        Self {
            stdout: Box::new(StripStream::new(Box::new(stdout) as Box<dyn Write + Send>)),
            stderr: Box::new(StripStream::new(Box::new(stderr) as Box<dyn Write + Send>)),
            format: Format::Table,
            zone,
            bar: None,
            watched: false,
        }
    }

    /// Chooses tables or JSON.
    pub fn set_format(&mut self, format: Format) {
        self.format = format;
    }

    /// Whether stdout holds JSON.
    pub fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The zone in which people read times.
    pub fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// A moment for people: date and time to the minute, in their zone.
    pub fn minute(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%Y-%m-%d %H:%M").to_string()
    }

    /// The time of day to the second, in people's zone.
    pub fn second(&self, at: Timestamp) -> String {
        at.to_zoned_datetime(self.zone.clone()).strftime("%H:%M:%S").to_string()
    }

    /// Prose with its UTC moments as people read them. For sentences only: a value or a file's text is shown as it is.
    pub fn prose(&self, text: &str) -> String {
        let moment = |word: &str| {
            let bare = word.trim_end_matches([':', ';', ',', '.', ')']);
            let at = bare.ends_with('Z').then(|| bare.parse::<Timestamp>().ok())??;
            Some(format!("{}{}", self.minute(at), &word[bare.len()..]))
        };
        let words = text.split_inclusive(|c: char| c.is_whitespace() || c == '(');
        words
            .map(|word| {
                let bare = word.trim_end_matches(|c: char| c.is_whitespace() || c == '(');
                moment(bare).map_or_else(|| word.to_owned(), |local| local + &word[bare.len()..])
            })
            .collect()
    }

    /// Prints data.
    ///
    /// # Errors
    /// Where stdout cannot be written.
    pub fn data(&mut self, text: &str) -> Result<(), Failure> {
        write(&mut self.stdout, self.bar.as_ref(), text)
    }

    /// Prints anything that is not data.
    ///
    /// # Errors
    /// Where stderr cannot be written.
    pub fn note(&mut self, text: &str) -> Result<(), Failure> {
        write(&mut self.stderr, self.bar.as_ref(), text)
    }

    /// Prints one JSON record over several lines.
    ///
    /// # Errors
    /// Where it has no JSON form or stdout cannot be written.
    pub fn json<T: Serialize>(&mut self, shape: &str, record: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(&Shaped { shape, record })?;
        self.data(&text)
    }

    /// Prints one JSON record on a line of its own, for streams.
    ///
    /// # Errors
    /// Where it has no JSON form or stdout cannot be written.
    pub fn json_line<T: Serialize>(&mut self, shape: &str, record: &T) -> Result<(), Failure> {
        let text = serde_json::to_string(&Shaped { shape, record })?;
        self.data(&text)
    }

    /// Shows that something is under way; of no length known.
    pub fn spin(&mut self, what: &'static str) {
        if self.watched {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr()).with_message(what);
            bar.enable_steady_tick(std::time::Duration::from_millis(120));
            self.bar = Some(bar);
        }
    }

    /// Shows how many steps of all are done, and what is under way.
    pub fn progress(&mut self, done: u64, all: u64, what: &str) {
        if self.watched {
            let bar = self.bar.get_or_insert_with(|| {
                ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr()).with_style(bar_style())
            });
            bar.set_position(done);
            bar.set_message(what.to_owned());
        }
    }

    /// Takes progress off the terminal.
    pub fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn write(stream: &mut Box<dyn Write + Send>, bar: Option<&ProgressBar>, text: &str) -> Result<(), Failure> {
    let mut put = || writeln!(stream, "{text}").and_then(|()| stream.flush());
    Ok(match bar {
        Some(bar) => bar.suspend(put),
        None => put(),
    }?)
}

#[derive(Serialize)]
struct Shaped<'a, T> {
    shape: &'a str,
    #[serde(flatten)]
    record: &'a T,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_tells_moments_in_the_zone_of_its_reader() {
        let zone = TimeZone::get("Europe/Paris").unwrap();
        let output = Output::buffers(Buffer::default(), Buffer::default(), zone);
        assert_eq!(
            output.prose("back before 2026-12-01T22:08:10.749Z; (2026-07-01T22:00:00Z), version 6.0Z"),
            "back before 2026-12-01 23:08; (2026-07-02 00:00), version 6.0Z"
        );
    }
}
