//! Public properties, and the dialogs' fields that set them, with the words that a person reads there.
//!
//! A property is public, and can be set from outside, where its name has capital letters, digits, `_` and `.` alone (Microsoft's
//! "Public Properties"). Neighbours: `package` reads the tables. Private ones are only read to fill texts in.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::limits;

use super::Error;
use super::found::{Choice, Field, Given, Property};
use super::package::{Row, Tables};

/// A control's property names the property that it sets (msidbControlAttributesIndirect).
const INDIRECT: i32 = 0x8;
/// What is typed is not shown (msidbControlAttributesPasswordInput).
const PASSWORD: i32 = 0x20_0000;
/// Controls through which a folder is chosen.
const FOLDER_CONTROLS: [&str; 3] = ["PathEdit", "DirectoryCombo", "DirectoryList"];
/// The root of what is installed, which most packages fill in by themselves: shown where dialogs set it.
const TARGET_FOLDER: &str = "TARGETDIR";
/// Shows the features: what it writes into its property is for the dialog's own use, and nobody sets it from outside.
const FEATURE_TREE: &str = "SelectionTree";
/// What dialogs set to repair or take off what is there, and to choose features: `ADDLOCAL` is a line of its own.
const MAINTENANCE: [&str; 6] = ["ADDLOCAL", "ADDSOURCE", "ADVERTISE", "REINSTALL", "REINSTALLMODE", "REMOVE"];
/// An action that sets a property (51), and one that sets a folder (35); what else a type says stands in higher bits.
const SETS_PROPERTY: i32 = 51;
const SETS_FOLDER: i32 = 35;
const KIND_OF_ACTION: i32 = 0x3f;
/// How far below a label its field begins, in dialog units; a line has about 10, and WiX's own dialogs leave three free.
const LABEL_ABOVE_UNITS: i32 = 45;
/// How far label and field on one line may be apart in height.
const SAME_LINE_UNITS: i32 = 8;

/// The values of a package's properties, by name.
pub(super) type Values = BTreeMap<String, String>;

/// Every property that has a value.
pub(super) fn values(tables: &mut Tables) -> Result<Values, Error> {
    let rows = tables.rows("Property", &["Property", "Value"])?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?, row.text(1)?))).collect())
}

/// Every public property that somebody may set, by name.
pub(super) fn properties(tables: &mut Tables, values: &Values) -> Result<Vec<Property>, Error> {
    let mut found: BTreeMap<String, Property> = BTreeMap::new();
    let listed =
        |name: &str| values.get(name).map(|list| list.split(';').map(str::trim)).into_iter().flatten();
    let names = values.keys().map(String::as_str).chain(listed("SecureCustomProperties"));
    for name in names.filter(|name| is_public(name)) {
        found.entry(name.to_owned()).or_insert_with(|| property(name, values.get(name).cloned()));
    }
    for (name, path) in folders(tables)? {
        let folder = Property { directory: true, ..property(&name, Some(path)) };
        found.entry(name).or_insert(folder);
    }
    let titles: Values = texts(tables, "Dialog", "Dialog", "Title", values)?;
    let controls = controls(tables, values)?;
    for control in controls.iter().filter(|control| control.kind != FEATURE_TREE) {
        let Some(name) = control.property.as_deref().filter(|name| is_public(name)) else { continue };
        let entry = found.entry(name.to_owned()).or_insert_with(|| property(name, None));
        entry.hidden |= control.attributes & PASSWORD != 0;
        entry.directory |= FOLDER_CONTROLS.contains(&control.kind.as_str());
        entry.fields.push(Field {
            dialog: control.dialog.clone(),
            dialog_text: titles.get(&control.dialog).cloned(),
            control: control.name.clone(),
            control_type: control.kind.clone(),
            control_text: control.text.clone().or_else(|| label(control, &controls)),
        });
    }
    for (name, choice) in choices(tables, values)? {
        if let Some(entry) = found.get_mut(&name) {
            entry.choices.push(choice);
        }
    }
    for (name, given) in events(tables)? {
        let entry = found.entry(name.clone()).or_insert_with(|| property(&name, None));
        entry.directory |= name == TARGET_FOLDER;
        entry.given.push(given);
    }
    for (name, given) in actions(tables)? {
        if let Some(entry) = found.get_mut(&name) {
            entry.given.push(given);
        }
    }
    // What a search for other versions fills in, nobody sets; nor what a search of the machine does, unless a dialog asks, too.
    let names = |rows: Vec<Row>| -> BTreeSet<String> { rows.iter().filter_map(|row| row.text(0)).collect() };
    let versions = names(tables.rows("Upgrade", &["ActionProperty"])?);
    let searched = names(tables.rows("AppSearch", &["Property"])?);
    found.retain(|name, entry| {
        let is_asked = entry.directory || !entry.fields.is_empty() || !entry.given.is_empty();
        !versions.contains(name) && (is_asked || !searched.contains(name))
    });
    for name in listed("MsiHiddenProperties") {
        if let Some(entry) = found.get_mut(name) {
            entry.hidden = true;
        }
    }
    for entry in found.values_mut().filter(|entry| entry.hidden) {
        entry.default = None;
        entry.given.clear();
    }
    Ok(found.into_values().collect())
}

fn property(name: &str, default: Option<String>) -> Property {
    Property {
        name: name.to_owned(),
        default,
        hidden: false,
        directory: false,
        fields: Vec::new(),
        choices: Vec::new(),
        given: Vec::new(),
    }
}

/// What the dialogs' buttons set: an event whose name is that of a property in brackets.
fn events(tables: &mut Tables) -> Result<Vec<(String, Given)>, Error> {
    let rows = tables.rows("ControlEvent", &["Event", "Argument", "Condition"])?;
    let event = |row: &Row| {
        let name = row.text(0)?.strip_prefix('[')?.strip_suffix(']')?.to_owned();
        let given = Given { value: row.text(1)?, condition: condition(row.text(2)), dialogs_only: true };
        // `{}` takes a value away.
        let is_set = is_public(&name) && !MAINTENANCE.contains(&name.as_str()) && given.value != "{}";
        is_set.then_some((name, given))
    };
    Ok(rows.iter().filter_map(event).collect())
}

/// What the package's actions set, where they run: with dialogs or without, or with dialogs alone.
fn actions(tables: &mut Tables) -> Result<Vec<(String, Given)>, Error> {
    let mut sequence = |table: &str| -> Result<BTreeMap<String, Option<String>>, Error> {
        let rows = tables.rows(table, &["Action", "Condition"])?;
        Ok(rows.iter().filter_map(|row| Some((row.text(0)?, condition(row.text(1))))).collect())
    };
    let (always, with_dialogs) = (sequence("InstallExecuteSequence")?, sequence("InstallUISequence")?);
    let rows = tables.rows("CustomAction", &["Action", "Type", "Source", "Target"])?;
    let action = |row: &Row| {
        let kind = row.number(1) & KIND_OF_ACTION;
        let name = row.text(0)?;
        let (condition, dialogs_only) = match (always.get(&name), with_dialogs.get(&name)) {
            (Some(condition), _) => (condition.clone(), false),
            (None, condition) => (condition?.clone(), true),
        };
        let given = Given { value: row.text(3)?, condition, dialogs_only };
        matches!(kind, SETS_PROPERTY | SETS_FOLDER).then_some((row.text(2)?, given))
    };
    Ok(rows.iter().filter_map(action).collect())
}

/// A condition; none where it always holds.
fn condition(text: Option<String>) -> Option<String> {
    text.filter(|text| text != "1")
}

fn is_public(name: &str) -> bool {
    name.bytes().next().is_some_and(|b| b.is_ascii_uppercase() || b == b'_')
        && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b"_.".contains(&b))
}

/// One control of a dialog.
struct Control {
    dialog: String,
    name: String,
    kind: String,
    left: i32,
    top: i32,
    attributes: i32,
    property: Option<String>,
    text: Option<String>,
    next: Option<String>,
}

fn controls(tables: &mut Tables, values: &Values) -> Result<Vec<Control>, Error> {
    let columns = ["Dialog_", "Control", "Type", "X", "Y", "Attributes", "Property", "Text", "Control_Next"];
    let control = |row: &Row| {
        let attributes = row.number(5);
        let property = row.text(6);
        let indirect = attributes & INDIRECT != 0;
        Some(Control {
            dialog: row.text(0)?,
            name: row.text(1)?,
            kind: row.text(2)?,
            left: row.number(3),
            top: row.number(4),
            attributes,
            property: if indirect { property.and_then(|name| values.get(&name).cloned()) } else { property },
            text: row.text(7).and_then(|text| words(&text, values)),
            next: row.text(8),
        })
    };
    Ok(tables.rows("Control", &columns)?.iter().filter_map(control).collect())
}

/// The text that a person reads as the name of a field without one: what comes before it in the order of the keys, or else
/// the nearest on its left, or above it.
fn label(field: &Control, controls: &[Control]) -> Option<String> {
    let texts = || {
        let here = controls.iter().filter(|other| other.dialog == field.dialog && other.kind == "Text");
        here.filter(|other| other.text.is_some())
    };
    let before = texts().find(|text| text.next.as_ref() == Some(&field.name));
    let left = || {
        let left = texts().filter(|text| text.left < field.left);
        let left = left.filter(|text| text.top.abs_diff(field.top) <= SAME_LINE_UNITS.unsigned_abs());
        left.max_by_key(|text| text.left)
    };
    let above = || {
        let above = texts().filter(|text| {
            let gap = i64::from(field.top) - i64::from(text.top);
            (1..=i64::from(LABEL_ABOVE_UNITS)).contains(&gap)
        });
        above.max_by_key(|text| text.top)
    };
    before.or_else(left).or_else(above)?.text.clone()
}

/// What the dialogs offer for a property, in their order.
fn choices(tables: &mut Tables, values: &Values) -> Result<Vec<(String, Choice)>, Error> {
    let mut choices = Vec::new();
    for table in ["RadioButton", "ComboBox", "ListBox"] {
        let mut rows = tables.rows(table, &["Property", "Order", "Value", "Text"])?;
        rows.sort_by_key(|row| row.number(1));
        choices.extend(rows.iter().filter_map(|row| {
            let text = row.text(3).and_then(|text| words(&text, values));
            Some((row.text(0)?, Choice { value: row.text(2)?, text }))
        }));
    }
    for row in tables.rows("CheckBox", &["Property", "Value"])? {
        if let Some(name) = row.text(0) {
            let value = row.text(1).unwrap_or_else(|| "1".to_owned());
            choices.push((name, Choice { value, text: Some("ticked".to_owned()) }));
        }
    }
    Ok(choices)
}

/// A column of texts by a column of names.
fn texts(tables: &mut Tables, table: &str, key: &str, text: &str, values: &Values) -> Result<Values, Error> {
    let rows = tables.rows(table, &[key, text])?;
    Ok(rows.iter().filter_map(|row| Some((row.text(0)?, words(&row.text(1)?, values)?))).collect())
}

/// A dialog's text without its style in braces and the mark of its key, and with the values of properties.
fn words(text: &str, values: &Values) -> Option<String> {
    let mut rest = text;
    while let Some((_, after)) = rest.strip_prefix('{').and_then(|style| style.split_once('}')) {
        rest = after;
    }
    let mut words = String::new();
    // One pass: a value that names a property again is shown as it is.
    while let Some((before, (name, after))) =
        rest.split_once('[').and_then(|(before, inner)| Some((before, inner.split_once(']')?)))
        && (words.len() as u64) < limits::INSPECT_CELL_CHARACTERS
    {
        words.push_str(before);
        match values.get(name) {
            Some(value) => words.push_str(value),
            None => words.push_str(&format!("[{name}]")),
        }
        rest = after;
    }
    words.push_str(rest);
    let words = words.replace("&&", "\0").replace('&', "").replace('\0', "&");
    Some(words.trim().to_owned()).filter(|words| !words.is_empty())
}

/// The folders that can be set, with their paths below a folder of Windows: `[ProgramFiles64Folder]\Vendor\Product`.
fn folders(tables: &mut Tables) -> Result<Vec<(String, String)>, Error> {
    /// Deeper ones name each other.
    const MOST: usize = 32;
    let rows = tables.rows("Directory", &["Directory", "Directory_Parent", "DefaultDir"])?;
    let folders: BTreeMap<String, (Option<String>, String)> =
        rows.iter().filter_map(|row| Some((row.text(0)?, (row.text(1), row.text(2)?)))).collect();
    let path = |name: &str| {
        let (mut parts, mut at) = (Vec::new(), name.to_owned());
        for _ in 0..MOST {
            let Some((parent, default)) = folders.get(&at) else { break };
            let is_windows_own = at.ends_with("Folder") && !is_public(&at);
            let Some(parent) = parent.as_ref().filter(|parent| !is_windows_own && **parent != at) else {
                parts.push(format!("[{at}]"));
                break;
            };
            // `short|long`, and behind a colon where the files lie in the medium.
            let own = default.split(':').next().unwrap_or_default();
            let own = own.split_once('|').map_or(own, |(_, long)| long);
            if own != "." {
                parts.push(own.to_owned());
            }
            at.clone_from(parent);
        }
        parts.reverse();
        parts.join("\\")
    };
    let public = folders.keys().filter(|name| is_public(name) && *name != TARGET_FOLDER);
    Ok(public.map(|name| (name.clone(), path(name))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialogs_text_is_read_as_a_person_reads_it() {
        let values = Values::from([("ProductName".to_owned(), "Treasury".to_owned())]);
        let read = |text: &str| words(text, &values);
        assert_eq!(
            read(r"{\WixUI_Font_Title}Welcome to [ProductName]").as_deref(),
            Some("Welcome to Treasury")
        );
        assert_eq!(read("{&Big}&Port of R&&D:").as_deref(), Some("Port of R&D:"));
        assert_eq!(read("in [FOLDER] [").as_deref(), Some("in [FOLDER] ["));
        assert_eq!(read(r"{\Style}"), None);
    }

    #[test]
    fn a_public_property_has_no_small_letter() {
        assert!(is_public("TOKENFILE") && is_public("SITE_2.X"));
        assert!(!is_public("ProductCode") && !is_public(""));
    }
}
