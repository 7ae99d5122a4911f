//! The checks: kinds that look and change nothing.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, input};
use crate::node::{Effect, NodeClass, NodeKind};

/// `http_probe`: a request made on the server itself (G3).
pub(in crate::node) static HTTP_PROBE: KindSpec = KindSpec {
    kind: NodeKind::HttpProbe,
    class: NodeClass::Check,
    effect: Effect::Convergent,
    name_is: "a name for the check",
    attributes: &[
        input("url", AttributeType::Line, true, "the address to open"),
        input(
            "expect_status",
            AttributeType::IntegerList(100, 599),
            true,
            "the statuses that count as success",
        ),
        input("time_limit_seconds", AttributeType::Integer(1, 600), false, "how long to go on trying"),
    ],
};
