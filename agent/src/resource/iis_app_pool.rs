//! IIS application pools: only the settings that the rows name (G12).
//!
//! Neighbours: `host::AppPools`. A pool that is absent is made only where agreement let its rows through, which it does not
//! for one that a package provides.

use std::collections::BTreeMap;

use muster_agent_core::observation::Observation;
use muster_model::node::NodeKind;
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::{Error, cannot};
use crate::host::{self, Host, PoolFacts, PoolSetting};

pub(super) fn observe(name: &str, host: &dyn Host) -> Result<Observation, host::Error> {
    let facts = host.app_pools().get(name)?;
    Ok(facts.map_or(Observation::Absent, |facts| {
        let PoolFacts { enable_32bit, load_user_profile, idle_timeout_minutes, managed_runtime_version } =
            facts;
        Observation::Present(BTreeMap::from([
            ("enable_32bit".to_owned(), Value::from(enable_32bit)),
            ("load_user_profile".to_owned(), Value::from(load_user_profile)),
            ("idle_timeout_minutes".to_owned(), Value::from(idle_timeout_minutes)),
            ("managed_runtime_version".to_owned(), Value::Text(managed_runtime_version)),
        ]))
    }))
}

pub(super) fn apply(name: &str, before: &Observation, rows: &[Row], host: &dyn Host) -> Result<(), Error> {
    let settings = rows.iter().map(setting).collect::<Result<Vec<_>, _>>()?;
    if *before == Observation::Absent {
        host.app_pools().create(name, &settings)?;
    } else {
        host.app_pools().set(name, &settings)?;
    }
    Ok(())
}

fn setting(row: &Row) -> Result<PoolSetting, Error> {
    let wrong = || cannot(NodeKind::IisAppPool, row);
    let New::Exact(value) = &row.new else { return Err(wrong()) };
    match (row.attribute.name.as_str(), value) {
        ("enable_32bit", Value::Boolean(truth)) => Ok(PoolSetting::Enable32bit(*truth)),
        ("load_user_profile", Value::Boolean(truth)) => Ok(PoolSetting::LoadUserProfile(*truth)),
        ("idle_timeout_minutes", Value::Integer(minutes)) => Ok(PoolSetting::IdleTimeoutMinutes(*minutes)),
        ("managed_runtime_version", Value::Text(version)) => {
            Ok(PoolSetting::ManagedRuntimeVersion(version.clone()))
        }
        _ => Err(wrong()),
    }
}
