//! What a site says of its SQL Server and of its scripts, from the document to the server: whose certificate is let near the password,
//! which errors a script may pass, and what it is given.
//!
//! Run by `tests/windows/run sql`, with the scene of `wine_sql`. The oracle is the played server: who logged on, what it was sent.

use std::fs;

use muster_model::digest::Digest;
use muster_tds::{Authority, State};
use muster_tests::cli::code;
use muster_tests::programs::wine_drive;

use crate::wine_sql::{PASSWORD, Scene};

/// A script of a vendor that cleans up after a version that this client never had.
const FORMER: &str = ":on error ignore\nINSERT INTO dbo.Former VALUES (0)\nGO\n:on error exit\nCREATE TABLE dbo.$(Table) (Id int)\nGO\n";

/// G14: nobody logs on to a server whose certificate the site's own authority has not signed, one of the same name or not. Past an error that
/// its task allows a script goes on: the plan says so beforehand, and the end counts it. The table's name is the document's.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run sql"]
fn g14_a_site_names_who_signs_its_server_s_certificate_and_which_scripts_may_pass_errors() {
    let (authority, other) = (Authority::new("Dupont CA"), Authority::new("Dupont CA"));
    let state = State::default().with_login("muster", PASSWORD);
    let sql = muster_tds::Server::start_certified(state, [authority.server("127.0.0.1")]);
    let address = sql.address();
    let scene = Scene::begin_before(sql, |field| {
        field.edit("SQL-ADDRESS", &address);
        field.edit("trust_certificate: true", &format!("certificate_authority: {:?}", other.pem()));
        let former = format!(
            "    scripts:\n      - {{file: 'C:\\muster-story\\0050_former.sql', sha256: {}, variables: {{Table: Present}}}}\n",
            Digest::of(FORMER.as_bytes())
        );
        let tables = "  - sql_scripts: tables\n    database: main/Story\n";
        field.edit(
            &format!("{tables}    scripts:\n"),
            &format!("{tables}    may_ignore_errors: true\n{former}"),
        );
    });
    fs::write(wine_drive().join("muster-story/0050_former.sql"), FORMER).unwrap();
    let field = &scene.server.field;

    let refused = field.cli.run(["preflight", "story-site"]).expect(code::MISSING);
    refused.says(&["not signed by certificate_authority", &address]);
    assert_eq!(scene.sql.log_ons(), 0, "the password went to nobody");

    field.edit(&format!("{:?}", other.pem()), &format!("{:?}", authority.pem()));
    field.push().expect(code::OK);
    field.cli.ok("preflight story-site").says(&["5 checks on 1 server, 0 missing"]);
    field.cli.ok("plan story-site").says(&["sql_scripts/tables: its scripts may go on after errors"]);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
    assert!(field.rows(field.plan()).is_empty(), "nothing is left to do");

    let evidence = field.step(plan, "sql_scripts/tables").evidence.unwrap();
    assert!(
        evidence.contains("errors ignored: 1") && evidence.contains("0050_former.sql:2 batch 1: Msg 208"),
        "{evidence}"
    );
    let story = &scene.sql.state().databases["Story"];
    assert!(story.tables.contains_key("Present") && story.tables["Payment"] == 4, "{:?}", story.tables);
    assert!(story.properties.values().any(|mark| mark == "2/2, errors ignored: 1"), "{:?}", story.properties);
}
