//! What a script comes to, case by case, and for any text at all.

use proptest::prelude::*;

use super::{Batch, decode, split};

/// `line x times: text`, batch by batch.
fn shown(text: &str) -> Vec<String> {
    let batches = split(text).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    batches.iter().map(|b| format!("{}x{}: {}", b.line, b.times, b.text.trim_end())).collect()
}

#[test]
fn go_ends_a_batch_on_a_line_of_its_own_and_nowhere_else() {
    for (text, batches) in [
        ("SELECT 1", vec!["1x1: SELECT 1"]),
        ("SELECT 1\nGO\nSELECT 2\nGO\n", vec!["1x1: SELECT 1", "3x1: SELECT 2"]),
        ("SELECT 1\r\n  go  \r\nSELECT 2", vec!["1x1: SELECT 1", "3x1: SELECT 2"]),
        ("\n\nSELECT 1\nGo 3 -- thrice\n", vec!["3x3: SELECT 1"]),
        ("GO\nGO\n\n", vec![]),
        ("-- only words\nGO\n/* and\nGO\nmore */\nGO", vec![]),
        ("SELECT 1 GO\n", vec!["1x1: SELECT 1 GO"]),
        ("GOTO done\nGO", vec!["1x1: GOTO done"]),
        ("PRINT '\nGO\n'\nGO", vec!["1x1: PRINT '\nGO\n'"]),
        ("PRINT 'it''s\nGO\n'\nGO", vec!["1x1: PRINT 'it''s\nGO\n'"]),
        ("SELECT [a]]\nGO\n]\nGO", vec!["1x1: SELECT [a]]\nGO\n]"]),
        ("SELECT \"a\"\"\nGO\n\"\nGO", vec!["1x1: SELECT \"a\"\"\nGO\n\""]),
        ("/* /* \nGO\n*/\nGO\n*/ SELECT 1\nGO", vec!["1x1: /* /* \nGO\n*/\nGO\n*/ SELECT 1"]),
        ("SELECT 1 -- it's '\nGO\nSELECT 2", vec!["1x1: SELECT 1 -- it's '", "3x1: SELECT 2"]),
        ("SELECT 1 /* it's */\nGO", vec!["1x1: SELECT 1 /* it's */"]),
        ("SELECT '--'\nGO\nSELECT '/*'\nGO", vec!["1x1: SELECT '--'", "3x1: SELECT '/*'"]),
    ] {
        assert_eq!(shown(text), batches, "{text:?}");
    }
}

#[test]
fn variables_are_put_in_and_a_line_keeps_its_number() {
    let text = ":setvar Base SXA\n:setvar Who \"a b\"\n:On Error EXIT\nUSE $(base)\nPRINT '$(WHO) $('\nGO";
    assert_eq!(shown(text), ["4x1: USE SXA\nPRINT 'a b $('"]);
}

#[test]
fn what_cannot_be_run_as_it_is_is_refused_with_its_line() {
    for (text, line, words) in [
        ("SELECT 1\nGO\nPRINT 'a\nGO\n", 3, "never closed by '"),
        ("/* a\n/* b */\n", 1, "never closed by */"),
        ("SELECT [a\n", 1, "never closed by ]"),
        ("SELECT $(Base)\n", 1, "$(Base) has no value"),
        ("GO\n:r other.sql\n", 2, "`:r`"),
        ("!!del c:\\\n", 1, "!!del"),
        (":connect other\n", 1, ":connect"),
        (":on error ignore\n", 1, ":on"),
        ("SELECT 1\nGO 0\n", 2, "GO 0"),
        ("SELECT 1\nGO many\n", 2, "GO many"),
        ("SELECT 1\nGO;\n", 2, "GO;"),
        ("SELECT 1\nGO 1 2\n", 2, "GO 1 2"),
    ] {
        let error = split(text).unwrap_err();
        assert_eq!(error.line, line, "{text:?}: {error}");
        assert!(error.problem.contains(words), "{text:?}: {error}");
    }
    assert_eq!(shown("PRINT '\n:r not a command\n'"), ["1x1: PRINT '\n:r not a command\n'"]);
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
        assert_eq!(decode(&bytes).as_deref(), Ok("PRINT 'é€'"), "{bytes:?}");
    }
    for (bytes, line) in
        [(&b"\xff\xfeP"[..], 1), (b"\xff\xfe\x00\xd8", 1), (b"\xef\xbb\xbfa\nb\xe9", 2), (b"a\nP\0R\0I\0", 2)]
    {
        assert_eq!(decode(bytes).unwrap_err().line, line, "{bytes:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decode(&bytes) {
            let _answer = split(&text);
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
