//! The draft: what was found as a node of a product's document, with what a person must decide as comments.
//!
//! Neighbours: `found` names the parts. Whatever a package says comes out as YAML that can be read: every text of its own is
//! brought onto one line, and quoted where YAML would read something else in it.

mod text;

use std::collections::BTreeMap;

use self::text::{node_name, one_line, quoted, scalar};
use super::found::{Choice, Feature, Field, Given, Inspection, Kind, Package, Property, Service};

/// Lines, each at its place.
#[derive(Default)]
struct Draft {
    lines: Vec<String>,
}

impl Draft {
    /// A line this many columns to the right.
    fn line(&mut self, columns: usize, text: &str) {
        self.lines.push(format!("{:columns$}{text}", ""));
    }

    fn comment(&mut self, columns: usize, text: &str) {
        self.line(columns, format!("# {}", one_line(text)).trim_end());
    }
}

/// The whole draft: a list of nodes, to be put into a product.
pub(super) fn text(found: &Inspection) -> String {
    let mut draft = Draft::default();
    let name = node_name(found);
    head(&mut draft, found);
    draft.line(0, "nodes:");
    draft.line(2, &format!("- package: {name}"));
    draft.comment(4, "decide: its name in plans, and the role of the server that it is installed on");
    draft.line(4, "server: web");
    let package = found.package.as_ref();
    match package.and_then(|package| package.version.as_deref()) {
        Some(version) => draft.line(4, &format!("version: {}", scalar(version))),
        None => {
            let decide =
                "decide: the version, as Programs and Features shows it after an installation by hand:";
            draft.comment(4, decide);
            draft.comment(4, "version: \"1.0\"");
        }
    }
    codes(&mut draft, package);
    draft.line(4, &format!("medium: {}", quoted(&format!("C:\\Media\\{}", one_line(&found.file)))));
    draft.comment(4, "decide: where the file lies on the server, or on a share that the server may read");
    draft.line(4, &format!("medium_sha256: {}", scalar(&found.sha256.to_string())));
    if let Some(beside) = package.map(|package| &package.beside).filter(|beside| !beside.is_empty()) {
        draft.comment(4, &format!("It installs from what must lie beside it: {}.", beside.join(", ")));
        draft.comment(4, "decide: how that gets there, too; `medium_sha256` vouches for the one file alone");
    }
    arguments(&mut draft, found);
    if let Some(package) = package {
        package.services.iter().for_each(|made| service(&mut draft, made, &name));
    }
    draft.lines.join("\n")
}

/// What it is, for whoever reads the draft.
fn head(draft: &mut Draft, found: &Inspection) {
    draft.comment(0, &format!("A draft, read from {}: {}.", found.file, made_with(found.kind)));
    draft.comment(0, "What a person must decide begins with \"decide:\".");
    let Some(package) = &found.package else {
        let why = "No package that can be read is in it, so this is all that is known; install it once by hand and note what its \
                   dialogs ask.";
        draft.comment(0, why);
        return;
    };
    draft.comment(0, "");
    let none = "not said";
    draft.comment(0, &format!("product       {}", package.product.as_deref().unwrap_or(none)));
    draft.comment(0, &format!("manufacturer  {}", package.manufacturer.as_deref().unwrap_or(none)));
    let languages: Vec<String> =
        package.languages.iter().map(|language| format!("{} ({})", language.id, language.tag)).collect();
    draft.comment(0, &format!("languages     {}", languages.join(", ")));
    draft.comment(0, &format!("platform      {}", package.platform.as_deref().unwrap_or(none)));
    if let Some(at_bytes) = found.package_at_bytes.filter(|at_bytes| *at_bytes > 0) {
        draft.comment(
            0,
            &format!("Its package begins at byte {at_bytes}; another one in it was not looked at."),
        );
    }
    if package.left_out > 0 {
        let left_out =
            format!("Left out: {} rows of tables that have more than are shown.", package.left_out);
        draft.comment(0, &left_out);
    }
}

fn made_with(kind: Kind) -> &'static str {
    match kind {
        Kind::Msi => "a package of Windows Installer",
        Kind::WixBurn => "a program made with WiX (Burn), which holds packages",
        Kind::InnoSetup => "a program made with Inno Setup",
        Kind::Nullsoft => "a program made with NSIS (Nullsoft)",
        Kind::InstallShield => "a program made with InstallShield",
        Kind::Program => "a program that holds a package of Windows Installer",
    }
}

/// By what Windows knows it, once it is installed.
fn codes(draft: &mut Draft, package: Option<&Package>) {
    let product = package.and_then(|package| package.product_code.as_ref());
    let product = product.map(|code| format!("product_code: {}", quoted(code)));
    match package.and_then(|package| package.upgrade_code.as_ref()) {
        Some(code) => {
            draft.line(4, &format!("upgrade_code: {}", quoted(code)));
            let decide = "decide: the upgrade code finds every version, so that an old one goes before the new one comes; the product \
                          code finds this version alone. One of the two stands";
            draft.comment(4, decide);
            product.iter().for_each(|line| draft.comment(4, line));
        }
        None if product.is_none() => {
            let decide = "decide: its name, as Programs and Features shows it after an installation by hand; where that ends in the \
                          version, the name before it with a * behind:";
            draft.comment(4, decide);
            draft.comment(4, "display_name: Vendor Product*");
        }
        None => {
            product.iter().for_each(|line| draft.line(4, line));
            let decide = "decide: it has no upgrade code, and its product code finds this version alone; where a later one is to \
                          replace it, name both by `display_name` instead, as Programs and Features shows it";
            draft.comment(4, decide);
        }
    }
}

/// Whether it installs for the user who starts it, which is LocalSystem under an agent, unless it is told otherwise.
fn is_for_one_user(package: &Package) -> bool {
    let all_users = package.properties.iter().find(|property| property.name == "ALLUSERS");
    !matches!(all_users.and_then(|property| property.default.as_deref()), Some("1" | "2"))
}

/// What the installer is told.
fn arguments(draft: &mut Draft, found: &Inspection) {
    let told = told(found);
    draft.line(4, if told.is_empty() { "arguments: []" } else { "arguments:" });
    match found.kind {
        Kind::Msi => {}
        Kind::Program => {
            draft.comment(6, "decide: what it is told so that no dialog appears, as its vendor says");
        }
        Kind::InstallShield => {
            draft.comment(6, "decide: whether it runs without dialogs so: try it once where nobody works. What stands between the");
            draft.comment(6, "quotes of /v goes to Windows Installer, as in /v\"/qn /norestart NAME=value\"");
            if found.package.is_none() {
                draft.comment(6, "decide: what its package is told. It is packed away: start the program by hand, and while its first dialog");
                draft.comment(6, "is open copy the .msi that lies below %TEMP% then, and look into that: muster inspect FILE.msi");
                draft.comment(6, "Where there is none it is a setup of InstallScript and wants answers: /r records them, /s /f1\"FILE\" takes them");
            }
        }
        Kind::WixBurn | Kind::InnoSetup | Kind::Nullsoft => {
            draft.comment(6, "decide: whether it runs without dialogs so: try it once where nobody works");
        }
    }
    for argument in &told {
        draft.line(6, &format!("- {}", quoted(argument)));
        if argument == FOR_ALL {
            draft.comment(6, "Without it the package installs for the user who starts it, and that is the agent's own: LocalSystem.");
        }
    }
    let Some(package) = &found.package else { return };
    if !package.features.is_empty() {
        draft.comment(
            6,
            "decide: the features (ADDLOCAL); where nothing is said, those without a remark are installed:",
        );
        if decides_there(&package.features, package.install_level) {
            draft.comment(6, "Its own conditions decide on the server. To choose in their place name all that is wanted, as in");
            draft.comment(
                6,
                &format!("- {}", quoted(&add_local(&by_default(&package.features, package.install_level)))),
            );
        }
        features(draft, package);
    }
    properties(draft, package);
}

/// What makes a package install for every user.
const FOR_ALL: &str = "ALLUSERS=1";

/// So that it asks nobody. Windows Installer is asked for no dialog by the agent; it is told the features by name, so that a
/// later version does not bring others.
fn told(found: &Inspection) -> Vec<String> {
    let usual: &[&str] = match found.kind {
        Kind::Msi => {
            let package = found.package.as_ref();
            let chosen = package
                .filter(|package| !decides_there(&package.features, package.install_level))
                .map(|package| by_default(&package.features, package.install_level))
                .filter(|chosen| !chosen.is_empty())
                .map(|chosen| add_local(&chosen));
            let for_all = package.filter(|package| is_for_one_user(package)).map(|_| FOR_ALL.to_owned());
            return chosen.into_iter().chain(for_all).collect();
        }
        Kind::WixBurn => &["/quiet", "/norestart"],
        Kind::InnoSetup => &["/VERYSILENT", "/SUPPRESSMSGBOXES", "/NORESTART"],
        Kind::Nullsoft => &["/S"],
        Kind::InstallShield => &["/s", "/v\"/qn /norestart\""],
        Kind::Program => &[],
    };
    usual.iter().map(|argument| (*argument).to_owned()).collect()
}

/// The features that are installed where nobody chooses and no condition moves a level. None without its parent: to name it
/// would bring the parent along.
fn by_default(features: &[Feature], install_level: i32) -> Vec<&str> {
    let mut chosen: Vec<&str> = Vec::new();
    for feature in features {
        let with_parent = feature.parent.as_deref().is_none_or(|parent| chosen.contains(&parent));
        if with_parent && is_installed(feature.level, install_level) {
            chosen.push(&feature.name);
        }
    }
    chosen
}

fn is_installed(level: i32, install_level: i32) -> bool {
    (1..=install_level).contains(&level)
}

/// Whether conditions of the package decide on the server which features there are: to name some would overrule them.
fn decides_there(features: &[Feature], install_level: i32) -> bool {
    let moves = |feature: &Feature| {
        let own = is_installed(feature.level, install_level);
        feature.conditions.iter().any(|other| is_installed(other.level, install_level) != own)
    };
    features.iter().any(moves)
}

fn add_local(chosen: &[&str]) -> String {
    format!("ADDLOCAL={}", chosen.join(","))
}

/// The features as a tree: a parent comes before what hangs below it.
fn features(draft: &mut Draft, package: &Package) {
    /// Deeper ones stay at this place; a package has three levels, or four.
    const MOST: usize = 16;
    let mut depths: BTreeMap<&str, usize> = BTreeMap::new();
    let chosen = by_default(&package.features, package.install_level);
    for feature in &package.features {
        let parent = feature.parent.as_deref().and_then(|parent| depths.get(parent));
        let depth = parent.map_or(0, |depth| MOST.min(depth + 1));
        depths.insert(&feature.name, depth);
        let is_chosen = chosen.contains(&feature.name.as_str());
        draft.comment(6, &feature_line(feature, depth, is_chosen, package.install_level));
        for other in &feature.conditions {
            let condition = other.condition.as_deref().unwrap_or("always");
            let indent = 2 * depth;
            draft.comment(6, &format!("{:indent$}    level {} where: {condition}", "", other.level));
        }
    }
}

fn feature_line(feature: &Feature, depth: usize, is_chosen: bool, install_level: i32) -> String {
    let title = feature.title.as_ref().map(|title| format!(" \"{title}\"")).unwrap_or_default();
    let parent = feature.parent.as_ref().map(|parent| format!(", part of {parent}")).unwrap_or_default();
    let when = match &feature.parent {
        _ if is_chosen => String::new(),
        Some(parent) if is_installed(feature.level, install_level) => format!(": only with {parent}"),
        _ if feature.level == 0 => ": never, unless the package finds a reason".to_owned(),
        _ => ": only where it is named".to_owned(),
    };
    format!(
        "{:indent$}{}{title}, level {}{parent}{when}",
        "",
        feature.name,
        feature.level,
        indent = 2 * depth
    )
}

/// First what the dialogs ask, then folders, then the rest.
fn properties(draft: &mut Draft, package: &Package) {
    let is_asked = |property: &Property| {
        !property.fields.is_empty() || property.given.iter().any(|given| given.dialogs_only)
    };
    let is_told = |property: &Property| property.name == "ALLUSERS" && is_for_one_user(package);
    let asked = |property: &&Property| is_asked(property) && !is_told(property);
    let folder = |property: &&Property| !is_asked(property) && property.directory;
    // Whether a server restarts is the agent's to say.
    let rest = |property: &&Property| !is_asked(property) && !property.directory && property.name != "REBOOT";
    let groups: [(&str, Vec<&Property>); 3] = [
        (
            "decide: what the dialogs ask. Uncomment what a site says, with a parameter, as in 'PORT={{ port }}':",
            package.properties.iter().filter(asked).collect(),
        ),
        (
            "decide: folders, where the default is not wanted:",
            package.properties.iter().filter(folder).collect(),
        ),
        (
            "Further public properties, which no dialog asks for:",
            package.properties.iter().filter(rest).collect(),
        ),
    ];
    for (heading, group) in groups {
        if group.is_empty() {
            continue;
        }
        draft.comment(6, heading);
        for property in group {
            let value = property.default.as_deref().unwrap_or_default();
            if property.hidden {
                draft.comment(6, &secret_line(&property.name));
            } else {
                draft.comment(6, &format!("- {}", quoted(&format!("{}={value}", property.name))));
            }
            if property.directory {
                draft.comment(6, folder_line(value));
            }
            property.fields.iter().for_each(|field| draft.comment(6, &field_line(field)));
            if !property.choices.is_empty() {
                let choices: Vec<String> = property.choices.iter().map(choice).collect();
                draft.comment(6, &format!("    one of: {}", choices.join(", ")));
            }
            property.given.iter().for_each(|given| draft.comment(6, &given_line(given)));
        }
    }
}

/// What is said of a password and the like, which stands in no argument.
fn secret_line(name: &str) -> String {
    format!(
        "{name}, a secret: write it beside `arguments`, from a parameter of type secret, as in secret_arguments: {{{name}: '{{{{ {} }}}}'}}",
        name.to_lowercase()
    )
}

fn folder_line(default: &str) -> &'static str {
    if default.contains('[') {
        "    a folder: write its whole path, for nobody fills in the brackets"
    } else if default.is_empty() {
        "    a folder: write its whole path; where nothing gives it one, Windows Installer takes the root of a drive"
    } else {
        "    a folder: write its whole path"
    }
}

fn given_line(given: &Given) -> String {
    let condition = given.condition.as_ref().map(|condition| format!(" where {condition}"));
    let condition = condition.unwrap_or_default();
    let giver = if given.dialogs_only { "its dialogs alone give" } else { "the package gives" };
    format!("    {giver} it {}{condition}", given.value)
}

fn field_line(field: &Field) -> String {
    let words = |text: &Option<String>| text.as_ref().map(|text| format!(" \"{text}\"")).unwrap_or_default();
    format!(
        "    dialog {}{}, {} {}{}",
        field.dialog,
        words(&field.dialog_text),
        field.control_type,
        field.control,
        words(&field.control_text)
    )
}

fn choice(choice: &Choice) -> String {
    let text = choice.text.as_ref().map(|text| format!(" \"{text}\"")).unwrap_or_default();
    format!("{}{text}", choice.value)
}

/// A node for a service, as the package makes it.
fn service(draft: &mut Draft, service: &Service, package: &str) {
    let shown = service.display_name.as_ref().map(|name| format!(": \"{name}\"")).unwrap_or_default();
    draft.comment(2, &format!("It installs this service{shown}."));
    if service.name.contains('[') {
        draft.comment(2, "decide: its key name, which a property of the package gives");
    }
    draft.line(2, &format!("- service: {}", quoted(&service.name)));
    draft.line(4, "server: web");
    draft.line(4, &format!("provided_by: {package}"));
    if let Some(start) = service.start {
        draft.line(4, &format!("start: {start}"));
    }
    match &service.account {
        Some(account) => draft
            .comment(4, &format!("It logs on as {account}. decide: account, and password where it has one")),
        None => draft.comment(4, "It logs on as LocalSystem. decide: account, where that is not wanted"),
    }
    if !service.depends_on.is_empty() {
        draft.comment(4, &format!("It depends on {}.", service.depends_on.join(", ")));
    }
    draft.comment(4, "decide: state, running or stopped, and in which order (needs)");
}

#[cfg(test)]
mod tests;
