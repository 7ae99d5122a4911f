//! `--watch` and `events --follow`: no line lost, none doubled, and an end that says what to do.

use insta::assert_snapshot;
use muster::exit::Exit;
use muster::output::Buffer;
use muster_model::event::EventBody;
use muster_proto::v1;
use serde_json::{Value, json};

use crate::world::{self, World, record, run_view};

fn body(json: Value) -> EventBody {
    record(json)
}

fn outcome(end: &str, evidence: &str) -> Value {
    json!({"end": end, "evidence": evidence, "ended_at": world::moment()})
}

const KEYS: [&str; 2] = ["11111111-1111-4111-8111-111111111111", "22222222-2222-4222-8222-222222222222"];
const COMMAND: &str = "99999999-9999-4999-8999-999999999999";

/// Planned and approved.
fn history() -> Vec<EventBody> {
    let digest = "0".repeat(64);
    vec![
        body(json!({"event": "plan_created", "plan": 204, "by": "anne", "digest": digest, "revision": 118,
            "generations": [["web", 3]], "rows": 4, "steps": 3, "findings": 0})),
        body(json!({"event": "plan_approved", "plan": 204, "digest": digest, "by": "anne", "ticket": null})),
    ]
}

fn started() -> Vec<EventBody> {
    let steps = json!([{"number": 1, "key": KEYS[0]}, {"number": 2, "key": KEYS[1]}]);
    vec![
        body(json!({"event": "run_started", "plan": 204, "by": "anne"})),
        body(json!({"event": "command_issued", "plan": 204, "command": COMMAND, "segment": 1, "role": "web",
            "steps": steps, "start_by": world::moment()})),
        body(json!({"event": "command_accepted", "plan": 204, "command": COMMAND})),
        body(json!({"event": "step_started", "plan": 204, "step": 1, "key": KEYS[0]})),
    ]
}

fn ended(step: usize, end: &str, evidence: &str) -> EventBody {
    let key = KEYS[step - 1];
    body(
        json!({"event": "step_ended", "plan": 204, "step": step, "key": key, "outcome": outcome(end, evidence)}),
    )
}

fn gate() -> Vec<EventBody> {
    vec![
        ended(1, "done", "version 2022-r2 is installed"),
        ended(2, "done", "load_user_profile is true"),
        body(json!({"event": "gate_opened", "plan": 204, "step": 3})),
    ]
}

fn run_ended(end: &str) -> EventBody {
    body(json!({"event": "run_ended", "plan": 204, "end": end}))
}

fn planned(world: &World, then: Vec<EventBody>, run: Value, states: [Value; 3]) {
    world.controller.change(|script| {
        let events = history().into_iter().enumerate();
        script.events = events.map(|(index, body)| world::event(index + 1, body)).collect();
        script.then = then;
        script.views.insert("muster.steps/1", serde_json::to_vec(&run_view(run, states)).unwrap());
    });
}

fn done() -> Value {
    json!({"ended": "done"})
}

#[tokio::test]
async fn a_watch_shows_each_step_and_stops_where_a_person_must_go_on() {
    let world = World::new();
    planned(&world, [started(), gate()].concat(), json!("waiting"), [done(), done(), json!("waiting")]);
    assert_snapshot!("waiting", world.said("run P-204 --watch").await);
    let resumed = vec![
        body(json!({"event": "step_confirmed", "plan": 204, "step": 3, "by": "anne", "note": "by phone"})),
        run_ended("done"),
    ];
    let view = run_view(json!({"ended": "done"}), [done(), done(), done()]);
    world.controller.change(|script| {
        script.then = resumed;
        script.views.insert("muster.steps/1", serde_json::to_vec(&view).unwrap());
    });
    assert_snapshot!("confirmed", world.said("done P-204/3 --watch").await);
}

#[tokio::test]
async fn how_far_a_step_is_goes_to_stderr_while_the_run_is_under_way() {
    let world = World::new();
    planned(&world, [started(), gate()].concat(), json!("waiting"), [done(), done(), json!("waiting")]);
    let progress = v1::StepProgress {
        server: "dupont-prod/web".to_owned(),
        step: 1,
        text: "install goes on\n30 s".to_owned(),
    };
    world.controller.change(|script| script.progress = Some(progress));
    let ran = world.muster("run P-204 --watch").await;
    assert!(ran.err.contains("  install goes on 30 s\n"), "{}", ran.err);
    assert!(!ran.out.contains("goes on"), "{}", ran.out);
    let ran = world.muster("--output json run P-204 --watch").await;
    assert!(!ran.err.contains("goes on") && !ran.out.contains("goes on"), "{}{}", ran.err, ran.out);
}

#[tokio::test]
async fn a_run_that_ends_otherwise_shows_the_step_and_its_evidence() {
    let world = World::new();
    let then = [
        started(),
        vec![ended(1, "failed", "exit code 1603\nlog: C:\\T\\advanced.log"), run_ended("failed")],
    ]
    .concat();
    planned(
        &world,
        then,
        json!({"ended": "failed"}),
        [json!({"ended": "failed"}), json!({"ended": "skipped"}), json!("pending")],
    );
    assert_snapshot!(world.said("run P-204 --watch").await);
}

#[tokio::test]
async fn json_of_a_watch_is_a_record_a_line_and_the_run_last() {
    let world = World::new();
    planned(&world, [started(), gate()].concat(), json!("waiting"), [done(), done(), json!("waiting")]);
    let ran = world.muster("--output json run P-204 --watch").await;
    let shapes: Vec<String> = ran
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["shape"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(shapes.len(), 8);
    assert!(shapes[..7].iter().all(|shape| shape == "muster.event/1"), "{shapes:?}");
    assert_eq!(shapes[7], "muster.run/1");
    assert_eq!(ran.exit, Exit::Waiting);
}

#[tokio::test]
async fn typing_run_again_shows_a_run_under_way_from_its_beginning_and_starts_nothing() {
    let world = World::new();
    planned(&world, Vec::new(), json!("waiting"), [done(), done(), json!("waiting")]);
    world.controller.change(|script| {
        let bodies = [history(), started(), gate()].concat();
        script.events =
            bodies.into_iter().enumerate().map(|(index, body)| world::event(index + 1, body)).collect();
    });
    let said = world.said("run P-204 --watch").await;
    assert!(said.contains("is under way already") && said.contains("P-204 started by anne"), "{said}");
    assert!(said.ends_with("--- exit 8\n"), "{said}");
    assert!(world.asked("StartRun").is_empty());
}

#[tokio::test]
async fn an_offline_server_is_said_to_be_offline_and_the_watch_goes_on_until_it_is_back() {
    let world = World::new();
    let server = json!("dupont-prod/web");
    let away = vec![body(json!({"event": "server_disconnected", "server": server}))];
    let back = vec![body(json!({"event": "server_connected", "server": server, "agent_version": "0.1.0",
        "simulated": true, "clock_offset_ms": 0, "journal": 4}))];
    planned(
        &world,
        [started(), away, back, gate()].concat(),
        json!("waiting"),
        [done(), done(), json!("waiting")],
    );
    let said = world.said("run P-204 --watch").await;
    assert!(
        said.contains("web is offline; its work waits") && said.contains("web is connected again"),
        "{said}"
    );
}

#[tokio::test]
async fn work_for_a_server_that_is_not_there_is_said_to_wait() {
    let world = World::new();
    let back = vec![body(
        json!({"event": "server_connected", "server": "dupont-prod/web", "agent_version": "0.1.0",
        "simulated": true, "clock_offset_ms": 0, "journal": 4}),
    )];
    planned(&world, [started(), back, gate()].concat(), json!("waiting"), [done(), done(), json!("waiting")]);
    let mut site = world::site("dupont-prod", json!("offline"), "it waits");
    site["servers"] = json!([world::server("dupont-prod", "offline")]);
    world.controller.change(|script| {
        let view = json!({"revision": 118, "sites": [site]});
        script.views.insert("muster.status/1", serde_json::to_vec(&view).unwrap());
    });
    let said = world.said("run P-204 --watch").await;
    assert!(said.contains("web is offline; steps 1 to 2 are done when it is back"), "{said}");
    assert!(said.contains("web is connected again"), "{said}");
}

/// Kills the controller between any two events of the run, and compares with the undisturbed output.
#[tokio::test]
async fn a_controller_restart_in_the_middle_of_a_watch_loses_no_line_and_doubles_none() {
    let all = [started(), gate()].concat();
    let undisturbed = {
        let world = World::new();
        planned(&world, all.clone(), json!("waiting"), [done(), done(), json!("waiting")]);
        world.muster("run P-204 --watch").await.out
    };
    for stall_after in [0, 3, all.len() - 1] {
        let mut world = World::new();
        planned(&world, all.clone(), json!("waiting"), [done(), done(), json!("waiting")]);
        world.controller.change(|script| script.stall_after = Some(stall_after));
        let (out, err) = (Buffer::default(), Buffer::default());
        let watch = world.start("run P-204 --watch", &out, &err);
        let disturb = async {
            let mut sent = world.controller.sent.subscribe();
            sent.wait_for(|sent| *sent > stall_after).await.unwrap();
            world.server.kill();
            world.controller.change(|script| script.stall_after = None);
            world.restart();
        };
        let (exit, ()) = tokio::join!(watch, disturb);
        assert_eq!(exit, Exit::Waiting, "{}", err.text());
        assert!(err.text().contains("the controller is back"), "{}", err.text());
        assert_eq!(out.text(), undisturbed, "after {stall_after} events");
    }
}

#[tokio::test]
async fn events_are_lines_with_their_numbers() {
    let world = World::new();
    let more = vec![
        body(json!({"event": "controller_started", "epoch": 4, "instance": COMMAND})),
        body(
            json!({"event": "revision_pushed", "revision": 118, "by": "anne", "ticket": "CHG1", "changed": 2}),
        ),
        body(json!({"event": "command_refused", "plan": 204, "command": COMMAND,
            "refusal": {"refusal": "clock_off", "offset_ms": 130_000, "limit_ms": 120_000}})),
        body(json!({"event": "run_resumed", "plan": 204, "by": "anne", "restart": [2]})),
        run_ended("unknown"),
    ];
    world.controller.change(|script| {
        let bodies = [history(), started(), gate(), more].concat();
        script.events =
            bodies.into_iter().enumerate().map(|(index, body)| world::event(index + 1, body)).collect();
    });
    assert_snapshot!(world.said("events").await);
    world.muster("events --from 5 --site dupont-prod --plan P-204").await;
    let asked = world.asked("Watch").pop().unwrap();
    assert_eq!(
        asked,
        "WatchRequest { from: 5, follow: false, site: \"dupont-prod\", plan: 204, progress: false }"
    );
}
