//! What the attributes of one node must have together, beyond the type of each.
//!
//! Neighbours: `nodes` asks for every node that is there, once its values are settled. The table of kinds says what each
//! attribute may hold alone.

use std::collections::BTreeSet;

use crate::manifest::Node;
use crate::node::NodeKind;
use crate::value::Value;

/// What is wrong with the node's attributes together, and what to do; nothing where they agree.
pub(super) fn check(node: &Node) -> Option<(String, &'static str)> {
    let given = || node.attributes.keys().map(String::as_str).collect::<Vec<_>>();
    match node.id.kind {
        NodeKind::RegistryValue if given().len() != 1 => {
            let types = match given().as_slice() {
                [] => "no type and no value".to_owned(),
                several => format!("more than one type: {}", several.join(", ")),
            };
            let advice = "give exactly one of string, expand_string, multi_string, dword, qword";
            Some((format!("{} has {types}", node.id), advice))
        }
        NodeKind::SqlScripts => twice(node).map(|file| {
            let advice = "a script runs once; list each file once, and do not list two files of one content";
            (format!("{} has {file} twice, or another file of the same SHA-256", node.id), advice)
        }),
        NodeKind::Package
        | NodeKind::Service
        | NodeKind::IisAppPool
        | NodeKind::Folder
        | NodeKind::File
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
        | NodeKind::SqlQuery => None,
    }
}

/// The script that another one in the list has the digest of: their markers would be one.
fn twice(node: &Node) -> Option<&str> {
    let Some(Value::List(items)) = node.attributes.get("scripts") else { return None };
    let mut seen = BTreeSet::new();
    items.iter().find_map(|item| match item {
        Value::Members(script) => {
            let digest = script.get("sha256")?.to_lowercase();
            (!seen.insert(digest)).then(|| script.get("file").map_or("a file", String::as_str))
        }
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::List(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(node: serde_json::Value) -> Option<String> {
        check(&serde_json::from_value(node).unwrap()).map(|(problem, _)| problem)
    }

    #[test]
    fn a_registry_value_has_exactly_one_type() {
        let node = |attributes| {
            problem(serde_json::json!({"id": r"registry_value/HKLM\S\V", "attributes": attributes}))
        };
        assert_eq!(node(serde_json::json!({"dword": 1})), None);
        let none = node(serde_json::json!({})).unwrap();
        assert!(none.ends_with("has no type and no value"), "{none}");
        let two = node(serde_json::json!({"dword": 1, "string": "1"})).unwrap();
        assert!(two.ends_with("more than one type: dword, string"), "{two}");
    }
}
