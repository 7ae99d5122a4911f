//! The kinds of Internet Information Services.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `iis_app_pool`: an application pool's settings (G12). One that a package provides is adjusted, never created.
pub(in crate::node) static IIS_APP_POOL: KindSpec = KindSpec {
    kind: NodeKind::IisAppPool,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the pool's name (G5)",
    attributes: &[
        state("enable_32bit", AttributeType::Boolean, false, "whether 32-bit applications are enabled"),
        state("load_user_profile", AttributeType::Boolean, false, "whether the identity's profile is loaded"),
        state(
            "idle_timeout_minutes",
            AttributeType::Integer(0, 43_200),
            false,
            "idle minutes before a worker is stopped; 0 is never",
        ),
        state(
            "managed_runtime_version",
            AttributeType::OneOf(&["v4.0", "v2.0", "none"]),
            false,
            "the .NET CLR that it loads",
        ),
    ],
};
