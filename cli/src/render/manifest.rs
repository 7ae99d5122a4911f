//! What each server should be, node by node.
//!
//! Neighbours: `muster render` prints it. Nothing was compared: there is no old and no new here.

use muster_model::manifest::Node;
use muster_model::view::RenderView;

use super::{count, indent, style, table, value};

/// The manifests, one after the other.
pub(crate) fn text(view: &RenderView) -> String {
    let mut blocks = Vec::new();
    for manifest in &view.manifests {
        let title = format!(
            "{}  {}  {}  revision {}  generation {}  {}",
            manifest.server,
            manifest.host,
            manifest.product,
            view.revision,
            manifest.generation,
            count(manifest.nodes.len(), "node"),
        );
        let (mut cells, mut texts) = (Vec::new(), Vec::new());
        for (row, text) in manifest.nodes.iter().flat_map(rows) {
            cells.push(row);
            texts.push(text);
        }
        let mut lines = vec![style::bold(&title)];
        for (line, text) in table::align(None, &cells).into_iter().zip(texts) {
            lines.push(line);
            lines.extend(text.map(|text| indent(&text, 8)));
        }
        blocks.push(lines.join("\n"));
    }
    if blocks.is_empty() { format!("{} has no server", view.site) } else { blocks.join("\n\n") }
}

/// A line per attribute, in the order of the kind's table; the whole of a text of several lines goes below its line.
fn rows(node: &Node) -> Vec<(Vec<String>, Option<String>)> {
    let mut name = super::node(&node.id);
    let mut guide = node.guide.map(|guide| guide.to_string()).unwrap_or_default();
    let mut rows = Vec::new();
    let mut push = |attribute: &str, value: String, text: Option<String>| {
        let cells = vec![std::mem::take(&mut name), attribute.to_owned(), value, std::mem::take(&mut guide)];
        rows.push((cells, text));
    };
    for spec in node.id.kind.spec().attributes {
        let Some(value) = node.attributes.get(spec.name) else { continue };
        let whole = value.to_string();
        if whole.contains('\n') {
            push(spec.name, value::short(value), Some(whole));
        } else {
            push(spec.name, whole, None);
        }
    }
    if node.absent {
        push("", "not wanted; what Muster made of it goes".to_owned(), None);
    }
    if let Some(package) = &node.provided_by {
        push("provided by", super::node(package), None);
    }
    rows
}
