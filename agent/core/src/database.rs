//! What Muster does not do to a database by itself, and what to ask of whom instead.
//!
//! Neighbours: `diff` asks here before a row becomes work. A database that a DBA manages is looked at and never made; what
//! cannot be changed once it is there (collation, place) is never changed.

use muster_model::handout::{self, is_dbas};
use muster_model::manifest::Node;
use muster_model::plan::{New, Old, Row};
use muster_model::report::Finding;

/// What only a creation can settle.
const FIXED: [&str; 3] = ["collation", "data_folder", "log_folder"];

/// A database that is not there: whom to ask, where it is not Muster's to make.
pub(crate) fn absent(node: &Node, has_settings: bool) -> Option<Finding> {
    let place = place(node);
    if is_dbas(node) {
        return Some(Finding {
            problem: format!("{place} is absent, and a DBA makes it"),
            advice: format!("ask the DBA for it, then plan again: {}", create(node)),
        });
    }
    (!has_settings).then(|| Finding {
        problem: format!("{place} is absent and its document gives no setting to make it by"),
        advice: "give it at least one setting, as in `status: online`".to_owned(),
    })
}

/// A database that is there and differs in what Muster may not change.
pub(crate) fn forbidden(node: &Node, rows: &[Row]) -> Option<Finding> {
    let there: Vec<&Row> = rows.iter().filter(|row| matches!(row.old, Old::Exact(_))).collect();
    let list = |rows: &[&Row]| {
        let words = rows.iter().map(|row| format!("{} is {}, not {}", row.attribute, row.old, row.new));
        words.collect::<Vec<_>>().join(", ")
    };
    if is_dbas(node) && !there.is_empty() {
        return Some(Finding {
            problem: format!("{}: {}; a DBA manages it", place(node), list(&there)),
            advice: format!("ask the DBA for it, then plan again: {}", alter(node, &there)),
        });
    }
    let fixed: Vec<&Row> =
        there.into_iter().filter(|row| FIXED.contains(&row.attribute.name.as_str())).collect();
    (!fixed.is_empty()).then(|| Finding {
        problem: format!("{}: {}, and that is never changed once it is there", place(node), list(&fixed)),
        advice: "correct the document, or have a DBA move the database, then plan again".to_owned(),
    })
}

fn place(node: &Node) -> String {
    let address = node.endpoint.as_ref().map_or("?", |endpoint| endpoint.address.as_str());
    format!("database {} on {address}", name(node))
}

fn name(node: &Node) -> &str {
    node.id.name.as_str().rsplit('/').next().unwrap_or_default()
}

/// The T-SQL that makes it, with what has no T-SQL of one line in words.
fn create(node: &Node) -> String {
    let statements = handout::create(node).into_iter();
    let files = handout::files(node).into_iter().map(|file| file + ";");
    statements.chain(files).collect::<Vec<_>>().join(" ").trim_end_matches(';').to_owned()
}

fn alter(node: &Node, rows: &[&Row]) -> String {
    let words = rows.iter().map(|row| {
        let New::Exact(new) = &row.new else { return format!("{} as the document says", row.attribute) };
        match row.attribute.name.as_str() {
            "status" => format!("ALTER DATABASE [{}] SET ONLINE", name(node)),
            "recovery" => {
                format!("ALTER DATABASE [{}] SET RECOVERY {}", name(node), new.to_string().to_uppercase())
            }
            other => format!("{other} {new}"),
        }
    });
    words.collect::<Vec<_>>().join("; ")
}
