//! The tasks that stop, start and restart: kinds that run once for each change that fires them, or once for their key.
//!
//! Neighbours: `schema` says what each column means; `sql` has the task of scripts. None of these leaves a state that can be
//! observed: the journal's record of its end is its marker.

use super::{AttributeSpec, AttributeType, KindSpec, input, key};
use crate::node::{Effect, NodeClass, NodeKind};

const SERVICES: AttributeSpec = key(
    "services",
    AttributeType::LineList,
    false,
    "key names of services, in the order in which they start",
);
const POOLS: AttributeSpec = key("pools", AttributeType::LineList, false, "names of application pools");
const TIME_LIMIT: AttributeSpec = input(
    "time_limit_seconds",
    AttributeType::Integer(1, 3_600),
    false,
    "how long each service may take to its state",
);

/// `service_restart`: stops services in the reverse order and starts them in order, each waited for (G13).
pub(in crate::node) static SERVICE_RESTART: KindSpec = KindSpec {
    kind: NodeKind::ServiceRestart,
    class: NodeClass::Task,
    effect: Effect::Convergent,
    name_is: "a name for the task",
    attributes: &[
        key(
            "services",
            AttributeType::LineList,
            true,
            "key names of services, in the order in which they start",
        ),
        TIME_LIMIT,
    ],
};

/// `pool_recycle`: new worker processes, so that a right or a file takes hold (G16).
pub(in crate::node) static POOL_RECYCLE: KindSpec = KindSpec {
    kind: NodeKind::PoolRecycle,
    class: NodeClass::Task,
    effect: Effect::Convergent,
    name_is: "a name for the task",
    attributes: &[key("pools", AttributeType::LineList, true, "names of application pools")],
};

/// `application_stop`: pools first, then services in the reverse order (G1: all applications closed).
pub(in crate::node) static APPLICATION_STOP: KindSpec = KindSpec {
    kind: NodeKind::ApplicationStop,
    class: NodeClass::Task,
    effect: Effect::Convergent,
    name_is: "a name for the task",
    attributes: &[SERVICES, POOLS, TIME_LIMIT],
};

/// `application_start`: services in order, then pools (G13, G15).
pub(in crate::node) static APPLICATION_START: KindSpec = KindSpec {
    kind: NodeKind::ApplicationStart,
    class: NodeClass::Task,
    effect: Effect::Convergent,
    name_is: "a name for the task",
    attributes: &[SERVICES, POOLS, TIME_LIMIT],
};

/// `reboot`: the computer starts again; the step ends when the agent is back and sees that it did (G1).
pub(in crate::node) static REBOOT: KindSpec = KindSpec {
    kind: NodeKind::Reboot,
    class: NodeClass::Task,
    effect: Effect::OneShot,
    name_is: "a name for the task",
    attributes: &[input(
        "time_limit_seconds",
        AttributeType::Integer(1, 3_600),
        false,
        "how long Windows may take to go down",
    )],
};
