//! The examples of `deploy/examples/sxa`, and layers, conditions and edges on small ones.

mod claims;
mod explain;
mod order;
mod secrets;
mod values;

use super::*;
use crate::check::check;
use crate::document::{Source, read};
use crate::name::Revision;
use crate::node::NodeKind;
use crate::secret::SecretRef;
use crate::view::{ExplainedValue, NamedValue};

const PRODUCT: &str = include_str!("../../../../deploy/examples/sxa/product.yaml");

const RING: &str = include_str!("../../../../deploy/examples/sxa/ring-pilot.yaml");

const CLIENT: &str = include_str!("../../../../deploy/examples/sxa/client-dupont.yaml");

const SITE: &str = include_str!("../../../../deploy/examples/sxa/site-dupont-prod.yaml");

fn documents(texts: &[&str]) -> Documents {
    let sources: Vec<Source> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| Source { path: format!("{index}.yaml"), content: text.as_bytes().to_vec() })
        .collect();
    match read(&sources) {
        Ok(documents) => documents.into_iter().collect(),
        Err(mistakes) => panic!("{}", crate::diagnostic::render(&mistakes, crate::diagnostic::Style::Plain)),
    }
}

fn resolved(texts: &[&str], site: &str) -> ResolvedSite {
    match resolve(&documents(texts), &site.parse().unwrap()) {
        Ok(site) => site,
        Err(mistakes) => panic!("{}", crate::diagnostic::render(&mistakes, crate::diagnostic::Style::Plain)),
    }
}

fn rules(mistakes: &[Diagnostic]) -> Vec<&str> {
    mistakes.iter().map(|mistake| mistake.rule.as_str()).collect()
}

fn refused(texts: &[&str]) -> Vec<Diagnostic> {
    check(&documents(texts))
}

/// The nodes of the first server: name, and what it needs.
fn edges(site: &ResolvedSite) -> Vec<String> {
    let nodes = site.servers.iter().flat_map(|server| &server.nodes);
    nodes
        .map(|node| {
            let needs: Vec<String> = node.needs.iter().map(|need| need.node.to_string()).collect();
            format!("{} <- {}", node.id, needs.join(", "))
        })
        .collect()
}

#[test]
fn the_example_is_the_guide_in_its_order() {
    let documents = documents(&[PRODUCT, RING, CLIENT, SITE]);
    assert_eq!(check(&documents), []);
    let site = resolve(&documents, &"dupont-prod".parse().unwrap()).unwrap();
    assert_eq!((site.time_zone.as_str(), site.servers.len()), ("Europe/Paris", 1));
    assert_eq!(site.servers[0].host.as_str(), "DUP-WEB01");
    // G2, G3, G13, G12, G15, G17.
    insta::assert_snapshot!(edges(&site).join("\n"));
    insta::assert_snapshot!("example_nodes", serde_json::to_string_pretty(&site.servers[0].nodes).unwrap());
}

#[test]
fn the_example_without_treasury_leaves_out_treasury_alone() {
    let without = SITE.replace("treasury: true", "treasury: false");
    let with = resolved(&[PRODUCT, RING, CLIENT, SITE], "dupont-prod");
    let without = resolved(&[PRODUCT, RING, CLIENT, &without], "dupont-prod");
    let mut expected = edges(&with);
    expected.retain(|line| !line.starts_with("package/treasury"));
    let expected: Vec<String> = expected
        .iter()
        .map(|line| line.replace("package/treasury, ", "").replace(", package/treasury", ""))
        .collect();
    // G2: skip Treasury only; what needed it goes on without it.
    let file = |line: &String| line.starts_with("file/");
    assert_eq!(edges(&without), expected);
    assert!(edges(&without).iter().any(file));
}

#[test]
fn ports_follow_the_first_one_and_may_be_set_by_hand() {
    // G6: batch +1, OData +2, PWA +3.
    let moved = SITE.replace("port: 1025 ", "port: 2000\n  odata_port: 4000 ");
    let site = resolved(&[PRODUCT, RING, CLIENT, &moved], "dupont-prod");
    let port = |name: &str| site.parameters[&name.parse::<ParameterName>().unwrap()].as_integer();
    assert_eq!(
        [port("port"), port("batch_port"), port("odata_port"), port("pwa_port")],
        [Some(2000), Some(2001), Some(4000), Some(2003)]
    );
}

#[test]
fn a_gate_carries_the_values_that_are_typed() {
    // G17; another tenant must ask again, so the value is part of the node.
    let site = resolved(&[PRODUCT, RING, CLIENT, SITE], "dupont-prod");
    let gate = site.servers[0].nodes.iter().find(|node| node.id.kind == NodeKind::ManualStep).unwrap();
    assert_eq!(gate.attributes["type_these"], Value::List(vec!["tenant=DUPONT".into()]));
}

/// A product of one parameter and one file that shows it, with more nodes or parameters after it.
fn small(parameters: &str, nodes: &str) -> String {
    format!(
        "kind: Product\nname: p\nversion: v1\nroles: [web, sql]\nparameters:\n{parameters}\nnodes:\n{nodes}\n"
    )
}

const SMALL_CLIENT: &str = "kind: Client\nname: c\n";

fn small_site(rest: &str) -> String {
    format!(
        "kind: Site\nname: s\nclient: c\nproduct: p v1\ntime_zone: Europe/Paris\nservers:\n  web: {{name: WEB1}}\n  sql: {{name: SQL1}}\n{rest}"
    )
}

const SHOW: &str = r"  - file: 'C:\x'
    content: 'a={{ a }}'
  - file: 'C:\x'
    server: sql
    content: 'a={{ a }}'";

fn shown(site: &ResolvedSite) -> Vec<&str> {
    site.servers.iter().map(|server| server.nodes[0].attributes["content"].as_text().unwrap()).collect()
}

#[test]
fn an_optional_role_that_a_site_leaves_out_takes_its_nodes_with_it() {
    let product = |optional: &str| {
        format!(
            "kind: Product\nname: p\nversion: '1'\nroles: [web, sql]\n{optional}nodes:\n  \
             - {{package: engine, version: '1', server: sql}}\n  \
             - {{package: app, version: '1', needs: ['sql:package/engine']}}\n"
        )
    };
    let site = |servers: &str| {
        format!("kind: Site\nname: s\nclient: c\nproduct: p 1\ntime_zone: UTC\nservers: {{{servers}}}\n")
    };
    let optional = product("optional_roles: [sql]\n");
    let name = "s".parse().unwrap();
    let one = site("web: {name: W1}");
    let alone = resolve(&documents(&[&optional, SMALL_CLIENT, &one]), &name).unwrap();
    assert_eq!(alone.servers.len(), 1);
    assert_eq!(alone.servers[0].nodes.iter().map(|node| node.needs.len()).collect::<Vec<_>>(), [0]);
    let both = site("web: {name: W1}, sql: {name: S1}");
    let both = resolve(&documents(&[&optional, SMALL_CLIENT, &both]), &name).unwrap();
    assert_eq!(both.servers.len(), 2);
    assert_eq!(both.servers[0].nodes[0].needs.len(), 1);
    assert_eq!(rules(&refused(&[&product(""), SMALL_CLIENT, &one])), ["unknown-node", "missing-role"]);
    let wrong = Source { path: "p".to_owned(), content: product("optional_roles: [db]\n").into_bytes() };
    assert_eq!(rules(&read(&[wrong]).unwrap_err()), ["unknown-role"]);
}

#[test]
fn a_condition_is_true_or_false() {
    let nodes = "  - package: p\n    when: a\n    version: v1";
    let found = refused(&[&small("  a: {type: string, default: yep}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["when-not-boolean"]);
}

#[test]
fn names_that_become_one_are_refused() {
    let nodes = "  - iis_app_pool: '{{ a }}'\n    enable_32bit: true\n  - iis_app_pool: Pool\n    enable_32bit: false";
    let found =
        refused(&[&small("  a: {type: iis_name, default: pool}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["duplicate-node"]);
}

#[test]
fn two_nodes_of_one_name_may_exclude_each_other() {
    let nodes = r"  - file: 'C:\x'
    when: a
    content: on
  - file: 'C:\x'
    when: not a
    content: 'off'"
        .replace("content: on", "content: 'on'");
    let product = small("  a: {type: boolean, default: true}", &nodes);
    let site = resolved(&[&product, SMALL_CLIENT, &small_site("parameters: {a: false}")], "s");
    assert_eq!(site.servers[0].nodes.len(), 1);
    assert_eq!(site.servers[0].nodes[0].attributes["content"], Value::from("off"));
}

#[test]
fn a_name_that_breaks_g5_is_refused_where_the_site_writes_it() {
    for name in ["Sage XRT", "Trésorerie", "-x", "a/b"] {
        let site = SITE.replace("  port: 1025", &format!("  app_pool: '{name}'\n  port: 1025"));
        let found = refused(&[PRODUCT, RING, CLIENT, &site]);
        assert_eq!(rules(&found), ["wrong-value"], "{name}");
        assert_eq!(found[0].path, "3.yaml");
        assert!(found[0].advice.contains("G5"));
    }
}

#[test]
fn every_reference_between_documents_is_checked_at_once() {
    let product = small("  a: {type: string, default: x}", SHOW);
    let site =
        "kind: Site\nname: s\nclient: d\nproduct: p v2\ntime_zone: Europe/Paris\nservers: {web: {name: W}}\n";
    assert_eq!(rules(&refused(&[&product, SMALL_CLIENT, site])), ["unknown-client", "unknown-product"]);
    let alone = refused(&[site]);
    assert!(alone[0].advice.contains("no file here holds a Client"), "{}", alone[0].advice);
    let site = small_site("parameters: {aa: x}").replace("  sql:", "  sqll:");
    assert_eq!(
        rules(&refused(&[&product, SMALL_CLIENT, &site])),
        ["missing-role", "unknown-role", "unknown-parameter"]
    );
    let client = "kind: Client\nname: c\nparameters: {b: x}\n";
    assert_eq!(rules(&refused(&[&product, client, &small_site("")])), ["unknown-parameter"]);
}

#[test]
fn one_computer_belongs_to_one_site() {
    let product = small("  a: {type: string, default: x}", SHOW);
    let other = small_site("").replace("name: s", "name: t").replace("WEB1", "web1").replace("SQL1", "SQL2");
    let found = refused(&[&product, SMALL_CLIENT, &small_site(""), &other]);
    assert_eq!(rules(&found), ["duplicate-host"]);
    assert_eq!(found[0].problem, "web1 belongs to Site s already");
}

#[test]
fn a_mistake_that_many_sites_share_is_said_once() {
    let product =
        small("  a: {type: string, default: x}", "  - package: one\n    version: v1\n    needs: [two]");
    let sites: Vec<String> = (0..5)
        .map(|n| {
            small_site("")
                .replace("name: s", &format!("name: s{n}"))
                .replace("WEB1", &format!("W{n}"))
                .replace("SQL1", &format!("S{n}"))
        })
        .collect();
    let mut texts = vec![product.as_str(), SMALL_CLIENT];
    texts.extend(sites.iter().map(String::as_str));
    let found = refused(&texts);
    assert_eq!(rules(&found), ["unknown-node"]);
    assert!(found[0].problem.ends_with("(for the site s0 and 4 more)"));
}

#[test]
fn a_product_without_a_site_is_checked_as_far_as_it_goes() {
    let product = small(
        "  a: {type: string}\n  b: {type: port, default: '{{ b }}'}",
        "  - package: one\n    version: v1\n    needs: [two]",
    );
    assert_eq!(rules(&refused(&[&product])), ["parameter-cycle", "unknown-node"]);
}

#[test]
fn an_expression_cannot_grow_without_bound() {
    let doubled: String = (1..40)
        .map(|n| format!("  a{n}: {{type: string, default: '{{{{ a{m} ~ a{m} }}}}'}}\n", m = n - 1))
        .collect();
    let parameters =
        format!("  a: {{type: string, default: x}}\n  a0: {{type: string, default: xxxxxxxx}}\n{doubled}");
    let found = refused(&[&small(&parameters, SHOW), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["value-too-large"]);
}
