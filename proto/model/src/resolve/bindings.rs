//! What the bindings of one server claim: an address and port with a host name, and the certificate that answers there.
//!
//! Neighbours: `nodes` asks once it has settled a server, `binding` reads the names, `ports` does the like for parameters.
//! What is bound by sites that the product does not know is not seen here: preflight looks at the server.

use std::collections::BTreeMap;

use super::found::Found;
use super::nodes::Settled;
use crate::binding::BindingName;
use crate::document::Document;
use crate::manifest::Node;
use crate::node::NodeKind;
use crate::value::Value;

/// A binding that is there, with what it says about certificates.
struct Bound<'s, 'a> {
    settled: &'s Settled<'a>,
    name: BindingName,
}

impl Bound<'_, '_> {
    fn node(&self) -> &Node {
        &self.settled.node
    }

    /// The certificate that answers before a client has said which host it wants; none over http or with SNI.
    fn bare_certificate(&self) -> Option<&str> {
        let attributes = &self.node().attributes;
        let has_sni = attributes.get("sni") == Some(&Value::Boolean(true));
        let certificate = attributes.get("certificate").and_then(Value::as_text);
        certificate.filter(|_| self.name.key.is_https && !has_sni)
    }
}

/// Reports each binding that cannot stand beside an earlier one, where the product writes it.
pub(super) fn check(document: &Document, nodes: &[Settled<'_>], found: &mut Found) {
    let bindings = nodes.iter().filter(|settled| settled.is_there).filter_map(|settled| {
        let is_binding = settled.node.id.kind == NodeKind::IisBinding;
        let name = settled.node.id.name.as_str().parse().ok().filter(|_| is_binding)?;
        Some(Bound { settled, name })
    });
    let mut by_port: BTreeMap<(String, u16), Vec<Bound<'_, '_>>> = BTreeMap::new();
    for binding in bindings {
        let earlier = by_port.entry((binding.name.key.ip.clone(), binding.name.key.port)).or_default();
        if let Some((problem, advice)) = earlier.iter().find_map(|first| clash(first, &binding)) {
            let place = binding.settled.template.place.place;
            found.push(document, place, "binding-taken", problem, advice);
        }
        earlier.push(binding);
    }
}

/// Why the second cannot stand beside the first, which has the same address and port, and what to do.
fn clash(first: &Bound<'_, '_>, second: &Bound<'_, '_>) -> Option<(String, &'static str)> {
    let (one, other) = (&first.name.key, &second.name.key);
    let (before, node) = (&first.node().id, &second.node().id);
    if one.is_https != other.is_https {
        let problem = format!("{node} and {before} are http and https on one address and port");
        return Some((problem, "give one of them another port: a port answers in one way"));
    }
    if one.host == other.host && first.name.site != second.name.site {
        let problem = format!("{node} claims what {before} has: IIS starts only one of the two sites");
        return Some((problem, "give one of them another port or host name"));
    }
    match (first.bare_certificate(), second.bare_certificate()) {
        (Some(one), Some(other)) if one != other => {
            let problem = format!(
                "{node} wants the certificate {other} where {before} has {one}, and the port can have one without SNI"
            );
            Some((problem, "write `sni: true` for both, or give both one certificate"))
        }
        (Some(_) | None, Some(_) | None) => None,
    }
}
