//! What is said to a SQL Server in T-SQL, and how its answers are read.
//!
//! Every name and text goes into a statement through [`name`] or [`literal`], and nowhere else; what cannot be written so (a
//! collation, a number) is checked. `database` makes and describes databases, `backup` makes and reads backups, `transaction`
//! holds a batch and its mark together, `settings` knows what a batch leaves in its session, with `flow` and `temporary`,
//! `words` reads a batch, `value` writes values as people do. Neighbours: the agent's Windows host sends the statements.
//! Sources: Microsoft's pages of the statements and views on learn.microsoft.com, named at each.

mod backup;
mod database;
mod flow;
mod settings;
mod temporary;
mod transaction;
mod value;
mod words;

use thiserror::Error;

pub use self::backup::{BackupFacts, SESSION, back_up, backup_set, percent, recorded, verify};
pub use self::database::{
    Described, File, NewFile, create, default_folder, describe, described, files, files_inside,
    files_outside, grow, set_online, set_recovery,
};
pub use self::settings::Settings;
pub use self::transaction::{BEGIN, COMMIT, Left, OPEN_TRANSACTIONS, ROLLBACK, left, runs_alone};
pub use self::value::{date, money, time};

/// A value that no statement can hold, or an answer that is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Invalid {
    /// Not a collation's name.
    #[error("{0:?} is not the name of a collation")]
    Collation(String),
    /// Not a size.
    #[error("{0} MB is not the size of a file")]
    Size(i64),
    /// Not a recovery model.
    #[error("{0:?} is not a recovery model: write simple, full or bulk_logged")]
    Recovery(String),
    /// The server answered in another shape than was asked for.
    #[error("the server's answer about {0} cannot be read")]
    Answer(&'static str),
}

/// A row of an answer: its values as text, none for NULL.
pub type Row = Vec<Option<String>>;

/// A name in brackets, as QUOTENAME writes it.
pub fn name(name: &str) -> String {
    format!("[{}]", name.replace(']', "]]"))
}

/// A text in quotation marks.
pub fn literal(text: &str) -> String {
    format!("N'{}'", text.replace('\'', "''"))
}

/// The settings of a new session: sqlcmd's, which vendors write their scripts for. ANSI settings are on, QUOTED_IDENTIFIER
/// as the script needs it; a batch of its own, as it counts from the next one ("SET QUOTED_IDENTIFIER").
pub fn session_settings(quoted_identifier: bool) -> String {
    let quoted = if quoted_identifier { "ON" } else { "OFF" };
    format!(
        "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ANSI_NULL_DFLT_ON, CONCAT_NULL_YIELDS_NULL ON;\n\
         SET QUOTED_IDENTIFIER {quoted};"
    )
}

/// Asks for an extended property of a database itself (sys.extended_properties, class 0).
pub fn property(database: &str, property: &str) -> String {
    format!(
        "SELECT CAST(value AS nvarchar(4000)) FROM {}.sys.extended_properties WHERE class = 0 AND name = {}",
        name(database),
        literal(property)
    )
}

/// Sets one, whether it is there or not (sp_addextendedproperty, sp_updateextendedproperty). Named through the database: a
/// batch before it may have changed to another.
pub fn set_property(database: &str, property: &str, value: &str) -> String {
    let (database, property, value) = (name(database), literal(property), literal(value));
    format!(
        "IF EXISTS (SELECT 1 FROM {database}.sys.extended_properties WHERE class = 0 AND name = {property})\n\
         EXEC {database}.sys.sp_updateextendedproperty @name = {property}, @value = {value}\n\
         ELSE EXEC {database}.sys.sp_addextendedproperty @name = {property}, @value = {value}"
    )
}

/// A row of an answer, for tests: `NULL` is none.
#[cfg(test)]
fn row(values: &[&str]) -> Row {
    values.iter().map(|value| (*value != "NULL").then(|| (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_texts_are_quoted_and_end_nowhere_early() {
        let evil = "a]; DROP DATABASE [b";
        assert_eq!(name(evil), "[a]]; DROP DATABASE [b]");
        assert_eq!(literal("it's N'"), "N'it''s N'''");
        assert_eq!(set_online(evil), "ALTER DATABASE [a]]; DROP DATABASE [b] SET ONLINE");
        assert!(describe("a' OR 1=1 --").ends_with("name = N'a'' OR 1=1 --'"));
        assert!(property("a]b", "M'x").contains("[a]]b].sys.extended_properties"));
        assert!(property("a]b", "M'x").ends_with("name = N'M''x'"));
        assert!(set_property("D", "p", "v'").matches("@value = N'v'''").count() == 2);
    }
}
