//! The table of kinds: attributes, types, roles, and what each means.
//!
//! Neighbours: `node` exposes it, `document` validates by it, the JSON Schema and the documents are written from it.

use super::{Effect, NodeClass, NodeKind};

/// One kind of node.
#[derive(Debug)]
pub struct KindSpec {
    /// The kind.
    pub kind: NodeKind,
    /// Its class.
    pub class: NodeClass,
    /// Whether its effect may be repeated.
    pub effect: Effect,
    /// What the node's name is, in words.
    pub name_is: &'static str,
    /// Its attributes, in the order in which rows list them.
    pub attributes: &'static [AttributeSpec],
}

impl KindSpec {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&'static AttributeSpec> {
        self.attributes.iter().find(|spec| spec.name == name)
    }
}

/// One attribute of a kind.
#[derive(Debug)]
pub struct AttributeSpec {
    /// Its name in documents and rows.
    pub name: &'static str,
    /// What it holds.
    pub ty: AttributeType,
    /// Whether it is compared or only steers.
    pub role: AttributeRole,
    /// Whether a document must give it.
    pub required: bool,
    /// What it means, in one sentence.
    pub doc: &'static str,
}

/// What an attribute is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeRole {
    /// Observed on the server, diffed, shown as a row.
    State,
    /// Steers the effect, check or gate; never observed.
    Input,
}

/// What an attribute may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeType {
    /// One line of text.
    Line,
    /// Text of any number of lines.
    Text,
    /// A version, read as raw text.
    Version,
    /// `true` or `false`.
    Boolean,
    /// A whole number in this range, both ends allowed.
    Integer(i64, i64),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of lines.
    LineList,
    /// A list of whole numbers in this range.
    IntegerList(i64, i64),
    /// Members with a key (an account) and one of these words as value.
    Members(&'static [&'static str]),
}

const fn state(name: &'static str, ty: AttributeType, required: bool, doc: &'static str) -> AttributeSpec {
    AttributeSpec { name, ty, role: AttributeRole::State, required, doc }
}

const fn input(name: &'static str, ty: AttributeType, required: bool, doc: &'static str) -> AttributeSpec {
    AttributeSpec { name, ty, role: AttributeRole::Input, required, doc }
}

/// `package`: installed by an installer, replaced by uninstalling first (G2, G18).
pub(super) static PACKAGE: KindSpec = KindSpec {
    kind: NodeKind::Package,
    class: NodeClass::Resource,
    effect: Effect::OneShot,
    name_is: "the package's name",
    attributes: &[
        state("version", AttributeType::Version, true, "the version that is installed"),
        input(
            "arguments",
            AttributeType::LineList,
            false,
            "arguments handed to the installer, each one element",
        ),
        input(
            "time_limit_seconds",
            AttributeType::Integer(1, 86_400),
            false,
            "how long an installer may take before it is reported as unknown; it is never killed",
        ),
    ],
};

/// `service`: brought to a state and seen to stay there (G13, G15). A service is made by its package, never by this node.
pub(super) static SERVICE: KindSpec = KindSpec {
    kind: NodeKind::Service,
    class: NodeClass::Resource,
    effect: Effect::Convergent,
    name_is: "the service's key name",
    attributes: &[
        state(
            "start",
            AttributeType::OneOf(&["automatic", "manual", "disabled"]),
            false,
            "how Windows starts it",
        ),
        state("state", AttributeType::OneOf(&["running", "stopped"]), false, "the state to reach and keep"),
        input(
            "settle_seconds",
            AttributeType::Integer(0, 600),
            false,
            "how long it must stay in that state to count",
        ),
        input(
            "time_limit_seconds",
            AttributeType::Integer(1, 3_600),
            false,
            "how long it may take to get there",
        ),
    ],
};

/// `iis_app_pool`: an application pool's settings (G12). One that a package provides is adjusted, never created.
pub(super) static IIS_APP_POOL: KindSpec = KindSpec {
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

/// `file`: a text file, whole, and the rights of named accounts on it.
pub(super) static FILE: KindSpec = KindSpec {
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

/// `http_probe`: a request made on the server itself (G3).
pub(super) static HTTP_PROBE: KindSpec = KindSpec {
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

/// `manual_step`: a person does it and says so (G5, G17).
pub(super) static MANUAL_STEP: KindSpec = KindSpec {
    kind: NodeKind::ManualStep,
    class: NodeClass::Gate,
    effect: Effect::Convergent,
    name_is: "a name for the step",
    attributes: &[
        input("instructions", AttributeType::Text, true, "what to do, in words for the person who does it"),
        input("done_by", AttributeType::OneOf(&["operator", "client", "dba"]), false, "who does it"),
        input(
            "type_these",
            AttributeType::LineList,
            false,
            "parameters whose values are shown to be typed; in a manifest each is written `parameter=value`",
        ),
    ],
};

/// Every kind, in the order of the documents.
pub static SCHEMA: [&KindSpec; 6] = [&PACKAGE, &SERVICE, &IIS_APP_POOL, &FILE, &HTTP_PROBE, &MANUAL_STEP];
