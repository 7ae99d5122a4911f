//! A batch and its mark in one transaction: how it begins and ends, and what a batch of the vendor's leaves of it.
//!
//! Neighbours: the agent's script runner asks before a batch and after it; `words` reads one.

use super::words::{makes_module, tokens};

/// Begins the transaction of a batch and its mark.
pub const BEGIN: &str = "BEGIN TRANSACTION";
/// Ends it, with both.
pub const COMMIT: &str = "COMMIT TRANSACTION";
/// Ends it, with neither. Settings that a batch left behind could keep it from being carried out; they go first.
pub const ROLLBACK: &str =
    "SET NOEXEC OFF; SET PARSEONLY OFF; SET FMTONLY OFF; IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION";
/// Asks how many transactions are open. No answer at all: a batch switched off that anything is carried out.
pub const OPEN_TRANSACTIONS: &str = "SELECT @@TRANCOUNT";

/// Whether a batch is run outside any transaction of Muster's, announced before and marked after: within one it would end that, or
/// keep to itself that the server refuses a statement there. What only makes a procedure, trigger or function does neither.
pub fn runs_alone(batch: &str) -> bool {
    !makes_module(batch) && (ends_transaction(batch) || hides_refusal(batch))
}

/// Whether a batch ends a transaction that it did not begin: `COMMIT` without its own `BEGIN TRANSACTION`, and every `ROLLBACK` but
/// one to a savepoint, as a `ROLLBACK` always goes back to the outermost `BEGIN TRANSACTION`, which would be Muster's.
fn ends_transaction(batch: &str) -> bool {
    let mut open = 0_u32;
    let mut tokens = tokens(batch);
    while let Some(token) = tokens.next() {
        let next = tokens.ahead(0);
        if token.is("begin") && next.is_one_of(&["tran", "transaction", "distributed"]) {
            open += 1;
        } else if token.is("rollback") {
            let to = tokens.ahead(1).name().filter(|_| next.is_one_of(&["tran", "transaction"]));
            if !to.is_some_and(|name| saves(batch, name)) {
                return true;
            }
        } else if token.is("commit") {
            if open == 0 {
                return true;
            }
            open -= 1;
        }
    }
    false
}

/// Whether a batch makes a savepoint of that name.
fn saves(batch: &str, name: &str) -> bool {
    let mut tokens = tokens(batch);
    while let Some(token) = tokens.next() {
        let is_save = token.is("save") && tokens.ahead(0).is_one_of(&["tran", "transaction"]);
        if is_save && tokens.ahead(1).name().is_some_and(|known| known.eq_ignore_ascii_case(name)) {
            return true;
        }
    }
    false
}

/// Whether a batch catches its own errors and has a statement that may not stand in a transaction: that it was refused would be
/// caught with them, and it would be missing without a word.
fn hides_refusal(batch: &str) -> bool {
    let (mut catches, mut refused) = (false, false);
    let mut tokens = tokens(batch);
    while let Some(token) = tokens.next() {
        let next = tokens.ahead(0);
        catches |= token.is("begin") && next.is("try");
        refused |= token.is_one_of(&["alter", "create", "drop"]) && next.is_one_of(&["database", "fulltext"]);
        refused |= token.is_one_of(&["backup", "restore", "reconfigure", "kill"]);
    }
    catches && refused
}

/// What a batch with a mark left of its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// It is open, and the mark goes into it.
    Open,
    /// The batch ended it, with or without what was done in it: nobody can tell, as it was not seen before it ran ([`runs_alone`]).
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
        ends.iter().for_each(|batch| assert!(runs_alone(batch), "{batch}"));
        let within = [
            "BEGIN TRANSACTION INSERT T VALUES (1) COMMIT TRAN",
            "-- COMMIT\nPRINT 'COMMIT; ''ROLLBACK'' ' /* COMMIT /* x */ COMMIT */ SELECT [COMMIT] FROM T",
            "CREATE OR ALTER PROCEDURE p AS IF @@TRANCOUNT > 0 ROLLBACK",
            "ALTER TRIGGER t ON x AFTER INSERT AS ROLLBACK",
            "SELECT commit_date FROM T",
            "",
        ];
        within.iter().for_each(|batch| assert!(!runs_alone(batch), "{batch}"));
    }

    /// In a transaction the server refuses the statement, and the batch passes that over.
    #[test]
    fn a_batch_that_catches_its_errors_keeps_no_refusal_to_itself() {
        let caught = |statement: &str| {
            format!("BEGIN TRY {statement} END TRY BEGIN CATCH PRINT ERROR_MESSAGE() END CATCH")
        };
        let refused = [
            "ALTER DATABASE x SET RECOVERY SIMPLE",
            "create database y",
            "BACKUP LOG x TO DISK = 'a'",
            "RECONFIGURE",
            "CREATE FULLTEXT CATALOG c",
        ];
        for statement in refused {
            assert!(runs_alone(&caught(statement)), "{statement}");
            assert!(!runs_alone(statement), "the server's own refusal tells: {statement}");
        }
        assert!(!runs_alone(&caught("INSERT T VALUES ('RECONFIGURE')")));
        assert!(!runs_alone(&format!("CREATE PROC p AS {}", caught("RECONFIGURE"))));
    }

    /// It goes to the outermost one, and what a batch did before its own would go with it.
    #[test]
    fn a_rollback_is_never_the_batch_s_own_but_to_a_savepoint() {
        let ends = [
            "BEGIN TRANSACTION INSERT T VALUES (1) IF @@ERROR <> 0 ROLLBACK ELSE COMMIT TRAN",
            "BEGIN TRY BEGIN TRAN EXEC p COMMIT END TRY BEGIN CATCH IF @@TRANCOUNT > 0 ROLLBACK END CATCH",
            "BEGIN TRAN a INSERT T VALUES (1) ROLLBACK TRAN a",
            "SAVE TRAN a ROLLBACK TRAN a ROLLBACK",
            "ALTER DATABASE x SET SINGLE_USER WITH ROLLBACK IMMEDIATE",
        ];
        ends.iter().for_each(|batch| assert!(runs_alone(batch), "{batch}"));
        let within = ["SAVE TRANSACTION [a] INSERT T VALUES (1) rollback transaction A", "PRINT 'ROLLBACK'"];
        within.iter().for_each(|batch| assert!(!runs_alone(batch), "{batch}"));
    }
}
