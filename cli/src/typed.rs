//! The value of a secret, from whoever types it: twice without echo on a terminal, or from a file, or from standard input.
//!
//! Neighbours: `cmd::secret` seals it at once. It never comes from an argument or from the environment, where every process
//! of the machine could read it, and it is never shown.

use std::io::{IsTerminal as _, Read};
use std::path::Path;

use muster_model::limits::SECRET_CHARACTERS;
use muster_proto::secret::SecretValue;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// The most that is read: the longest value in four bytes a character, with a line end.
#[expect(clippy::cast_possible_truncation, reason = "the limit is a thousand")]
const MOST_BYTES: usize = SECRET_CHARACTERS as usize * 4 + 4;

/// Takes the value of a secret in.
///
/// # Errors
/// Where the two times differ, or the file or standard input cannot be read. Nothing of the value is said.
pub(crate) fn value(prompt: &str, file: Option<&Path>) -> Result<SecretValue, Failure> {
    match file {
        Some(path) => {
            let shown = path.display();
            let cannot = |error: std::io::Error| {
                Failure::usage(
                    format!("{shown} cannot be read"),
                    "name a file that you may read: --from-file FILE",
                )
                .because(&error)
            };
            line(std::fs::File::open(path).map_err(cannot)?, &shown.to_string())
        }
        None if std::io::stdin().is_terminal() => typed(prompt),
        None => line(std::io::stdin(), "standard input"),
    }
}

fn typed(prompt: &str) -> Result<SecretValue, Failure> {
    let ask = |prompt: String| {
        let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
        typed.map_err(|error| {
            Failure::usage("nothing could be typed", "give it in a file: --from-file FILE").because(&error)
        })
    };
    let first = ask(format!("{prompt}: "))?;
    let second = ask(format!("{prompt}, once more: "))?;
    if *first != *second {
        return Err(Failure::usage(
            "the two that you typed differ; nothing was set",
            "type the command again",
        ));
    }
    Ok(SecretValue::new(first))
}

/// One line, without its end and without a byte order mark.
fn line(mut from: impl Read, whose: &str) -> Result<SecretValue, Failure> {
    let mut bytes = Zeroizing::new(vec![0; MOST_BYTES]);
    let mut length = 0;
    while length < bytes.len() {
        match from.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(Failure::usage(format!("{whose} cannot be read"), "type the command again")
                    .because(&error));
            }
        }
    }
    let text = std::str::from_utf8(&bytes[..length]);
    // The error would say where the value is no UTF-8, and so something of the value.
    let text = text.map_err(|_| Failure::usage(format!("{whose} is not UTF-8 text"), "save it as UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    Ok(SecretValue::new(Zeroizing::new(text.strip_suffix('\r').unwrap_or(text).to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_loses_its_end_and_nothing_else() {
        for (given, taken) in [
            ("default\n", "default"),
            ("default\r\n", "default"),
            ("\u{feff} a b ", " a b "),
            ("a\n\n", "a\n"),
        ] {
            assert!(line(given.as_bytes(), "it").is_ok_and(|value| value.expose() == taken), "{given:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_refused_without_a_word_of_it() {
        let Err(failure) = line(&b"\xe9\xe9hunter2"[..], "it") else { panic!("it was taken") };
        assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
    }
}
