//! What each server should be, node by node.
//!
//! Neighbours: `muster render` prints it. Nothing was compared: there is no old and no new here.

use muster_model::manifest::Node;
use muster_model::view::RenderView;

use super::{count, style, table, value};

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
        let rows: Vec<Vec<String>> = manifest.nodes.iter().flat_map(rows).collect();
        blocks.push(format!("{}\n{}", style::bold(&title), table::align(None, &rows).join("\n")));
    }
    if blocks.is_empty() { format!("{} has no server", view.site) } else { blocks.join("\n\n") }
}

fn rows(node: &Node) -> Vec<Vec<String>> {
    let guide = node.guide.map(|guide| guide.to_string()).unwrap_or_default();
    let mut name = super::node(&node.id);
    let mut rows = Vec::new();
    let mut guide = guide;
    let provided = node.provided_by.as_ref().map(|package| ("provided by", super::node(package)));
    let attributes = node.attributes.iter().map(|(name, value)| (name.as_str(), value::short(value)));
    for (attribute, value) in attributes.chain(provided) {
        rows.push(vec![std::mem::take(&mut name), attribute.to_owned(), value, std::mem::take(&mut guide)]);
    }
    if rows.is_empty() {
        rows.push(vec![name, String::new(), String::new(), guide]);
    }
    rows
}
