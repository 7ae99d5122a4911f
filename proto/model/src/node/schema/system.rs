//! The kinds of Windows itself: registry values and features.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `registry_value`: one value under HKEY_LOCAL_MACHINE. Its type is the attribute that gives it; exactly one is given.
pub(in crate::node) static REGISTRY_VALUE: KindSpec = KindSpec {
    kind: NodeKind::RegistryValue,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: r"the key's path and the value's name; HKLM32\ is the view of 32-bit programs",
    attributes: &[
        state("string", AttributeType::Line, false, "the text of a REG_SZ"),
        state(
            "expand_string",
            AttributeType::Line,
            false,
            "the text of a REG_EXPAND_SZ, with %VARIABLES% as they stand",
        ),
        state("multi_string", AttributeType::LineList, false, "the texts of a REG_MULTI_SZ, in order"),
        state("dword", AttributeType::Integer(0, u32::MAX as i64), false, "the number of a REG_DWORD"),
        state("qword", AttributeType::Integer(0, i64::MAX), false, "the number of a REG_QWORD"),
    ],
};

/// `windows_feature`: a role or feature of Windows, installed or not (G1). What it needs stands above it in the file.
pub(in crate::node) static WINDOWS_FEATURE: KindSpec = KindSpec {
    kind: NodeKind::WindowsFeature,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the feature's name, as in IIS-WebServerRole",
    attributes: &[state(
        "state",
        AttributeType::OneOf(&["installed", "absent"]),
        true,
        "whether Windows has it; one that waits for a restart counts as what it will be",
    )],
};
