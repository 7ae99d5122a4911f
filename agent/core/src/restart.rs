//! A restart that Windows waits for: what depends on a package is not done before it.
//!
//! An installer that ends with 3010 has left files to be replaced when Windows starts next; until then a service may run the
//! old ones beside the new. Neighbours: `journal` keeps which packages left that and in which start of the computer, the
//! engine asks before each step. Never restarts anything, and never says that a restart came: whoever asks compares starts.

use std::collections::BTreeSet;

use muster_model::manifest::{Manifest, Node};
use muster_model::name::NodeId;
use muster_model::node::NodeKind;
use muster_model::value::Value;

/// The package on this server whose restart comes before that node: one that it depends on directly or through others, that
/// `waits` names and whose own node does not say that it needs none. A `reboot` waits for nobody: it is what they wait for.
pub fn comes_first<'a>(
    manifest: &'a Manifest,
    node: &'a Node,
    waits: impl Fn(&NodeId) -> bool,
) -> Option<&'a Node> {
    if node.id.kind == NodeKind::Reboot {
        return None;
    }
    let mut known = BTreeSet::from([&node.id]);
    let mut left = vec![node];
    while let Some(later) = left.pop() {
        for earlier in before(manifest, later).filter(|earlier| known.insert(&earlier.id)) {
            if waits(&earlier.id) && !earlier.ignores_restart() {
                return Some(earlier);
            }
            left.push(earlier);
        }
    }
    None
}

/// What comes directly before that node on its own server, and the services and pools that it stops or starts: their code is
/// what waits. What fires a task is among its needs.
fn before<'a>(manifest: &'a Manifest, node: &'a Node) -> impl Iterator<Item = &'a Node> {
    let own = &manifest.server.role;
    let needs = node.needs.iter().filter(move |need| need.role == *own).map(|need| &need.node);
    let needs = needs.chain(&node.provided_by).filter_map(|id| manifest.node(id));
    let acts_on = [("services", NodeKind::Service), ("pools", NodeKind::IisAppPool)];
    needs.chain(acts_on.into_iter().flat_map(|(list, kind)| named(manifest, node, list, kind)))
}

/// The nodes of that kind that a list of names has. Windows takes capital and small letters for the same name.
fn named<'a>(
    manifest: &'a Manifest,
    node: &'a Node,
    list: &str,
    kind: NodeKind,
) -> impl Iterator<Item = &'a Node> {
    let items = match node.attributes.get(list) {
        Some(Value::List(items)) => items.as_slice(),
        Some(
            Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) | Value::Members(_),
        )
        | None => &[],
    };
    manifest.nodes.iter().filter(move |other| {
        let is = |name: &Value| {
            name.as_text().is_some_and(|name| other.id.name.as_str().eq_ignore_ascii_case(name))
        };
        other.id.kind == kind && items.iter().any(is)
    })
}

#[cfg(test)]
mod tests {
    use muster_model::manifest::Need;

    use super::*;
    use crate::sample::{id, manifest, node};

    fn needing(name: &str, role: &str, needs: &str) -> Node {
        let need = Need { role: role.parse().unwrap(), node: id(needs) };
        Node { needs: vec![need], ..node(name, &[], None) }
    }

    /// The sample, in which a service is the package's, with a chain behind that.
    fn chain() -> Manifest {
        let mut manifest = manifest();
        manifest.nodes.extend([
            needing("http_probe/behind", "web", "service/SCPSServer"),
            needing("http_probe/elsewhere", "sql", "package/advanced"),
            needing("reboot/after", "web", "package/advanced"),
            needing("file/C:\\after.ini", "web", "reboot/after"),
            node("application_start/app", &[("services", Value::List(vec!["scpsserver".into()]))], None),
            node("pool_recycle/sage", &[("pools", Value::List(vec!["Sage".into()]))], None),
            // A pool of that name is no service.
            node(
                "service_restart/other",
                &[("services", Value::List(vec!["W3SVC".into(), "Sage".into()]))],
                None,
            ),
        ]);
        manifest
    }

    fn first(manifest: &Manifest, name: &str) -> Option<String> {
        let node = manifest.node(&id(name)).unwrap();
        comes_first(manifest, node, |node| *node == id("package/advanced")).map(|node| node.id.to_string())
    }

    #[test]
    fn what_depends_on_the_package_waits_for_its_restart_at_any_distance() {
        let manifest = chain();
        for name in [
            "service/SCPSServer",
            "iis_app_pool/Sage",
            "http_probe/behind",
            "file/C:\\after.ini",
            "application_start/app",
            "pool_recycle/sage",
        ] {
            assert_eq!(first(&manifest, name).as_deref(), Some("package/advanced"), "{name}");
        }
        let service = manifest.node(&id("service/SCPSServer")).unwrap();
        assert_eq!(comes_first(&manifest, service, |_| false), None, "nothing waits");
    }

    #[test]
    fn what_does_not_depend_on_it_goes_on_and_so_does_the_restart_itself() {
        let manifest = chain();
        for name in [
            "package/advanced",
            "http_probe/scps",
            "http_probe/elsewhere",
            "reboot/after",
            "service_restart/other",
        ] {
            assert_eq!(first(&manifest, name), None, "{name}");
        }
    }

    #[test]
    fn a_package_that_says_that_it_needs_none_holds_nobody_up() {
        let mut manifest = chain();
        let mut says = |word: &str| {
            manifest.nodes[0].attributes.insert("restart".to_owned(), word.into());
            first(&manifest, "http_probe/behind")
        };
        assert_eq!(says("ignored"), None);
        assert_eq!(says("required").as_deref(), Some("package/advanced"), "as where it says nothing");
    }
}
