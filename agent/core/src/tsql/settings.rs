//! What batches leave in their session, so that those after them find it in a new one: `SET`, `USE`, temporary tables.
//!
//! Read from the text alone, as the session is gone. A `SET` or `USE` that is carried out in any case is said again; one behind a
//! condition, and a temporary table, are told instead: a reason, not a guess. A procedure's own `SET` ends with it. Neighbours:
//! `flow` knows what stands behind a condition, `temporary` knows tables, the script runner passes over batches that are marked.

use super::flow::Flow;
use super::temporary::Temporary;
use super::words::{Token, Tokens, makes_module, tokens};

/// Options that are ON or OFF ("SET Statements"). NOEXEC and its like are not among them: no batch is marked in a session
/// that carries nothing out. Nor is what only shows more, as STATISTICS.
const SWITCHES: [&str; 17] = [
    "ansi_defaults",
    "ansi_null_dflt_off",
    "ansi_null_dflt_on",
    "ansi_nulls",
    "ansi_padding",
    "ansi_warnings",
    "arithabort",
    "arithignore",
    "concat_null_yields_null",
    "cursor_close_on_commit",
    "forceplan",
    "implicit_transactions",
    "nocount",
    "numeric_roundabort",
    "quoted_identifier",
    "remote_proc_transactions",
    "xact_abort",
];

/// Options that have one value.
const VALUES: [&str; 9] = [
    "context_info",
    "datefirst",
    "dateformat",
    "deadlock_priority",
    "language",
    "lock_timeout",
    "query_governor_cost_limit",
    "rowcount",
    "textsize",
];

/// What is taken as said also behind a condition: nothing that is stored depends on it, or it counts as soon as it is read
/// ("SET QUOTED_IDENTIFIER").
const IN_ANY_CASE: [&str; 6] = [
    "deadlock_priority",
    "forceplan",
    "lock_timeout",
    "nocount",
    "query_governor_cost_limit",
    "quoted_identifier",
];

/// What a session was left with.
#[derive(Debug, Default)]
pub struct Settings {
    /// In the order in which each was set last: some change what others set before them.
    kept: Vec<Setting>,
    temporary: Temporary,
}

/// One setting.
#[derive(Debug)]
struct Setting {
    /// What is set, as in `xact_abort`.
    what: String,
    /// The statement that sets it, or the place of the one of which nobody knows whether it was carried out.
    how: Result<String, String>,
}

/// What one statement sets.
struct Found {
    what: String,
    /// None: to a value that does not stand in it.
    statement: Option<String>,
}

impl Settings {
    /// Follows a batch that ran in a session which is gone. `told` says where it is.
    pub fn follow(&mut self, batch: &str, told: impl Fn() -> String) {
        self.temporary.follow(batch, &told);
        if makes_module(batch) {
            return;
        }
        let (mut flow, mut tokens, mut before) = (Flow::default(), tokens(batch), [Token(""); 3]);
        while let Some(token) = tokens.next() {
            let is_conditional = flow.take(token, tokens.ahead(0));
            // `ALTER DATABASE name SET` says what holds for sessions that say nothing.
            let of_database = before[0].is("alter") && before[1].is("database");
            if !flow.is_within_brackets() && !of_database {
                for found in found(token, tokens.clone()) {
                    self.keep(found, is_conditional, &told);
                }
            }
            before = [before[1], before[2], token];
        }
    }

    fn keep(&mut self, Found { what, statement }: Found, is_conditional: bool, told: &impl Fn() -> String) {
        if what == "revert" {
            return self.kept.retain(|kept| kept.what != "execute as" || is_conditional);
        }
        let known = self.kept.iter().position(|kept| kept.what == what);
        let known = known.map(|at| self.kept.remove(at).how);
        let how = match statement {
            Some(statement) if what == "identity_insert" => {
                let Some(on) = self.identity_insert(statement, known) else { return };
                Ok(on)
            }
            Some(statement)
                if !is_conditional
                    || IN_ANY_CASE.contains(&what.as_str())
                    || known.as_ref() == Some(&Ok(statement.clone())) =>
            {
                Ok(statement)
            }
            _ => Err(told()),
        };
        self.kept.push(Setting { what, how });
    }

    /// What is left of IDENTITY_INSERT after this statement: that for the one table that has it ON, said in its database. Where that is
    /// wrong, the server refuses rows, and keeps no wrong ones: conditions do not count.
    fn identity_insert(&self, statement: String, known: Option<Result<String, String>>) -> Option<String> {
        let (table, value) = split_value(&statement);
        if value.eq_ignore_ascii_case("on") {
            let database = self.kept.iter().find(|kept| kept.what == "use");
            let database = database.and_then(|kept| kept.how.as_ref().ok());
            return Some(database.map_or(statement.clone(), |database| format!("{database}\n{statement}")));
        }
        let is_other = |known: &String| {
            let statement = known.lines().last().unwrap_or_default();
            !split_value(statement).0.eq_ignore_ascii_case(table)
        };
        known.and_then(Result::ok).filter(is_other)
    }

    /// The file of those batches has ended. What is in doubt of one that was through is no reason against the next, which may have come
    /// years later; nor is a table that may be gone by then.
    pub fn end_file(&mut self) {
        self.kept.retain(|kept| kept.how.is_ok() && kept.what != "identity_insert");
    }

    /// The statements that a new session needs, one a line, of what was followed since the last time; none where there are none.
    ///
    /// # Errors
    /// What nobody knows, and where it stands.
    pub fn take(&mut self) -> Result<Option<String>, String> {
        let kept = std::mem::take(&mut self.kept);
        let statements = kept
            .into_iter()
            .map(|Setting { what, how }| how.map_err(|place| format!("{} of {place}", what.to_uppercase())));
        let statements = statements.collect::<Result<Vec<String>, String>>()?;
        Ok((!statements.is_empty()).then(|| statements.join("\n")))
    }

    /// What a batch that is to run uses and the session that is gone took along, and where it was made.
    pub fn lost(&mut self, batch: &str) -> Option<String> {
        self.temporary.lost(batch)
    }
}

/// What the statement sets that begins with that token.
fn found(token: Token<'_>, mut tokens: Tokens<'_>) -> Vec<Found> {
    let next = tokens.ahead(0);
    if token.is("set") {
        return set(&mut tokens).unwrap_or_default();
    }
    let one = |what: &str, statement| vec![Found { what: what.to_owned(), statement }];
    if token.is("use") && next.name().is_some() {
        return one("use", Some(format!("USE {}", next.0)));
    }
    match token {
        _ if token.is_one_of(&["exec", "execute"]) && next.is("as") => one("execute as", None),
        _ if token.is("revert") => one("revert", None),
        _ if token.is("sp_set_session_context") => one("sp_set_session_context", None),
        _ => Vec::new(),
    }
}

/// What stands after `SET`; none where it is a variable, or nothing that lasts.
fn set(tokens: &mut Tokens<'_>) -> Option<Vec<Found>> {
    let first = tokens.ahead(0);
    let one = |what: &str, statement| Some(vec![Found { what: what.to_owned(), statement }]);
    if first.is("identity_insert") {
        let written: Vec<&str> = tokens.skip(1).map(|token| token.0).take(8).collect();
        let end = written.iter().position(|word| Token(word).is_one_of(&["on", "off"]))?;
        let (table, value) = (written.get(..end)?.concat(), written.get(end)?);
        return one("identity_insert", Some(format!("SET IDENTITY_INSERT {table} {value}")));
    }
    if first.is("transaction") && tokens.ahead(1).is("isolation") {
        let (level, more) = (tokens.ahead(3), tokens.ahead(4));
        let more =
            if level.is_one_of(&["read", "repeatable"]) { format!(" {}", more.0) } else { String::new() };
        let statement = format!("SET TRANSACTION ISOLATION LEVEL {}{more}", level.0);
        return one("transaction isolation level", Some(statement));
    }
    if let Some(option) = VALUES.iter().find(|option| first.is(option)) {
        let (value, more) = (tokens.ahead(1), tokens.ahead(2));
        let is_known = !value.0.starts_with('@');
        let value = if value.is("-") { format!("-{}", more.0) } else { value.0.to_owned() };
        return one(option, is_known.then(|| format!("SET {} {value}", option.to_uppercase())));
    }
    let mut options = Vec::new();
    loop {
        let name = tokens.next()?;
        options.push(SWITCHES.iter().find(|known| name.is(known))?);
        let next = tokens.next()?;
        if next.is_one_of(&["on", "off"]) {
            let value = next.0.to_uppercase();
            let statement = |name: &str| Some(format!("SET {} {value}", name.to_uppercase()));
            let found = |name: &&str| Found { what: (*name).to_owned(), statement: statement(name) };
            return Some(options.into_iter().map(found).collect());
        }
        if !next.is(",") {
            return None;
        }
    }
}

/// A statement before its last word, and that.
fn split_value(statement: &str) -> (&str, &str) {
    statement.rsplit_once(' ').unwrap_or((statement, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a new session is given after these batches.
    fn after(batches: &[&str]) -> Result<Option<String>, String> {
        let mut settings = Settings::default();
        for (batch, number) in batches.iter().zip(1..) {
            settings.follow(batch, || format!("batch {number}"));
        }
        settings.take()
    }

    #[track_caller]
    fn said(batches: &[&str], expected: &[&str]) {
        let lines = after(batches).unwrap().unwrap_or_default();
        assert_eq!(lines.lines().collect::<Vec<_>>(), expected, "{batches:?}");
    }

    #[test]
    fn what_batches_set_is_said_again_once_in_the_order_of_the_last_time() {
        said(
            &["SET ANSI_NULLS ON", "set quoted_identifier off"],
            &["SET ANSI_NULLS ON", "SET QUOTED_IDENTIFIER OFF"],
        );
        said(
            &["SET XACT_ABORT, NOCOUNT ON; SET DATEFORMAT dmy", "SET XACT_ABORT OFF"],
            &["SET NOCOUNT ON", "SET DATEFORMAT dmy", "SET XACT_ABORT OFF"],
        );
        let mixed =
            "SET LOCK_TIMEOUT -1\nINSERT T VALUES (1)\nSET LANGUAGE N'Français'\nUPDATE T SET Nocount = 1";
        said(&[mixed], &["SET LOCK_TIMEOUT -1", "SET LANGUAGE N'Français'"]);
        said(
            &[
                "USE [a]]b]\nSELECT 1 OPTION (USE HINT ('x'))",
                "SET TRANSACTION ISOLATION LEVEL READ COMMITTED",
            ],
            &["USE [a]]b]", "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"],
        );
        said(
            &["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE PRINT 'x'"],
            &["SET TRANSACTION ISOLATION LEVEL SERIALIZABLE"],
        );
    }

    #[test]
    fn what_lasts_in_no_session_is_not_said() {
        let nothing = [
            "CREATE PROCEDURE p AS SET NOCOUNT ON SET DATEFORMAT dmy",
            "DECLARE @x int SET @x = 1; SET NOEXEC ON; SET STATISTICS IO ON",
            "ALTER DATABASE x SET ANSI_NULLS ON, ARITHABORT ON WITH NO_WAIT",
            "ALTER TABLE T SET (LOCK_ESCALATION = AUTO) PRINT 'SET NOCOUNT ON' -- SET NOCOUNT ON",
            "",
        ];
        said(&nothing, &[]);
    }

    #[test]
    fn one_table_has_identity_insert_until_it_is_off() {
        let on = "SET IDENTITY_INSERT dbo.[My T] ON INSERT T VALUES (1)";
        said(&[on], &["SET IDENTITY_INSERT dbo.[My T] ON"]);
        said(&[on, "SET IDENTITY_INSERT DBO.[my t] off"], &[]);
        said(&[on, "SET IDENTITY_INSERT Other OFF"], &["SET IDENTITY_INSERT dbo.[My T] ON"]);
        said(&["IF 1 = 1 SET IDENTITY_INSERT T ON", "SET IDENTITY_INSERT T OFF"], &[]);
        said(
            &["USE a", "SET IDENTITY_INSERT T ON", "USE b"],
            &["USE a", "SET IDENTITY_INSERT T ON", "USE b"],
        );
    }

    #[test]
    fn what_nobody_knows_is_told_with_its_place_and_not_guessed() {
        let told = |batch| after(&["PRINT 'first'", batch]).unwrap_err();
        assert_eq!(told("IF @@VERSION LIKE 'x' SET XACT_ABORT ON"), "XACT_ABORT of batch 2");
        for batch in [
            "IF EXISTS (SELECT 1) BEGIN PRINT 'x' SET DATEFORMAT dmy END",
            "IF 1 = 1 PRINT 'x' ELSE SET DATEFORMAT dmy",
            "BEGIN TRY PRINT 'x' END TRY BEGIN CATCH SET DATEFORMAT dmy END CATCH",
            "DECLARE @d sysname SET DATEFORMAT @d",
        ] {
            assert_eq!(told(batch), "DATEFORMAT of batch 2", "{batch}");
        }
        assert_eq!(told("EXECUTE AS USER = 'a'"), "EXECUTE AS of batch 2");
        said(&["EXECUTE AS USER = 'a'", "REVERT"], &[]);
        said(&["IF 1 = 1 SET DATEFORMAT dmy", "SET DATEFORMAT ymd"], &["SET DATEFORMAT ymd"]);
        said(&["SET DATEFORMAT ymd", "IF 1 = 1 SET DATEFORMAT ymd"], &["SET DATEFORMAT ymd"]);
        // Counts when it is read, whatever stands before it ("SET QUOTED_IDENTIFIER").
        said(&["IF 1 = 1 SET QUOTED_IDENTIFIER ON"], &["SET QUOTED_IDENTIFIER ON"]);
        for plain in [
            "IF 1 = 1 PRINT CASE WHEN 1 = 1 THEN 'x' END SET DATEFORMAT ymd",
            "IF OBJECT_ID('p') IS NOT NULL DROP PROCEDURE p SET DATEFORMAT ymd",
            "WHILE 1 = 0 BEGIN BEGIN TRAN COMMIT END BEGIN TRY SET DATEFORMAT ymd END TRY BEGIN CATCH END CATCH",
        ] {
            said(&[plain], &["SET DATEFORMAT ymd"]);
        }
    }

    #[test]
    fn what_a_file_that_is_through_leaves_in_doubt_holds_up_no_other_file() {
        let mut settings = Settings::default();
        let left = "SET XACT_ABORT ON SET IDENTITY_INSERT T ON IF 1 = 1 SET DATEFORMAT dmy";
        settings.follow(left, || "batch 1".to_owned());
        settings.end_file();
        assert_eq!(settings.take(), Ok(Some("SET XACT_ABORT ON".to_owned())));
        assert_eq!(settings.take(), Ok(None), "once");
    }

    #[test]
    fn a_temporary_table_that_went_with_its_session_is_told_to_the_batch_that_needs_it() {
        let lost = |made: &str, used: &str| {
            let mut settings = Settings::default();
            settings.follow(made, || "batch 1".to_owned());
            settings.lost(used)
        };
        let made = "IF OBJECT_ID('tempdb..#T') IS NOT NULL DROP TABLE #T\nCREATE TABLE #T (Id int)";
        assert_eq!(lost(made, "INSERT INTO #t VALUES (1)").as_deref(), Some("#t of batch 1"));
        assert_eq!(
            lost("SELECT 1 AS a INTO tempdb..#a", "SELECT * FROM #A").as_deref(),
            Some("#a of batch 1")
        );
        assert_eq!(lost("CREATE PROC #p AS SELECT 1", "EXEC #p").as_deref(), Some("#p of batch 1"));
        assert_eq!(lost(made, &format!("{made}\nINSERT INTO #T VALUES (1)")), None, "it is made anew");
        assert_eq!(lost(&format!("{made} DROP TABLE IF EXISTS #T"), "SELECT * FROM #T"), None, "it was gone");
        assert_eq!(lost("CREATE PROC p AS CREATE TABLE #T (Id int)", "SELECT * FROM #T"), None);
        assert_eq!(lost(made, "CREATE PROC p AS SELECT * FROM #T"), None, "nothing is carried out");
    }
}
