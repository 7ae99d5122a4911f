//! Manifests for the stories: a small product on one server.

use std::collections::BTreeMap;

use muster_model::manifest::{Manifest, Node};
use muster_model::name::Generation;
use muster_model::value::Value;

pub(crate) const FILE: &str = r"C:\Sage\m.ini";

pub(crate) fn node(id: &str, attributes: &[(&str, Value)], provided_by: Option<&str>) -> Node {
    Node {
        attributes: attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect(),
        provided_by: provided_by.map(|id| id.parse().unwrap()),
        ..Node::bare(id.parse().unwrap())
    }
}

pub(crate) fn members(list: &[(&str, &str)]) -> Value {
    let members: BTreeMap<String, String> =
        list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    Value::Members(members)
}

pub(crate) fn manifest(generation: u64, nodes: Vec<Node>) -> Manifest {
    Manifest {
        format: muster_model::FORMAT,
        server: "dupont-prod/web".parse().unwrap(),
        host: "DUP-WEB01".parse().unwrap(),
        product: "sxa 2022-r2".parse().unwrap(),
        generation: Generation(generation),
        nodes,
    }
}

/// A package, the service and the pool that it makes, a file, and a probe of the service.
pub(crate) fn product(generation: u64, version: &str) -> Manifest {
    let expect = Value::List(vec![Value::Integer(200), Value::Integer(401)]);
    manifest(
        generation,
        vec![
            node("package/advanced", &[("version", version.into())], None),
            node(
                "service/Batch",
                &[("start", "automatic".into()), ("state", "running".into()), ("settle_seconds", 0.into())],
                Some("package/advanced"),
            ),
            node(
                "iis_app_pool/Sage",
                &[("enable_32bit", false.into()), ("load_user_profile", true.into())],
                Some("package/advanced"),
            ),
            node(
                &format!("file/{FILE}"),
                &[("content", "port=1025\r\n".into()), ("rights", members(&[("DUP\\svc", "modify")]))],
                None,
            ),
            node(
                "http_probe/batch",
                &[("url", "http://localhost/Batch".into()), ("expect_status", expect)],
                None,
            ),
        ],
    )
}
