//! Promises about IIS: one setting, one member, one binding at a time.
//!
//! Neighbours: `bench` has the engine's steps. Each row stands alone, and makes all that it needs.

use std::collections::BTreeMap;

use muster_model::node::NodeKind;
use muster_model::value::Value;

use super::super::bench::{Bench, Shown, absent, same, there};
use super::super::{Promise, own};
use super::members;
use crate::host::{AppPools, Capability, Error, PoolSetting, SiteChange};

pub(super) static ALL: &[Promise] = &[
    Promise {
        id: "pool.absent",
        promise: "a pool that is not there is absent, and recycling it is an error",
        kind: NodeKind::IisAppPool,
        needs: &[Capability::Iis],
        show: pool_absent,
    },
    Promise {
        id: "pool.partial",
        promise: "one setting of a pool is mended, and the others and another pool stay",
        kind: NodeKind::IisAppPool,
        needs: &[Capability::Iis],
        show: pool_partial,
    },
    Promise {
        id: "pool.state",
        promise: "a pool that is there is stopped, started and recycled, one that is stopped stays so, and so does another",
        kind: NodeKind::IisAppPool,
        needs: &[Capability::Iis],
        show: pool_state,
    },
    Promise {
        id: "pool.removed",
        promise: "a pool that was made is taken away, and another pool stays",
        kind: NodeKind::IisAppPool,
        needs: &[Capability::Iis],
        show: pool_removed,
    },
    Promise {
        id: "site.members",
        promise: "virtual directories of others stay, Muster's own go when they are no longer named",
        kind: NodeKind::IisSite,
        needs: &[Capability::Iis],
        show: site_members,
    },
    Promise {
        id: "site.state",
        promise: "a site is stopped and started, and its bindings stay",
        kind: NodeKind::IisSite,
        needs: &[Capability::Iis],
        show: site_state,
    },
    Promise {
        id: "site.removed",
        promise: "a site that was made is taken away, and another site and the pool stay",
        kind: NodeKind::IisSite,
        needs: &[Capability::Iis],
        show: site_removed,
    },
    Promise {
        id: "binding.members",
        promise: "a binding is made and taken away, and another one of the site stays",
        kind: NodeKind::IisBinding,
        needs: &[Capability::Iis],
        show: binding_members,
    },
];

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

/// What a pool is told.
type Order = fn(&dyn AppPools, &str) -> Result<(), Error>;

fn pool_state(bench: &Bench<'_>) -> Shown {
    let (host, pools, [name, other]) = (bench.host(), bench.host().app_pools(), own::POOLS);
    pools.create(name, &[])?;
    pools.create(other, &[])?;
    same("whether a new pool runs", &host.pool_runs(name)?, &true)?;
    let orders: [(&str, Order, bool); 6] = [
        ("a recycle", |pools, name| pools.recycle(name), true),
        ("a stop", |pools, name| pools.stop_pool(name), false),
        ("a recycle of what is stopped", |pools, name| pools.recycle(name), false),
        ("a second stop", |pools, name| pools.stop_pool(name), false),
        ("a start", |pools, name| pools.start_pool(name), true),
        ("a second start", |pools, name| pools.start_pool(name), true),
    ];
    for (order, give, runs) in orders {
        give(pools, name)?;
        same(&format!("whether it runs after {order}"), &host.pool_runs(name)?, &runs)?;
        same("whether another runs", &host.pool_runs(other)?, &true)?;
    }
    Ok(())
}

fn pool_removed(bench: &Bench<'_>) -> Shown {
    let (pools, [name, other]) = (bench.host().app_pools(), own::POOLS);
    pools.create(other, &[])?;
    let beside = pools.get(other)?;
    let node = bench.node(NodeKind::IisAppPool, name, &[("enable_32bit", true.into())])?;
    bench.bring(&node)?;
    bench.take_away(&node)?;
    same("the pool", &pools.get(name)?, &None)?;
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

fn pool_absent(bench: &Bench<'_>) -> Shown {
    let (pools, [name, _]) = (bench.host().app_pools(), own::POOLS);
    same("the pool", &pools.get(name)?, &None)?;
    absent("recycling it", pools.recycle(name))
}

/// A site with a pool and nothing else.
pub(super) fn make_site(bench: &Bench<'_>) -> Shown {
    let (folder, [pool, _]) = (bench.path("")?, own::POOLS);
    bench.host().app_pools().create(pool, &[])?;
    Ok(bench.host().sites().create(own::SITE, &folder, pool, &[])?)
}

fn site_state(bench: &Bench<'_>) -> Shown {
    make_site(bench)?;
    let sites = bench.host().sites();
    sites.set(own::SITE, &[SiteChange::Binding(own::HTTP.parse()?, false)])?;
    let bindings = there("the site", sites.get(own::SITE)?)?.bindings;
    for state in ["stopped", "started"] {
        bench.bring(&bench.node(NodeKind::IisSite, own::SITE, &[("state", state.into())])?)?;
        same("its bindings", &there("the site", sites.get(own::SITE)?)?.bindings, &bindings)?;
    }
    Ok(())
}

fn site_removed(bench: &Bench<'_>) -> Shown {
    let (sites, folder, [pool, _]) = (bench.host().sites(), bench.path("")?, own::POOLS);
    let [name, other] = own::SITES;
    bench.host().app_pools().create(pool, &[])?;
    sites.create(other, &folder, pool, &[SiteChange::Binding(own::FOREIGN.parse()?, false)])?;
    let (beside, its_pool) = (sites.get(other)?, bench.host().app_pools().get(pool)?);
    let root = [("physical_path", folder.as_str().into()), ("app_pool", pool.into())];
    let node = bench.node(NodeKind::IisSite, name, &root)?;
    bench.bring(&node)?;
    bench.take_away(&node)?;
    same("the site", &sites.get(name)?, &None)?;
    same("another site", &sites.get(other)?, &beside)?;
    same("the pool", &bench.host().app_pools().get(pool)?, &its_pool)
}

fn binding_members(bench: &Bench<'_>) -> Shown {
    make_site(bench)?;
    let (sites, foreign) = (bench.host().sites(), own::FOREIGN.parse()?);
    sites.set(own::SITE, &[SiteChange::Binding(foreign, false)])?;
    let node = bench.node(NodeKind::IisBinding, &format!("{}/{}", own::SITE, own::HTTP), &[])?;
    bench.bring(&node)?;
    same("how many bindings", &there("the site", sites.get(own::SITE)?)?.bindings.len(), &2)?;
    bench.take_away(&node)?;
    let left = there("the site", sites.get(own::SITE)?)?.bindings;
    same("what is left", &left, &BTreeMap::from([(own::FOREIGN.parse()?, false)]))
}
