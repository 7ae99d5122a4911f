//! A batch and its mark in one transaction: how it begins and ends, and what a batch of the vendor's leaves of it.
//!
//! Neighbours: the agent's script runner asks before a batch and after it.

/// Begins the transaction of a batch and its mark.
pub const BEGIN: &str = "BEGIN TRANSACTION";
/// Ends it, with both.
pub const COMMIT: &str = "COMMIT TRANSACTION";
/// Ends it, with neither. Settings that a batch left behind could keep it from being carried out; they go first.
pub const ROLLBACK: &str =
    "SET NOEXEC OFF; SET PARSEONLY OFF; SET FMTONLY OFF; IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";
/// Asks how many transactions are open. No answer at all: a batch switched off that anything is carried out.
pub const OPEN_TRANSACTIONS: &str = "SELECT @@TRANCOUNT";

/// Whether a batch ends a transaction that it did not begin. In one of Muster's it would end that, and its mark would come
/// too late; what only makes a procedure, trigger or function carries nothing out.
pub fn ends_transaction(batch: &str) -> bool {
    let words = words(batch);
    let at = |index: usize| words.get(index).map_or("", String::as_str);
    let after_create = if at(1) == "or" { 3 } else { 1 };
    let is_module = ["procedure", "proc", "trigger", "function", "view"].contains(&at(after_create));
    if matches!(at(0), "create" | "alter") && is_module {
        return false;
    }
    let mut open = 0_u32;
    for pair in words
        .windows(2)
        .map(|pair| (pair[0].as_str(), pair[1].as_str()))
        .chain(words.last().map(|last| (last.as_str(), "")))
    {
        match pair {
            ("begin", "tran" | "transaction" | "distributed") => open += 1,
            ("commit" | "rollback", _) if open == 0 => return true,
            ("commit", _) => open -= 1,
            _ => {}
        }
    }
    false
}

/// The words of a batch in small letters, without what is quoted or a comment.
fn words(batch: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut characters = batch.chars().peekable();
    while let Some(character) = characters.next() {
        let end = match (character, characters.peek()) {
            ('\'' | '"', _) => Some(character),
            ('[', _) => Some(']'),
            ('-', Some('-')) => Some('\n'),
            ('/', Some('*')) => {
                let mut depth = 1;
                characters.next();
                while let Some(inner) = characters.next().filter(|_| depth > 0) {
                    match (inner, characters.peek()) {
                        ('/', Some('*')) => depth += 1,
                        ('*', Some('/')) => depth -= 1,
                        _ => continue,
                    }
                    characters.next();
                    if depth == 0 {
                        break;
                    }
                }
                None
            }
            (letter, _) if letter.is_alphanumeric() || "_@#$".contains(letter) => {
                words.last_mut().into_iter().for_each(|word| word.extend(letter.to_lowercase()));
                continue;
            }
            _ => None,
        };
        // A doubled quotation mark only ends one text and begins the next.
        end.into_iter().for_each(|end| while characters.next().is_some_and(|inner| inner != end) {});
        if words.last().is_some_and(|word| !word.is_empty()) {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// What a batch with a mark left of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It is open, and the mark goes into it.
    Open,
    /// The batch ended it itself: what it did is there or not as it wanted it, and the mark comes after it.
    Ended,
    /// The batch began others and left them open.
    More,
    /// The batch switched off that anything is carried out.
    SwitchedOff,
}

/// Reads the answer to [`OPEN_TRANSACTIONS`].
pub fn left(answer: Option<&str>) -> Left {
    match answer {
        None => Left::SwitchedOff,
        Some("0") => Left::Ended,
        Some("1") => Left::Open,
        Some(_) => Left::More,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_is_open_ended_doubled_or_nobody_can_tell() {
        let left = [Some("1"), Some("0"), Some("3"), None].map(left);
        assert_eq!(left, [Left::Open, Left::Ended, Left::More, Left::SwitchedOff]);
    }

    #[test]
    fn a_batch_that_ends_what_it_did_not_begin_is_known_before_it_runs() {
        let ends = [
            "COMMIT",
            "a\nCommit Transaction",
            "BEGIN TRAN COMMIT; commit",
            "IF @@TRANCOUNT > 0 ROLLBACK",
            "BEGIN\nROLLBACK\nEND",
        ];
        ends.iter().for_each(|batch| assert!(ends_transaction(batch), "{batch}"));
        let within = [
            "BEGIN TRANSACTION INSERT T VALUES (1) IF @@ERROR <> 0 ROLLBACK ELSE COMMIT TRAN",
            "-- COMMIT\nPRINT 'COMMIT; ''ROLLBACK'' ' /* COMMIT /* x */ COMMIT */ SELECT [COMMIT] FROM T",
            "CREATE OR ALTER PROCEDURE p AS IF @@TRANCOUNT > 0 ROLLBACK",
            "ALTER TRIGGER t ON x AFTER INSERT AS ROLLBACK",
            "SELECT commit_date FROM T",
            "",
        ];
        within.iter().for_each(|batch| assert!(!ends_transaction(batch), "{batch}"));
    }
}
