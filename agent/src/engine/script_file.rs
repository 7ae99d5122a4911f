//! A script on its server, with what it takes in: seen to be the files that were approved, held, and read batch by batch.
//!
//! Each file is opened once: its digest is taken, its batches are counted and later run, all through one opening, so that what
//! was hashed is what is run. No more is in memory than the largest batch, and a piece of each file that is open within another.
//! Neighbours: `sql` runs the batches; `muster_agent_core::script` cuts them and says which file is next.

use std::io::{self, SeekFrom};

use muster_agent_core::script::{Batch, Encoding, Reader, Script, ScriptError, Sniffer, Step};
use muster_model::digest::{Digest, Hasher};

use crate::host::{Files, Source};

/// How much is read at once.
const PIECE_BYTES: usize = 64 * 1024;

const IGNORES: &str = "`:on error ignore` has batches go on after errors, and the task does not allow that: take the line out, or \
     write `may_ignore_errors: true` at the task, which its plans then say";

/// A script that is what the document says, with all that it may take in, and can be cut into batches to its end.
pub(super) struct ScriptFile {
    pub(super) script: Script,
    /// How many runs of batches it has; each repetition of `GO n` counts.
    pub(super) runs: u32,
    /// The script itself, then what it may take in, as listed.
    files: Vec<Opened>,
}

/// A file whose digest is the document's.
struct Opened {
    source: Box<dyn Source>,
    encoding: Encoding,
}

impl ScriptFile {
    /// Opens a script, or says in words, with file and line, why it cannot be run. One that goes on after errors can only where
    /// its task `may_ignore_errors`.
    pub(super) fn open(script: Script, files: &dyn Files, may_ignore_errors: bool) -> Result<Self, String> {
        Self::of(script, may_ignore_errors, |path| {
            let opened = files.open(path).map_err(|error| error.to_string())?;
            opened.ok_or_else(|| format!("{path}: there is no such file"))
        })
    }

    fn of(
        script: Script,
        may_ignore_errors: bool,
        open: impl Fn(&str) -> Result<Box<dyn Source>, String>,
    ) -> Result<Self, String> {
        let includes = script.includes.iter().map(|include| (include.file.as_str(), include.sha256));
        let listed = std::iter::once((script.file.as_str(), script.sha256)).chain(includes);
        let opened = listed.map(|(path, sha256)| Opened::of(path, sha256, open(path)?));
        let files = opened.collect::<Result<_, _>>()?;
        let mut file = Self { script, runs: 0, files };
        let script = file.script.clone();
        let mut runs = 0_u32;
        file.each(
            |problem| problem,
            |batch| {
                if let Some(place) = batch.ignores_errors.filter(|_| !may_ignore_errors) {
                    return Err(format!("{}:{}: {IGNORES}", script.path(place.file), place.line));
                }
                runs = runs.saturating_add(batch.times);
                Ok(())
            },
        )?;
        Ok(Self { runs, ..file })
    }

    /// Hands over every batch, in order, until one says no; `wrong` takes what is wrong with the files themselves.
    pub(super) fn each<E>(
        &mut self,
        wrong: impl Fn(String) -> E,
        mut take: impl FnMut(Batch) -> Result<(), E>,
    ) -> Result<(), E> {
        let Self { script, files, .. } = self;
        let script = &*script;
        let refused = |ScriptError { place, problem }: ScriptError| {
            wrong(format!("{}:{}: {problem}", script.path(place.file), place.line))
        };
        let missing = |file: usize| wrong(format!("{} is not open", script.path(file)));
        let first = files.first_mut().ok_or_else(|| missing(0))?;
        first.rewind().map_err(|error| wrong(unreadable(&script.file, &error)))?;
        let mut reader = Reader::new(script, first.encoding);
        let mut piece = vec![0; PIECE_BYTES];
        loop {
            match reader.step().map_err(&refused)? {
                Step::More(file) => {
                    let opened = files.get_mut(file).ok_or_else(|| missing(file))?;
                    let read = opened.source.read(&mut piece);
                    let length = read.map_err(|error| wrong(unreadable(script.path(file), &error)))?;
                    reader.push(&piece[..length]);
                }
                Step::Begin(file) => {
                    let opened = files.get_mut(file).ok_or_else(|| missing(file))?;
                    opened.rewind().map_err(|error| wrong(unreadable(script.path(file), &error)))?;
                    reader.begin(file, opened.encoding);
                }
                Step::Batch(batch) => take(batch)?,
                Step::End => return Ok(()),
            }
        }
    }
}

impl Opened {
    /// The file that this was opened from, seen to be what the document says.
    fn of(path: &str, sha256: Digest, mut source: Box<dyn Source>) -> Result<Self, String> {
        let (digest, encoding) = look(source.as_mut()).map_err(|error| unreadable(path, &error))?;
        if digest != sha256 {
            return Err(format!("{path}: its SHA-256 is {digest}, the document says {sha256}"));
        }
        Ok(Self { source, encoding })
    }

    /// Back to its beginning.
    fn rewind(&mut self) -> io::Result<()> {
        self.source.seek(SeekFrom::Start(0)).map(drop)
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
    use std::collections::BTreeMap;
    use std::io::{Cursor, Read, Seek};
    use std::process::Command;

    use muster_agent_core::script::Include;

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
        let include = Include { file: r"C:\part.sql".to_owned(), sha256 };
        let main = b":r part.sql\n:r part.sql\n".as_slice();
        let script = Script {
            file: r"C:\large.sql".to_owned(),
            sha256: Digest::of(main),
            includes: vec![include],
            variables: BTreeMap::new(),
            database: String::new(),
        };
        let open = |path: &str| -> Result<Box<dyn Source>, String> {
            Ok(if path == r"C:\large.sql" { Box::new(Cursor::new(main)) } else { Box::new(Endless(0)) })
        };
        let mut file = ScriptFile::of(script, false, open).unwrap();
        assert_eq!(u64::from(file.runs), 2 * BATCHES);
        let mut seen = 0;
        file.each(
            |problem| problem,
            |batch| {
                let place = batch.place(1);
                assert_eq!((place.file, u64::from(place.line)), (1, 2 * (seen % BATCHES) + 1));
                seen += 1;
                Ok(())
            },
        )
        .unwrap();
        assert_eq!(seen, 2 * BATCHES);
        let grown_kib = peak_kib() - before_kib;
        assert!(grown_kib < MOST_KIB, "{grown_kib} KiB more for a script of 50 MiB");
    }

    #[test]
    fn a_script_that_takes_50_mib_in_twice_is_read_in_little_memory() {
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
