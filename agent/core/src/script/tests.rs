//! Encodings case by case, and what holds for any text at all; `dialect` has the cases of batches.

use proptest::prelude::*;

use super::{Batch, Reader, ScriptError, Sniffer};

/// A script whole, in pieces of that many bytes.
fn read(bytes: &[u8], piece_bytes: usize) -> Result<Vec<Batch>, ScriptError> {
    let mut sniffer = Sniffer::default();
    bytes.chunks(piece_bytes).for_each(|piece| sniffer.push(piece));
    let mut reader = Reader::new(sniffer.finish());
    let mut batches = Vec::new();
    for piece in bytes.chunks(piece_bytes) {
        batches.extend(reader.push(piece)?);
    }
    batches.extend(reader.finish()?);
    Ok(batches)
}

pub(super) fn split(text: &str) -> Result<Vec<Batch>, ScriptError> {
    read(text.as_bytes(), 4_096)
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
        assert_eq!(read(bytes, 3).unwrap_err().line, line, "{bytes:?}");
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

    #[test]
    fn every_batch_is_found_on_its_line(text in "[a'\"\\[\\]/*\\-;\n GO1]{0,120}") {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let Ok(batches) = split(&text) else { return Ok(()) };
        let mut last = 0;
        for Batch { line, text, times } in batches {
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
