//! What is not wanted any more: Muster takes away what it made, by approved rows, and nothing else.

use muster_agent::host::twin::ledger::Deed;
use muster_tests::cli::code;
use muster_tests::field::Field;

/// Rows of a new plan of documents that changed.
fn planned(field: &Field) -> (muster_model::name::PlanId, Vec<String>) {
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    (plan, field.rows(plan))
}

const EXTRA: [&str; 8] = [
    "service/Kinds.Extra exists true -> (absent) (no longer wanted)",
    "iis_binding/Extra/https/*:1099: exists true -> (absent) (no longer wanted)",
    "iis_site/Extra exists true -> (absent) (no longer wanted)",
    r"iis_site/Extra applications[/x] C:\Kinds\extra\x -> (absent) (no longer wanted)",
    r"registry_value/HKLM\SOFTWARE\Kinds\Extra exists true -> (absent) (no longer wanted)",
    r"file/D:\Extra\extra.ini exists true -> (absent) (no longer wanted)",
    r"folder/D:\Extra exists true -> (absent) (no longer wanted)",
    "iis_app_pool/Extra exists true -> (absent) (no longer wanted)",
];

/// A feature switched off: its nodes compile to absent, last first, and the server is as if it had never been there.
#[test]
fn a_feature_switched_off_takes_away_what_muster_made_last_first() {
    let field = Field::kinds();
    field.edit("extra: {type: boolean, default: true}", "extra: {type: boolean, default: false}");
    field.push().expect(code::OK);
    field.bring_in_sync();
    let bare = field.agent.twin.state();
    field.edit("extra: {type: boolean, default: false}", "extra: {type: boolean, default: true}");
    field.push().expect(code::OK);
    field.bring_in_sync();

    field.edit("extra: {type: boolean, default: true}", "extra: {type: boolean, default: false}");
    let (plan, rows) = planned(&field);
    assert_eq!(rows, EXTRA);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    assert_eq!(field.agent.twin.state(), bare);
    field.assert_in_sync();
}

/// A record of HTTP.SYS at an address that a foreign binding shares stays when Muster's binding goes: without it no site there
/// answers any more.
#[test]
fn a_record_that_a_neighbour_shares_stays_when_the_binding_goes() {
    let field = Field::kinds();
    field.bring_in_sync();
    let twin = &field.agent.twin;
    let before = twin.state().http_sys["0.0.0.0:1099"].certificate.clone();
    twin.set(&["site", "Foreign", "binding:https/*:1099:foreign.example=plain"]);
    field.edit("extra: {type: boolean, default: true}", "extra: {type: boolean, default: false}");
    let (plan, rows) = planned(&field);
    assert_eq!(rows, EXTRA);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let state = twin.state();
    assert!(!state.sites.contains_key("Extra"));
    assert_eq!(state.http_sys["0.0.0.0:1099"].certificate, before);
    field.assert_in_sync();
}

/// What was there before Muster is never taken away, whatever Muster set on it: only what it gave goes.
#[test]
fn what_muster_did_not_make_stays_and_only_what_it_gave_goes() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    twin.set(&["app_pool", "Extra", "enable_32bit=true"]);
    twin.set(&["file", r"D:\Extra\extra.ini", "content=other"]);
    twin.set(&["service", "Kinds.Extra", "start=manual"]);
    field.bring_in_sync();
    field.edit("extra: {type: boolean, default: true}", "extra: {type: boolean, default: false}");
    let (plan, rows) = planned(&field);
    assert!(!rows.iter().any(|row| row.starts_with("iis_app_pool/") || row.starts_with("file/")), "{rows:?}");
    assert!(!rows.iter().any(|row| row.starts_with("folder/")), "it was there with its file: {rows:?}");
    assert!(!rows.iter().any(|row| row.starts_with("service/")), "{rows:?}");
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let state = twin.state();
    assert!(state.app_pools.contains_key("Extra") && state.files.contains_key(r"D:\Extra\extra.ini"));
    assert!(state.services.contains_key("Kinds.Extra"));
    field.assert_in_sync();
}

/// A site of Muster's with something foreign in it stays: the step fails and says what is left.
#[test]
fn a_site_with_a_foreign_binding_in_it_is_not_taken_away() {
    let field = Field::kinds();
    field.bring_in_sync();
    field.agent.twin.set(&["site", "Extra", "binding:http/*:9999:=plain"]);
    field.edit("extra: {type: boolean, default: true}", "extra: {type: boolean, default: false}");
    let (plan, _) = planned(&field);
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    ran.says(&["still has binding http/*:9999:"]);
    assert!(field.agent.twin.state().sites["Extra"].bindings.contains_key("http/*:9999:"));
}

/// An orphan stays with a warning; one whose node said `prune` goes by an approved row.
#[test]
fn an_orphan_stays_with_a_warning_and_goes_where_its_node_said_prune() {
    let field = Field::kinds();
    let port = r"  - {registry_value: 'HKLM\SOFTWARE\Kinds\Port', dword: 1025}";
    let text = r"  - {registry_value: 'HKLM\SOFTWARE\Kinds\Text', string: sxa}";
    let pruned = text.replace("string: sxa", "string: sxa, prune: true");
    field.edit(text, &pruned);
    field.push().expect(code::OK);
    field.bring_in_sync();
    field.edit(&format!("{port}\n"), "");
    field.edit(&format!("{pruned}\n"), "");
    let (plan, rows) = planned(&field);
    assert_eq!(rows, [r"registry_value/HKLM\SOFTWARE\Kinds\Text exists true -> (absent) (no longer wanted)"]);
    field
        .cli
        .ok(&format!("plan show {plan}"))
        .says(&[r"registry_value/HKLM\SOFTWARE\Kinds\Port: Muster made it"]);
    let known = field.agent.twin.ledger().len();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let gone = Deed::altered("registry", r"HKLM\SOFTWARE\Kinds\Text", "exists", "absent");
    assert_eq!(field.agent.twin.effects_after(known), [gone]);
    assert!(field.agent.twin.state().registry.contains_key(r"HKLM\SOFTWARE\Kinds\Port"));
    field.assert_in_sync();
}

/// `members: exact`: foreign members go, each by a row of its own that says so; without it they stay.
#[test]
fn foreign_members_go_only_where_the_documents_are_exact() {
    let field = Field::kinds();
    field.bring_in_sync();
    field.edit(r"  - folder: 'D:\Import'", "  - folder: 'D:\\Import'\n    members: exact");
    let (plan, rows) = planned(&field);
    assert_eq!(rows, [r"folder/D:\Import rights[KIND-01\foreign] read -> (absent) (not in the documents)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let rights = field.agent.twin.state().folders.remove(r"D:\Import").unwrap().rights;
    assert_eq!(rights.keys().collect::<Vec<_>>(), [r"KIND-01\svc"]);
    field.assert_in_sync();
}
