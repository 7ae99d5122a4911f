//! The kinds of SQL Server: databases, scripts, backups, questions (G1, G14, G21, G22).
//!
//! Neighbours: `schema` says what each column means; `resolve` puts the endpoint's address beside the attributes.

use super::{AttributeType, KindSpec, input, key, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `sql_database`: there, with these settings. One that a DBA manages is looked at and never made or changed.
pub(in crate::node) static SQL_DATABASE: KindSpec = KindSpec {
    kind: NodeKind::SqlDatabase,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "endpoint/database, as in main/SXA",
    attributes: &[
        state("status", AttributeType::OneOf(&["online"]), false, "the state to be in"),
        state("collation", AttributeType::Line, false, "its collation; never changed once it is there"),
        state(
            "recovery",
            AttributeType::OneOf(&["simple", "full", "bulk_logged"]),
            false,
            "its recovery model",
        ),
        state(
            "data_folder",
            AttributeType::Line,
            false,
            "the folder of its data file on the SQL Server; never changed once it is there",
        ),
        state(
            "data_size_mb",
            AttributeType::Integer(1, 16_000_000),
            false,
            "the least size of its data file",
        ),
        state(
            "log_folder",
            AttributeType::Line,
            false,
            "the folder of its log file on the SQL Server; never changed once it is there",
        ),
        state("log_size_mb", AttributeType::Integer(1, 16_000_000), false, "the least size of its log file"),
        input(
            "managed_by",
            AttributeType::OneOf(&["muster", "dba"]),
            true,
            "who makes and changes it: muster, or a dba whom the plan tells what to do",
        ),
    ],
};

/// `sql_scripts`: each file once, batch by batch, marked in the database (G14, G21).
pub(in crate::node) static SQL_SCRIPTS: KindSpec = KindSpec {
    kind: NodeKind::SqlScripts,
    class: NodeClass::Task,
    effect: Effect::OneShot,
    name_is: "a name for the task; the markers in the database bear it",
    attributes: &[
        key("database", AttributeType::Line, true, "endpoint/database, as in main/SXA"),
        key(
            "scripts",
            AttributeType::Scripts,
            true,
            "the files on the server whose agent runs them, in order, each with its SHA-256 and that of what it takes in",
        ),
        input(
            "quoted_identifier",
            AttributeType::Boolean,
            false,
            "the session's QUOTED_IDENTIFIER; false where it is not said, as in sqlcmd",
        ),
        input(
            "may_ignore_errors",
            AttributeType::Boolean,
            false,
            "whether `:on error ignore` in a script is obeyed; without it such a script is refused before anything runs",
        ),
    ],
};

/// `sql_backup`: a copy-only backup with checksums, in a file of its own, read back (G1). The journal's record of its end is its
/// marker; the file bears the key of the attempt that made it, so that no backup is ever written over.
pub(in crate::node) static SQL_BACKUP: KindSpec = KindSpec {
    kind: NodeKind::SqlBackup,
    class: NodeClass::Task,
    effect: Effect::OneShot,
    name_is: "a name for the task",
    attributes: &[
        key("database", AttributeType::Line, true, "endpoint/database, as in main/SXA"),
        input(
            "folder",
            AttributeType::Line,
            true,
            "a folder as the SQL Server sees it, or a share that its own account may write to; Muster names the file in it",
        ),
        key(
            "for",
            AttributeType::Line,
            false,
            "what it is made for, as in a version: another text makes a new backup due",
        ),
        input(
            "time_limit_seconds",
            AttributeType::Integer(1, 86_400),
            false,
            "how long the backup and its reading back may take together",
        ),
    ],
};

/// `sql_query`: one value, read and compared (G21, G22).
pub(in crate::node) static SQL_QUERY: KindSpec = KindSpec {
    kind: NodeKind::SqlQuery,
    class: NodeClass::Check,
    effect: Effect::Convergent,
    name_is: "a name for the check",
    attributes: &[
        input("database", AttributeType::Line, true, "endpoint/database, as in main/SXA or main/master"),
        input("query", AttributeType::Text, true, "a question that gives one value and changes nothing"),
        input(
            "expect",
            AttributeType::LineList,
            false,
            "the values that count as success; without it and `at_least` the value is only shown",
        ),
        input("at_least", AttributeType::Version, false, "the least version that counts as success"),
    ],
};
