//! The table of kinds: attributes, types, roles, and what each means. A file for each family of kinds.
//!
//! Neighbours: `node` exposes it, `document` validates by it, the JSON Schema and the documents are written from it.

mod certificate;
mod check;
mod disk;
mod gate;
mod iis;
mod installed;
mod preflight;
mod sql;
mod system;
mod task;

pub(super) use self::certificate::{CERTIFICATE, PRIVATE_KEY_ACCESS};
pub(super) use self::check::HTTP_PROBE;
pub(super) use self::disk::{FILE, FOLDER};
pub(super) use self::gate::MANUAL_STEP;
pub(super) use self::iis::{IIS_APP_POOL, IIS_BINDING, IIS_SITE};
pub(super) use self::installed::{PACKAGE, SERVICE};
pub(super) use self::preflight::PREFLIGHT;
pub(super) use self::sql::{SQL_BACKUP, SQL_DATABASE, SQL_QUERY, SQL_SCRIPTS};
pub(super) use self::system::{REGISTRY_VALUE, WINDOWS_FEATURE};
pub(super) use self::task::{APPLICATION_START, APPLICATION_STOP, POOL_RECYCLE, REBOOT, SERVICE_RESTART};

use super::{Effect, NodeClass, NodeKind};

/// What a person is shown to type, at a gate and at a guided package.
const TYPE_THESE: &str = "what is typed, in the order of the dialogs: parameters, each alone or with its field, as in `port as Port \
     Number`. A secret is shown on the server alone (G17)";

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
    /// Of a task: part of its key, so that another value makes it due again.
    Key,
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
    /// A list of files, each `{file: PATH, sha256: DIGEST}`, with `variables` where it is given any, and one that takes others in
    /// with `includes`, a list of such; settled, that list stands behind its file, and a variable is the key `$(NAME)`.
    Scripts,
    /// A whole number in this range, or this word.
    IntegerOr(i64, i64, &'static str),
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A list of lines.
    LineList,
    /// A list of whole numbers in this range.
    IntegerList(i64, i64),
    /// A secret, set together with the attribute of that name and never read back.
    Secret(&'static str),
    /// Text of any number of lines in which secrets may stand; settled, its pieces in a list.
    Filled,
    /// A key with a secret, one or more; settled, a list of pairs. Never read back.
    Secrets,
    /// Members with a key (an account) and one of these words as value.
    Members(&'static [&'static str]),
    /// Members with a key (a virtual path) and one line of text as value.
    Entries,
    /// Members with a drive or a path as key and a whole number of GiB as value.
    Sizes,
}

impl AttributeType {
    /// Whether it is a set of members with a declared key: each is a row of its own, foreign ones are left alone.
    pub fn is_set(self) -> bool {
        matches!(self, Self::Members(_) | Self::Entries | Self::Sizes)
    }

    /// What a value looks like, in Markdown, for the page of kinds.
    pub fn describe(self) -> String {
        let words =
            |words: &[&str]| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
        match self {
            Self::Line => "one line of text".to_owned(),
            Self::Text => "text".to_owned(),
            Self::Version => "a version".to_owned(),
            Self::Boolean => "`true` or `false`".to_owned(),
            Self::Integer(low, high) => format!("{low} to {high}"),
            Self::IntegerOr(low, high, word) => format!("{low} to {high}, or `{word}`"),
            Self::OneOf(all) => words(all),
            Self::LineList => "a list of texts".to_owned(),
            Self::IntegerList(low, high) => format!("a list of numbers, {low} to {high}"),
            Self::Members(all) => {
                format!("`account: right`, one on each line; the rights are {}", words(all))
            }
            Self::Secret(with) => {
                format!("a secret parameter, as in `\"{{{{ batch_password }}}}\"`, with `{with}` beside it")
            }
            Self::Filled => "text; a secret parameter may stand in it, as in `{{ db_password }}`".to_owned(),
            Self::Secrets => {
                r#"`NAME: "{{ db_password }}"`, one on each line, each a secret parameter"#.to_owned()
            }
            Self::Scripts => r"a list of `{file: 'C:\Folder\name.sql', sha256: DIGITS}`, with `variables: {NAME: value}` as sqlcmd's `-v` gives them, and with `includes: [...]` of the same form where it takes files in by `:r`".to_owned(),
            Self::Entries => "`/path: text`, one on each line".to_owned(),
            Self::Sizes => r"`C: GIB` or `'C:\Folder': GIB`, one on each line".to_owned(),
        }
    }
}

const fn state(name: &'static str, ty: AttributeType, required: bool, doc: &'static str) -> AttributeSpec {
    AttributeSpec { name, ty, role: AttributeRole::State, required, doc }
}

const fn key(name: &'static str, ty: AttributeType, required: bool, doc: &'static str) -> AttributeSpec {
    AttributeSpec { name, ty, role: AttributeRole::Key, required, doc }
}

const fn input(name: &'static str, ty: AttributeType, required: bool, doc: &'static str) -> AttributeSpec {
    AttributeSpec { name, ty, role: AttributeRole::Input, required, doc }
}
