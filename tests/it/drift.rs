//! Drift: what a person changed on the server is found, shown as it is, and mended alone.

use muster_agent::host::twin::ledger::Deed;
use muster_model::view::SiteState;
use muster_tests::cli::code;
use muster_tests::field::Field;

const POOL: &str = "Sage.XRT.Advanced";

/// G12: one switch of the pool changed by hand is exactly one row; the run sets it and touches nothing else.
#[test]
fn one_switch_is_one_row_and_one_effect() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=true"]);
    let known = field.agent.twin.ledger().len();

    let plan = field.plan();
    assert_eq!(field.rows(plan), ["iis_app_pool/Sage.XRT.Advanced enable_32bit true -> false (drift)"]);
    assert_eq!(field.status().state, SiteState::Planned);

    field.cli.ok(&format!("approve {plan}"));
    // The gate was confirmed before: nobody is asked again.
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let settings = [("enable_32bit".to_owned(), "false".to_owned())].into();
    assert_eq!(field.agent.twin.effects_after(known), [Deed::PoolSet { pool: POOL.to_owned(), settings }]);
    field.assert_in_sync();
}

/// G13: a service that somebody stopped is started again, and only that one.
#[test]
fn a_stopped_service_is_started_again() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["service", "SCASServer", "state=stopped"]);
    let known = field.agent.twin.ledger().len();

    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), ["service/SCASServer state stopped -> running (drift)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let wanted = Deed::ServiceStarted { service: "SCASServer".to_owned() };
    assert_eq!(field.agent.twin.effects_after(known), [wanted]);
    field.assert_in_sync();
}

/// Of what Windows does when a service fails, a part that no document names stays as somebody set it, also where the part beside
/// it is mended.
#[test]
fn what_is_done_at_a_failure_that_no_document_names_stays() {
    let field = Field::kinds();
    for line in ["    first_failure: restart\n", "    failures_reset_seconds: never\n"] {
        field.edit(line, "");
    }
    field.push().expect(code::OK);
    field.bring_in_sync();
    let twin = &field.agent.twin;
    let recovery = || twin.state().services["Kinds.Batch"].recovery.clone();
    let word = |name| recovery().word(name).unwrap();
    assert_eq!(["first_failure", "failures_reset_seconds"].map(word), ["program", "0"]);
    twin.set(&["service", "Kinds.Batch", "first_failure=reboot", "failures_reset_seconds=60"]);
    field.assert_in_sync();

    let kept = recovery();
    twin.set(&["service", "Kinds.Batch", "second_failure=none"]);
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), ["service/Kinds.Batch second_failure none -> restart (drift)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(recovery(), kept);
    field.assert_in_sync();
}

/// A service that Muster made from its command line, and that somebody deleted, is made again as it was.
#[test]
fn a_deleted_service_is_made_again_from_its_command_line() {
    let field = Field::kinds();
    field.bring_in_sync();
    let twin = &field.agent.twin;
    let before = twin.state();
    assert_eq!(before.services["Kinds.Extra"].account, "LocalSystem");
    twin.set(&["service", "Kinds.Extra", "absent"]);

    let plan = field.approved_plan();
    let rows = [
        r#"service/Kinds.Extra command_line (absent) -> "C:\Kinds\extra\extra.exe" -service (drift)"#,
        "service/Kinds.Extra start (absent) -> automatic_delayed (drift)",
        "service/Kinds.Extra state (absent) -> running (drift)",
    ];
    assert_eq!(field.rows(plan), rows);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(twin.state(), before);
    field.assert_in_sync();
}

/// Drift that mends itself between approval and run needs no effect: the step is done as it stands.
#[test]
fn a_row_that_went_away_is_already_in_state() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=true"]);
    let plan = field.approved_plan();
    field.agent.twin.set(&["app_pool", POOL, "enable_32bit=false"]);
    let known = field.agent.twin.ledger().len();

    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(field.agent.twin.effects_after(known), []);
    field.assert_in_sync();
}
