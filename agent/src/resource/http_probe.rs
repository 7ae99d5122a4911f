//! HTTP probes: a request from the server itself, repeated until it succeeds or its time is over (G3).
//!
//! Neighbours: `host::Http`. A check: it gives evidence and changes nothing.

use muster_model::limits;
use muster_model::manifest::Node;
use muster_model::value::Value;

use super::{Error, seconds_ms};
use crate::engine::patience::Patience;
use crate::host::Host;

/// Tries until the answer is one of those that count; gives the evidence.
pub fn probe(node: &Node, host: &dyn Host, patience: &Patience<'_>) -> Result<String, Error> {
    let url = node.attributes.get("url").and_then(Value::as_text).unwrap_or_default();
    let expected = node.attributes.get("expect_status").cloned().unwrap_or(Value::List(Vec::new()));
    let limit_ms = seconds_ms(node, "time_limit_seconds", limits::PROBE_TIME_LIMIT_SECONDS);
    let mut left_ms = limit_ms;
    loop {
        let seen = match host.http().get(url) {
            Ok(status) if counts(&expected, status) => return Ok(format!("{url} answered {status}")),
            Ok(status) => format!("{url} answered {status}"),
            Err(error) => error.to_string(),
        };
        if left_ms == 0 {
            let limit_s = limit_ms / 1_000;
            return Err(Error::Unmet(format!("{seen}, expected {expected}, tried for {limit_s} s")));
        }
        left_ms = patience.pause_ms(left_ms, limits::PROBE_POLL_MS)?;
    }
}

fn counts(expected: &Value, status: u16) -> bool {
    let Value::List(statuses) = expected else { return false };
    statuses.contains(&Value::Integer(i64::from(status)))
}
