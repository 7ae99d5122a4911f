//! What obviously comes before a node, without anybody writing `needs`: pool before site, site before binding, certificate
//! before binding before grant, folder before what lies in it.
//!
//! Neighbours: `edges` looks for these among the nodes of the same server. One that is not there is no mistake: it may be
//! somebody else's.

use crate::binding::BindingName;
use crate::manifest::Node;
use crate::node::NodeKind;
use crate::value::Value;

/// The account of a pool's identity begins with this.
const POOL_ACCOUNT: &str = r"IIS APPPOOL\";

/// Something that comes before a node, and the attribute that says so.
pub(super) struct Implied {
    /// The attribute; the node's own name where there is none of that name.
    pub(super) attribute: &'static str,
    /// What comes before.
    pub(super) before: Before,
}

/// What comes before.
pub(super) enum Before {
    /// The node of that kind and name.
    Named(NodeKind, String),
    /// Every folder that the path lies in, and the one that it is.
    FolderOf(String),
    /// Every binding with that certificate.
    BindingWith(String),
}

impl Before {
    /// Whether a node that stands below is a mistake. A grant goes after the bindings that stand above it; one that comes
    /// later needs no grant before it.
    pub(super) fn is_firm(&self) -> bool {
        !matches!(self, Self::BindingWith(_))
    }

    /// Whether that node is meant. Windows takes capital and small letters for the same name.
    pub(super) fn is(&self, node: &Node) -> bool {
        let name = node.id.name.as_str().to_lowercase();
        match self {
            Self::Named(kind, wanted) => node.id.kind == *kind && name == wanted.to_lowercase(),
            Self::FolderOf(path) => {
                let folder = name.trim_end_matches('\\');
                let rest = path.to_lowercase().strip_prefix(folder).map(str::to_owned);
                node.id.kind == NodeKind::Folder
                    && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('\\'))
            }
            Self::BindingWith(certificate) => {
                let own = node.attributes.get("certificate").and_then(Value::as_text);
                node.id.kind == NodeKind::IisBinding
                    && own.is_some_and(|own| own.to_lowercase() == certificate.to_lowercase())
            }
        }
    }
}

/// Everything that obviously comes before that node.
pub(super) fn of(node: &Node) -> Vec<Implied> {
    let named =
        |attribute, kind, name: &str| Implied { attribute, before: Before::Named(kind, name.to_owned()) };
    let folder = |attribute, path: &str| Implied { attribute, before: Before::FolderOf(path.to_owned()) };
    let name = node.id.name.as_str();
    let mut implied: Vec<Implied> =
        pool_accounts(node).map(|pool| named("rights", NodeKind::IisAppPool, pool)).collect();
    match node.id.kind {
        NodeKind::IisSite => {
            let pools = texts(node, "app_pool").chain(texts(node, "application_pools"));
            implied.extend(pools.map(|pool| named("app_pool", NodeKind::IisAppPool, pool)));
            for attribute in ["physical_path", "applications", "virtual_directories"] {
                implied.extend(texts(node, attribute).map(|path| folder(attribute, path)));
            }
        }
        NodeKind::IisBinding => {
            let site = name.parse::<BindingName>().map(|name| name.site);
            implied.extend(site.iter().map(|site| named("name", NodeKind::IisSite, site.as_str())));
            let certificate = texts(node, "certificate");
            implied.extend(certificate.map(|name| named("certificate", NodeKind::Certificate, name)));
        }
        NodeKind::PrivateKeyAccess => {
            implied.push(named("name", NodeKind::Certificate, name));
            implied.push(Implied { attribute: "name", before: Before::BindingWith(name.to_owned()) });
        }
        NodeKind::File | NodeKind::Folder => implied.push(folder("name", name)),
        NodeKind::Certificate => {
            for attribute in ["pfx", "cer"] {
                implied.extend(texts(node, attribute).map(|path| folder(attribute, path)));
            }
            // A public certificate is a text that a document can hold.
            implied.extend(texts(node, "cer").map(|path| named("cer", NodeKind::File, path)));
        }
        NodeKind::Package
        | NodeKind::Service
        | NodeKind::IisAppPool
        | NodeKind::RegistryValue
        | NodeKind::WindowsFeature
        | NodeKind::HttpProbe
        | NodeKind::ManualStep
        | NodeKind::ServiceRestart
        | NodeKind::PoolRecycle
        | NodeKind::ApplicationStop
        | NodeKind::ApplicationStart
        | NodeKind::Reboot
        | NodeKind::SqlDatabase
        | NodeKind::SqlScripts
        | NodeKind::SqlBackup
        | NodeKind::SqlQuery
        | NodeKind::Preflight => {}
    }
    implied
}

/// Rights of a pool's identity come after the pool: the account exists only then.
fn pool_accounts(node: &Node) -> impl Iterator<Item = &str> {
    let rights = match node.attributes.get("rights") {
        Some(Value::Members(rights)) => Some(rights),
        Some(Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) | Value::Secret(_))
        | None => None,
    };
    rights.into_iter().flat_map(|rights| rights.keys()).filter_map(|account| {
        let start = account.get(..POOL_ACCOUNT.len())?;
        start.eq_ignore_ascii_case(POOL_ACCOUNT).then(|| &account[POOL_ACCOUNT.len()..])
    })
}

/// The text of an attribute, or the values of its members.
fn texts<'n>(node: &'n Node, attribute: &str) -> impl Iterator<Item = &'n str> {
    let (text, members) = match node.attributes.get(attribute) {
        Some(Value::Text(text)) => (Some(text), None),
        Some(Value::Members(members)) => (None, Some(members)),
        Some(Value::Boolean(_) | Value::Integer(_) | Value::List(_) | Value::Secret(_)) | None => {
            (None, None)
        }
    };
    text.into_iter().chain(members.into_iter().flat_map(|members| members.values())).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(name: &str, attributes: serde_json::Value) -> Node {
        serde_json::from_value(serde_json::json!({"id": name, "attributes": attributes})).unwrap()
    }

    /// Whether the first comes before the second.
    fn before(first: &Node, second: &Node) -> bool {
        of(second).iter().any(|implied| implied.before.is(first))
    }

    #[test]
    fn pool_then_site_then_certificate_and_binding_then_grant() {
        let none = || serde_json::json!({});
        let pool = node("iis_app_pool/Sage", none());
        let site =
            node("iis_site/Sage", serde_json::json!({"app_pool": "sage", "physical_path": r"C:\Sage\web"}));
        let certificate = node("certificate/CN=h", none());
        let binding = node("iis_binding/Sage/https/*:443:h", serde_json::json!({"certificate": "CN=H"}));
        let rights = serde_json::json!({"rights": {r"IIS APPPOOL\Sage": "read"}});
        let grant = node("private_key_access/CN=h", rights);
        let folder = node(r"folder/C:\Sage", none());
        let steps = [&folder, &pool, &site, &certificate, &binding, &grant];
        let edges: Vec<(usize, usize)> = (0..6)
            .flat_map(|first| (0..6).map(move |second| (first, second)))
            .filter(|(first, second)| first != second && before(steps[*first], steps[*second]))
            .collect();
        assert_eq!(edges, [(0, 2), (1, 2), (1, 5), (2, 4), (3, 4), (3, 5), (4, 5)]);
    }

    #[test]
    fn a_certificate_comes_after_the_file_that_it_is_imported_from() {
        let certificate = node("certificate/ca/CN=h", serde_json::json!({"cer": r"C:\CA\h.cer"}));
        assert!(before(&node(r"file/c:\ca\h.cer", serde_json::json!({})), &certificate));
        assert!(before(&node(r"folder/C:\CA", serde_json::json!({})), &certificate));
        assert!(!before(&node("certificate/CN=h", serde_json::json!({})), &certificate));
    }

    /// What names a certificate of another store names that one: the same subject in two stores is two nodes.
    #[test]
    fn a_binding_and_a_grant_come_after_the_certificate_of_their_store() {
        let certificate = |name: &str| node(&format!("certificate/{name}"), serde_json::json!({}));
        let bound = serde_json::json!({"certificate": "web_hosting/CN=h"});
        let binding = node("iis_binding/Sage/https/*:443:h", bound);
        let grant = node("private_key_access/web_hosting/CN=h", serde_json::json!({}));
        for later in [&binding, &grant] {
            assert!(before(&certificate("web_hosting/CN=h"), later) && !before(&certificate("CN=h"), later));
        }
    }

    #[test]
    fn a_folder_comes_before_what_lies_in_it_and_before_nothing_else() {
        let none = || serde_json::json!({});
        let folder = node(r"folder/C:\Sage", none());
        assert!(before(&folder, &node(r"file/c:\sage\a.ini", none())));
        assert!(before(&folder, &node(r"folder/C:\Sage\Import", none())));
        assert!(!before(&folder, &node(r"file/C:\SageOther\a.ini", none())));
    }
}
