//! The promises: what is set is seen again, what is not named stays, what is impossible is an error.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use std::collections::BTreeMap;

use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::bench::{Bench, Shown, absent, refused, same, there};
use super::{Promise, own};
use crate::host::{Access, Capability, PoolSetting, SiteChange, StartMode};

/// All of them, in the order of a report.
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
        id: "service.start",
        promise: "the start mode alone is set, and a disabled service does not start",
        kind: NodeKind::Service,
        needs: &[],
        show: service_start,
    },
    Promise {
        id: "file.content",
        promise: "a file is made, changed and taken away, byte for byte",
        kind: NodeKind::File,
        needs: &[],
        show: file_content,
    },
    Promise {
        id: "file.rights",
        promise: "an account's right is given and taken, and another account's stays, when the content changes too",
        kind: NodeKind::File,
        needs: &[Capability::Rights],
        show: file_rights,
    },
    Promise {
        id: "folder.full",
        promise: "a folder is made with those above it, and not taken away while anything lies in it",
        kind: NodeKind::Folder,
        needs: &[],
        show: folder_full,
    },
    Promise {
        id: "registry.types",
        promise: "each type is set and seen again, unexpanded, and the neighbour stays",
        kind: NodeKind::RegistryValue,
        needs: &[],
        show: registry_types,
    },
    Promise {
        id: "pool.partial",
        promise: "one setting of a pool is mended, and the others and another pool stay",
        kind: NodeKind::IisAppPool,
        needs: &[Capability::Iis],
        show: pool_partial,
    },
    Promise {
        id: "site.members",
        promise: "virtual directories of others stay, Muster's own go when they are no longer named",
        kind: NodeKind::IisSite,
        needs: &[Capability::Iis],
        show: site_members,
    },
];

fn members(list: &[(&str, &str)]) -> Value {
    Value::Members(
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<BTreeMap<_, _>>(),
    )
}

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

fn file_content(bench: &Bench<'_>) -> Shown {
    let path = bench.path("text.ini")?;
    bench.host().folders().create(&bench.path("")?)?;
    for text in ["[a]\r\nname=\u{e9}\r\n", "other\n"] {
        let node = bench.node(NodeKind::File, &path, &[("content", text.into())])?;
        bench.bring(&node)?;
        let seen = there("the file", bench.host().files().get(&path)?)?;
        same("its content", &seen.content, &text.as_bytes().to_vec())?;
    }
    bench.take_away(&bench.node(NodeKind::File, &path, &[])?)?;
    same("the file", &bench.host().files().get(&path)?.is_some(), &false)
}

fn file_rights(bench: &Bench<'_>) -> Shown {
    let (host, path) = (bench.host(), bench.path("text.ini")?);
    host.folders().create(&bench.path("")?)?;
    host.files().write(&path, b"one")?;
    host.files().grant(&path, r"BUILTIN\Guests", Access::Read)?;
    let given = [("content", "two".into()), ("rights", members(&[(r"BUILTIN\Users", "modify")]))];
    bench.bring(&bench.node(NodeKind::File, &path, &given)?)?;
    bench.bring(&bench.node(NodeKind::File, &path, &[("content", "three".into())])?)?;
    let rights = there("the file", host.files().get(&path)?)?.rights;
    same("who has a right", &rights, &vec![(r"BUILTIN\Guests".to_owned(), Access::Read)])
}

fn folder_full(bench: &Bench<'_>) -> Shown {
    let (host, deep) = (bench.host(), bench.path(r"new\deep")?);
    let node = bench.node(NodeKind::Folder, &deep, &[])?;
    bench.bring(&node)?;
    let inside = bench.path(r"new\deep\left.txt")?;
    host.files().write(&inside, b"of somebody else")?;
    refused("taking a full folder away", host.folders().remove(&deep), "error 145")?;
    host.files().remove(&inside)?;
    bench.take_away(&node)?;
    same("the folder", &host.folders().get(&deep)?, &None)
}

fn registry_types(bench: &Bench<'_>) -> Shown {
    let name = own::value("HKLM", "Value");
    let neighbour =
        bench.node(NodeKind::RegistryValue, &own::value("HKLM", "Neighbour"), &[("dword", 7.into())])?;
    bench.bring(&neighbour)?;
    let values: [(&str, Value); 5] = [
        ("string", "text".into()),
        ("expand_string", "%SystemRoot%\\a".into()),
        ("multi_string", Value::List(vec!["a".into(), "b".into()])),
        ("dword", i64::from(u32::MAX).into()),
        ("qword", i64::MAX.into()),
    ];
    for (ty, value) in values {
        bench.bring(&bench.node(NodeKind::RegistryValue, &name, &[(ty, value)])?)?;
        bench.in_sync(&neighbour)?;
    }
    Ok(())
}

fn pool_partial(bench: &Bench<'_>) -> Shown {
    let pools = bench.host().app_pools();
    let [name, other] = own::POOLS;
    pools.create(other, &[])?;
    let beside = pools.get(other)?;
    let wanted = [("enable_32bit", true.into()), ("idle_timeout_minutes", 0.into())];
    let node = bench.node(NodeKind::IisAppPool, name, &wanted)?;
    bench.bring(&node)?;
    let before = pools.get(name)?;
    pools.set(name, &[PoolSetting::IdleTimeoutMinutes(5)])?;
    bench.differs(&node, &["idle_timeout_minutes"])?;
    bench.bring(&node)?;
    same("the pool", &pools.get(name)?, &before)?;
    same("another pool", &pools.get(other)?, &beside)
}

fn site_members(bench: &Bench<'_>) -> Shown {
    let (sites, folder) = (bench.host().sites(), bench.path("")?);
    let name = own::SITE;
    let [pool, _] = own::POOLS;
    bench.host().app_pools().create(pool, &[])?;
    let root = [("physical_path", folder.as_str().into()), ("app_pool", pool.into())];
    let given = members(&[("/own", &folder)]);
    let with: Vec<(&str, Value)> = root.iter().cloned().chain([("virtual_directories", given)]).collect();
    bench.bring(&bench.node(NodeKind::IisSite, name, &with)?)?;
    sites.set(name, &[SiteChange::VirtualDirectory("/foreign".to_owned(), folder.clone())])?;
    bench.bring(&bench.node(NodeKind::IisSite, name, &root)?)?;
    let left = there("the site", sites.get(name)?)?.virtual_directories;
    same("what is left", &left, &BTreeMap::from([("/foreign".to_owned(), folder)]))
}
