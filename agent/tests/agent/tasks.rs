//! Tasks: run with the change that fires them, owed until they ran, once for their key.

use muster_agent::host::twin::ledger::Deed;
use muster_model::manifest::{Manifest, Moment, Node, Trigger};
use muster_model::outcome::End;
use muster_model::plan::Reason;
use muster_model::value::Value;

use crate::manifest::{FILE, manifest, node};
use crate::stage::{Agent, Cut, Plan, Stage, ends, plan};

fn fired(id: &str, list: &str, names: &[&str], cause: &str) -> Node {
    let names = Value::List(names.iter().map(|name| (*name).into()).collect());
    let trigger = Trigger { moment: Moment::After, cause: cause.parse().unwrap() };
    Node { triggers: Some(vec![trigger]), ..node(id, &[(list, names)], None) }
}

/// A file, and a service that reads it when it starts.
fn wanted(generation: u64, content: &str) -> Manifest {
    let file = node(&format!("file/{FILE}"), &[("content", content.into())], None);
    manifest(
        generation,
        vec![file, fired("service_restart/w3svc", "services", &["W3SVC"], &format!("file/{FILE}"))],
    )
}

fn restarts(stage: &Stage) -> (usize, usize) {
    let deeds = stage.deeds_of_the_agent();
    let count = |wanted: &Deed| deeds.iter().filter(|deed| *deed == wanted).count();
    let service = "W3SVC".to_owned();
    (count(&Deed::ServiceStopped { service: service.clone() }), count(&Deed::ServiceStarted { service }))
}

#[test]
fn a_service_is_restarted_with_the_change_of_its_file_and_not_again() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = wanted(1, "a=1\n");
    let plan = plan(&agent, 1, &manifest);
    assert_eq!(plan.steps[1].rows[0].attribute.to_string(), format!("run[file/{FILE}]"));
    let outcomes = agent.run(&plan.command());
    assert_eq!(ends(&outcomes), [End::Done; 2], "{outcomes:#?}");
    assert_eq!(restarts(&stage), (1, 1));
    assert!(agent.in_sync(&manifest), "a task that ran is not due again");
}

/// As a task that was cut off finds it, and one on a computer that has just started: Windows takes no stop of a service on its
/// way up.
#[test]
fn a_service_that_is_still_starting_is_restarted_once_it_runs() {
    let stage = Stage::new();
    stage.set(&["service", "W3SVC", "state=stopped", "start_delay_ms=1000"]);
    let agent = stage.agent();
    agent.connect();
    let manifest = wanted(1, "a=1\n");
    let command = plan(&agent, 1, &manifest).command();
    let services = agent.engine.host.services();
    services.start("W3SVC").unwrap();
    let told = services.stop("W3SVC").unwrap_err().to_string();
    assert!(told.contains("error 1061"), "{told}");
    let outcomes = agent.run(&command);
    assert_eq!(ends(&outcomes), [End::Done; 2], "{outcomes:#?}");
    assert_eq!(restarts(&stage), (1, 2));
}

/// The time limit is the law; what the service says of its way is shown.
#[test]
fn a_service_that_is_still_on_its_way_at_its_time_limit_is_told_with_its_progress() {
    let stage = Stage::new();
    stage.set(&["service", "W3SVC", "start_delay_ms=600000"]);
    let agent = stage.agent();
    agent.connect();
    let mut manifest = wanted(1, "a=1\n");
    manifest.nodes[1].attributes.insert("time_limit_seconds".to_owned(), 1.into());
    let outcomes = agent.run(&plan(&agent, 1, &manifest).command());
    assert_eq!(ends(&outcomes), [End::Done, End::Failed], "{outcomes:#?}");
    let words = "service W3SVC is start_pending after 1000 ms, not running, no progress for 1 s \
        (checkpoint 1; it asked for 2 s); see its log";
    assert!(outcomes[&2].evidence.contains(words), "{outcomes:#?}");
}

/// G13: what was named last is stopped first, and started last.
#[test]
fn services_are_stopped_in_the_reverse_order_and_started_in_order() {
    let order = |names: &[&str], deeds: Vec<Deed>| {
        let word = |deed: Deed| {
            if let Deed::ServiceStopped { service } = &deed {
                return Some(format!("-{service}"));
            }
            if let Deed::ServiceStarted { service } = deed { Some(format!("+{service}")) } else { None }
        };
        assert_eq!(deeds.into_iter().filter_map(word).collect::<Vec<_>>(), names);
    };
    let (names, cause) = (["W3SVC", "Second"], format!("file/{FILE}"));
    let restart = [fired("service_restart/both", "services", &names, &cause)];
    let mut stop = fired("application_stop/app", "services", &names, &cause);
    stop.triggers = Some(vec![Trigger { moment: Moment::Before, cause: cause.parse().unwrap() }]);
    let start = fired("application_start/app", "services", &names, "application_stop/app");
    for tasks in [vec![stop, start], restart.to_vec()] {
        let stage = Stage::new();
        stage.set(&["service", "Second", "state=running"]);
        let agent = stage.agent();
        agent.connect();
        let file = node(&cause, &[("content", "a=1\n".into())], None);
        let at = usize::from(tasks.len() > 1);
        let mut nodes = tasks;
        nodes.insert(at, file);
        let manifest = manifest(1, nodes);
        let outcomes = agent.run(&plan(&agent, 1, &manifest).command());
        assert!(ends(&outcomes).iter().all(|end| *end == End::Done), "{outcomes:#?}");
        order(&["-Second", "-W3SVC", "+W3SVC", "+Second"], stage.deeds_of_the_agent());
    }
}

#[test]
fn a_task_that_failed_is_owed_and_the_next_plan_says_so() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = wanted(1, "a=1\n");
    stage.fault(&["service.stop", "W3SVC", "fail"]);
    let outcomes = agent.run(&plan(&agent, 1, &manifest).command());
    assert_eq!(ends(&outcomes), [End::Done, End::Failed], "{outcomes:#?}");
    drop(agent);

    let agent = stage.agent();
    agent.connect();
    let report = agent.report(&manifest).unwrap();
    let rows: Vec<_> = report.nodes.iter().flat_map(|node| &node.rows).collect();
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((rows[0].node.to_string().as_str(), rows[0].reason), ("service_restart/w3svc", Reason::Owed));
    let outcomes = agent.run(&Plan::new(2, &manifest, &report).command());
    assert_eq!(ends(&outcomes), [End::Done], "{outcomes:#?}");
    assert_eq!(restarts(&stage), (1, 1));
    assert!(agent.in_sync(&manifest));
}

#[test]
fn a_skipped_cause_fires_nothing() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    stage.fault(&["file.write", FILE, "fail"]);
    let manifest = wanted(1, "a=1\n");
    let outcomes = agent.run(&plan(&agent, 1, &manifest).command());
    assert_eq!(ends(&outcomes), [End::Failed, End::Skipped]);
    assert_eq!(restarts(&stage), (0, 0));
    let report = agent.report(&manifest).unwrap();
    let task = report.nodes.iter().find(|node| node.node.to_string() == "service_restart/w3svc").unwrap();
    assert_eq!(task.rows[0].reason, Reason::Triggered, "with the file, not owed");
}

/// Runs a change with a disk that fails, then again as a fresh process.
fn crash(cut: Cut) -> bool {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let manifest = wanted(1, "a=1\n");
    let command = plan(&agent, 1, &manifest).command();
    drop(agent);
    let (failed, agent) = stage.finish_after(cut, &command);
    let outcomes = agent.outcomes(&command);
    assert_eq!(ends(&outcomes), [End::Done; 2], "{outcomes:#?}");
    let (stopped, started) = restarts(&stage);
    assert!(stopped >= 1 && stopped == started, "{stopped} {started}");
    assert!(agent.in_sync(&manifest));
    failed
}

#[test]
fn a_trigger_survives_a_crash_before_or_after_any_record() {
    // Accepted, then an intent and an outcome for each of two steps.
    for number in 0..5 {
        assert!(crash(Cut::Before(number)), "before record {number}");
        assert!(crash(Cut::After(number + 1)), "after record {number}");
    }
    assert!(!crash(Cut::Before(5)), "there is no sixth record");
}

#[test]
fn a_pool_is_recycled_and_an_application_is_stopped_before_its_package_and_started_after_it() {
    let stage = Stage::new();
    let agent = crate::run::installed(&stage);
    let nodes = crate::manifest::product(2, "2.0").nodes;
    let mut stop = fired("application_stop/app", "pools", &["Sage"], "package/advanced");
    let trigger = Trigger { moment: Moment::Before, cause: "package/advanced".parse().unwrap() };
    stop.triggers = Some(vec![trigger]);
    let start = fired("application_start/app", "pools", &["Sage"], "application_stop/app");
    let recycle = fired("pool_recycle/sage", "pools", &["Sage"], "iis_app_pool/Sage");
    let manifest = manifest(2, [vec![stop], nodes, vec![recycle, start]].concat());
    let before = stage.deeds().len();
    let plan = plan(&agent, 2, &manifest);
    let outcomes = agent.run(&plan.command());
    assert!(ends(&outcomes).iter().all(|end| *end == End::Done), "{outcomes:#?}");
    let words = |deed: &Deed| {
        let is = [
            ("stopped", matches!(deed, Deed::PoolStopped { .. })),
            ("removed", matches!(deed, Deed::PackageRemoved { .. })),
            ("installed", matches!(deed, Deed::PackageInstalled { .. })),
            ("recycled", matches!(deed, Deed::PoolRecycled { .. })),
            ("started", matches!(deed, Deed::PoolStarted { .. })),
        ];
        is.into_iter().find_map(|(word, is)| is.then_some(word))
    };
    let deeds: Vec<&str> = stage.deeds()[before..].iter().filter_map(words).collect();
    assert_eq!(deeds, ["stopped", "removed", "installed", "recycled", "started"]);
    assert!(agent.in_sync(&manifest));
}

/// A plan whose only step starts the computer again.
fn reboot(agent: &Agent) -> muster_model::command::Command {
    let manifest = manifest(1, vec![node("reboot/now", &[], None)]);
    Plan::new(1, &manifest, &agent.report(&manifest).unwrap()).command()
}

#[test]
fn a_computer_whose_start_cannot_be_told_is_not_asked_to_start_again() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let command = reboot(&agent);
    stage.fault(&["machine.get", "DUP-WEB01", "fail", "--always"]);
    let outcomes = agent.run(&command);
    assert_eq!(ends(&outcomes), [End::Failed], "{outcomes:#?}");
    assert!(!stage.deeds().iter().any(|deed| matches!(deed, Deed::Rebooted { .. })));
}

#[test]
fn a_reboot_that_was_cut_off_and_cannot_be_told_is_unknown_and_not_repeated() {
    let stage = Stage::new();
    let agent = stage.agent();
    agent.connect();
    let command = reboot(&agent);
    drop(agent);
    // The intent is stored; the agent dies before the request.
    let agent = stage.agent_until(Cut::After(2));
    agent.connect();
    agent.command(&command).answer.unwrap();
    assert!(agent.engine.catch_up().is_err());
    drop(agent);
    stage.fault(&["machine.get", "DUP-WEB01", "fail", "--always"]);
    let agent = stage.agent();
    agent.connect();
    agent.engine.catch_up().unwrap();
    assert_eq!(ends(&agent.outcomes(&command)), [End::Unknown]);
    assert!(!stage.deeds().iter().any(|deed| matches!(deed, Deed::Rebooted { .. })));
}
