//! The kinds that lie on the disk: folders, files and their rights.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, state};
use crate::node::{Effect, NodeClass, NodeKind};

/// `folder`: a folder and the rights of named accounts on it and on what is made in it (G11).
pub(in crate::node) static FOLDER: KindSpec = KindSpec {
    kind: NodeKind::Folder,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the folder's absolute path",
    attributes: &[state(
        "rights",
        AttributeType::Members(&["read", "modify", "full"]),
        false,
        "what each named account may do there and below; other accounts are left alone",
    )],
};

/// `file`: a text file, whole, and the rights of named accounts on it.
pub(in crate::node) static FILE: KindSpec = KindSpec {
    kind: NodeKind::File,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the file's absolute path",
    attributes: &[
        state(
            "content",
            AttributeType::Text,
            true,
            "the whole text; expressions in it are settled when compiling",
        ),
        state(
            "rights",
            AttributeType::Members(&["read", "modify", "full"]),
            false,
            "what each named account may do; other accounts are left alone",
        ),
    ],
};
