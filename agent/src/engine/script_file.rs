//! A script on its server: seen to be the file that was approved, held, and read batch by batch.
//!
//! The file is opened once: its digest is taken, its batches are counted and later run, all through one opening, so that what
//! was hashed is what is run. No more of it is in memory than its largest batch. Neighbours: `sql` runs the batches;
//! `muster_agent_core::script` cuts them.

use std::io::{self, SeekFrom};

use muster_agent_core::script::{Batch, Encoding, Reader, Script, ScriptError, Sniffer};
use muster_model::digest::{Digest, Hasher};

use crate::host::{Files, Source};

/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;

/// A script that is what the document says, and can be cut into batches to its end.
pub(super) struct ScriptFile {
    pub(super) script: Script,
    /// How many runs of batches it has; each repetition of `GO n` counts.
    pub(super) runs: u32,
    source: Box<dyn Source>,
    encoding: Encoding,
}

impl ScriptFile {
    /// Opens a script, or says in words, with file and line, why it cannot be run.
    pub(super) fn open(script: Script, files: &dyn Files) -> Result<Self, String> {
        let opened = files.open(&script.file).map_err(|error| error.to_string())?;
        let source = opened.ok_or_else(|| format!("{}: there is no such file", script.file))?;
        Self::of(script, source)
    }

    fn of(script: Script, mut source: Box<dyn Source>) -> Result<Self, String> {
        let name = script.file.clone();
        let (digest, encoding) = look(source.as_mut()).map_err(|error| unreadable(&name, &error))?;
        if digest != script.sha256 {
            return Err(format!("{name}: its SHA-256 is {digest}, the document says {}", script.sha256));
        }
        let mut file = Self { script, runs: 0, source, encoding };
        let mut runs = 0_u32;
        file.each(
            |problem| problem,
            |batch| {
                runs = runs.saturating_add(batch.times);
                Ok(())
            },
        )?;
        Ok(Self { runs, ..file })
    }

    /// Hands over every batch, in order, until one says no; `wrong` takes what is wrong with the file itself.
    pub(super) fn each<E>(
        &mut self,
        wrong: impl Fn(String) -> E,
        mut take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { script, source, encoding, .. } = self;
        let mut reader = Reader::new(*encoding);
        let refused =
            |error: ScriptError| wrong(format!("{}:{}: {}", script.file, error.line, error.problem));
        source.seek(SeekFrom::Start(0)).map_err(|error| wrong(unreadable(&script.file, &error)))?;
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match source.read(&mut piece) {
                Ok(0) => break,
                Ok(length) => {
                    reader.push(&piece[..length]).map_err(&refused)?.into_iter().try_for_each(&mut take)?;
                }
                Err(error) => return Err(wrong(unreadable(&script.file, &error))),
            }
        }
        reader.finish().map_err(&refused)?.into_iter().try_for_each(take)
    }
}

/// The digest of a file and the encoding of its text.
fn look(source: &mut dyn Source) -> io::Result<(Digest, Encoding)> {
    let (mut hash, mut sniffer, mut piece) = (Hasher::default(), Sniffer::default(), vec![0; PIECE_BYTES]);
    loop {
        match source.read(&mut piece)? {
            0 => return Ok((hash.finish(), sniffer.finish())),
            length => {
                hash.update(&piece[..length]);
                sniffer.push(&piece[..length]);
            }
        }
    }
}

fn unreadable(file: &str, error: &io::Error) -> String {
    format!("{file} cannot be read: {error}")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::{Read, Seek};
    use std::process::Command;

    use super::*;

    const BATCH: &[u8] =
        b"INSERT INTO dbo.Lines VALUES (N'one of very many lines of a vendor''s script');\nGO\n";
    const BATCHES: u64 = 50 * 1024 * 1024 / BATCH.len() as u64 + 1;
    /// The longest batch and what is read at once are less than a tenth of it.
    const MOST_KIB: u64 = 4 * 1024;

    /// A script that is nowhere whole.
    struct Endless(u64);

    impl Read for Endless {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let left = BATCHES * BATCH.len() as u64 - self.0;
            let length = into.len().min(usize::try_from(left).unwrap());
            let from = usize::try_from(self.0).unwrap() % BATCH.len();
            let part = length.min(BATCH.len() - from);
            into[..part].copy_from_slice(&BATCH[from..from + part]);
            self.0 += part as u64;
            Ok(part)
        }
    }

    impl Seek for Endless {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            assert_eq!(to, SeekFrom::Start(0));
            self.0 = 0;
            Ok(0)
        }
    }

    /// The most memory that this process ever had, in KiB.
    fn peak_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }

    #[test]
    #[ignore = "run by another test as a process of its own"]
    fn process_that_reads_a_large_script() {
        let (sha256, _) = look(&mut Endless(0)).unwrap();
        let before_kib = peak_kib();
        let script = Script { file: r"C:\large.sql".to_owned(), sha256 };
        let mut file = ScriptFile::of(script, Box::new(Endless(0))).unwrap();
        assert_eq!(u64::from(file.runs), BATCHES);
        let mut seen = 0;
        file.each(
            |problem| problem,
            |batch| {
                assert_eq!(u64::from(batch.line), 2 * seen + 1);
                seen += 1;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, BATCHES);
        let grown_kib = peak_kib() - before_kib;
        assert!(grown_kib < MOST_KIB, "{grown_kib} KiB more for a script of 50 MiB");
    }

    #[test]
    fn a_script_of_50_mib_is_read_in_little_memory() {
        let mut reader = Command::new(std::env::current_exe().unwrap());
        reader.args([
            "--ignored",
            "--exact",
            "engine::script_file::tests::process_that_reads_a_large_script",
        ]);
        let output = reader.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
    }
}
