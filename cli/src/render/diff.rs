//! What documents would change: a block per server, a line per difference.
//!
//! Neighbours: `muster diff` prints it, `muster_core::change` found it.

use muster_model::name::NodeId;
use muster_model::value::Value;
use muster_model::view::{DiffView, NodeChange, ServerDiff, SiteDiff};

use super::{style, table, value};

/// All of it, and how many sites there are in all.
pub(crate) fn text(view: &DiffView) -> String {
    let mut blocks: Vec<String> = view.sites.iter().flat_map(site).collect();
    let all = super::count(usize::try_from(view.all_sites).unwrap_or(usize::MAX), "site");
    blocks.push(match view.sites.len() {
        0 => format!("no plan would change, of {all}. Nothing was stored."),
        count => format!("the plans of {count} of {all} would change. Nothing was stored."),
    });
    blocks.join("\n\n")
}

fn site(site: &SiteDiff) -> Vec<String> {
    let title = |role: &str| style::bold(&format!("{}  {role}", site.site));
    let mut blocks: Vec<String> = site
        .servers
        .iter()
        .map(|server| {
            let mut lines = vec![title(server.role.as_str())];
            lines.extend(self::server(server));
            lines.join("\n")
        })
        .collect();
    if !site.gone.is_empty() {
        let gone: Vec<&str> = site.gone.iter().map(|role| role.as_str()).collect();
        blocks.push(format!("{}\n-  is no server of the site any more", title(&gone.join(", "))));
    }
    blocks
}

fn server(server: &ServerDiff) -> Vec<String> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let whole = |what: &str, old: String, new: String| {
        vec!["~".to_owned(), what.to_owned(), String::new(), format!("{old} -> {new}")]
    };
    if let Some((old, new)) = &server.host {
        rows.push(whole("computer", old.to_string(), new.to_string()));
    }
    if let Some((old, new)) = &server.product {
        rows.push(whole("product", old.to_string(), new.to_string()));
    }
    rows.extend(server.changes.iter().map(row));
    let mut lines = table::align(None, &rows);
    if server.reordered {
        lines.push("~  the order of its nodes".to_owned());
    }
    lines
}

fn row(change: &NodeChange) -> Vec<String> {
    let line = |mark: &str, node: &NodeId, attribute: &str, text: String| {
        vec![mark.to_owned(), super::node(node), attribute.to_owned(), text]
    };
    let shown = |value: &Option<Value>| value.as_ref().map_or_else(|| "(not said)".to_owned(), value::short);
    match change {
        NodeChange::Appears(node) => line("+", node, "", String::new()),
        NodeChange::Leaves(node) => line("-", node, "", String::new()),
        NodeChange::Links(node) => line("~", node, "", "what it needs, or what provides it".to_owned()),
        NodeChange::Attribute { node, attribute, old, new } => {
            line("~", node, attribute, format!("{} -> {}", shown(old), shown(new)))
        }
    }
}
