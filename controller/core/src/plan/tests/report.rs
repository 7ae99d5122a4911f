//! What the door says to reports that were changed on the way.

use muster_model::name::Generation;
use muster_model::plan::{AttributePath, New, Old, Reason, Row};
use muster_model::report::{NodeReport, ServerReport};
use muster_model::value::Value;

use crate::plan::{Comparison, Error, PlanInput, ReportError, assemble as try_assemble};
use crate::testing::{draft, guide, id, input};

pub(super) fn of(input: &mut PlanInput) -> &mut ServerReport {
    match &mut input.servers[0].comparison {
        Comparison::Report(report) => report,
        Comparison::Problem(_) | Comparison::NoAnswer => unreachable!("tests compare"),
    }
}

/// What the door says to a report of the guide's site that was changed on the way.
fn door(change: impl Fn(&mut ServerReport)) -> ReportError {
    let file = draft("web", "file/C:\\sxa.config");
    let mut input = input(&[guide(), vec![file]].concat());
    try_assemble(&input).unwrap();
    change(of(&mut input));
    match try_assemble(&input) {
        Err(Error::Report { source, .. }) => *source,
        other => panic!("not refused: {other:?}"),
    }
}

fn rows<'a>(report: &'a mut ServerReport, node: &str) -> &'a mut Vec<Row> {
    &mut report.nodes.iter_mut().find(|entry| entry.node == id(node)).unwrap().rows
}

#[test]
fn an_agent_cannot_bring_a_change_into_a_plan_that_the_manifest_does_not_name() {
    assert!(matches!(door(|r| r.format = 2), ReportError::Format(2)));
    assert!(matches!(door(|r| r.generation = Generation(2)), ReportError::Foreign));
    assert!(matches!(door(|r| r.server = "nord-prod/web".parse().unwrap()), ReportError::Foreign));
    assert!(matches!(door(|r| r.nodes[0].node = id("package/malware")), ReportError::Node(_)));
    assert!(matches!(door(|r| r.nodes.push(r.nodes[0].clone())), ReportError::Node(_)));
    assert!(matches!(door(|r| r.nodes[0].rows.clear()), ReportError::Nothing(_)));
    let package = "package/advanced";
    assert!(matches!(door(|r| rows(r, package)[0].node = id("package/treasury")), ReportError::Misplaced(_)));
    assert!(matches!(door(|r| rows(r, package)[0].new = New::Exact("7".into())), ReportError::New(_)));
    assert!(matches!(door(|r| rows(r, package)[0].new = New::Absent), ReportError::New(_)));
    assert!(matches!(door(|r| rows(r, package)[0].new = New::Confirmed), ReportError::New(_)));
    assert!(matches!(door(|r| rows(r, package)[0].reason = Reason::Confirm), ReportError::Confirm(_)));
    assert!(matches!(door(|r| rows(r, package)[0].old = Old::Exact("6.0.0".into())), ReportError::Same(_)));
    let input = |r: &mut ServerReport| rows(r, package)[0].attribute.name = "arguments".to_owned();
    assert!(matches!(door(input), ReportError::Attribute(_)), "an input is never observed");
    let twice = |r: &mut ServerReport| {
        let row = rows(r, package)[0].clone();
        rows(r, package).push(row);
    };
    assert!(matches!(door(twice), ReportError::Attribute(_)));
    let member = |r: &mut ServerReport| rows(r, package)[0].attribute.member = Some("x".to_owned());
    assert!(matches!(door(member), ReportError::Attribute(_)));
}

/// Whoever approves that a certificate comes where the whole computer trusts it has read so, whatever the agent left out.
#[test]
fn an_agent_cannot_have_a_certificate_trusted_without_saying_so() {
    let root = "certificate/root/0123456789ABCDEF0123456789ABCDEF01234567";
    let row = |attribute: AttributePath, new: Value| Row {
        node: id(root),
        attribute,
        old: Old::Absent,
        new: New::Exact(new),
        reason: Reason::Missing,
    };
    let exists = || row(AttributePath::exists(), true.into());
    let trust = |whom: &str| row(AttributePath { name: "trusted_by".to_owned(), member: None }, whom.into());
    let made = |told: &[Row]| {
        let mut input = input(&[draft("web", root)]);
        of(&mut input).nodes = vec![NodeReport { node: id(root), rows: told.to_vec(), finding: None }];
        try_assemble(&input).map(|plan| plan.rows)
    };
    let refused = |told: &[Row]| match made(told) {
        Err(Error::Report { source, .. }) => *source,
        other => panic!("not refused: {other:?}"),
    };
    let whom = "the whole computer, with all that it signs";
    assert_eq!(made(&[exists(), trust(whom)]).unwrap(), 2);
    assert!(matches!(refused(&[exists()]), ReportError::Trust(_)));
    assert!(matches!(refused(&[exists(), trust("nobody")]), ReportError::New(_)));
}

#[test]
fn an_agent_cannot_confirm_a_gate_or_invent_a_provider() {
    let gate = |r: &mut ServerReport| {
        let mut entry = r.nodes[0].clone();
        entry.node = id("manual_step/data-encryption");
        entry.rows[0].node = entry.node.clone();
        r.nodes.push(entry);
    };
    assert!(matches!(door(gate), ReportError::Class(_)));
    let other = |r: &mut ServerReport| {
        rows(r, "iis_app_pool/sxa")[0].old = Old::KnownAfter(id("package/common-services"))
    };
    assert!(matches!(door(other), ReportError::KnownAfter(_)), "it is not the pool's provider");
    let unchanged = |r: &mut ServerReport| r.nodes.retain(|entry| entry.node != id("package/advanced"));
    assert!(
        matches!(door(unchanged), ReportError::KnownAfter(_)),
        "the provider is not changed by this plan"
    );
}

#[test]
fn only_a_member_that_muster_made_can_be_taken_away() {
    let file = "file/C:\\sxa.config";
    let foreign = |reason: Reason, member: &str| {
        let member = member.to_owned();
        move |r: &mut ServerReport| {
            let mut row = rows(r, file)[1].clone();
            row.attribute.member = Some(member.clone());
            row.old = Old::Exact("full".into());
            row.new = New::Absent;
            row.reason = reason;
            rows(r, file).push(row);
        }
    };
    assert!(matches!(door(foreign(Reason::Drift, "Everyone")), ReportError::New(_)));
    assert!(
        matches!(door(foreign(Reason::Removed, "BUILTIN\\Users")), ReportError::Attribute(_)),
        "it is wanted"
    );
    let mut input = input(&[draft("web", file)]);
    foreign(Reason::Removed, "Everyone")(of(&mut input));
    assert_eq!(try_assemble(&input).unwrap().rows, 3);
}

#[test]
fn an_agent_cannot_have_a_task_run_for_what_does_not_fire_it() {
    let file = "file/C:\\sxa.config";
    let task = "service_restart/scps";
    let door = |change: &dyn Fn(&mut ServerReport)| {
        let mut input = input(&[draft("web", file), draft("web", task).after_change_of(file)]);
        assert_eq!(try_assemble(&input).unwrap().step_count, 2);
        change(of(&mut input));
        match try_assemble(&input) {
            Err(Error::Report { source, .. }) => *source,
            other => panic!("not refused: {other:?}"),
        }
    };
    let other = |r: &mut ServerReport| rows(r, task)[0].attribute.member = Some("package/other".to_owned());
    assert!(matches!(door(&other), ReportError::Trigger(_)), "it is not among its triggers");
    let alone = |r: &mut ServerReport| r.nodes.retain(|entry| entry.node != id(file));
    assert!(matches!(door(&alone), ReportError::Trigger(_)), "the file does not change in this plan");
    let once = |r: &mut ServerReport| rows(r, task)[0].attribute.member = None;
    assert!(matches!(door(&once), ReportError::Trigger(_)), "it has triggers");
    let key = |r: &mut ServerReport| rows(r, task)[0].new = New::Ran(muster_model::digest::Digest::of(b"x"));
    assert!(matches!(door(&key), ReportError::New(_)), "it is another task");
    let reason = |r: &mut ServerReport| rows(r, task)[0].reason = Reason::Drift;
    assert!(matches!(door(&reason), ReportError::Trigger(_)));
    let set = |r: &mut ServerReport| rows(r, file)[0].new = New::Ran(muster_model::digest::Digest::of(b"x"));
    assert!(matches!(door(&set), ReportError::New(_)), "a resource is set, not run");
}

#[test]
fn an_agent_cannot_take_away_what_the_manifest_wants_or_is_not_exact_about() {
    let file = "file/C:\\sxa.config";
    let goes = |row: &mut Row, reason: Reason| {
        row.attribute = AttributePath::exists();
        (row.old, row.new, row.reason) = (Old::Exact(true.into()), New::Absent, reason);
    };
    let taken = |r: &mut ServerReport| goes(&mut rows(r, file)[0], Reason::Removed);
    assert!(matches!(door(taken), ReportError::New(_)), "the manifest wants the file");
    let foreign = |r: &mut ServerReport| {
        let row = &mut rows(r, file)[0];
        row.attribute = AttributePath { name: "rights".to_owned(), member: Some("bob".to_owned()) };
        (row.old, row.new, row.reason) = (Old::Exact("full".into()), New::Absent, Reason::Foreign);
    };
    assert!(matches!(door(foreign), ReportError::New(_)), "the documents are not exact");

    let mut unwanted = draft("web", file);
    unwanted.node.absent = true;
    let mut input = input(&[unwanted]);
    rows(of(&mut input), file).truncate(1);
    goes(&mut rows(of(&mut input), file)[0], Reason::Removed);
    assert!(try_assemble(&input).is_ok(), "what is not wanted may go");
    let kept = &mut rows(of(&mut input), file)[0];
    (kept.old, kept.new) = (Old::Absent, New::Exact(true.into()));
    assert!(matches!(try_assemble(&input), Err(Error::Report { .. })), "and is not made anew");
}

#[test]
fn a_package_goes_only_where_the_manifest_says_that_it_is_absent() {
    let package = "package/advanced";
    let goes = |row: &mut Row| {
        (row.old, row.new, row.reason) = (Old::Exact("6.0.0".into()), New::Absent, Reason::Removed);
    };
    assert!(matches!(door(|r| goes(&mut rows(r, package)[0])), ReportError::New(_)), "it is wanted");
    let mut unwanted = draft("web", package);
    unwanted.node.attributes.insert("state".to_owned(), "absent".into());
    let mut input = input(&[unwanted]);
    rows(of(&mut input), package).truncate(1);
    assert!(matches!(try_assemble(&input), Err(Error::Report { .. })), "it is not installed");
    goes(&mut rows(of(&mut input), package)[0]);
    assert!(try_assemble(&input).is_ok());
}
