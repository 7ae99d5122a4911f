//! Stopping and starting: what the tasks on services and pools do.
//!
//! Neighbours: `service` waits for states, `host` is the machine. Each is safe to repeat: a second run after a crash stops
//! and starts again. Never touches what its node does not name.

use muster_model::limits;
use muster_model::manifest::Node;
use muster_model::value::Value;

use super::way::Way;
use super::{Error, seconds_ms};
use crate::engine::patience::Patience;
use crate::host::{Host, ServiceState};

/// Stops the services in the reverse order, then starts them in order, each waited for (G13).
pub fn services(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<String, Error> {
    let names = list(node, "services");
    stop_services(node, &names, host, patience)?;
    start_services(node, &names, host, patience)?;
    Ok(format!("stopped and started, and running: {}", names.join(", ")))
}

/// Gives the pools new worker processes (G16).
pub fn recycle(node: &Node, host: &dyn Host) -> Result<String, Error> {
    let names = list(node, "pools");
    names.iter().try_for_each(|pool| host.app_pools().recycle(pool))?;
    Ok(format!("recycled: {}", names.join(", ")))
}

/// Pools first, so that no request comes in, then the services in the reverse order.
pub fn stop(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<String, Error> {
    let (services, pools) = (list(node, "services"), list(node, "pools"));
    for pool in &pools {
        if host.app_pools().get(pool)?.is_some() {
            host.app_pools().stop_pool(pool)?;
        }
    }
    stop_services(node, &services, host, patience)?;
    Ok(format!("stopped: {}", [pools, services].concat().join(", ")))
}

/// The services in order, then the pools.
pub fn start(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<String, Error> {
    let (services, pools) = (list(node, "services"), list(node, "pools"));
    start_services(node, &services, host, patience)?;
    pools.iter().try_for_each(|pool| host.app_pools().start_pool(pool))?;
    Ok(format!("started: {}", [services, pools].concat().join(", ")))
}

/// A service that is absent is as stopped as it can be: its package comes later. One on its way up takes no stop before it runs.
fn stop_services(
    node: &Node,
    names: &[String],
    host: &dyn Host,
    patience: &Patience<'_>,
) -> Result<(), Error> {
    for name in names.iter().rev() {
        if host.services().get(name)?.is_some() {
            super::service::come_up(name, time_limit_ms(node), host, patience)?;
            host.services().stop(name)?;
            reach(node, name, ServiceState::Stopped, host, patience)?;
        }
    }
    Ok(())
}

fn start_services(
    node: &Node,
    names: &[String],
    host: &dyn Host,
    patience: &Patience<'_>,
) -> Result<(), Error> {
    for name in names {
        host.services().start(name)?;
        reach(node, name, ServiceState::Running, host, patience)?;
    }
    Ok(())
}

fn reach(
    node: &Node,
    name: &str,
    wanted: ServiceState,
    host: &dyn Host,
    patience: &Patience<'_>,
) -> Result<(), Error> {
    let limit_ms = time_limit_ms(node);
    let (mut left_ms, mut way) = (limit_ms, Way::default());
    loop {
        let facts = host.services().get(name)?;
        facts.iter().for_each(|facts| way.note(facts, limit_ms - left_ms));
        let state = facts.map(|facts| facts.state);
        if state == Some(wanted) {
            return Ok(());
        }
        let fell_back = wanted == ServiceState::Running && state == Some(ServiceState::Stopped);
        if left_ms == 0 || fell_back || state.is_none() {
            let seen = state.map_or("absent", super::service::state_word);
            let wanted = super::service::state_word(wanted);
            let (waited_ms, way) = (limit_ms - left_ms, way.words());
            return Err(Error::Unmet(format!(
                "service {name} is {seen} after {waited_ms} ms, not {wanted}{way}; see its log and the event log"
            )));
        }
        left_ms = patience.pause_ms(left_ms, limits::SERVICE_POLL_MS)?;
    }
}

fn time_limit_ms(node: &Node) -> u64 {
    seconds_ms(node, "time_limit_seconds", limits::SERVICE_TIME_LIMIT_SECONDS)
}

fn list(node: &Node, attribute: &str) -> Vec<String> {
    let Some(Value::List(items)) = node.attributes.get(attribute) else { return Vec::new() };
    items.iter().map(ToString::to_string).collect()
}
