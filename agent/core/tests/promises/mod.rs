//! What holds for the reading of any script whatever: the promises that the seeds and the fuzzer put to the proof.
//!
//! Neighbours: `seeds` runs them over the seeds of `tests/fuzz`, whose target runs them over whatever libFuzzer makes. Nothing
//! here uses the reader's own knowledge of quotes and comments: it has a slow one of its own.

use std::collections::BTreeMap;

use muster_agent_core::script::{Batch, Include, Place, Reader, Script, ScriptError, Sniffer, Step};
use muster_model::digest::Digest;

type Read = Result<Vec<Batch>, ScriptError>;

/// What is taken in where a script asks for `part.sql` by itself.
const PART: &[u8] = b"SELECT 1\nGO 2\n:setvar n 2\nPRINT '$(n)\xe9'";

/// Panics where one of them does not hold for these bytes.
///
/// # Panics
/// That is how it says no.
pub(crate) fn hold(bytes: &[u8]) {
    let whole = read(bytes, |_| usize::MAX);
    assert_eq!(read(bytes, |_| 1), whole, "byte by byte");
    let mut state = seed(bytes);
    let uneven = move |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 59).unwrap_or(1) + 1
    };
    assert_eq!(read(bytes, uneven), whole, "in uneven pieces");
    if let Ok(batches) = &whole {
        sound(batches);
    }
    assert_eq!(read_with(bytes, Some(PART), |_| 1), read_with(bytes, Some(PART), |_| 64), "taking a file in");
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if text.starts_with('\u{feff}') || text.starts_with('\u{fffe}') {
        return;
    }
    in_every_encoding(text, &whole);
    if let Ok(batches) = &whole
        && !text.contains("$(")
    {
        let source: Vec<&str> = text.split_inclusive('\n').collect();
        let covered = in_place(&source, batches);
        nothing_is_lost(&source, &covered);
        joined_they_come_back(batches);
        taken_in_it_is_the_same(bytes, &source);
    }
}

/// A script in pieces, each as large as `size` says of its number.
fn read(bytes: &[u8], size: impl FnMut(usize) -> usize) -> Read {
    read_with(bytes, None, size)
}

/// The same, with a file that it may take in as `part.sql`.
fn read_with(bytes: &[u8], part: Option<&[u8]>, mut size: impl FnMut(usize) -> usize) -> Read {
    let include = |part: &[u8]| Include { file: r"C:\s\part.sql".to_owned(), sha256: Digest::of(part) };
    let script = Script {
        file: r"C:\s\main.sql".to_owned(),
        sha256: Digest::of(bytes),
        includes: part.map(include).into_iter().collect(),
        variables: BTreeMap::new(),
        database: "Story".to_owned(),
    };
    let files = [bytes, part.unwrap_or_default()];
    let encoding = |file: usize, size: usize| {
        let mut sniffer = Sniffer::default();
        files[file].chunks(size).for_each(|piece| sniffer.push(piece));
        sniffer.finish()
    };
    let mut rest = files;
    let mut pieces = 0;
    let mut reader = Reader::new(&script, encoding(0, size(0).clamp(1, 4_096)));
    let mut batches = Vec::new();
    loop {
        match reader.step()? {
            Step::More(file) => {
                let (piece, after) = rest[file].split_at(size(pieces).min(rest[file].len()));
                reader.push(piece);
                rest[file] = after;
                pieces += 1;
            }
            Step::Begin(file) => {
                rest[file] = files[file];
                reader.begin(file, encoding(file, 7));
            }
            Step::Batch(batch) => batches.push(batch),
            Step::End => return Ok(batches),
        }
    }
}

/// A number that the bytes decide.
fn seed(bytes: &[u8]) -> u64 {
    bytes.iter().fold(14_695_981_039_346_656_037, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
    })
}

/// Batches are in order, have a statement, and run at least once.
fn sound(batches: &[Batch]) {
    let mut last = 0;
    for batch in batches {
        let Batch { text, times, .. } = batch;
        let Place { line, .. } = batch.place(1);
        assert!(line > last, "line {line} after line {last}");
        assert!(*times > 0 && !text.trim().is_empty(), "line {line} runs {times} times: {text:?}");
        last = line;
    }
}

/// The same text gives the same batches in every encoding that has a mark.
fn in_every_encoding(text: &str, whole: &Read) {
    let utf16 = |unit: fn(u16) -> [u8; 2]| {
        std::iter::once(0xfeff).chain(text.encode_utf16()).flat_map(unit).collect::<Vec<u8>>()
    };
    assert_eq!(read(&[&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(), |_| 7), *whole, "UTF-8 with a mark");
    assert_eq!(read(&utf16(u16::to_le_bytes), |_| 5), *whole, "UTF-16, lower half first");
    assert_eq!(read(&utf16(u16::to_be_bytes), |_| 3), *whole, "UTF-16, upper half first");
}

/// Every line of a batch is that of the file which its number says, so that what a server says of a line is found there; a
/// command within a batch leaves an empty line. Gives which lines of the file are in batches.
fn in_place(source: &[&str], batches: &[Batch]) -> Vec<bool> {
    let mut covered = vec![false; source.len()];
    for batch in batches {
        for (number, text) in (1..).zip(batch.text.split_inclusive('\n')) {
            let line = index(batch.place(number));
            let is_same = source.get(line) == Some(&text);
            let is_command = source.get(line).is_some_and(|line| is_command(line));
            assert!(
                is_same || (is_command && text.trim().is_empty()),
                "line {}: {text:?} is not {:?}",
                line + 1,
                source.get(line)
            );
            covered[line] = true;
        }
    }
    covered
}

fn index(place: Place) -> usize {
    usize::try_from(place.line).expect("a line's number fits") - 1
}

/// Lines that another file holds, and that are taken in where they stood, give the batches that they gave, each line where it is
/// written. Which lines is for the bytes to decide.
fn taken_in_it_is_the_same(bytes: &[u8], source: &[&str]) {
    let place = |shift: u32| usize::try_from(seed(bytes) >> shift).unwrap_or(0) % (source.len() + 1);
    let (from, to) = (place(40).min(place(20)), place(40).max(place(20)));
    let (before, rest) = source.split_at(from);
    let (part, after) = rest.split_at(to - from);
    let mut inside = Inside::Code;
    let mut is_cut = false;
    for lines in [before, part] {
        for line in lines {
            if !matches!(inside, Inside::Code) || !is_command(line) {
                inside.through(line);
            }
        }
        is_cut |= !matches!(inside, Inside::Code) || lines.last().is_some_and(|line| !line.ends_with('\n'));
    }
    if is_cut || source.iter().any(leaves) || part.concat().starts_with('\u{feff}') {
        return;
    }
    let main = format!("{}:r part.sql\n{}", before.concat(), after.concat());
    let part = part.concat();
    let came = read_with(main.as_bytes(), Some(part.as_bytes()), |_| 5).expect("it can be read in two files");
    let whole = format!("{}:list\n{part}{}", before.concat(), after.concat());
    let whole = read(whole.as_bytes(), |_| 64).expect("it can be read in one file");
    let bare = |batches: &[Batch]| -> Vec<(String, u32)> {
        batches.iter().map(|batch| (batch.text.clone(), batch.times)).collect()
    };
    assert_eq!(bare(&came), bare(&whole), "{main:?} with {part:?}");
    let files: [Vec<&str>; 2] = [main.split_inclusive('\n').collect(), part.split_inclusive('\n').collect()];
    for batch in &came {
        for (number, text) in (1..).zip(batch.text.split_inclusive('\n')) {
            let place = batch.place(number);
            let written = files[place.file][index(place)];
            assert!(
                text == written || (is_command(written) && text.trim().is_empty()),
                "{place:?}: {text:?} is not {written:?}"
            );
        }
    }
}

/// Whether a line may be one by which a script is left or a batch forgotten.
fn leaves(line: &&str) -> bool {
    let word = line.trim_start_matches([' ', '\t', '\r', ':']).get(..4).unwrap_or_default().to_lowercase();
    ["exit", "quit", "rese"].contains(&word.as_str())
}

/// A line that is in no batch is blank, a comment, or a command. Where a script is left or a batch forgotten, so is what it
/// held.
fn nothing_is_lost(source: &[&str], covered: &[bool]) {
    if source.iter().any(leaves) {
        return;
    }
    let mut inside = Inside::Code;
    for (number, (line, is_covered)) in source.iter().zip(covered).enumerate() {
        if matches!(inside, Inside::Code) && is_command(line) {
            continue;
        }
        let has_code = inside.through(line);
        assert!(*is_covered || !has_code, "line {} is in no batch: {line:?}", number + 1);
    }
}

/// Batches that are written one after the other, with a GO behind each, are those batches again.
fn joined_they_come_back(batches: &[Batch]) {
    let one = |batch: &Batch| {
        let end = if batch.text.ends_with('\n') { "" } else { "\n" };
        format!("{}{end}GO {}\n", batch.text, batch.times)
    };
    // A mark at the very beginning would be none of the first batch.
    let joined: String = std::iter::once("GO\n".to_owned()).chain(batches.iter().map(one)).collect();
    let again = read(joined.as_bytes(), |_| 64).expect("batches can be read again");
    let bare = |batches: &[Batch]| -> Vec<(String, u32)> {
        batches.iter().map(|batch| (batch.text.trim_end_matches('\n').to_owned(), batch.times)).collect()
    };
    assert_eq!(bare(&again), bare(batches), "joined: {joined:?}");
}

/// Whether a line that begins outside quotes and comments is sqlcmd's own, as far as it is not refused.
fn is_command(line: &str) -> bool {
    let line = line.trim_matches([' ', '\t', '\r', '\n']).to_lowercase();
    let (word, rest) = line.split_once([' ', '\t', '(']).unwrap_or((&line, ""));
    match word {
        "on" => rest.split_whitespace().next() == Some("error"),
        word => word.starts_with(':') || ["go", "exit", "quit", "reset"].contains(&word),
    }
}

/// What a character stands in.
enum Inside {
    Code,
    Until(char),
    Comment(u32),
}

impl Inside {
    /// Goes through a line; says whether there is code in it. The inside of a quote is code.
    fn through(&mut self, line: &str) -> bool {
        let characters: Vec<char> = line.chars().collect();
        let (mut at, mut has_code) = (0, false);
        while at < characters.len() {
            let two = (characters[at], characters.get(at + 1).copied());
            match self {
                Self::Code => match two {
                    ('-', Some('-')) => return has_code,
                    ('/', Some('*')) => {
                        *self = Self::Comment(1);
                        at += 1;
                    }
                    ('\'' | '"', _) => {
                        *self = Self::Until(characters[at]);
                        has_code = true;
                    }
                    ('[', _) => {
                        *self = Self::Until(']');
                        has_code = true;
                    }
                    (other, _) => has_code |= !other.is_whitespace(),
                },
                Self::Until(end) => {
                    has_code = true;
                    match two {
                        (one, Some(other)) if one == *end && other == *end => at += 1,
                        (one, _) if one == *end => *self = Self::Code,
                        _ => {}
                    }
                }
                Self::Comment(depth) => match two {
                    ('/', Some('*')) => {
                        *depth += 1;
                        at += 1;
                    }
                    ('*', Some('/')) => {
                        *depth -= 1;
                        at += 1;
                        if *depth == 0 {
                            *self = Self::Code;
                        }
                    }
                    _ => {}
                },
            }
            at += 1;
        }
        has_code
    }
}
