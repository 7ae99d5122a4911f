//! Manifests: from a resolved server to what its agent compares with.
//!
//! Neighbours: the model resolves documents into nodes, the store keeps the manifests. A generation rises only when
//! something changed; it never goes back and is never used for two different manifests. Documents say which secrets a node
//! uses, the store at which version: a new version is a change.

use std::collections::BTreeMap;

use muster_model::FORMAT;
use muster_model::manifest::{Manifest, Node};
use muster_model::name::{Generation, HostName, NodeId, ParameterName, ProductId, SecretVersion, ServerId};
use muster_model::secret::SecretRef;
use muster_model::value::Value;

use crate::record::{Error, Record};

/// What the documents say of one server, with every parameter settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The server.
    pub server: ServerId,
    /// Its computer name.
    pub host: HostName,
    /// The product at the version that the site names.
    pub product: ProductId,
    /// The nodes, in the order of the product's file.
    pub nodes: Vec<Node>,
}

/// The newest version of each secret of a site that has one.
pub type SecretVersions = BTreeMap<ParameterName, SecretVersion>;

impl Wanted {
    /// The same with the newest version of each secret that it uses; one that was never set keeps version 0.
    #[must_use]
    pub fn with_secrets(mut self, versions: &SecretVersions) -> Self {
        for node in &mut self.nodes {
            node.attributes.values_mut().for_each(|value| settle(value, versions));
            let login = node.endpoint.as_mut().and_then(|endpoint| endpoint.login.as_mut());
            login.into_iter().for_each(|login| newest(&mut login.password, versions));
        }
        self
    }
}

fn newest(secret: &mut SecretRef, versions: &SecretVersions) {
    secret.version = versions.get(&secret.secret).copied().unwrap_or(SecretVersion(0));
}

fn settle(value: &mut Value, versions: &SecretVersions) {
    match value {
        Value::Secret(secret) => newest(secret, versions),
        Value::List(values) => values.iter_mut().for_each(|value| settle(value, versions)),
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Members(_) => {}
    }
}

/// The new manifest of a server; none where the newest stored one says the same, and its bytes are used again. `below` is
/// 0, or the generation up to which everything is old since a restore of the controller: the server's agent may know
/// manifests that nothing here does, and a stored one is not used again.
///
/// # Errors
/// Where the manifest cannot be written.
pub fn manifest(
    wanted: Wanted,
    newest: Option<&Manifest>,
    below: Generation,
) -> Result<Option<Record<Manifest>>, Error> {
    let Wanted { server, host, product, nodes: named } = wanted;
    let nodes = newest.map(|newest| left_over(newest, &named)).unwrap_or_default();
    let nodes = nodes.into_iter().chain(named).collect();
    let stored = newest.map_or(Generation(0), |manifest| manifest.generation);
    let generation = Generation(stored.max(below).0 + 1);
    let compiled = Manifest { format: FORMAT, server, host, product, generation, nodes };
    if stored > below && newest.is_some_and(|newest| same(newest, &compiled)) {
        return Ok(None);
    }
    Record::new(compiled).map(Some)
}

/// What the last manifest had and the documents no longer name, where it is to go: last first, because what comes later
/// stands on what comes earlier. It stays listed, so that a server that was off for months still learns of it.
fn left_over(newest: &Manifest, named: &[Node]) -> Vec<Node> {
    let is_named = |id: &NodeId| {
        named.iter().any(|node| {
            node.id.kind == id.kind && node.id.name.as_str().eq_ignore_ascii_case(id.name.as_str())
        })
    };
    let goes = |node: &&Node| (node.absent || node.prune) && node.id.kind.is_pruned() && !is_named(&node.id);
    let mut ids: Vec<NodeId> = newest.nodes.iter().filter(goes).map(|node| node.id.clone()).collect();
    ids.sort();
    ids.into_iter().rev().map(Node::gone).collect()
}

/// Whether two manifests say the same of the same server, their generations aside.
fn same(one: &Manifest, other: &Manifest) -> bool {
    let Manifest { format, server, host, product, generation: _, nodes } = one;
    *format == other.format
        && *server == other.server
        && *host == other.host
        && *product == other.product
        && *nodes == other.nodes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::wanted;

    const POOL: &str = r#"[{"id": "iis_app_pool/sxa", "attributes": {"load_user_profile": true}}]"#;

    #[test]
    fn the_first_manifest_has_generation_one() {
        let first = manifest(wanted(POOL), None, Generation(0)).unwrap().unwrap();
        assert_eq!(first.value().generation, Generation(1));
        assert_eq!(Record::read(first.bytes().to_vec()).unwrap(), first);
    }

    #[test]
    fn the_same_documents_make_no_new_manifest() {
        let first = manifest(wanted(POOL), None, Generation(0)).unwrap().unwrap();
        assert_eq!(manifest(wanted(POOL), Some(first.value()), Generation(0)).unwrap(), None);
    }

    #[test]
    fn each_change_raises_the_generation_by_one() {
        let first = manifest(wanted(POOL), None, Generation(0)).unwrap().unwrap();
        let changes: [fn(&mut Wanted); 3] = [
            |wanted| wanted.nodes.clear(),
            |wanted| wanted.host = "DUP-WEB02".parse().unwrap(),
            |wanted| wanted.product = "sxa 2023-r1".parse().unwrap(),
        ];
        for change in changes {
            let mut wanted = wanted(POOL);
            change(&mut wanted);
            let second = manifest(wanted, Some(first.value()), Generation(0)).unwrap().unwrap();
            assert_eq!(second.value().generation, Generation(2));
            assert_ne!(second.digest(), first.digest());
        }
    }

    /// Promise 5: the agent accepted generation 5 of a controller that is lost, so that nothing up to it is given again.
    #[test]
    fn after_a_restore_the_same_documents_make_a_manifest_above_what_the_agent_remembers() {
        let first = manifest(wanted(POOL), None, Generation(0)).unwrap().unwrap();
        for below in [1, 5] {
            let next = manifest(wanted(POOL), Some(first.value()), Generation(below)).unwrap().unwrap();
            assert_eq!(next.value().generation, Generation(below + 1));
            assert_eq!(manifest(wanted(POOL), Some(next.value()), Generation(below)).unwrap(), None);
        }
        assert_eq!(
            manifest(wanted(POOL), None, Generation(5)).unwrap().unwrap().value().generation,
            Generation(6)
        );
    }

    #[test]
    fn what_is_to_go_stays_listed_as_absent_until_it_is_named_again() {
        let pruned = r#"[{"id": "iis_app_pool/a", "attributes": {}, "prune": true}, {"id": "iis_site/b", "attributes": {}, "prune": true},
            {"id": "package/p", "attributes": {}, "prune": true}, {"id": "service/s", "attributes": {}, "prune": true},
            {"id": "iis_app_pool/kept", "attributes": {}}]"#;
        let first = manifest(wanted(pruned), None, Generation(0)).unwrap().unwrap();
        let second = manifest(wanted("[]"), Some(first.value()), Generation(0)).unwrap().unwrap();
        let listed = |record: &Record<Manifest>| -> Vec<String> {
            record.value().nodes.iter().map(|node| format!("{} {}", node.id, node.absent)).collect()
        };
        let gone = ["iis_site/b true", "iis_app_pool/a true", "service/s true"];
        assert_eq!(listed(&second), gone, "last first; packages never");
        assert_eq!(manifest(wanted("[]"), Some(second.value()), Generation(0)).unwrap(), None);
        let named = r#"[{"id": "iis_app_pool/A", "attributes": {}}]"#;
        let third = manifest(wanted(named), Some(second.value()), Generation(0)).unwrap().unwrap();
        assert_eq!(listed(&third), ["iis_site/b true", "service/s true", "iis_app_pool/A false"]);
    }

    #[test]
    fn a_new_version_of_a_secret_is_a_change_and_an_unset_one_has_version_zero() {
        const SERVICE: &str = r#"[{"id": "service/Batch", "attributes": {"account": ".\\svc",
            "password": {"site": "dupont-prod", "secret": "batch_password", "version": 0}}}]"#;
        let versions = |version: u64| {
            SecretVersions::from([("batch_password".parse().unwrap(), SecretVersion(version))])
        };
        let unset = manifest(wanted(SERVICE).with_secrets(&SecretVersions::new()), None, Generation(0))
            .unwrap()
            .unwrap();
        assert!(unset.value().secrets().all(|(_, secret)| !secret.is_set()));
        let first = wanted(SERVICE).with_secrets(&versions(1));
        let first = manifest(first, Some(unset.value()), Generation(0)).unwrap().unwrap();
        assert_eq!(first.value().generation, Generation(2));
        let same = wanted(SERVICE).with_secrets(&versions(1));
        assert_eq!(manifest(same, Some(first.value()), Generation(0)).unwrap(), None);
    }

    #[test]
    fn a_manifest_of_a_newer_format_is_refused() {
        let mut newer = manifest(wanted(POOL), None, Generation(0)).unwrap().unwrap().into_parts().0;
        newer.format = FORMAT + 1;
        let bytes = serde_json::to_vec(&newer).unwrap();
        assert!(matches!(Record::<Manifest>::read(bytes), Err(Error::Format("manifest", 2))));
    }
}
