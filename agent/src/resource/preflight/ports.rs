//! Who listens on a port, and whether that is this manifest's own (G6).
//!
//! Neighbours: `host::Inventory` names the listeners; what listens for IIS is looked up among its sites.

use muster_model::binding::BindingKey;
use muster_model::manifest::Node;
use muster_model::name::NodeId;
use muster_model::node::NodeKind;
use muster_model::preflight::PreflightItem;

use super::{Ask, Scope, items};
use crate::host::{Error, Host, Listener, Owner};

const ADVICE: &str = "stop it or give it another port, or give this product another one";

/// What listens, and the bindings of IIS.
pub(super) struct Listening {
    listeners: Vec<Listener>,
    bindings: Vec<(String, BindingKey, bool)>,
}

impl Listening {
    pub(super) fn read(host: &dyn Host) -> Result<Self, Error> {
        let inventory = host.inventory();
        // Without IIS nobody has to be asked who holds its bindings.
        let bindings = match inventory.iis_version()? {
            Some(_) => host.sites().bindings()?,
            None => Vec::new(),
        };
        Ok(Self { listeners: inventory.listeners()?, bindings })
    }

    /// Who holds the port and is not this manifest's own, in words.
    pub(super) fn foreign(&self, port: u16, scope: &Scope<'_>) -> Vec<String> {
        let holders = self.on(port).flat_map(|by| match by {
            Owner::HttpSys => self.foreign_sites(port, scope),
            Owner::Service(_) | Owner::Program(_) | Owner::Unnamed => {
                program(by, scope).into_iter().collect()
            }
        });
        holders.collect()
    }

    /// Who listens on the port.
    fn on(&self, port: u16) -> impl Iterator<Item = &Owner> {
        self.listeners.iter().filter(move |listener| listener.port == port).map(|listener| &listener.by)
    }

    /// Sites of others on a port of HTTP.SYS. A program beside IIS may use HTTP.SYS, too.
    fn foreign_sites(&self, port: u16, scope: &Scope<'_>) -> Vec<String> {
        let mut sites: Vec<&str> = self
            .bindings
            .iter()
            .filter(|(_, key, _)| key.port == port)
            .map(|(site, ..)| site.as_str())
            .collect();
        sites.dedup();
        if sites.is_empty() {
            return vec![
                "Windows itself, or a program that uses HTTP.SYS (`netsh http show servicestate`)".to_owned(),
            ];
        }
        let foreign = sites.into_iter().filter(|site| !is_our_site(scope, site));
        foreign.map(|site| format!("site {site} of IIS")).collect()
    }

    /// Sites that have this very binding, beside that one.
    pub(super) fn same_binding<'l>(
        &'l self,
        site: &'l str,
        key: &'l BindingKey,
    ) -> impl Iterator<Item = &'l str> {
        let others = self.bindings.iter().filter(move |(other, ..)| !other.eq_ignore_ascii_case(site));
        others
            .filter(move |(_, other, _)| {
                (other.endpoint(false), &other.host) == (key.endpoint(false), &key.host)
            })
            .map(|(other, ..)| other.as_str())
    }

    /// Who listens on the port without HTTP.SYS, with which no site can share it.
    pub(super) fn beside_http_sys(&self, port: u16, scope: &Scope<'_>) -> Vec<String> {
        self.on(port).filter_map(|by| program(by, scope)).collect()
    }
}

/// Looks at each port of the node's list.
pub(super) fn look(ask: &Ask<'_>, node: &Node, scope: &Scope<'_>, host: &dyn Host) -> Vec<PreflightItem> {
    let listening = Listening::read(host);
    let ports = items(node, "free_ports").iter().filter_map(|port| u16::try_from(port.as_integer()?).ok());
    ports
        .map(|port| {
            let fact = listening.as_ref().map_err(Clone::clone);
            ask.judge(fact, "free, or held by what this product brings", ADVICE, |listening| match listening
                .foreign(port, scope)
                .as_slice()
            {
                [] => (true, format!("nothing of others listens on port {port}")),
                holders => (false, format!("port {port} is held by {}", holders.join(", "))),
            })
        })
        .collect()
}

/// Who listens without HTTP.SYS and is not this manifest's own.
fn program(by: &Owner, scope: &Scope<'_>) -> Option<String> {
    match by {
        Owner::HttpSys => None,
        Owner::Service(name) if is_named(scope, NodeKind::Service, name) => None,
        Owner::Service(name) => Some(format!("service {name}")),
        Owner::Program(name) => Some(name.clone()),
        Owner::Unnamed => Some("a program that Windows does not name".to_owned()),
    }
}

/// Whether the manifest names such a thing.
fn is_named(scope: &Scope<'_>, kind: NodeKind, name: &str) -> bool {
    let nodes = &scope.manifest.nodes;
    nodes.iter().any(|node| node.id.kind == kind && node.id.name.as_str().eq_ignore_ascii_case(name))
}

fn is_our_site(scope: &Scope<'_>, name: &str) -> bool {
    let id = name.parse().map(|name| NodeId { kind: NodeKind::IisSite, name });
    id.is_ok_and(|id| scope.is_ours(&id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_binding_of_another_site_is_the_same_however_iis_writes_every_address() {
        for (other, is_same) in [
            ("http/*:1025:sxa.example", true),
            ("http/:1025:sxa.example", true),
            ("http/0.0.0.0:1025:sxa.example", true),
            ("http/10.1.2.3:1025:sxa.example", false),
            ("http/*:1025:*.example", false),
            ("http/*:1026:sxa.example", false),
        ] {
            let bindings = vec![("Other".to_owned(), BindingKey::seen(other).unwrap(), false)];
            let listening = Listening { listeners: Vec::new(), bindings };
            let key = "http/*:1025:sxa.example".parse().unwrap();
            let same: Vec<&str> = listening.same_binding("Sage", &key).collect();
            assert_eq!(same, if is_same { vec!["Other"] } else { vec![] }, "{other}");
        }
    }
}
