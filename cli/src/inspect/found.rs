//! What was found in an installer: the fields of the shape `muster.inspect/1`.
//!
//! Neighbours: `package` fills it, `draft` and `cmd::inspect` show it. Texts are the package's own, cut and on one line.

use muster_model::digest::Digest;
use serde::Serialize;

/// An installer.
#[derive(Debug, Serialize)]
pub(crate) struct Inspection {
    /// The file's name, without its folder.
    pub(crate) file: String,
    pub(crate) size_bytes: u64,
    pub(crate) sha256: Digest,
    pub(crate) kind: Kind,
    /// Where the package begins; none without one.
    pub(crate) package_at_bytes: Option<u64>,
    pub(crate) package: Option<Package>,
    /// The node for a product, as YAML.
    pub(crate) draft: String,
}

/// What an installer is made with, which says how it is run without dialogs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A package of Windows Installer.
    Msi,
    /// A program of WiX's engine, which holds packages.
    WixBurn,
    /// A program of Inno Setup.
    InnoSetup,
    /// A program of NSIS.
    Nullsoft,
    /// A program of InstallShield.
    InstallShield,
    /// A program that holds a package, and is of no kind known here.
    Program,
}

/// A package of Windows Installer, as its tables say.
#[derive(Debug, Serialize)]
pub(crate) struct Package {
    pub(crate) product: Option<String>,
    pub(crate) manufacturer: Option<String>,
    pub(crate) product_code: Option<String>,
    pub(crate) upgrade_code: Option<String>,
    pub(crate) version: Option<String>,
    /// The one that it is made for, then the others that it can be.
    pub(crate) languages: Vec<Language>,
    /// As the package says: `Intel`, `x64`, `Arm64`.
    pub(crate) platform: Option<String>,
    /// Features of a higher level are installed only where they are named.
    pub(crate) install_level: i32,
    pub(crate) features: Vec<Feature>,
    pub(crate) properties: Vec<Property>,
    pub(crate) services: Vec<Service>,
    /// What must lie beside the package: cabinets by their names.
    pub(crate) beside: Vec<String>,
    /// Rows that were left out, because a table has more than are shown.
    pub(crate) left_out: u64,
}

/// A language of Windows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Language {
    /// Its number, as 1036.
    pub(crate) id: u16,
    /// As people know it, as fr-FR.
    pub(crate) tag: String,
}

/// A part that can be chosen by its name in `ADDLOCAL`.
#[derive(Debug, Serialize)]
pub(crate) struct Feature {
    pub(crate) name: String,
    pub(crate) parent: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    /// 0: never, unless a condition of the package says otherwise.
    pub(crate) level: i32,
    /// Where it has another level.
    pub(crate) conditions: Vec<Level>,
}

/// The level of a feature where something holds.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Level {
    pub(crate) level: i32,
    /// None: always.
    pub(crate) condition: Option<String>,
}

/// A public property: one that can be set from outside.
#[derive(Debug, Serialize)]
pub(crate) struct Property {
    pub(crate) name: String,
    /// None where it has none, or where it is hidden.
    pub(crate) default: Option<String>,
    /// Kept out of the installer's log, or typed unseen: a password.
    pub(crate) hidden: bool,
    /// A folder; its default begins with a folder of Windows in brackets.
    pub(crate) directory: bool,
    /// The dialogs' fields that set it.
    pub(crate) fields: Vec<Field>,
    /// What may be chosen; empty where anything may be typed.
    pub(crate) choices: Vec<Choice>,
    /// What the package itself gives it.
    pub(crate) given: Vec<Given>,
}

/// A value that a property has of the package's own doing.
#[derive(Debug, Serialize)]
pub(crate) struct Given {
    /// As the package says; other properties stand in brackets.
    pub(crate) value: String,
    /// None: always.
    pub(crate) condition: Option<String>,
    /// Not where no dialog is shown, as under an agent.
    pub(crate) dialogs_only: bool,
}

/// A field of a dialog.
#[derive(Debug, Serialize)]
pub(crate) struct Field {
    pub(crate) dialog: String,
    pub(crate) dialog_text: Option<String>,
    pub(crate) control: String,
    /// As the package says: `Edit`, `CheckBox`, `ComboBox` and so on.
    pub(crate) control_type: String,
    /// The control's own text, or that of the label beside it.
    pub(crate) control_text: Option<String>,
}

/// A value that a field offers.
#[derive(Debug, Serialize)]
pub(crate) struct Choice {
    pub(crate) value: String,
    pub(crate) text: Option<String>,
}

/// A service that the package installs.
#[derive(Debug, Serialize)]
pub(crate) struct Service {
    /// Its key name. Where it holds brackets, a property decides.
    pub(crate) name: String,
    pub(crate) display_name: Option<String>,
    /// `automatic`, `manual` or `disabled`; none of a driver's.
    pub(crate) start: Option<&'static str>,
    /// None: LocalSystem.
    pub(crate) account: Option<String>,
    pub(crate) depends_on: Vec<String>,
}
