//! The dialect of sqlcmd, case by case, with where each is from.
//!
//! `Docs`: "sqlcmd utility" and "Use sqlcmd with scripting variables" on learn.microsoft.com. `Go`: go-sqlcmd's `pkg/sqlcmd`
//! (batch.go, commands.go, parse.go, variables.go), which says what the pages leave open. `Server`: what SQL Server reads, where
//! the tools differ among themselves. `Ours`: stricter than the tool on purpose, where it would go on with half of what is
//! meant. `Field`: neither says it, and scripts in the field have it.

use super::tests::{split_given, split_with};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Docs,
    Go,
    Server,
    Ours,
    Field,
}
use By::{Docs, Field, Go, Ours, Server};

/// A script, the batches that come of it as `LINExTIMES: TEXT` (`LINExTIMES!LINE: TEXT`: errors are ignored since that line) or
/// the line and words of its refusal, and where it is from.
type Case = (&'static str, Result<&'static [&'static str], (u32, &'static str)>, By);

/// `GO`, and what is none.
const GO: &[Case] = &[
    ("SELECT 1", Ok(&["1x1: SELECT 1"]), Docs),
    ("SELECT 1\nGO", Ok(&["1x1: SELECT 1"]), Docs),
    ("SELECT 1\nGO\nSELECT 2\nGO\n", Ok(&["1x1: SELECT 1", "3x1: SELECT 2"]), Docs),
    ("SELECT 1\ngo\nSELECT 2\nGo", Ok(&["1x1: SELECT 1", "3x1: SELECT 2"]), Docs),
    ("SELECT 1\r\n  go  \r\nSELECT 2\r\n", Ok(&["1x1: SELECT 1", "3x1: SELECT 2"]), Go),
    ("SELECT 1\n\tGO\t\nSELECT 2", Ok(&["1x1: SELECT 1", "3x1: SELECT 2"]), Field),
    ("SELECT 1\nGO 5", Ok(&["1x5: SELECT 1"]), Docs),
    ("SELECT 1\nGO    5   ", Ok(&["1x5: SELECT 1"]), Go),
    ("\n\nSELECT 1\nGo 3 -- thrice\n", Ok(&["3x3: SELECT 1"]), Go),
    ("SELECT 1\nGO -- once\n", Ok(&["1x1: SELECT 1"]), Go),
    ("SELECT 1\nGO --", Ok(&["1x1: SELECT 1"]), Go),
    (":setvar n 4\nSELECT 1\nGO $(n)", Ok(&["2x4: SELECT 1"]), Go),
    ("GO\nGO\n\n", Ok(&[]), Docs),
    ("", Ok(&[]), Docs),
    ("\n \n\t\n", Ok(&[]), Docs),
    ("SELECT 1 GO\n", Ok(&["1x1: SELECT 1 GO"]), Go),
    ("SELECT 1; GO\nSELECT 2", Ok(&["1x1: SELECT 1; GO\nSELECT 2"]), Go),
    ("GOTO done\nGO", Ok(&["1x1: GOTO done"]), Go),
    ("GO5\nGO", Ok(&["1x1: GO5"]), Go),
    ("go_on\nGO", Ok(&["1x1: go_on"]), Go),
    ("[GO]\nGO", Ok(&["1x1: [GO]"]), Go),
    ("SELECT 1\nGO 0", Err((2, "GO 0")), Go),
    ("SELECT 1\nGO -1", Err((2, "GO -1")), Go),
    ("SELECT 1\nGO many", Err((2, "GO many")), Go),
    ("SELECT 1\nGO 1 2", Err((2, "GO 1 2")), Ours),
    ("SELECT 1\nGO 3x", Err((2, "GO 3x")), Ours),
    ("SELECT 1\nGO 10001", Err((2, "from 1 to 10000")), Ours),
    ("SELECT 1\nGO;", Err((2, "GO;")), Ours),
    ("SELECT 1\nGO(2)", Err((2, "GO(2)")), Ours),
    ("SELECT 1\nGO /* 2 */", Err((2, "/* 2 */")), Go),
    ("SELECT 1\nGO $(n)", Err((2, "$(n) has no value")), Go),
    (":setvar n x\nSELECT 1\nGO $(n)", Err((3, "GO x")), Go),
];

/// Quotes and comments.
const QUOTES: &[Case] = &[
    ("PRINT '\nGO\n'\nGO", Ok(&["1x1: PRINT '\nGO\n'"]), Go),
    ("PRINT 'it''s\nGO\n'\nGO", Ok(&["1x1: PRINT 'it''s\nGO\n'"]), Go),
    ("PRINT ''''\nGO\nPRINT ''''''\nGO", Ok(&["1x1: PRINT ''''", "3x1: PRINT ''''''"]), Go),
    (
        r"PRINT 'str\'
GO",
        Ok(&[r"1x1: PRINT 'str\'"]),
        Go,
    ),
    (
        r#"PRINT "str\"
GO"#,
        Ok(&[r#"1x1: PRINT "str\""#]),
        Go,
    ),
    ("PRINT \"st'r\"\nGO", Ok(&["1x1: PRINT \"st'r\""]), Go),
    ("PRINT 'st\"r'\nGO", Ok(&["1x1: PRINT 'st\"r'"]), Go),
    ("SELECT \"a\"\"\nGO\n\"\nGO", Ok(&["1x1: SELECT \"a\"\"\nGO\n\""]), Server),
    ("select [a'b] = 'c'\nGO", Ok(&["1x1: select [a'b] = 'c'"]), Go),
    ("select [bracket]]a]\nGO", Ok(&["1x1: select [bracket]]a]"]), Go),
    ("SELECT [a]]\nGO\n]\nGO", Ok(&["1x1: SELECT [a]]\nGO\n]"]), Go),
    ("SELECT [a[b]\nGO", Ok(&["1x1: SELECT [a[b]"]), Server),
    ("SELECT 1 -- it's '\nGO\nSELECT 2", Ok(&["1x1: SELECT 1 -- it's '", "3x1: SELECT 2"]), Go),
    ("SELECT 1 -- /*\nGO\nSELECT 2", Ok(&["1x1: SELECT 1 -- /*", "3x1: SELECT 2"]), Go),
    ("SELECT 1 /* it's */\nGO", Ok(&["1x1: SELECT 1 /* it's */"]), Go),
    ("SELECT '--'\nGO\nSELECT '/*'\nGO", Ok(&["1x1: SELECT '--'", "3x1: SELECT '/*'"]), Go),
    ("SELECT 1 /* comment\nGO\n*/\nGO", Ok(&["1x1: SELECT 1 /* comment\nGO\n*/"]), Go),
    ("select '1\n00' \n/* comm\nent*/\nGO 4", Ok(&["1x4: select '1\n00' \n/* comm\nent*/"]), Go),
    ("SELECT 5/*/ x */\nGO", Ok(&["1x1: SELECT 5/*/ x */"]), Server),
    ("SELECT 6 - -1\nGO", Ok(&["1x1: SELECT 6 - -1"]), Go),
    ("SELECT 6 / *\nGO", Ok(&["1x1: SELECT 6 / *"]), Go),
    ("/* /* \nGO\n*/\nGO\n*/ SELECT 1\nGO", Ok(&["1x1: /* /* \nGO\n*/\nGO\n*/ SELECT 1"]), Server),
    ("-- only words\nGO\n/* and\nGO\nmore */\nGO", Ok(&[]), Ours),
    ("/* x */ GO\nGO", Ok(&["1x1: /* x */ GO"]), Go),
    ("/*\n*/ GO\nGO", Ok(&["1x1: /*\n*/ GO"]), Go),
    ("print ('me\n!!me')", Ok(&["1x1: print ('me\n!!me')"]), Go),
    ("/*comment\n!!me*/ SELECT 1", Ok(&["1x1: /*comment\n!!me*/ SELECT 1"]), Go),
    ("PRINT '\n:r not a command\n'", Ok(&["1x1: PRINT '\n:r not a command\n'"]), Go),
    ("SELECT 1\nGO\nPRINT 'a\nGO\n", Err((3, "never closed by '")), Ours),
    ("SELECT \"a\n", Err((1, "never closed by \"")), Ours),
    ("select [bracket", Err((1, "never closed by ]")), Ours),
    ("/* a\n/* b */\n", Err((1, "never closed by */")), Ours),
];

/// Variables.
const VARIABLES: &[Case] = &[
    (":setvar Base SXA\nUSE $(Base)\nGO", Ok(&["2x1: USE SXA"]), Docs),
    (":setvar Base SXA\nUSE $(bASE)\nGO", Ok(&["2x1: USE SXA"]), Docs),
    (":SETVAR Who \"a b\"\nPRINT '$(Who)'\nGO", Ok(&["2x1: PRINT 'a b'"]), Docs),
    (":setvar q \"say \"\"so\"\"\"\nPRINT '$(q)'", Ok(&["2x1: PRINT 'say \"so\"'"]), Docs),
    (":setvar a 1\n:setvar a 2\nSELECT $(a)", Ok(&["3x1: SELECT 2"]), Docs),
    (":setvar a 1\nSELECT $(a)\n:setvar a 2\nGO", Ok(&["2x1: SELECT 2"]), Go),
    (":setvar a 1\nSELECT $(a)\nGO\n:setvar a 2\nSELECT $(a)", Ok(&["2x1: SELECT 1", "5x1: SELECT 2"]), Go),
    ("SELECT $(a)\n:setvar a 2\nGO", Ok(&["1x1: SELECT 2"]), Go),
    (":setvar a it's\nSELECT 1 -- $(a)\nGO\nSELECT 2", Ok(&["2x1: SELECT 1 -- $(a)", "4x1: SELECT 2"]), Go),
    (":setvar a ''\nPRINT $(a)\nGO\nPRINT '$(a)'", Ok(&["2x1: PRINT ''", "4x1: PRINT ''''"]), Go),
    (":setvar a x\nSELECT [$(a)], \"$(a)\", '$(a)'", Ok(&["2x1: SELECT [x], \"x\", 'x'"]), Go),
    (":setvar a x\n$(a)$(a) 100\nGO", Ok(&["2x1: xx 100"]), Go),
    (":setvar va_1 x\n:setvar va-2 y\nSELECT '$(va_1)$(va-2)'", Ok(&["3x1: SELECT 'xy'"]), Go),
    (":setvar a 1 -- one\nSELECT $(a)", Ok(&["2x1: SELECT 1"]), Go),
    (":setvar a \"1 -- one\"\nSELECT '$(a)'", Ok(&["2x1: SELECT '1 -- one'"]), Go),
    (":setvar a --1\nSELECT 1", Err((1, ":setvar a")), Go),
    ("-- $(nothing)\n/* $(nothing) */ SELECT 1", Ok(&["1x1: -- $(nothing)\n/* $(nothing) */ SELECT 1"]), Go),
    ("select '$ (X' \nquite", Ok(&["1x1: select '$ (X' \nquite"]), Go),
    ("SELECT $1", Ok(&["1x1: SELECT $1"]), Go),
    ("SELECT $(Base)\n", Err((1, "$(Base) has no value")), Ours),
    ("SELECT 1\nSELECT '$(Base)'\nGO", Err((2, "$(Base) has no value")), Ours),
    (":setvar a 1\n:setvar a\nSELECT $(a)", Err((3, "$(a) has no value")), Docs),
    (":setvar a", Err((1, "$(a) has no value")), Go),
    ("select $(x", Err((1, "`$(` begins a variable")), Go),
    ("$((x", Err((1, "`$(` begins a variable")), Go),
    ("alter $( x)", Err((1, "`$(` begins a variable")), Go),
    ("PRINT '$('", Err((1, "`$(` begins a variable")), Go),
    (":setvar 1a x", Err((1, "begins with a letter")), Go),
    (":setvar a b c", Err((1, "stands in double quotes")), Go),
    (":setvar a \"b\" c\"", Err((1, "stands in double quotes")), Go),
    (":setvar", Err((1, ":setvar")), Go),
    (":setvar b 1\n:setvar a $(b)\n", Err((2, "no variable into a variable")), Ours),
];

/// What a script is given from outside, as by sqlcmd's `-v Tenant=DUPONT -v Path="C:\My Data" -v None=""`, in the database `Story`.
const OUTSIDE: [(&str, &str); 3] = [("Tenant", "DUPONT"), ("Path", r"C:\My Data"), ("None", "")];
const GIVEN: &[Case] = &[
    ("SELECT '$(Tenant)'", Ok(&["1x1: SELECT 'DUPONT'"]), Docs),
    ("SELECT '$(TENANT)', '$(path)'", Ok(&[r"1x1: SELECT 'DUPONT', 'C:\My Data'"]), Docs),
    ("SELECT '$(None)'", Ok(&["1x1: SELECT ''"]), Ours),
    // Of all ways to give a variable, `:setvar` comes first.
    (":setvar Tenant MARTIN\nSELECT '$(Tenant)'", Ok(&["2x1: SELECT 'MARTIN'"]), Docs),
    (":setvar Tenant\nSELECT '$(Tenant)'", Err((2, "$(Tenant) has no value")), Docs),
    ("SELECT '$(Other)'", Err((1, "the script's `variables` have none")), Ours),
    ("USE [$(SQLCMDDBNAME)]", Ok(&["1x1: USE [Story]"]), Docs),
    ("SELECT '$(SQLCMDUSER)'", Err((1, "$(SQLCMDUSER) is sqlcmd's own")), Ours),
    (":setvar SQLCMDDBNAME Other\nSELECT 1", Err((1, "lets no script set that")), Docs),
    (":setvar SQLCMDUSER sa\nSELECT 1", Err((1, "lets no script set that")), Docs),
    (":setvar SQLCMDMAXVARTYPEWIDTH 0\nSELECT 1", Ok(&["2x1: SELECT 1"]), Docs),
];

/// The other commands.
const COMMANDS: &[Case] = &[
    (":on error exit\nSELECT 1", Ok(&["2x1: SELECT 1"]), Docs),
    (":On Error EXIT\nSELECT 1", Ok(&["2x1: SELECT 1"]), Docs),
    ("ON ERROR EXIT\nSELECT 1", Ok(&["2x1: SELECT 1"]), Go),
    (":on error ignore\nSELECT 1", Ok(&["2x1!1: SELECT 1"]), Docs),
    (":On Error IGNORE -- all of it\nSELECT 1\nGO 2", Ok(&["2x2!1: SELECT 1"]), Go),
    ("on error ignore\nSELECT 1", Ok(&["2x1!1: SELECT 1"]), Go),
    (
        ":on error ignore\nSELECT 1\nGO\n:on error exit\nSELECT 2\nGO\n",
        Ok(&["2x1!1: SELECT 1", "5x1: SELECT 2"]),
        Docs,
    ),
    // It holds from its line on, and a batch is run where it ends.
    ("SELECT 1\n:on error ignore\nGO\nSELECT 2", Ok(&["1x1!2: SELECT 1", "4x1!2: SELECT 2"]), Go),
    ("SELECT 1\n:on error ignore\n:on error exit\nGO", Ok(&["1x1: SELECT 1"]), Docs),
    ("/*\n:on error ignore\n*/ SELECT 1\n", Ok(&["1x1: /*\n:on error ignore\n*/ SELECT 1"]), Go),
    (":on error\nSELECT 1", Err((1, "write `:on error exit` or")), Go),
    (":on error resume\nSELECT 1", Err((1, "write `:on error exit` or")), Go),
    (
        "CREATE TRIGGER t\nON Error\nAFTER INSERT AS",
        Ok(&["1x1: CREATE TRIGGER t\nON Error\nAFTER INSERT AS"]),
        Server,
    ),
    ("JOIN Error\nON error ignored", Ok(&["1x1: JOIN Error\nON error ignored"]), Server),
    (":on error ignore 16\nSELECT 1", Err((1, "and nothing after it")), Ours),
    (":list\n:listvar\nSELECT 1", Ok(&["3x1: SELECT 1"]), Docs),
    ("select 1\n:list\nselect 2", Ok(&["1x1: select 1\n\nselect 2"]), Ours),
    ("select 1\r\n:setvar a 1\r\nselect 2", Ok(&["1x1: select 1\r\n\r\nselect 2"]), Ours),
    (":out c:\\log.txt\n:error stderr\n:xml on\n:perftrace stdout\nSELECT 1", Ok(&["5x1: SELECT 1"]), Docs),
    ("select 1\n:reset\nselect 2", Ok(&["3x1: select 2"]), Docs),
    ("update T set\n  reset = 1\nGO", Ok(&["1x1: update T set\n  reset = 1"]), Server),
    ("select 1\nreset -- all\nselect 2", Ok(&["3x1: select 2"]), Go),
    ("select 1\nRESET\nselect 2\nGO", Ok(&["3x1: select 2"]), Go),
    ("select 1\nGO\nquit\nselect 2", Ok(&["1x1: select 1"]), Docs),
    ("select 1\nGO\n:quit", Ok(&["1x1: select 1"]), Go),
    ("select 1\nGO\nEXIT -- the end\nselect 2", Ok(&["1x1: select 1"]), Go),
    ("select 1\n:exit()\nselect 2", Ok(&["1x1: select 1"]), Docs),
    ("select 1\nEXIT ( )", Ok(&["1x1: select 1"]), Go),
    ("exit_1\nexiting\nquitter", Ok(&["1x1: exit_1\nexiting\nquitter"]), Go),
    ("SELECT 1 quit\nGO", Ok(&["1x1: SELECT 1 quit"]), Go),
    ("select 1\nquit", Err((2, "sqlcmd would not run them")), Ours),
    ("select 1\n:exit", Err((2, "sqlcmd would not run them")), Ours),
    ("select 1\n:exit (select 10)", Err((2, "gives a value back")), Ours),
    ("GO\n:r other.sql\n", Err((2, "which the document does not list")), Ours),
    (":connect other\n", Err((1, ":connect")), Ours),
    ("!!del c:\\\n", Err((1, "`!!`")), Ours),
    (":!! dir\n", Err((1, "`!!`")), Ours),
    ("SELECT 1\nED\n", Err((2, "`ED`")), Ours),
    (":serverlist\n", Err((1, ":serverlist")), Ours),
    (":nonsense\n", Err((1, ":nonsense")), Go),
];

/// A script in `C:\s` and what it may take in from there, the batches that come of them or the words of the refusal behind its
/// `FILE:LINE` (0 is the script), and where it is from.
type Taking = (
    &'static str,
    &'static [(&'static str, &'static str)],
    Result<&'static [&'static str], (&'static str, &'static str)>,
    By,
);

/// What `:r` takes in.
const TAKEN: &[Taking] = &[
    (":r a.sql\nGO", &[("a.sql", "SELECT 1\n")], Ok(&["1x1: SELECT 1"]), Docs),
    (":r a.sql", &[("a.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Docs),
    (":r a.sql\nSELECT 2\nGO", &[("a.sql", "SELECT 1")], Ok(&["1x1: SELECT 1\nSELECT 2"]), Docs),
    ("SELECT 0\n:r a.sql\nGO 2", &[("a.sql", "SELECT 1\n")], Ok(&["1x2: SELECT 0\n\nSELECT 1"]), Docs),
    (
        "SELECT 0\n:r a.sql\nSELECT 3",
        &[("a.sql", "SELECT 1\nGO\nSELECT 2")],
        Ok(&["1x1: SELECT 0\n\nSELECT 1", "3x1: SELECT 2\nSELECT 3"]),
        Docs,
    ),
    (
        ":R a.sql\n:r b.sql\nGO",
        &[("a.sql", "SELECT 1\n"), ("b.sql", "SELECT 2\n")],
        Ok(&["1x1: SELECT 1\n\nSELECT 2"]),
        Docs,
    ),
    ("  :r\t a.sql -- the tables\nGO", &[("a.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Go),
    (":r a.sql\nGO\n:r a.sql\nGO", &[("a.sql", "SELECT 1\n")], Ok(&["1x1: SELECT 1", "1x1: SELECT 1"]), Docs),
    (":r a.sql\nSELECT $(v)\nGO", &[("a.sql", ":setvar v 7\n")], Ok(&["2x1: SELECT 7"]), Docs),
    (":setvar v 7\n:r a.sql\nGO", &[("a.sql", "SELECT $(v)")], Ok(&["1x1: SELECT 7"]), Docs),
    (":r a.sql\n:setvar v 8\nGO", &[("a.sql", ":setvar v 7\nSELECT $(v)")], Ok(&["2x1: SELECT 8"]), Go),
    (":r a.sql", &[("a.sql", ":on error exit\nGO\n\nSELECT 1\nGO 3\n")], Ok(&["4x3: SELECT 1"]), Docs),
    // What a file orders holds after it.
    (":r a.sql\nSELECT 2", &[("a.sql", ":on error ignore\n")], Ok(&["2x1!1: SELECT 2"]), Go),
    (
        ":on error ignore\n:r a.sql\nSELECT 2",
        &[("a.sql", "SELECT 1\nGO\n:on error exit\n")],
        Ok(&["1x1!1: SELECT 1", "3x1: SELECT 2"]),
        Go,
    ),
    (":setvar d C:\\s\n:r $(d)\\a.sql", &[("a.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Docs),
    (":setvar n a\n:r \"$(N).$(n)\"", &[("a.a", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Go),
    (":r \"a b.sql\"", &[("a b.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Field),
    (":r a b.sql", &[("a b.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Go),
    (":r .\\sub/A.SQL", &[("sub\\a.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Docs),
    (":r sub\\a.sql", &[("sub\\a.sql", ":r b.sql"), ("b.sql", "SELECT 1")], Ok(&["1x1: SELECT 1"]), Docs),
    (
        "PRINT '\n:r a.sql\n'\nGO\n:r a.sql",
        &[("a.sql", "SELECT 1")],
        Ok(&["1x1: PRINT '\n:r a.sql\n'", "1x1: SELECT 1"]),
        Go,
    ),
    (
        "/*\n:r a.sql\n*/\n-- x\n:r a.sql",
        &[("a.sql", "SELECT 1")],
        Ok(&["1x1: /*\n:r a.sql\n*/\n-- x\nSELECT 1"]),
        Go,
    ),
    ("SELECT 1 :r a.sql", &[], Ok(&["1x1: SELECT 1 :r a.sql"]), Go),
    ("SELECT 0\n:r a.sql\nSELECT 2", &[("a.sql", "SELECT 1\n:reset\n")], Ok(&["3x1: SELECT 2"]), Docs),
    (":r a.sql\nGO", &[("a.sql", "")], Ok(&[]), Docs),
    (
        ":r a.sql\n",
        &[],
        Err((
            "0:1",
            "C:\\s\\a.sql, which the document does not list: add {file: 'C:\\s\\a.sql', sha256: DIGEST} to `includes`",
        )),
        Ours,
    ),
    (
        "GO\n:r a.sql",
        &[("a.sql", "GO\n\n:r b.sql")],
        Err(("1:3", "C:\\s\\b.sql, which the document does not list")),
        Ours,
    ),
    (":r ..\\a.sql", &[("a.sql", "")], Err(("0:1", "C:\\a.sql, which the document does not list")), Ours),
    ("SELECT 1", &[("a.sql", "")], Err(("0:1", "lists C:\\s\\a.sql among `includes`")), Ours),
    (
        "SELECT 1\nGO\nEXIT\n:r a.sql",
        &[("a.sql", "")],
        Err(("0:4", "lists C:\\s\\a.sql among `includes`")),
        Ours,
    ),
    (":r", &[], Err(("0:1", "names no file")), Go),
    (":r \"a.sql", &[("a.sql", "")], Err(("0:1", "names no file")), Ours),
    (":r(a.sql)", &[("a.sql", "")], Err(("0:1", "names no file")), Ours),
    (":r C:a.sql", &[("a.sql", "")], Err(("0:1", "a path with its drive or share")), Ours),
    (":r $(d)\\a.sql", &[("a.sql", "")], Err(("0:1", "$(d) has no value")), Ours),
    (":r $(d\\a.sql", &[("a.sql", "")], Err(("0:1", "`$(` begins a variable")), Ours),
    (":r a.sql", &[("a.sql", "SELECT 1\nPRINT 'a\n")], Err(("1:2", "never closed by '")), Ours),
    ("/* a */\n:r a.sql\n*/", &[("a.sql", "/* a")], Err(("1:1", "never closed by */")), Ours),
    (":r a.sql", &[("a.sql", "SELECT 1\nGO\nEXIT\n")], Err(("1:3", "the whole script is left here")), Ours),
    (":r a.sql", &[("a.sql", ":quit")], Err(("1:1", "the whole script is left here")), Ours),
    (":r a.sql\nGO", &[("a.sql", "\nSELECT $(v)")], Err(("1:2", "$(v) has no value")), Ours),
    (":r a.sql", &[("a.sql", "GO\n!!dir")], Err(("1:2", "`!!`")), Ours),
    (":r main.sql", &[], Err(("0:1", "main.sql:1 takes in main.sql: that would never end")), Ours),
    (
        "\n:r a.sql",
        &[("a.sql", "\n\n:r b.sql"), ("b.sql", ":r A.sql")],
        Err((
            "2:1",
            "main.sql:2 takes in a.sql, a.sql:3 takes in b.sql, b.sql:1 takes in a.sql: that would never end",
        )),
        Ours,
    ),
];

#[test]
fn a_file_that_is_taken_in_goes_on_with_batch_and_variables() {
    for (script, files, wanted, by) in TAKEN {
        let came = split_with(script, files).map_err(|super::ScriptError { place, problem }| {
            (format!("{}:{}", place.file, place.line), problem)
        });
        match (came, wanted) {
            (Ok(batches), Ok(wanted)) => {
                let came: Vec<String> = batches.into_iter().map(shown).collect();
                assert_eq!(came, *wanted, "{by:?}: {script:?}");
            }
            (Err((place, problem)), Err((at, words))) => {
                assert_eq!(place, *at, "{by:?}: {script:?}: {problem}");
                assert!(problem.contains(words), "{by:?}: {script:?}: {problem}");
            }
            (came, _) => panic!("{by:?}: {script:?}: {came:?} instead of {wanted:?}"),
        }
    }
}

fn shown(batch: super::Batch) -> String {
    let ignores = batch.ignores_errors.map(|place| format!("!{}", place.line)).unwrap_or_default();
    let (line, text) = (batch.place(1).line, batch.text.trim_end_matches(['\r', '\n']));
    format!("{line}x{}{ignores}: {text}", batch.times)
}

/// What came of a script, as the tables write it.
fn come(script: &str) -> Result<Vec<String>, (u32, String)> {
    come_given(script, &[])
}

/// The same of one that is given variables.
fn come_given(script: &str, variables: &[(&str, &str)]) -> Result<Vec<String>, (u32, String)> {
    let batches = split_given(script, variables).map_err(|error| (error.place.line, error.problem))?;
    Ok(batches.into_iter().map(shown).collect())
}

#[track_caller]
fn hold(cases: &[Case]) {
    hold_given(cases, &[]);
}

#[track_caller]
fn hold_given(cases: &[Case], variables: &[(&str, &str)]) {
    for (script, wanted, by) in cases {
        match (come_given(script, variables), wanted) {
            (Ok(batches), Ok(wanted)) => assert_eq!(batches, *wanted, "{by:?}: {script:?}"),
            (Err((line, problem)), Err((at, words))) => {
                assert_eq!(line, *at, "{by:?}: {script:?}: {problem}");
                assert!(problem.contains(words), "{by:?}: {script:?}: {problem}");
            }
            (came, _) => panic!("{by:?}: {script:?}: {came:?} instead of {wanted:?}"),
        }
    }
}

#[test]
fn go_ends_a_batch_where_it_stands_alone() {
    hold(GO);
}

#[test]
fn quotes_and_comments_hold_what_is_in_them() {
    hold(QUOTES);
}

#[test]
fn variables_are_put_in_when_their_batch_ends() {
    hold(VARIABLES);
}

#[test]
fn variables_are_given_from_outside_and_a_script_s_own_come_first() {
    hold_given(GIVEN, &OUTSIDE);
}

#[test]
fn commands_are_obeyed_without_effect_or_refused() {
    hold(COMMANDS);
}

/// The example by which the reference's page shows what `:setvar` does to a name in a script.
#[test]
fn a_line_keeps_its_number_whatever_is_put_into_it() {
    let script = ":setvar lines \"a\nb\"\nSELECT 1";
    assert!(come(script).is_err(), "a value is one line");
    assert_eq!(come(":setvar a x\n\n-- note\nSELECT\n$(a)\nGO").unwrap(), ["3x1: -- note\nSELECT\nx"]);
}
