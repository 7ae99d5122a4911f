//! Promises about the computer: what it says of itself, its clock, its features, who answers.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use std::time::{Duration, Instant};

use muster_model::node::NodeKind;

use super::super::Promise;
use super::super::bench::{Bench, Broken, Shown, absent, ensure, same, there};
use crate::host::{self, Capability};

/// A feature that every Windows server knows, and one that none does.
const KNOWN: &str = "IIS-WebServerRole";
const UNKNOWN: &str = "Muster-Selftest";

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "clock.waits",
        promise: "a wait lasts as long as was asked",
        kind: NodeKind::Preflight,
        needs: &[],
        show: clock_waits,
    },
    Promise {
        id: "machine.boot",
        promise: "a start of the computer has a mark, the same each time",
        kind: NodeKind::Reboot,
        needs: &[],
        show: machine_boot,
    },
    Promise {
        id: "inventory.facts",
        promise: "version, memory and free space are told, and a drive that is not there is none",
        kind: NodeKind::Preflight,
        needs: &[],
        show: inventory_facts,
    },
    Promise {
        id: "inventory.listener",
        promise: "a port is listed as long as somebody listens on it",
        kind: NodeKind::Preflight,
        needs: &[],
        show: inventory_listener,
    },
    Promise {
        id: "inventory.people",
        promise: "who is logged on is told by name, and what waits for a restart is told the same each time",
        kind: NodeKind::Preflight,
        needs: &[],
        show: inventory_people,
    },
    Promise {
        id: "inventory.administrators",
        promise: "the administrator that Windows begins with is a local administrator, and an account of its own services is none",
        kind: NodeKind::Preflight,
        needs: &[Capability::Groups],
        show: inventory_administrators,
    },
    Promise {
        id: "http.status",
        promise: "the status of an answer is told, and where nobody answers any more is an error",
        kind: NodeKind::HttpProbe,
        needs: &[],
        show: http_status,
    },
    Promise {
        id: "feature.look",
        promise: "a feature of Windows is found however it is written; one that no Windows has is none, and cannot be installed",
        kind: NodeKind::WindowsFeature,
        needs: &[Capability::Features],
        show: feature_look,
    },
];

fn clock_waits(bench: &Bench<'_>) -> Shown {
    const WAIT: Duration = Duration::from_millis(20);
    let begin = Instant::now();
    bench.host().clock().sleep_ms(20);
    let waited = begin.elapsed();
    ensure(waited >= WAIT, || format!("it waited {waited:?}, and was asked to wait {WAIT:?}"))
}

fn inventory_facts(bench: &Bench<'_>) -> Shown {
    let inventory = bench.host().inventory();
    let version = inventory.windows_version()?;
    let numbers = version.split('.').map(str::parse::<u32>).collect::<Result<Vec<_>, _>>();
    let is_version = numbers.is_ok_and(|numbers| numbers.len() == 3 && numbers[0] >= 10);
    ensure(is_version, || format!("{version} is no version of a Windows that is supported"))?;
    ensure(inventory.memory_bytes()? > 0, || "it has no memory".to_owned())?;
    there("the free space below its own folder", inventory.free_bytes(&bench.path(r"not\there")?)?)?;
    same("the free space of a drive that no server has", &inventory.free_bytes(r"1:\x")?, &None)
}

fn inventory_people(bench: &Bench<'_>) -> Shown {
    let inventory = bench.host().inventory();
    for session in inventory.sessions()? {
        ensure(!session.account.is_empty(), || "somebody without a name is logged on".to_owned())?;
    }
    let waiting = inventory.pending_reboot()?;
    same("what waits for a restart, asked again,", &inventory.pending_reboot()?, &waiting)
}

fn inventory_administrators(bench: &Bench<'_>) -> Shown {
    let inventory = bench.host().inventory();
    if let Some(first) = bench.host().first_administrator()? {
        let is_one = inventory.is_local_administrator(&first)?;
        same("the administrator that Windows begins with, as one,", &is_one, &true)?;
    }
    let is_one = inventory.is_local_administrator(r"NT AUTHORITY\LocalService")?;
    same("LocalService, as an administrator,", &is_one, &false)
}

fn machine_boot(bench: &Bench<'_>) -> Shown {
    let machine = bench.host().machine();
    let mark = machine.boot()?;
    ensure(!mark.is_empty(), || "a start of the computer has no mark".to_owned())?;
    same("the mark of the present start, asked again,", &machine.boot()?, &mark)
}

fn feature_look(bench: &Bench<'_>) -> Shown {
    let features = bench.host().features();
    let state = there("the feature", features.get(KNOWN)?)?;
    same("the feature, in small letters,", &features.get(&KNOWN.to_lowercase())?, &Some(state))?;
    same("a feature that no Windows has", &features.get(UNKNOWN)?, &None)?;
    absent("installing it", features.set(UNKNOWN, true))
}

fn http_status(bench: &Bench<'_>) -> Shown {
    let http = bench.host().http();
    let url = {
        let answering = bench.host().answer(204)?;
        same("the status", &http.get(&answering.url)?, &204)?;
        answering.url.clone()
    };
    match http.get(&url) {
        Err(host::Error::Unreachable { .. }) => Ok(()),
        told => Err(Broken::Promise(format!("nobody answers there any more, and it says: {told:?}"))),
    }
}

fn inventory_listener(bench: &Bench<'_>) -> Shown {
    let inventory = bench.host().inventory();
    let answering = bench.host().answer(204)?;
    let port = answering.port;
    let listens = |port: u16| -> Result<bool, Broken> {
        Ok(inventory.listeners()?.iter().any(|listener| listener.port == port))
    };
    ensure(listens(port)?, || format!("port {port} is listened on, and is not listed"))?;
    drop(answering);
    ensure(!listens(port)?, || format!("port {port} is free again, and is still listed"))
}
