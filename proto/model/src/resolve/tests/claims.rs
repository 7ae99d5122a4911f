//! What two sites, or two nodes of one server, may not both have.

use super::*;

/// Two sites of one product with a database each, at these addresses.
fn with_databases(one: &str, other: &str, database: &str) -> Vec<Diagnostic> {
    let nodes = "  - sql_database: \"main/{{ a }}\"\n    managed_by: muster";
    let product =
        small("  a: {type: string, default: SXA}", nodes).replace("roles: [web, sql]", "roles: [web]");
    let site = |name: &str, address: &str, parameters: &str| {
        format!(
            "kind: Site\nname: {name}\nclient: c\nproduct: p v1\ntime_zone: UTC\nservers: {{web: {{name: {name}-1}}}}\nendpoints:\n  \
             main: {{address: '{address}'}}\n{parameters}"
        )
    };
    let other = site("t", other, &format!("parameters: {{a: {database}}}\n"));
    refused(&[&product, SMALL_CLIENT, &site("s", one, ""), &other])
}

#[test]
fn a_database_of_one_sql_server_belongs_to_one_site() {
    let found = with_databases("NOR-SQL01", "NOR-SQL01", "SXA");
    assert_eq!(rules(&found), ["database-taken"]);
    assert_eq!(
        (found[0].path.as_str(), found[0].source.as_str()),
        ("3.yaml", "  main: {address: 'NOR-SQL01'}")
    );
    assert_eq!(
        found[0].problem,
        "sql_database/main/SXA of t on NOR-SQL01 is sql_database/main/SXA of s already"
    );
}

#[test]
fn an_instance_is_the_same_in_every_spelling() {
    for (one, other) in
        [("nor-sql01", "NOR-SQL01"), ("NOR-SQL01", "NOR-SQL01,1433"), (r"H\TRESO", r"h\treso")]
    {
        assert_eq!(rules(&with_databases(one, other, "sxa")), ["database-taken"], "{one} {other}");
    }
}

#[test]
fn another_database_or_another_instance_is_free() {
    assert_eq!(with_databases("NOR-SQL01", "NOR-SQL01", "SXB"), []);
    assert_eq!(with_databases("NOR-SQL01", r"NOR-SQL01\TRESO", "SXA"), []);
    assert_eq!(with_databases("NOR-SQL01", "NOR-SQL01,1434", "SXA"), []);
}

/// The mistakes of a server with these bindings.
fn with_bindings(bindings: &[(&str, &str)]) -> Vec<Diagnostic> {
    let nodes: String = bindings
        .iter()
        .map(|(name, attributes)| format!("  - {{iis_binding: '{name}'{attributes}}}\n"))
        .collect();
    let product = small("  a: {type: string, default: x}", &nodes);
    refused(&[&product, SMALL_CLIENT, &small_site("")])
}

#[test]
fn two_sites_of_a_server_cannot_have_one_binding() {
    let found = with_bindings(&[("A/http/*:80:", ""), ("B/http/*:80:", "")]);
    assert_eq!(rules(&found), ["binding-taken"]);
    assert!(
        found[0].source.contains("B/http/*:80:") && found[0].problem.contains("iis_binding/A/http/*:80:")
    );
    assert_eq!(with_bindings(&[("A/http/*:80:a.example", ""), ("B/http/*:80:b.example", "")]), []);
    assert_eq!(with_bindings(&[("A/http/*:80:", ""), ("A/http/*:81:", "")]), []);
}

#[test]
fn a_port_answers_in_one_way_and_without_sni_with_one_certificate() {
    let found =
        with_bindings(&[("A/http/*:80:a.example", ""), ("A/https/*:80:b.example", ", certificate: CN=b")]);
    assert_eq!(rules(&found), ["binding-taken"]);
    let pair = |sni: &str, second: &str| {
        let one = format!(", sni: {sni}, certificate: CN=a");
        let other = format!(", sni: {sni}, certificate: CN={second}");
        with_bindings(&[("A/https/*:443:a.example", &one), ("B/https/*:443:b.example", &other)])
    };
    let found = pair("false", "b");
    assert_eq!(rules(&found), ["binding-taken"]);
    assert!(found[0].advice.contains("sni: true"));
    assert_eq!(pair("true", "b"), []);
    assert_eq!(pair("false", "a"), []);
}
