//! What holds for the reading of any script whatever: the promises that the seeds and the fuzzer put to the proof.
//!
//! Neighbours: `seeds` runs them over the seeds of `tests/fuzz`, whose target runs them over whatever libFuzzer makes. Nothing
//! here uses the reader's own knowledge of quotes and comments: it has a slow one of its own.

use muster_agent_core::script::{Batch, Encoding, Reader, ScriptError, Sniffer};

type Read = Result<Vec<Batch>, ScriptError>;

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
    }
}

/// A script in pieces, each as large as `size` says of its number.
fn read(bytes: &[u8], mut size: impl FnMut(usize) -> usize) -> Read {
    let mut pieces = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(size(pieces.len()).min(rest.len()));
        pieces.push(piece);
        rest = after;
    }
    let mut sniffer = Sniffer::default();
    pieces.iter().for_each(|piece| sniffer.push(piece));
    let encoding: Encoding = sniffer.finish();
    let mut reader = Reader::new(encoding);
    let mut batches = Vec::new();
    for piece in pieces {
        batches.extend(reader.push(piece)?);
    }
    batches.extend(reader.finish()?);
    Ok(batches)
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
    for Batch { line, text, times } in batches {
        assert!(*line > last, "line {line} after line {last}");
        assert!(*times > 0 && !text.trim().is_empty(), "line {line} runs {times} times: {text:?}");
        last = *line;
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
        let first = usize::try_from(batch.line).expect("a line's number fits") - 1;
        for (line, text) in (first..).zip(batch.text.split_inclusive('\n')) {
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

/// A line that is in no batch is blank, a comment, or a command. Where a script is left or a batch forgotten, so is what it
/// held.
fn nothing_is_lost(source: &[&str], covered: &[bool]) {
    let forgets = |line: &&str| {
        let word =
            line.trim_start_matches([' ', '\t', '\r', ':']).get(..4).unwrap_or_default().to_lowercase();
        ["exit", "quit", "rese"].contains(&word.as_str())
    };
    if source.iter().any(forgets) {
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
