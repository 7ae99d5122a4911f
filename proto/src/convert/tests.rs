//! The stream's messages survive the wire, and each way to be wrong has its name.

use std::collections::BTreeSet;

use jiff::Timestamp;
use muster_model::command::{Command, Epoch};
use muster_model::digest::Digest;
use muster_model::name::SecretVersion;
use muster_model::node::NodeKind;
use muster_model::outcome::{CommandId, End, Outcome, Refusal, StepKey, StepTicket};
use muster_model::report::ServerReport;
use muster_model::secret::{Sealed, SealedSecret, SecretRef};
use uuid::Uuid;

use super::Invalid;
use crate::session::{
    CommandAnswer, FromAgent, Hello, Observe, Observed, Progress, StageMedium, Staged, StepEnded,
    StepStarted, ToAgent, Welcome,
};
use crate::v1;

fn at() -> Timestamp {
    Timestamp::from_millisecond(1_764_000_000_123).unwrap()
}

fn command() -> CommandId {
    CommandId(Uuid::from_u128(7))
}

fn key() -> StepKey {
    StepKey(Uuid::from_u128(8))
}

fn report() -> ServerReport {
    ServerReport {
        format: muster_model::FORMAT,
        server: "dupont-prod/web".parse().unwrap(),
        generation: "3".parse().unwrap(),
        manifest: Digest::of(b"manifest"),
        observed_at: at(),
        simulated: true,
        nodes: Vec::new(),
        preflight: Vec::new(),
        orphans: Vec::new(),
    }
}

fn from_agent() -> Vec<FromAgent> {
    let outcome = Outcome {
        end: End::Done,
        evidence: "seen".to_owned(),
        rows: Vec::new(),
        because: None,
        ended_at: at(),
    };
    let refusal = Refusal::OldEpoch { got: 1, have: 2 };
    vec![
        FromAgent::Hello(Hello {
            agent_version: "0.1.0".to_owned(),
            kinds: NodeKind::ALL.iter().copied().collect(),
            simulated: true,
            now: at(),
            journal: 4,
            epoch: 5,
            host: "DUP-WEB01".parse().unwrap(),
        }),
        FromAgent::Observed(Observed { request: "r".to_owned(), result: Ok(report()) }),
        FromAgent::Observed(Observed {
            request: "r".to_owned(),
            result: Err("a run is under way".to_owned()),
        }),
        FromAgent::Answer(CommandAnswer { command: command(), answer: Ok(()) }),
        FromAgent::Answer(CommandAnswer { command: command(), answer: Err(refusal) }),
        FromAgent::Started(StepStarted { command: command(), step: 2, key: key() }),
        FromAgent::Ended(StepEnded { command: command(), step: 2, key: key(), outcome, journal: 9 }),
        FromAgent::Progress(Progress { step: 2, key: key(), text: "half".to_owned() }),
        FromAgent::Staged(Staged { sha256: Digest::of(b"m"), held_bytes: 1, whole: true, problem: None }),
        FromAgent::Staged(Staged {
            sha256: Digest::of(b"m"),
            held_bytes: 0,
            whole: false,
            problem: Some("no room".to_owned()),
        }),
    ]
}

fn secret() -> SecretRef {
    let version = SecretVersion(3);
    SecretRef { site: "dupont-prod".parse().unwrap(), secret: "code".parse().unwrap(), version }
}

fn to_agent() -> Vec<ToAgent> {
    let epoch = Epoch { number: 3, instance: Uuid::from_u128(9) };
    vec![
        ToAgent::Welcome(Welcome { epoch, now: at(), reconnect_spread_ms: 30_000, journal: 4 }),
        ToAgent::Observe(Observe {
            request: "r".to_owned(),
            manifest_json: b"{}".to_vec(),
            secrets: vec![SealedSecret { secret: secret(), sealed: Sealed::new(vec![1]) }],
        }),
        ToAgent::Command(Box::new(Command {
            id: command(),
            epoch,
            digest: Digest::of(b"header"),
            header_json: b"header".to_vec(),
            steps_json: b"steps".to_vec(),
            manifest_json: b"manifest".to_vec(),
            steps: vec![StepTicket { number: 2, key: key() }],
            start_by: at(),
            restart: vec![2],
            secrets: vec![SealedSecret { secret: secret(), sealed: Sealed::new(vec![0, 255]) }],
        })),
        ToAgent::Cancel(command()),
        ToAgent::Stored(key()),
        ToAgent::Stage(vec![StageMedium { sha256: Digest::of(b"m"), size_bytes: 1 }]),
    ]
}

#[test]
fn every_message_survives_the_wire() {
    for message in from_agent() {
        let wire = v1::FromAgent::try_from(message.clone()).unwrap();
        assert_eq!(FromAgent::try_from(wire).unwrap(), message);
    }
    for message in to_agent() {
        assert_eq!(ToAgent::try_from(v1::ToAgent::from(message.clone())).unwrap(), message);
    }
}

#[test]
fn an_envelope_with_nothing_in_it_is_refused() {
    assert!(matches!(FromAgent::try_from(v1::FromAgent::default()), Err(Invalid::Empty("FromAgent"))));
    assert!(matches!(ToAgent::try_from(v1::ToAgent::default()), Err(Invalid::Empty("ToAgent"))));
}

#[test]
fn a_command_without_an_epoch_is_refused_and_not_taken_for_epoch_0() {
    let wire = v1::ToAgent::from(to_agent().remove(2));
    let Some(v1::to_agent::Message::Command(mut inner)) = wire.message else { panic!("not a command") };
    inner.epoch = None;
    let wire = v1::ToAgent { message: Some(v1::to_agent::Message::Command(inner)) };
    assert!(matches!(ToAgent::try_from(wire), Err(Invalid::Missing("Command.epoch"))));
}

#[test]
fn a_key_that_is_not_a_uuid_names_its_field() {
    let wire = v1::StepStarted { command: command().to_string(), step: 1, key: "x".to_owned() };
    let error = StepStarted::try_from(wire).unwrap_err();
    assert_eq!(error.to_string(), "StepStarted.key \"x\" is not a UUID");
}

#[test]
fn a_report_of_another_format_is_refused() {
    let json = serde_json::to_vec(&ServerReport { format: 99, ..report() }).unwrap();
    let wire = v1::Observed { request: "r".to_owned(), result: Some(v1::observed::Result::ReportJson(json)) };
    assert!(matches!(Observed::try_from(wire), Err(Invalid::Format { format: 99, .. })));
}

#[test]
fn a_kind_from_the_future_is_left_out_of_a_hello() {
    let Some(FromAgent::Hello(hello)) = from_agent().into_iter().next() else { panic!("no hello") };
    let mut wire = v1::Hello::from(hello);
    wire.kinds = vec!["package".to_owned(), "teleporter".to_owned()];
    assert_eq!(Hello::try_from(wire).unwrap().kinds, BTreeSet::from([NodeKind::Package]));
}
