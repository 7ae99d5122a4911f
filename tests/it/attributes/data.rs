//! Drift of databases and of packages.

use muster_agent::host::twin::ledger::Action;
use muster_agent::host::twin::sql::state::{Database, Happened, SqlState};

use super::*;

/// What a DBA does to a database.
type Hand = fn(&mut Database);

/// G14: a database goes back to its state, model and least sizes; its collation and its files' folders are only told.
pub(super) fn databases(field: &Field) -> BTreeSet<Attribute> {
    let twin = &field.agent.twin;
    let on = |change: Hand| {
        twin.change_sql(|server| server.databases.get_mut("KINDS").into_iter().for_each(change));
    };
    let mut seen = BTreeSet::new();
    let changes: [(Hand, &str, &str); 4] = [
        (|database| database.status = "offline".to_owned(), "status offline -> online", "Online"),
        (
            |database| database.recovery = "simple".to_owned(),
            "recovery simple -> full",
            r#"Recovery("full")"#,
        ),
        (|database| database.data.size_mb = 8, "data_size_mb 8 -> 64", "DataSizeMb(64)"),
        (|database| database.log.size_mb = 8, "log_size_mb 8 -> 32", "LogSizeMb(32)"),
    ];
    for (hand, row, change) in changes {
        on(hand);
        let (known, effects) = (twin.sql().ledger.len(), twin.ledger().len());
        let plan = field.approved_plan();
        assert_eq!(field.rows(plan), [format!("sql_database/main/KINDS {row} (drift)")]);
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
        let happened = |server: SqlState| server.ledger.into_iter().skip(known).map(|line| line.happened);
        let wanted = Happened::DatabaseAltered { database: "KINDS".to_owned(), change: change.to_owned() };
        assert_eq!(happened(twin.sql()).collect::<Vec<_>>(), [wanted]);
        assert_eq!(twin.effects_after(effects), []);
        field.assert_in_sync();
        seen.extend(attributes(field, plan));
    }
    let told: [(Hand, Hand, &str); 3] = [
        (
            |database| database.collation = "Latin1".to_owned(),
            |database| database.collation = "French_CI_AS".to_owned(),
            "collation",
        ),
        (
            |database| database.data.folder = r"E:\".to_owned(),
            |database| database.data.folder = r"D:\SQL\Data".to_owned(),
            "data_folder",
        ),
        (
            |database| database.log.folder = r"E:\".to_owned(),
            |database| database.log.folder = r"D:\SQL\Data".to_owned(),
            "log_folder",
        ),
    ];
    for (hand, back, attribute) in told {
        on(hand);
        let plan = field.plan();
        field.cli.ok(&format!("plan show {plan}")).says(&[
            "sql_database/main/KINDS",
            attribute,
            "never changed once it is there",
        ]);
        field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
        on(back);
    }
    field.assert_in_sync();
    seen
}

/// G18: another version is taken off, the right one is put on. What a package resets with it is another story.
pub(super) fn packages(field: &Field) -> BTreeSet<Attribute> {
    let twin = &field.agent.twin;
    twin.set(&["package", "lone", "version=0.9"]);
    let known = twin.installer_starts().len();
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), ["package/lone version 0.9 -> 1.0 (drift)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let starts = twin.installer_starts().split_off(known);
    assert_eq!(starts, [("lone".to_owned(), Action::Uninstall), ("lone".to_owned(), Action::Install)]);
    field.assert_in_sync();
    attributes(field, plan)
}
