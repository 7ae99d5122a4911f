//! A package's tables, read by the `msi` crate behind `door` and `guard`.
//!
//! The tables are those of Microsoft's "Database Tables" of Windows Installer. Neighbours: `fields` reads the properties and
//! their dialogs. A table that a package does not have is empty; a column that it must have and has not is damage.

use std::fs::File;
use std::path::Path;

use msi::{LanguageId, Select, Value};
use muster_model::limits;

use super::found::{Feature, Language, Package, Service};
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
pub(super) struct Row(Vec<Value>);

impl Row {
    /// A text on one line, cut; none where it is empty.
    pub(super) fn text(&self, column: usize) -> Option<String> {
        let text = self.0.get(column)?.as_str()?;
        let most = usize::try_from(limits::INSPECT_CELL_CHARACTERS).unwrap_or(usize::MAX);
        // A licence of a megabyte is not brought onto one line to be cut then.
        let start: String = text.chars().take(most).collect();
        Some(render::one_line(&start)).filter(|text| !text.is_empty())
    }

    /// A number; 0 where there is none.
    pub(super) fn number(&self, column: usize) -> i32 {
        self.0.get(column).and_then(Value::as_int).unwrap_or_default()
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
        let all = rows.len() as u64;
        let most = usize::try_from(limits::INSPECT_ROWS).unwrap_or(usize::MAX);
        let taken: Vec<Row> =
            rows.take(most).map(|row| Row((0..row.len()).map(|cell| row[cell].clone()).collect())).collect();
        self.left_out += all - taken.len() as u64;
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
        let (features, services) = (self.features()?, self.services()?);
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
            left_out: self.left_out,
        })
    }

    /// In the order of the tree: each below its parent, as the dialogs show them.
    fn features(&mut self) -> Result<Vec<Feature>, Error> {
        let columns = ["Feature", "Feature_Parent", "Title", "Description", "Level", "Display"];
        let mut rows = self.rows("Feature", &columns)?;
        rows.sort_by_key(|row| row.number(5));
        let mut waiting: Vec<Feature> = rows
            .iter()
            .filter_map(|row| {
                Some(Feature {
                    name: row.text(0)?,
                    parent: row.text(1),
                    title: row.text(2),
                    description: row.text(3),
                    level: row.number(4),
                })
            })
            .collect();
        let mut sorted: Vec<Feature> = Vec::new();
        // A feature goes behind the last one of its parent's tree; one whose parent never comes stays at the end.
        loop {
            let before = waiting.len();
            for feature in std::mem::take(&mut waiting) {
                let place = match &feature.parent {
                    None => Some(sorted.len()),
                    Some(parent) if *parent == feature.name => Some(sorted.len()),
                    Some(parent) => end_of_tree(&sorted, parent),
                };
                match place {
                    Some(place) => sorted.insert(place, feature),
                    None => waiting.push(feature),
                }
            }
            if waiting.len() == before || waiting.is_empty() {
                sorted.append(&mut waiting);
                return Ok(sorted);
            }
        }
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

/// The place behind everything that hangs below this feature.
fn end_of_tree(sorted: &[Feature], root: &str) -> Option<usize> {
    let start = sorted.iter().position(|feature| feature.name == root)?;
    let mut tree = vec![root];
    let below = sorted[start + 1..].iter().take_while(|feature| {
        let inside = feature.parent.as_deref().is_some_and(|parent| tree.contains(&parent));
        if inside {
            tree.push(&feature.name);
        }
        inside
    });
    Some(start + 1 + below.count())
}
