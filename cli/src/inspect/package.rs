//! A package's tables, read by the `msi` crate behind `door` and `guard`.
//!
//! The tables are those of Microsoft's "Database Tables" of Windows Installer. Neighbours: `fields` reads the properties and
//! their dialogs. A table that a package does not have is empty; a column that it must have and has not is damage.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::path::Path;

use msi::{LanguageId, Select, Value};
use muster_model::limits;

use super::found::{Feature, Language, Level, Package, Service};
use super::window::Window;
use super::{Damage, Error, door, fields, guard};
use crate::render;

/// Reads the package that begins there.
///
/// # Errors
/// Where it is no package, or damaged.
pub(super) fn read(path: &Path, at_bytes: u64) -> Result<Package, Error> {
    let window = Window::new(File::open(path)?, at_bytes);
    let read = || {
        let window = door::check(window)?;
        let package = msi::Package::open(window).map_err(unreadable)?;
        Tables { package, left_out: 0 }.read()
    };
    guard::caught(read).unwrap_or(Err(Error::Damaged(Damage::Contradiction)))
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unreadable(error: std::io::Error) -> Error {
    Error::Damaged(Damage::Tables(render::one_line(&error.to_string())))
}

/// An open package, and how many rows were not taken.
pub(super) struct Tables {
    package: msi::Package<Window>,
    left_out: u64,
}

/// One row: the cells of the columns that were asked for.
pub(super) struct Row(Vec<Cell>);

/// A cell. What nobody reads, as a stream, is nothing.
enum Cell {
    Text(String),
    Number(i32),
    Nothing,
}

impl Row {
    /// A text on one line, cut; none where it is empty.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        match self.0.get(column)? {
            Cell::Text(text) => Some(render::one_line(text)).filter(|text| !text.is_empty()),
            Cell::Number(_) | Cell::Nothing => None,
        }
    }

    /// A number; 0 where there is none.
    pub(super) fn number(&self, column: usize) -> i32 {
        match self.0.get(column) {
            Some(Cell::Number(number)) => *number,
            Some(Cell::Text(_) | Cell::Nothing) | None => 0,
        }
    }
}

impl Cell {
    /// Cut at once: ten thousand fields may all have one licence as their text.
    fn new(value: &Value) -> Self {
        let most = usize::try_from(limits::INSPECT_CELL_CHARACTERS).unwrap_or(usize::MAX);
        match value {
            Value::Str(text) => Self::Text(text.chars().take(most).collect()),
            Value::Int(number) => Self::Number(*number),
            Value::Null | Value::Binary => Self::Nothing,
        }
    }
}

impl Tables {
    /// These columns of a table.
    ///
    /// # Errors
    /// Where the table has no such column, or its stream is short.
    pub(super) fn rows(&mut self, table: &str, columns: &[&str]) -> Result<Vec<Row>, Error> {
        if !self.package.has_table(table) {
            return Ok(Vec::new());
        }
        let rows = self.package.select_rows(Select::table(table).columns(columns)).map_err(unreadable)?;
        let (mut taken, mut len_bytes) = (Vec::new(), 0);
        for row in rows {
            if taken.len() as u64 == limits::INSPECT_ROWS {
                self.left_out += 1;
                continue;
            }
            let cells = (0..row.len()).map(|column| &row[column]);
            len_bytes += cells.clone().filter_map(Value::as_str).map(|text| text.len() as u64).sum::<u64>();
            let most_bytes = limits::INSPECT_STRINGS_SIZE_BYTES;
            if len_bytes > most_bytes {
                return Err(
                    Damage::Large { part: format!("the text in {table}"), len_bytes, most_bytes }.into()
                );
            }
            taken.push(Row(cells.map(Cell::new).collect()));
        }
        Ok(taken)
    }

    fn read(mut self) -> Result<Package, Error> {
        let values = fields::values(&mut self)?;
        let named = |name: &str| values.get(name).cloned();
        let summary = self.package.summary_info();
        let platform = summary.arch().map(render::one_line).filter(|text| !text.is_empty());
        let mut languages: Vec<Language> = Vec::new();
        let own = named("ProductLanguage").and_then(|text| text.parse().ok()).map(LanguageId::from_id);
        for id in own.into_iter().chain(summary.languages()) {
            let language = Language { id: id.id(), tag: id.tag().to_owned() };
            if !languages.contains(&language) {
                languages.push(language);
            }
        }
        let (features, services, beside) = (self.features()?, self.services()?, self.beside()?);
        let properties = fields::properties(&mut self, &values)?;
        Ok(Package {
            product: named("ProductName"),
            manufacturer: named("Manufacturer"),
            product_code: named("ProductCode"),
            upgrade_code: named("UpgradeCode"),
            version: named("ProductVersion"),
            languages,
            platform,
            install_level: named("INSTALLLEVEL").and_then(|text| text.parse().ok()).unwrap_or(1),
            features,
            properties,
            services,
            beside,
            left_out: self.left_out,
        })
    }

    /// In the order of the tree: each below its parent, as the dialogs show them.
    fn features(&mut self) -> Result<Vec<Feature>, Error> {
        let columns = ["Feature", "Feature_Parent", "Title", "Description", "Level", "Display"];
        let mut rows = self.rows("Feature", &columns)?;
        rows.sort_by_key(|row| row.number(5));
        let mut levels: BTreeMap<String, Vec<Level>> = BTreeMap::new();
        for row in self.rows("Condition", &["Feature_", "Level", "Condition"])? {
            let level = Level { level: row.number(1), condition: row.text(2) };
            levels.entry(row.text(0).unwrap_or_default()).or_default().push(level);
        }
        let feature = |row: &Row| {
            Some(Feature {
                name: row.text(0)?,
                parent: row.text(1),
                title: row.text(2),
                description: row.text(3),
                level: row.number(4),
                conditions: row.text(0).and_then(|name| levels.get(&name).cloned()).unwrap_or_default(),
            })
        };
        Ok(in_order(rows.iter().filter_map(feature).collect()))
    }

    /// What the files come from, beside the package: an outer cabinet by its name, or the files themselves.
    fn beside(&mut self) -> Result<Vec<String>, Error> {
        let rows = self.rows("Media", &["Cabinet", "LastSequence"])?;
        let source = |row: &Row| match row.text(0) {
            // A cabinet inside the package.
            Some(name) if name.starts_with('#') => None,
            None if row.number(1) == 0 => None,
            None => Some("its files, each by itself".to_owned()),
            name => name,
        };
        Ok(rows.iter().filter_map(source).collect())
    }

    fn services(&mut self) -> Result<Vec<Service>, Error> {
        let columns = ["Name", "DisplayName", "StartType", "StartName", "Dependencies"];
        let rows = self.rows("ServiceInstall", &columns)?;
        let service = |row: &Row| {
            Some(Service {
                name: row.text(0)?,
                display_name: row.text(1),
                // SERVICE_AUTO_START, SERVICE_DEMAND_START, SERVICE_DISABLED.
                start: match row.number(2) {
                    2 => Some("automatic"),
                    3 => Some("manual"),
                    4 => Some("disabled"),
                    _ => None,
                },
                account: row.text(3),
                depends_on: row
                    .text(4)
                    .map(|list| {
                        list.split("[~]").filter(|name| !name.is_empty()).map(str::to_owned).collect()
                    })
                    .unwrap_or_default(),
            })
        };
        Ok(rows.iter().filter_map(service).collect())
    }
}

/// Each feature behind its parent and what hangs below the ones before it; in a circle, at the end.
fn in_order(features: Vec<Feature>) -> Vec<Feature> {
    let known: BTreeSet<String> = features.iter().map(|feature| feature.name.clone()).collect();
    let mut below: BTreeMap<Option<String>, VecDeque<Feature>> = BTreeMap::new();
    for feature in features {
        let parent =
            feature.parent.clone().filter(|parent| *parent != feature.name && known.contains(parent));
        below.entry(parent).or_default().push_back(feature);
    }
    let mut sorted = Vec::new();
    let mut path = vec![None];
    while let Some(parent) = path.last() {
        match below.get_mut(parent).and_then(VecDeque::pop_front) {
            Some(feature) => {
                path.push(Some(feature.name.clone()));
                sorted.push(feature);
            }
            None => {
                path.pop();
            }
        }
    }
    sorted.extend(below.into_values().flatten());
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(name: &str, parent: &str) -> Feature {
        let parent = Some(parent.to_owned()).filter(|parent| !parent.is_empty());
        Feature {
            name: name.to_owned(),
            parent,
            title: None,
            description: None,
            level: 1,
            conditions: Vec::new(),
        }
    }

    fn names(features: &[(&str, &str)]) -> Vec<String> {
        let features = features.iter().map(|(name, parent)| feature(name, parent)).collect();
        in_order(features).into_iter().map(|feature| feature.name).collect()
    }

    #[test]
    fn a_feature_comes_behind_its_parent() {
        assert_eq!(
            names(&[("c", "b"), ("b", "a"), ("a", ""), ("d", "a"), ("e", "")]),
            ["a", "b", "c", "d", "e"]
        );
        assert_eq!(
            names(&[("x", "y"), ("y", "x"), ("own", "own"), ("lost", "none")]),
            ["own", "lost", "y", "x"]
        );
    }

    /// As many as are taken, each below the next: what a package made to hold a reader up looks like.
    #[test]
    fn the_deepest_tree_takes_no_time() {
        let count = limits::INSPECT_ROWS;
        let chain =
            (0..count).map(|number| feature(&number.to_string(), &(number + 1).to_string())).collect();
        let sorted = in_order(chain);
        assert_eq!(sorted.len() as u64, count);
        assert_eq!((sorted[0].name.as_str(), sorted[sorted.len() - 1].name.as_str()), ("9999", "0"));
    }
}
