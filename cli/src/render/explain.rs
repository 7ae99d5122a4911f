//! Why a parameter has its value: the layer that won first, then what it was worked out from and what it shadows.
//!
//! Neighbours: `muster explain` prints it, the model settled it. Nothing is worked out here.

use muster_model::name::Role;
use muster_model::view::{ExplainView, ExplainedValue, LayerName, LayerValue};

use super::{one_line, style, table, value};

/// The title and, for each value, a line per layer.
pub(crate) fn text(view: &ExplainView) -> String {
    let fixed = if view.fixed { ", fixed once installed" } else { "" };
    let title = format!("{}  {}  {}  {}{fixed}", view.parameter, view.site, view.product, one_line(&view.ty));
    let mut lines = vec![style::bold(&title)];
    for value in &view.values {
        lines.extend(of(value, view.values.len() > 1));
    }
    lines.join("\n")
}

fn of(explained: &ExplainedValue, is_one_of_several: bool) -> Vec<String> {
    let settled = value::short(&explained.value);
    let servers: Vec<&str> = explained.servers.iter().map(Role::as_str).collect();
    let on = if is_one_of_several { format!("on {}", servers.join(", ")) } else { String::new() };
    let mut rows = vec![vec!["value".to_owned(), settled, on, String::new()]];
    rows.push(row("from", &explained.from));
    if let Some(reason) = &explained.reason {
        rows.push(vec!["because".to_owned(), reason.clone(), String::new(), String::new()]);
    }
    for named in &explained.computed_from {
        let text = format!("{} = {}", named.parameter, value::short(&named.value));
        rows.push(vec!["computed from".to_owned(), text, String::new(), String::new()]);
    }
    rows.extend(explained.shadows.iter().map(|layer| row("shadows", layer)));
    table::align(None, &rows)
}

fn row(what: &str, from: &LayerValue) -> Vec<String> {
    let layer = match from.layer {
        LayerName::Default => "default",
        LayerName::Ring => "ring",
        LayerName::Client => "client",
        LayerName::Site => "site",
        LayerName::Server => "server",
        LayerName::Force => "forced",
    };
    let place = format!("{}, {}:{}", from.document, from.path, from.line);
    vec![what.to_owned(), value::short(&from.written.as_str().into()), layer.to_owned(), place]
}
