//! From the bytes of a file to the texts of its documents.
//!
//! Neighbours: `tree` parses what comes out of here. Everything that makes a file unreadable as a whole is refused here:
//! size, encoding, binary content. No byte is repaired.

use super::Place;
use crate::diagnostic::{Diagnostic, diagnostic};
use crate::limits::DOCUMENT_SIZE_BYTES;

/// A file, or the part of one that holds one document: what was read, byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The path, as the operator named it; for messages only.
    pub path: String,
    /// The bytes.
    pub content: Vec<u8>,
}

/// One document's part of a file.
pub(super) struct Part {
    /// The part; without the byte order mark.
    pub(super) source: Source,
    /// Lines of the file before it.
    pub(super) lines_before: u32,
}

const SAVE_AS_UTF8: &str = "save the file as UTF-8: in Notepad, File > Save As > Encoding: UTF-8; in PowerShell, \
                            Set-Content -Encoding utf8";

/// The documents of a file, as text.
pub(super) fn parts(file: &Source) -> Result<Vec<Part>, Box<Diagnostic>> {
    let text = decode(file)?;
    let parts = split(text);
    if parts.is_empty() {
        return Err(Box::new(Diagnostic::of_file(
            &file.path,
            "empty-file",
            "the file holds no document",
            "write a document into it (it begins with `kind:`), or remove the file",
        )));
    }
    Ok(parts
        .into_iter()
        .map(|(lines_before, text)| Part {
            source: Source { path: file.path.clone(), content: text.as_bytes().to_vec() },
            lines_before,
        })
        .collect())
}

/// The text of a file, without its byte order mark.
fn decode(file: &Source) -> Result<&str, Box<Diagnostic>> {
    let bytes = file.content.as_slice();
    let refuse = |rule: &str, problem: String, advice: &str| {
        Err(Box::new(Diagnostic::of_file(&file.path, rule, problem, advice)))
    };
    if bytes.len() as u64 > DOCUMENT_SIZE_BYTES {
        // Callers read no further than shows this, so the whole size is not known here.
        let problem =
            format!("the file has more than {DOCUMENT_SIZE_BYTES} bytes, the most that a file may have");
        return refuse("file-too-large", problem, "check that this is the right file; split it if it is");
    }
    if is_utf16(bytes) {
        return refuse("utf-16", "the file is encoded as UTF-16".to_owned(), SAVE_AS_UTF8);
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) if looks_binary(bytes) => {
            let problem = format!("the file is not text: byte {} is no UTF-8", error.valid_up_to() + 1);
            return refuse("binary-file", problem, "give Muster the YAML file itself");
        }
        Err(error) => return Err(not_utf8(file, bytes, error.valid_up_to())),
    };
    match text.char_indices().find(|(index, c)| is_refused(text, *index, *c)) {
        None => Ok(text),
        Some((_, '\0')) => refuse(
            "binary-file",
            "the file holds a NUL, which no text does".to_owned(),
            "give Muster the YAML file itself",
        ),
        Some((index, c)) => Err(control_character(file, text, index, c)),
    }
}

/// UTF-16 with its mark, or plain letters with a NUL beside each.
fn is_utf16(bytes: &[u8]) -> bool {
    let marked = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let zero_at = |offset| bytes.iter().skip(offset).step_by(2).take(32).all(|byte| *byte == 0);
    marked || (bytes.len() >= 8 && bytes.len().is_multiple_of(2) && zero_at(0) != zero_at(1))
}

/// Whether bytes that are no UTF-8 are no text in another code page either.
fn looks_binary(bytes: &[u8]) -> bool {
    bytes.iter().any(|byte| *byte < 0x20 && !b"\t\n\r".contains(byte))
}

/// Control characters have no business in a document; a CR belongs to a CR LF.
fn is_refused(text: &str, index: usize, c: char) -> bool {
    match c {
        '\t' | '\n' => false,
        '\r' => text.as_bytes().get(index + 1) != Some(&b'\n'),
        c => c.is_control(),
    }
}

fn not_utf8(file: &Source, bytes: &[u8], valid: usize) -> Box<Diagnostic> {
    let before = String::from_utf8_lossy(&bytes[..valid]).into_owned();
    let line: Vec<u8> = bytes[valid..].iter().copied().take_while(|byte| *byte != b'\n').collect();
    let text = before.clone() + &String::from_utf8_lossy(&line);
    let problem =
        format!("byte 0x{:02x} is not UTF-8: the file was saved in another code page", bytes[valid]);
    at_index(file, &text, before.len(), "not-utf8", problem, SAVE_AS_UTF8)
}

fn control_character(file: &Source, text: &str, index: usize, c: char) -> Box<Diagnostic> {
    let problem = format!("the control character U+{:04X} cannot be part of a document", u32::from(c));
    at_index(file, text, index, "control-character", problem, "remove it; lines end with LF or CR LF")
}

fn at_index(
    file: &Source,
    text: &str,
    index: usize,
    rule: &str,
    problem: String,
    advice: &str,
) -> Box<Diagnostic> {
    let before = &text[..index];
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let place = Place { line: count(line), column: count(column) };
    let shown = Source { path: file.path.clone(), content: text.as_bytes().to_vec() };
    Box::new(diagnostic(&shown, 0, place, rule, problem, advice.to_owned()))
}

/// Cuts a file where a line begins with `---`: YAML allows that nowhere inside a document. What stands before the first
/// such line belongs to the first document while it holds comments only.
fn split(text: &str) -> Vec<(u32, &str)> {
    let mut starts: Vec<(u32, usize)> = Vec::new();
    let mut offset = 0;
    let mut only_comments = true;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let rest = line.strip_prefix("---");
        if rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n'])) {
            if !(starts.is_empty() && only_comments) {
                starts.push((count(number), offset));
            } else {
                starts.push((0, 0));
            }
        } else if !(line.trim().is_empty() || line.trim_start().starts_with('#')) {
            if starts.is_empty() {
                starts.push((0, 0));
            }
            only_comments = false;
        }
        offset += line.len();
    }
    let ends = starts.iter().skip(1).map(|(_, start)| *start).chain([text.len()]);
    starts.iter().zip(ends).map(|((lines, start), end)| (*lines, &text[*start..end])).collect()
}

/// A count as a place holds it; documents are far shorter than that.
pub(super) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
