//! Encodings case by case, and what holds for any text at all; `dialect` has the cases of batches.

use std::collections::BTreeMap;

use proptest::prelude::*;

use muster_model::digest::Digest;
use muster_model::limits::{SCRIPT_BATCH_BYTES, SCRIPT_INCLUSIONS, SCRIPT_NESTING};

use super::{Batch, Include, Place, Reader, Script, ScriptError, Sniffer, Step};

/// A script whole, in pieces of that many bytes.
fn read(bytes: &[u8], piece_bytes: usize) -> Result<Vec<Batch>, ScriptError> {
    read_with(bytes, &[], piece_bytes)
}

/// A script in `C:\s`, and what it may take in from there.
fn read_with(
    bytes: &[u8],
    includes: &[(&str, &[u8])],
    piece_bytes: usize,
) -> Result<Vec<Batch>, ScriptError> {
    let include =
        |(name, bytes): &(&str, &[u8])| Include { file: format!(r"C:\s\{name}"), sha256: Digest::of(bytes) };
    let script = Script {
        file: r"C:\s\main.sql".to_owned(),
        sha256: Digest::of(bytes),
        includes: includes.iter().map(include).collect(),
        variables: BTreeMap::new(),
        database: "Story".to_owned(),
    };
    let files: Vec<&[u8]> = std::iter::once(bytes).chain(includes.iter().map(|(_, bytes)| *bytes)).collect();
    read_script(&script, &files, piece_bytes)
}

/// A script whose files have these bytes.
fn read_script(script: &Script, files: &[&[u8]], piece_bytes: usize) -> Result<Vec<Batch>, ScriptError> {
    let encoding = |file: usize| {
        let mut sniffer = Sniffer::default();
        files[file].chunks(piece_bytes).for_each(|piece| sniffer.push(piece));
        sniffer.finish()
    };
    let mut rest = files.to_vec();
    let mut reader = Reader::new(script, encoding(0));
    let mut batches = Vec::new();
    loop {
        match reader.step()? {
            Step::More(file) => {
                let (piece, after) = rest[file].split_at(piece_bytes.min(rest[file].len()));
                reader.push(piece);
                rest[file] = after;
            }
            Step::Begin(file) => {
                rest[file] = files[file];
                reader.begin(file, encoding(file));
            }
            Step::Batch(batch) => batches.push(batch),
            Step::End => return Ok(batches),
        }
    }
}

pub(super) fn split(text: &str) -> Result<Vec<Batch>, ScriptError> {
    split_with(text, &[])
}

/// A script with what it may take in, all of text.
pub(super) fn split_with(text: &str, includes: &[(&str, &str)]) -> Result<Vec<Batch>, ScriptError> {
    let includes: Vec<(&str, &[u8])> = includes.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    read_with(text.as_bytes(), &includes, 4_096)
}

/// A script that is given variables.
pub(super) fn split_given(text: &str, variables: &[(&str, &str)]) -> Result<Vec<Batch>, ScriptError> {
    let variables = variables.iter().map(|(name, value)| (name.to_lowercase(), (*value).to_owned()));
    let script = Script {
        file: r"C:\s\main.sql".to_owned(),
        sha256: Digest::of(text.as_bytes()),
        includes: Vec::new(),
        variables: variables.collect(),
        database: "Story".to_owned(),
    };
    read_script(&script, &[text.as_bytes()], 4_096)
}

/// Whatever a script is, no more of it comes into memory than the largest batch may have.
#[test]
fn a_batch_and_a_line_have_a_largest_size_and_are_refused_where_they_pass_it() {
    let most = usize::try_from(SCRIPT_BATCH_BYTES).unwrap();
    let line = format!("--{}\n", "x".repeat((1 << 16) - 3));
    let lines = most / line.len();
    let larger = format!("{}SELECT 1\n", line.repeat(lines));
    let refused = read(larger.as_bytes(), 1 << 20).unwrap_err();
    assert_eq!(refused.place.line as usize, lines + 1, "up to there it was taken");
    assert!(refused.problem.contains("the batch has more than 32 MiB here: put GO"), "{refused}");
    let refused = read("x".repeat(most + 2).as_bytes(), 1 << 20).unwrap_err();
    assert_eq!((refused.place.line, refused.problem.starts_with("the line")), (1, true), "{refused}");
}

/// Files of other encodings, one within the other, in pieces of any size.
#[test]
fn each_file_has_its_own_encoding_and_may_be_cut_anywhere() {
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain("PRINT 'é€'\r\n:r c.sql".encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    let main = "PRINT 'é'\n:r b.sql\nPRINT 'ü'\nGO\n:r c.sql".as_bytes();
    for piece_bytes in 1..=main.len() {
        let batches = read_with(main, &[("b.sql", &utf16), ("c.sql", b"PRINT '\x80'")], piece_bytes).unwrap();
        let texts: Vec<&str> = batches.iter().map(|batch| batch.text.as_str()).collect();
        assert_eq!(
            texts,
            ["PRINT 'é'\n\nPRINT 'é€'\r\nPRINT '€'\nPRINT 'ü'\n", "PRINT '€'\n"],
            "in pieces of {piece_bytes}"
        );
    }
}

/// What a server says of a line is found in the file that it is from.
#[test]
fn a_line_of_a_batch_is_that_of_its_file() {
    let main = "\nSELECT 1\n:r b.sql\nSELECT 2\n:r b.sql\n\nSELECT 3\nGO\nSELECT 4";
    let batches =
        split_with(main, &[("b.sql", ":list\n-- b\n:r c.sql\nSELECT b"), ("c.sql", "SELECT c\n\n")]).unwrap();
    let place = |file, line| Place { file, line };
    let lines: Vec<(&str, Place)> =
        batches[0].text.lines().zip(1..).map(|(text, line)| (text, batches[0].place(line))).collect();
    assert_eq!(
        lines,
        [
            ("SELECT 1", place(0, 2)),
            ("", place(0, 3)),
            ("", place(1, 1)),
            ("-- b", place(1, 2)),
            ("", place(1, 3)),
            ("SELECT c", place(2, 1)),
            ("", place(2, 2)),
            ("SELECT b", place(1, 4)),
            ("SELECT 2", place(0, 4)),
            ("", place(0, 5)),
            ("", place(1, 1)),
            ("-- b", place(1, 2)),
            ("", place(1, 3)),
            ("SELECT c", place(2, 1)),
            ("", place(2, 2)),
            ("SELECT b", place(1, 4)),
            ("", place(0, 6)),
            ("SELECT 3", place(0, 7)),
        ]
    );
    assert_eq!((batches[0].place(0), batches[0].place(99)), (place(0, 2), place(0, 88)));
    assert_eq!(batches[1].place(1), place(0, 9));
}

#[test]
fn files_that_take_each_other_in_end_somewhere() {
    let names: Vec<String> = (0..=SCRIPT_NESTING).map(|number| format!("{number}.sql")).collect();
    let texts: Vec<String> =
        (0..=SCRIPT_NESTING)
            .map(|number| {
                if number < SCRIPT_NESTING {
                    format!(":r {}.sql\n", number + 1)
                } else {
                    "SELECT 1".to_owned()
                }
            })
            .collect();
    let files: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    assert_eq!(split_with(":r 1.sql", &files[1..]).unwrap().len(), 1, "as deep as may be");
    let error = split_with(":r 0.sql", &files).unwrap_err();
    assert!(error.problem.contains(&format!("more than {SCRIPT_NESTING} within each other")), "{error}");

    let twice = |name: &str| format!(":r {name}\n:r {name}\n");
    let texts: Vec<String> = (1..SCRIPT_NESTING).map(|number| twice(&format!("{number}.sql"))).collect();
    let mut files: Vec<(&str, &str)> =
        names.iter().map(String::as_str).zip(texts.iter().map(String::as_str)).collect();
    files.push((&names[texts.len()], ""));
    let error = split_with(":r 0.sql", &files).unwrap_err();
    assert!(error.problem.contains(&format!("more than {SCRIPT_INCLUSIONS} times")), "{error}");
}

#[test]
fn the_encodings_of_scripts_are_told_apart() {
    let utf16 = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
        let text = "PRINT 'é€'".encode_utf16().flat_map(unit);
        mark.into_iter().chain(text).collect::<Vec<u8>>()
    };
    for bytes in [
        "PRINT 'é€'".as_bytes().to_vec(),
        [&[0xef, 0xbb, 0xbf], "PRINT 'é€'".as_bytes()].concat(),
        utf16(u16::to_le_bytes, [0xff, 0xfe]),
        utf16(u16::to_be_bytes, [0xfe, 0xff]),
        b"PRINT '\xe9\x80'".to_vec(),
    ] {
        for piece_bytes in 1..=bytes.len() {
            let batches = read(&bytes, piece_bytes).unwrap();
            assert_eq!(batches[0].text, "PRINT 'é€'", "{bytes:?} in pieces of {piece_bytes}");
            assert_eq!(batches.len(), 1);
        }
    }
    for (bytes, line) in
        [(&b"\xff\xfeP"[..], 1), (b"\xff\xfe\x00\xd8", 1), (b"\xef\xbb\xbfa\nb\xe9", 2), (b"a\nP\0R\0I\0", 2)]
    {
        assert_eq!(read(bytes, 3).unwrap_err().place.line, line, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _answer = read(&bytes, 7);
    }

    /// The size of the pieces makes no difference, in any encoding.
    #[test]
    fn a_script_in_pieces_is_the_script(
        text in "([a'\"é€\\n ]|\nGO\n|\r\nGO 2\r\n|--x\n){0,20}",
        encoding in 0..4,
        piece_bytes in 1_usize..40,
    ) {
        let utf16 = |unit: fn(u16) -> [u8; 2], mark: u16| {
            [mark].into_iter().chain(text.encode_utf16()).flat_map(unit).collect::<Vec<u8>>()
        };
        let bytes = match encoding {
            0 => text.clone().into_bytes(),
            1 => [&[0xef, 0xbb, 0xbf], text.as_bytes()].concat(),
            2 => utf16(u16::to_le_bytes, 0xfeff),
            _ => utf16(u16::to_be_bytes, 0xfeff),
        };
        prop_assert_eq!(read(&bytes, piece_bytes), split(&text));
    }

    #[test]
    fn no_text_of_commands_makes_it_panic(text in "([a'\"\\[\\]/*\\-;\n ]|GO|\\$\\(|\\)|:setvar|:|exit|reset|é|[0-9]|\n){0,60}") {
        if let Ok(batches) = split(&text) {
            prop_assert!(batches.iter().all(|batch| !batch.text.trim().is_empty()));
        }
    }

    /// A part that is taken in gives what it gives where it stands: the same text, variables and batches, and each line is that of
    /// its file. What stands alone in its place is an empty line, where a batch is begun.
    #[test]
    fn what_is_taken_in_is_as_if_it_stood_there(
        before in "(a\n|'b\nGO\n'\n|GO\n|:setvar v 1\n|\\$\\(v\\)\n|/\\*c\n\\*/\n|\n|:reset\n){0,6}",
        part in "(a\n|'b\nGO\n'\n|GO 2\n|:setvar v 2\n|\\$\\(v\\)\n|/\\*c\n\\*/\n|\n|:list\n|:reset\n){0,6}",
        after in "(a\n|'b\nGO\n'\n|GO\n|:setvar v 3\n|\\$\\(v\\)\n|\n){0,6}",
        piece_bytes in 1_usize..20,
    ) {
        let main = format!("{before}:r part.sql\n{after}");
        let came = read_with(main.as_bytes(), &[("part.sql", part.as_bytes())], piece_bytes);
        let whole = split(&format!("{before}:list\n{part}{after}"));
        let texts = |read: Result<Vec<Batch>, ScriptError>| -> Result<Vec<(String, u32)>, String> {
            read.map(|batches| batches.into_iter().map(|batch| (batch.text, batch.times)).collect())
                .map_err(|error| error.problem)
        };
        let lines: [Vec<&str>; 2] = [main.split_inclusive('\n').collect(), part.split_inclusive('\n').collect()];
        for batch in came.iter().flatten() {
            for (text, line) in batch.text.split_inclusive('\n').zip(1..) {
                let Place { file, line } = batch.place(line);
                let written = lines[file][usize::try_from(line).unwrap() - 1];
                prop_assert!(written == text || written.contains("$(") || text.trim().is_empty(), "{file}:{line} {text:?}");
            }
        }
        prop_assert_eq!(texts(came), texts(whole));
    }

    #[test]
    fn every_batch_is_found_on_its_line(text in "[a'\"\\[\\]/*\\-;\n GO1]{0,120}") {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let Ok(batches) = split(&text) else { return Ok(()) };
        let mut last = 0;
        for batch in batches {
            let Place { line, .. } = batch.place(1);
            let Batch { text, times, .. } = batch;
            prop_assert!(line > last && times > 0);
            let from = usize::try_from(line).unwrap() - 1;
            prop_assert!(lines[from..].concat().starts_with(&text));
            prop_assert!(!text.trim().is_empty());
            last = line;
        }
    }

    #[test]
    fn statements_joined_by_go_come_back_one_by_one(
        statements in proptest::collection::vec(
            prop_oneof![
                Just("SELECT 1"), Just("PRINT 'GO\nGO'"), Just("/* GO\n /* GO */ */ x"), Just("a -- 'GO"), Just("[b\nGO\n]")
            ],
            0..8,
        ),
        go in prop_oneof![Just("GO"), Just("go"), Just(" Go\t"), Just("GO 1")],
    ) {
        let text: String = statements.iter().map(|statement| format!("{statement}\n{go}\n")).collect();
        let batches: Vec<String> = split(&text).unwrap().into_iter().map(|batch| batch.text).collect();
        let wanted: Vec<String> = statements.iter().map(|statement| format!("{statement}\n")).collect();
        prop_assert_eq!(batches, wanted);
    }
}
