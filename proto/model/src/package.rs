//! A package as its node describes it: by what Windows knows it, and the medium that installs it (G2, G18).
//!
//! Neighbours: `resolve` reads every package of a site with it, so that a wrong one is refused at the door; the agent's port
//! to packages takes what was read. Never looks at a server.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::manifest::Node;
use crate::name::InstallerCode;
use crate::parameter::is_windows_path;
use crate::plan::AttributePath;
use crate::secret::SecretRef;
use crate::value::Value;

/// A package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its name in documents.
    pub name: String,
    /// By what Windows knows it.
    pub known_by: KnownBy,
    /// The file whose version is the package's, an absolute path; none where Windows' list says it.
    pub version_of_file: Option<String>,
    /// What installs it; none where a person does, or on a twin.
    pub medium: Option<Medium>,
    /// What the installer is told, an element for each argument.
    pub arguments: Vec<String>,
    /// The answers that its installer reads from a file, in pieces.
    pub response_file: Option<Vec<Piece>>,
    /// What its installer is told in secret, each value with what stands before it.
    pub secret_arguments: Vec<(String, SecretRef)>,
    /// What the program that takes it off is told; none where Windows' list says it whole.
    pub uninstall_arguments: Option<Vec<String>>,
}

/// A piece of a file of answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it stands.
    Text(String),
    /// Where the value of a secret goes.
    Secret(SecretRef),
}

/// What stands in `arguments` for the path of the file of answers.
pub const RESPONSE_FILE: &str = "%RESPONSE_FILE%";

/// By what Windows knows an installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnownBy {
    /// Nothing was said: by the document's own name for it, where Windows happens to use it too.
    Name,
    /// The product code of this one version.
    ProductCode(InstallerCode),
    /// The upgrade code that all versions share.
    UpgradeCode(InstallerCode),
    /// The name in "Programs and Features", whole or by its beginning.
    DisplayName(DisplayName),
    /// The key name of a service that it makes.
    Service(String),
}

/// A name in "Programs and Features", as in `Sage XRT Treasury` or, for any name that begins so, `Sage XRT Treasury*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisplayName(String);

/// A file that installs, and what it must hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Medium {
    /// Its absolute path, on the server or on a share that the server's account may read.
    pub path: String,
    /// The SHA-256 of its content.
    pub sha256: Digest,
}

/// What runs a medium.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediumKind {
    /// Windows Installer.
    Msi,
    /// It is a program itself.
    Exe,
}

/// What is wrong with a package's attributes together, and what to do about it.
pub type Mistake = (String, &'static str);

impl Package {
    /// A package of which nothing but its name is said.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            known_by: KnownBy::Name,
            version_of_file: None,
            medium: None,
            arguments: Vec::new(),
            response_file: None,
            secret_arguments: Vec::new(),
            uninstall_arguments: None,
        }
    }

    /// Reads a node.
    ///
    /// # Errors
    /// Where its attributes do not go together.
    pub fn of(node: &Node) -> Result<Self, Mistake> {
        let package = Self {
            name: node.id.name.as_str().to_owned(),
            known_by: known_by(node)?,
            version_of_file: path(node, "version_of_file")?,
            medium: medium(node)?,
            arguments: lines(node, "arguments").unwrap_or_default(),
            response_file: response_file(node),
            secret_arguments: secret_arguments(node).collect(),
            uninstall_arguments: lines(node, "uninstall_arguments"),
        };
        if package.is_msi() {
            package.arguments.iter().try_for_each(|argument| property(node, argument))?;
            let named = package.secret_arguments.iter().map(|(name, _)| format!("{name}="));
            named.into_iter().try_for_each(|argument| property(node, &argument))?;
        }
        package.answers_have_a_place(node)?;
        package.can_be_found(node)?;
        Ok(package)
    }

    /// What stands in the command line before the value of a secret.
    pub fn before_secret(&self, name: &str) -> String {
        if self.is_msi() { format!("{name}=") } else { name.to_owned() }
    }

    fn is_msi(&self) -> bool {
        self.medium.as_ref().is_some_and(|medium| medium.kind() == MediumKind::Msi)
    }

    /// Of one that only its own name may find nobody can say that it is gone: it would be taken off to be replaced, and then
    /// not be put on.
    fn can_be_found(&self, node: &Node) -> Result<(), Mistake> {
        let is_found = self.known_by != KnownBy::Name || self.version_of_file.is_some();
        if self.medium.is_none() || is_found {
            return Ok(());
        }
        let problem = format!("{} has a `medium` and nothing by which Windows knows it", node.id);
        let advice = "add `upgrade_code`, `product_code`, `display_name`, `service_name` or `version_of_file`; \
                      `muster inspect` finds the codes in most installers";
        Err((problem, advice))
    }

    /// Answers that no argument names would be read by nobody, and a name without answers stand for nothing.
    fn answers_have_a_place(&self, node: &Node) -> Result<(), Mistake> {
        let named = self.arguments.iter().any(|argument| argument.contains(RESPONSE_FILE));
        let (problem, advice) = match (&self.response_file, named) {
            (Some(_), false) => (
                format!("{} has a `response_file`, and none of its `arguments` names it", node.id),
                "write %RESPONSE_FILE% where its path goes, as in '/f1\"%RESPONSE_FILE%\"'",
            ),
            (None, true) => (
                format!("{} names %RESPONSE_FILE% and has no `response_file`", node.id),
                "write `response_file: |` with the answers below it",
            ),
            (Some(_), true) | (None, false) => {
                match self.secret_arguments.iter().find(|(name, _)| name.contains('"')) {
                    Some((name, _)) => (
                        format!("`secret_arguments` of {} has {name:?}, with a quote in it", node.id),
                        "leave the quotes out: Muster sets them round the value",
                    ),
                    None => return Ok(()),
                }
            }
        };
        Err((problem, advice))
    }
}

impl Medium {
    /// What runs it, by the end of its name.
    pub fn kind(&self) -> MediumKind {
        if ends_with(&self.path, ".msi") { MediumKind::Msi } else { MediumKind::Exe }
    }
}

impl DisplayName {
    /// Whether that name in Windows' list is meant. Capital and small letters are the same.
    pub fn names(&self, shown: &str) -> bool {
        let (own, shown) = (self.0.to_lowercase(), shown.to_lowercase());
        match own.strip_suffix('*') {
            Some(beginning) => shown.starts_with(beginning),
            None => shown == own,
        }
    }
}

/// The secrets that a node hands to its installer, each as the attribute and member that a row has for it: in the order of
/// the rows, each once.
pub fn handed(node: &Node) -> Vec<(AttributePath, SecretRef)> {
    let path = |name: &str, member: String| AttributePath { name: name.to_owned(), member: Some(member) };
    let mut handed: Vec<(AttributePath, SecretRef)> = Vec::new();
    for piece in response_file(node).into_iter().flatten() {
        let Piece::Secret(secret) = piece else { continue };
        let path = path("response_file", secret.secret.to_string());
        if !handed.iter().any(|(known, _)| *known == path) {
            handed.push((path, secret));
        }
    }
    handed.extend(secret_arguments(node).map(|(name, secret)| (path("secret_arguments", name), secret)));
    handed
}

fn response_file(node: &Node) -> Option<Vec<Piece>> {
    let Some(Value::List(pieces)) = node.attributes.get("response_file") else { return None };
    let piece = |piece: &Value| match piece.as_secret() {
        Some(secret) => Piece::Secret(secret.clone()),
        None => Piece::Text(piece.to_string()),
    };
    Some(pieces.iter().map(piece).collect())
}

fn secret_arguments(node: &Node) -> impl Iterator<Item = (String, SecretRef)> {
    let pairs = if let Some(Value::List(pairs)) = node.attributes.get("secret_arguments") {
        pairs.as_slice()
    } else {
        &[]
    };
    pairs.iter().filter_map(|pair| match pair {
        Value::List(pair) => match pair.as_slice() {
            [Value::Text(name), Value::Secret(secret)] => Some((name.clone(), secret.clone())),
            _ => None,
        },
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) | Value::Members(_) => None,
    })
}

fn known_by(node: &Node) -> Result<KnownBy, Mistake> {
    let given: Vec<(&str, &str)> = ["product_code", "upgrade_code", "display_name", "service_name"]
        .into_iter()
        .filter_map(|name| Some((name, text(node, name)?)))
        .collect();
    let code = |name: &str, text: &str| {
        text.parse::<InstallerCode>().map_err(|_| {
            let problem =
                format!("`{name}` of {} is {text:?}, which is no code of Windows Installer", node.id);
            (problem, "write it with its braces, as in '{1B2C3D4E-0000-4000-8000-000000000001}'")
        })
    };
    match given.as_slice() {
        [] => Ok(KnownBy::Name),
        [("product_code", text)] => Ok(KnownBy::ProductCode(code("product_code", text)?)),
        [("upgrade_code", text)] => Ok(KnownBy::UpgradeCode(code("upgrade_code", text)?)),
        [("service_name", text)] if text.contains(['/', '\\']) || text.trim() != *text => {
            let problem =
                format!("`service_name` of {} is {text:?}, which is no key name of a service", node.id);
            Err((problem, "write the name that `sc query` shows as SERVICE_NAME"))
        }
        [("service_name", text)] => Ok(KnownBy::Service((*text).to_owned())),
        [(_, text)] if text.trim_end_matches('*').trim().is_empty() => {
            let problem = format!("`display_name` of {} is {text:?}, which is every package's", node.id);
            Err((problem, "write the name in Programs and Features, or its beginning with a * behind it"))
        }
        [(_, text)] => Ok(KnownBy::DisplayName(DisplayName((*text).to_owned()))),
        [(first, _), (second, _), ..] => {
            let problem = format!("{} has both `{first}` and `{second}`", node.id);
            Err((problem, "keep the one by which every version of it is found"))
        }
    }
}

fn medium(node: &Node) -> Result<Option<Medium>, Mistake> {
    let alone = |there: &str, missing: &str| format!("{} has `{there}` and no `{missing}`", node.id);
    match (path(node, "medium")?, text(node, "medium_sha256")) {
        (None, None) => Ok(None),
        (None, Some(_)) => Err((alone("medium_sha256", "medium"), "add `medium:`, the path of the file")),
        (Some(_), None) => {
            let advice = "add `medium_sha256:`, its 64 digits as sha256sum or Get-FileHash shows them";
            Err((alone("medium", "medium_sha256"), advice))
        }
        (Some(path), Some(digits)) => {
            if !ends_with(&path, ".msi") && !ends_with(&path, ".exe") {
                let problem = format!("`medium` of {} is {path:?}, which is no .msi and no .exe", node.id);
                return Err((problem, "name the file that is started; Muster starts no other"));
            }
            let sha256 = digits.parse().map_err(|_| {
                let problem = format!("`medium_sha256` of {} is {digits:?}", node.id);
                (problem, "write 64 hexadecimal digits, as sha256sum or Get-FileHash shows them")
            })?;
            Ok(Some(Medium { path, sha256 }))
        }
    }
}

/// `NAME=value` of a public property. All else that Windows Installer may be told is Muster's to say: a dialog that nobody
/// sees would hang for ever, and a restart of its own would take the server from its users.
fn property(node: &Node, argument: &str) -> Result<(), Mistake> {
    let is_public = |name: &str| {
        name.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
            && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_.".contains(&b))
    };
    let name = argument.split_once('=').map(|(name, _)| name);
    // In quotes, which a space needs, a backslash at the end would take the closing one with it.
    let is_cut = argument.contains('"') || (argument.contains(' ') && argument.ends_with('\\'));
    if !is_cut && name.is_some_and(|name| is_public(name) && name != "REBOOT") {
        return Ok(());
    }
    let problem = format!("an argument of {} is {argument:?}", node.id);
    let advice = "write NAME=value for a public property of the .msi, without quotes and with no backslash at its end: Muster \
                  sets the quotes, and asks for no dialog, no restart and a log by itself";
    Err((problem, advice))
}

fn path(node: &Node, name: &str) -> Result<Option<String>, Mistake> {
    let Some(text) = text(node, name) else { return Ok(None) };
    if is_windows_path(text) {
        return Ok(Some(text.to_owned()));
    }
    let problem = format!("`{name}` of {} is {text:?}, which is no absolute path", node.id);
    Err((problem, r"write an absolute path, as in 'C:\Media\setup.msi' or '\\server\share\setup.msi'"))
}

fn text<'a>(node: &'a Node, name: &str) -> Option<&'a str> {
    node.attributes.get(name).and_then(Value::as_text)
}

fn lines(node: &Node, name: &str) -> Option<Vec<String>> {
    let Some(Value::List(items)) = node.attributes.get(name) else { return None };
    Some(items.iter().map(ToString::to_string).collect())
}

fn ends_with(path: &str, ending: &str) -> bool {
    path.len() > ending.len()
        && path.is_char_boundary(path.len() - ending.len())
        && path[path.len() - ending.len()..].eq_ignore_ascii_case(ending)
}

#[cfg(test)]
mod tests;
