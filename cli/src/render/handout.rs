//! What a DBA is asked for, as a script that can be read, sent and run.
//!
//! Neighbours: `muster handout` prints it, `muster_model::handout` made the list.

use muster_model::handout::Asked;
use muster_model::name::{Revision, Slug};

/// T-SQL; everything that is not a statement is a comment.
pub(crate) fn text(site: &Slug, revision: Revision, asked: &[Asked]) -> String {
    let mut lines = vec![
        format!(
            "-- What the DBA is asked for, for {site} at revision {revision}. Statements that were run before fail and"
        ),
        "-- change nothing. Run them as a member of sysadmin, once for each SQL Server.".to_owned(),
    ];
    for asked in asked {
        lines.push(String::new());
        lines.push(format!("-- SQL Server {}", asked.endpoint.address));
        for database in &asked.databases {
            lines.push(format!("-- database {}, made by the DBA", database.name));
            lines.extend(database.remarks.iter().map(|remark| format!("--   {remark}")));
            lines.extend(database.statements.iter().cloned());
            lines.push("GO".to_owned());
        }
        for login in &asked.logins {
            lines.push(format!("-- {}: {}", login.account, login.purpose.join("; ")));
            lines.extend(login.statements.iter().cloned());
            lines.push("GO".to_owned());
        }
    }
    lines.join("\n")
}
