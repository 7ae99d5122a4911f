//! Promises about services: what is not named of their configuration stays.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use muster_model::node::NodeKind;

use super::super::bench::{Bench, Broken, Shown, absent, ensure, refused, same, there};
use super::super::{Promise, own};
use crate::host::recovery::{FailureAction, FailureActions, OnFailure};
use crate::host::{Capability, ServiceFacts, ServiceState, StartMode};
use crate::resource;

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "service.absent",
        promise: "a service that is not there is absent, and starting it is an error",
        kind: NodeKind::Service,
        needs: &[],
        show: service_absent,
    },
    Promise {
        id: "service.state",
        promise: "a service is started and stopped, and its start mode and its neighbour stay",
        kind: NodeKind::Service,
        needs: &[],
        show: service_state,
    },
    Promise {
        id: "service.gone",
        promise: "a service that is stopped has no process any more, so that its files may be replaced",
        kind: NodeKind::Service,
        needs: &[],
        show: service_gone,
    },
    Promise {
        id: "service.start",
        promise: "the start mode alone is set, and a disabled service does not start",
        kind: NodeKind::Service,
        needs: &[],
        show: service_start,
    },
    Promise {
        id: "service.delayed",
        promise: "an automatic start is put off and is not any more, also after another mode, and the rest of the service stays",
        kind: NodeKind::Service,
        needs: &[Capability::DelayedStart],
        show: service_delayed,
    },
    Promise {
        id: "service.account",
        promise: "the account alone is set and seen again, and set back",
        kind: NodeKind::Service,
        needs: &[],
        show: service_account,
    },
    Promise {
        id: "service.logon_right",
        promise: "an account is given the right to log on as a service along with a service, and not before",
        kind: NodeKind::Service,
        needs: &[Capability::LogOnRight],
        show: service_logon_right,
    },
    Promise {
        id: "service.made",
        promise: "a service is made from its command line, which alone is mended, and taken away, and its neighbour stays",
        kind: NodeKind::Service,
        needs: &[],
        show: service_made,
    },
    Promise {
        id: "service.dependents",
        promise: "a service that another one that runs depends on is not stopped, and that one is named; it is started with it",
        kind: NodeKind::Service,
        needs: &[Capability::Dependents],
        show: service_dependents,
    },
    Promise {
        id: "service.recovery",
        promise: "what is done when a service fails is set part by part, never a restart of the computer, and the other parts and its neighbour's stay",
        kind: NodeKind::Service,
        needs: &[Capability::Recovery],
        show: service_recovery,
    },
];

fn service_absent(bench: &Bench<'_>) -> Shown {
    let [name, _] = own::SERVICES;
    same("the service", &bench.host().services().get(name)?.is_some(), &false)?;
    absent("starting it", bench.host().services().start(name))
}

fn service_state(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, neighbour] = own::SERVICES;
    host.make_service(name)?;
    host.make_service(neighbour)?;
    let beside = host.services().get(neighbour)?;
    let start = there("the service", host.services().get(name)?)?.start;
    for state in ["running", "stopped"] {
        let wanted = [("state", state.into()), ("settle_seconds", 0.into())];
        bench.bring(&bench.node(NodeKind::Service, name, &wanted)?)?;
    }
    same("its start mode", &there("the service", host.services().get(name)?)?.start, &start)?;
    same("its neighbour", &host.services().get(neighbour)?, &beside)
}

fn service_gone(bench: &Bench<'_>) -> Shown {
    let (host, [name, _]) = (bench.host(), own::SERVICES);
    let bring = |state: &str| {
        let wanted = [("state", state.into()), ("settle_seconds", 0.into())];
        bench.bring(&bench.node(NodeKind::Service, name, &wanted)?)
    };
    host.make_service(name)?;
    ensure(host.process_of(name)?.is_none(), || "it has a process before it was started".to_owned())?;
    bring("running")?;
    let runs = there("its process", host.process_of(name)?)?;
    same("whether its process runs", &runs()?, &true)?;
    bring("stopped")?;
    same("whether its process still runs", &runs()?, &false)
}

fn service_start(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, _] = own::SERVICES;
    host.make_service(name)?;
    let before = there("the service", host.services().get(name)?)?;
    bench.bring(&bench.node(NodeKind::Service, name, &[("start", "disabled".into())])?)?;
    let after = there("the service", host.services().get(name)?)?;
    same("its start mode", &after.start, &StartMode::Disabled)?;
    same("its account", &after.account, &before.account)?;
    refused("starting a disabled service", host.services().start(name), "error 1058")
}

fn service_delayed(bench: &Bench<'_>) -> Shown {
    use StartMode::{Automatic, AutomaticDelayed, Manual};
    let host = bench.host();
    let [name, _] = own::SERVICES;
    host.make_service(name)?;
    let before = there("the service", host.services().get(name)?)?;
    let wanted = |start: &str| bench.node(NodeKind::Service, name, &[("start", start.into())]);
    for (word, start) in [
        ("automatic_delayed", AutomaticDelayed),
        ("automatic", Automatic),
        ("automatic_delayed", AutomaticDelayed),
        ("manual", Manual),
        ("automatic", Automatic),
    ] {
        let node = wanted(word)?;
        bench.differs(&node, &["start"])?;
        bench.bring(&node)?;
        let after = there("the service", host.services().get(name)?)?;
        same("the service", &after, &ServiceFacts { start, ..before.clone() })?;
    }
    Ok(())
}

fn service_account(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, _] = own::SERVICES;
    host.make_service(name)?;
    let before = there("the service", host.services().get(name)?)?;
    // Both may log on as services without anybody's doing, so that no right is given that would stay.
    for account in [r"NT AUTHORITY\LocalService", &before.account] {
        bench.bring(&bench.node(NodeKind::Service, name, &[("account", account.into())])?)?;
        let after = there("the service", host.services().get(name)?)?;
        same("the service", &after, &ServiceFacts { account: account.to_owned(), ..before.clone() })?;
    }
    Ok(())
}

/// That it starts then is another matter: the account may have no right to read this very program.
fn service_logon_right(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, _] = own::SERVICES;
    let (account, password) = host.make_account(own::ACCOUNT)?;
    same("whether it may before", &host.may_log_on_as_service(&account)?, &false)?;
    host.make_service(name)?;
    same("whether it may before", &host.may_log_on_as_service(&account)?, &false)?;
    // Twice: one that has the right keeps it.
    for _ in 0..2 {
        host.services().set_logon(name, &account, Some(&password))?;
        same("whether it may", &host.may_log_on_as_service(&account)?, &true)?;
    }
    bench.in_sync(&bench.node(NodeKind::Service, name, &[("account", account.as_str().into())])?)?;
    host.remove_service(name)?;
    host.remove_account(own::ACCOUNT)?;
    let left = host.may_log_on_as_service(&account);
    ensure(!matches!(left, Ok(true)), || "the right is still there".to_owned())
}

fn service_made(bench: &Bench<'_>) -> Shown {
    let services = bench.host().services();
    let [name, neighbour] = own::SERVICES;
    bench.host().make_service(neighbour)?;
    let beside = services.get(neighbour)?;
    let line = there("its neighbour", beside.clone())?.command_line;
    let wanted = |line: &str| bench.node(NodeKind::Service, name, &[("command_line", line.into())]);
    let made = wanted(&line)?;
    bench.bring(&made)?;
    bench.bring(&bench.node(NodeKind::Service, name, &[("start", "disabled".into())])?)?;
    let before = there("the service", services.get(name)?)?;
    bench.bring(&wanted(&format!("{line} "))?)?;
    bench.differs(&made, &["command_line"])?;
    bench.bring(&made)?;
    same("the service", &there("the service", services.get(name)?)?, &before)?;
    refused("making it again", services.create(name, &line), "error 1073")?;
    bench.take_away(&made)?;
    same("the service", &services.get(name)?.is_some(), &false)?;
    same("its neighbour", &services.get(neighbour)?, &beside)
}

fn service_dependents(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, dependent] = own::SERVICES;
    host.make_service(name)?;
    host.make_dependent(dependent, name)?;
    let state = |service| Ok::<_, Broken>(there(service, host.services().get(service)?)?.state);
    let bring = |service: &str, state: &str| {
        let wanted = [("state", state.into()), ("settle_seconds", 0.into())];
        bench.bring(&bench.node(NodeKind::Service, service, &wanted)?)
    };
    bring(dependent, "running")?;
    same("what it depends on", &state(name)?, &ServiceState::Running)?;
    let told = host.services().stop(name);
    refused("stopping what another depends on", told.clone(), "error 1051")?;
    refused("stopping what another depends on", told, &format!("stop these first: {dependent}"))?;
    same("what was not stopped", &state(name)?, &ServiceState::Running)?;
    same("what depends on it", &state(dependent)?, &ServiceState::Running)?;
    bring(dependent, "stopped")?;
    bring(name, "stopped")
}

fn service_recovery(bench: &Bench<'_>) -> Shown {
    let host = bench.host();
    let [name, neighbour] = own::SERVICES;
    host.make_service(name)?;
    host.make_service(neighbour)?;
    let services = host.services();
    let beside = services.recovery(neighbour)?;
    let mut wanted = services.recovery(name)?;
    let all = [
        ("first_failure", "restart".into()),
        ("first_failure_delay_seconds", 5.into()),
        ("second_failure", "restart".into()),
        ("second_failure_delay_seconds", 30.into()),
        ("later_failures", "none".into()),
        ("failures_reset_seconds", "never".into()),
        ("failures_include_errors", true.into()),
    ];
    bench.bring(&bench.node(NodeKind::Service, name, &all)?)?;
    let on = |action, delay_ms| OnFailure { action, delay_ms };
    wanted.actions.list = vec![
        on(FailureAction::Restart, 5_000),
        on(FailureAction::Restart, 30_000),
        on(FailureAction::None, 0),
    ];
    wanted.actions.reset_seconds = None;
    wanted.include_errors = true;
    same("what is done when it fails", &services.recovery(name)?, &wanted)?;

    // One part alone, of a list as another program writes it: its last action is that of every failure after it.
    let short = FailureActions { list: vec![on(FailureAction::Restart, 1_500)], reset_seconds: Some(60) };
    services.set_failure_actions(name, &short)?;
    let alone = bench.node(NodeKind::Service, name, &[("second_failure", "none".into())])?;
    bench.differs(&alone, &["second_failure"])?;
    bench.bring(&alone)?;
    let list = [FailureAction::Restart, FailureAction::None, FailureAction::Restart];
    wanted.actions = FailureActions { list: list.map(|action| on(action, 1_500)).to_vec(), ..short };
    same("what is done when it fails", &services.recovery(name)?, &wanted)?;

    // A restart of the computer is a task that a person approves, and a program nobody sees: neither is ever set.
    for foreign in ["reboot", "program"] {
        let node = bench.node(NodeKind::Service, name, &[("first_failure", foreign.into())])?;
        let is_refused = matches!(bench.bring(&node), Err(Broken::Resource(resource::Error::Row { .. })));
        ensure(is_refused, || format!("{foreign} was set, or not refused as a row"))?;
    }
    same("what is done when it fails", &services.recovery(name)?, &wanted)?;
    same("its neighbour's", &services.recovery(neighbour)?, &beside)
}
