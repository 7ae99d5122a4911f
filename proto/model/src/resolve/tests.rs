//! The examples of `deploy/examples/sxa`, and layers, conditions and edges on small ones.

mod secrets;

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
fn a_layer_replaces_the_one_below_it() {
    let product = small("  a: {type: string, default: product}", SHOW);
    let client = "kind: Client\nname: c\nparameters: {a: client}\n";
    let ring = "kind: Ring\nname: pilot\nparameters: {a: ring}\n";
    let of = |client: &str, site: &str| {
        let site = resolved(&[&product, ring, client, &small_site(site)], "s");
        shown(&site).join(" ")
    };
    assert_eq!(of(SMALL_CLIENT, ""), "a=product a=product");
    assert_eq!(of(SMALL_CLIENT, "ring: pilot"), "a=ring a=ring");
    assert_eq!(of(client, "ring: pilot"), "a=client a=client");
    assert_eq!(of(client, ""), "a=client a=client");
    assert_eq!(of(client, "parameters: {a: site}"), "a=site a=site");
    let server =
        small_site("parameters: {a: site}").replace("{name: SQL1}", "{name: SQL1, parameters: {a: server}}");
    assert_eq!(shown(&resolved(&[&product, client, &server], "s")).join(" "), "a=site a=server");
}

#[test]
fn a_ring_that_is_not_there_and_a_value_of_a_ring_that_no_product_has_are_refused() {
    let product = small("  a: {type: string, default: x}", SHOW);
    let site = small_site("ring: pilto");
    let ring = "kind: Ring\nname: pilot\nparameters: {a: ring}\n";
    let found = refused(&[&product, ring, SMALL_CLIENT, &site]);
    assert_eq!(rules(&found), ["unknown-ring"]);
    assert!(found[0].advice.contains("pilot"), "{}", found[0].advice);
    let site = small_site("ring: pilot");
    let found = refused(&[&product, &ring.replace("{a:", "{b:"), SMALL_CLIENT, &site]);
    assert_eq!(rules(&found), ["unknown-parameter"]);
    assert_eq!((found[0].path.as_str(), found[0].line), ("1.yaml", 3));
}

#[test]
fn a_value_is_explained_by_the_layer_that_won_what_it_shadows_and_what_it_was_computed_from() {
    let explained = |texts: &[&str], name: &str| {
        explain(&documents(texts), Revision(7), &"dupont-prod".parse().unwrap(), &name.parse().unwrap())
            .unwrap()
    };
    let all = [PRODUCT, RING, CLIENT, SITE];
    let port = explained(&all, "batch_port");
    assert_eq!((port.ty.as_str(), port.fixed, port.values.len()), ("port", false, 1));
    let value = &port.values[0];
    assert_eq!((&value.value, value.from.layer), (&Value::Integer(1026), LayerName::Default));
    assert_eq!(value.from.written, "{{ port + 1 }}");
    assert_eq!(
        value.computed_from,
        [NamedValue { parameter: "port".parse().unwrap(), value: Value::Integer(1025) }]
    );
    // Ring over default; each with its line in its file.
    let ring = explained(&all, "idle_logoff_minutes");
    let layers = |value: &ExplainedValue| -> Vec<(LayerName, String)> {
        std::iter::once(&value.from)
            .chain(&value.shadows)
            .map(|from| {
                let text = all[from.path.trim_end_matches(".yaml").parse::<usize>().unwrap()];
                let line = text.lines().nth(from.line as usize - 1).unwrap();
                (from.layer, line.split('#').next().unwrap().trim().to_owned())
            })
            .collect()
    };
    let line = |text: &str| text.to_owned();
    assert_eq!(
        layers(&ring.values[0]),
        [(LayerName::Ring, line("idle_logoff_minutes: 30")), (LayerName::Default, line("default: 30"))]
    );
    // G9: what is forced, and why.
    let odata = explained(&all, "odata");
    assert_eq!(odata.values[0].reason.as_deref(), Some("Treasury needs OData (G9)"));
    assert_eq!(odata.values[0].computed_from[0].parameter.as_str(), "treasury");
    assert_eq!(
        layers(&odata.values[0]),
        [
            (LayerName::Force, line("- {when: treasury, value: true, reason: Treasury needs OData (G9)}")),
            (LayerName::Default, line("default: false"))
        ]
    );
    assert!(explained(&all, "language").fixed, "G4");
}

#[test]
fn servers_with_values_of_their_own_are_explained_apart() {
    let product = small("  a: {type: string, default: product}", SHOW);
    let site = small_site("parameters: {a: site}");
    let of = |site: &str| {
        let documents = documents(&[&product, SMALL_CLIENT, site]);
        explain(&documents, Revision(1), &"s".parse().unwrap(), &"a".parse().unwrap()).unwrap().values
    };
    assert_eq!(of(&site)[0].servers.len(), 2);
    let values = of(&site.replace("{name: SQL1}", "{name: SQL1, parameters: {a: server}}"));
    let shown: Vec<(String, LayerName, usize)> = values
        .iter()
        .map(|value| (value.servers[0].to_string(), value.from.layer, value.shadows.len()))
        .collect();
    assert_eq!(shown, [("web".to_owned(), LayerName::Site, 1), ("sql".to_owned(), LayerName::Server, 2)]);
}

#[test]
fn a_mistyped_parameter_is_not_explained_but_named_with_one_that_is_near() {
    let documents = documents(&[PRODUCT, RING, CLIENT, SITE]);
    let site = "dupont-prod".parse().unwrap();
    let error = explain(&documents, Revision(1), &site, &"oddata".parse().unwrap()).unwrap_err();
    assert!(error.to_string().contains("did you mean `odata`?"), "{error}");
}

#[test]
fn a_fixed_parameter_of_an_installed_site_keeps_its_value_whichever_layer_would_change_it() {
    // G4, G5.
    let name = "dupont-prod".parse().unwrap();
    let installed = documents(&[PRODUCT, RING, CLIENT, SITE]);
    let changed = |texts: &[&str], held: &Documents| {
        changed_fixed(&installed, held, &documents(texts), &name, "by anne")
    };
    let english = CLIENT.replace("language: fr", "language: en");
    let found = changed(&[PRODUCT, RING, &english, SITE], &installed);
    assert_eq!(rules(&found), ["fixed-parameter"]);
    assert_eq!((found[0].path.as_str(), found[0].line), ("2.yaml", 7));
    assert!(found[0].problem.contains("`language`") && found[0].problem.contains("by anne"));
    let overruled = SITE.replace("  port: 1025", "  language: fr\n  port: 1025");
    assert_eq!(
        changed(&[PRODUCT, RING, &english, &overruled], &installed),
        [],
        "the resolved value is the same"
    );
    let moved = SITE.replace("  port: 1025", "  iis_site_name: Other\n  port: 2025");
    let found = changed(&[PRODUCT, RING, CLIENT, &moved], &installed);
    assert_eq!(rules(&found), ["fixed-parameter", "fixed-parameter"], "the pool follows; the port is free");
    let held = documents(&[PRODUCT, RING, CLIENT, &moved]);
    assert_eq!(
        changed(&[PRODUCT, RING, CLIENT, &moved], &held),
        [],
        "what was there before is not this push's"
    );
    let freed = PRODUCT.replace(
        "values: [fr, en]                          # unverified beyond these two\n    fixed: true",
        "values: [fr, en]",
    );
    assert_ne!(freed, PRODUCT);
    assert_eq!(rules(&changed(&[&freed, RING, &english, SITE], &installed)), ["fixed-parameter"]);
}

#[test]
fn odata_is_on_with_treasury_whatever_the_layers_say_and_the_reason_is_given() {
    // G9.
    let of = |site: &str| refused(&[PRODUCT, RING, CLIENT, site]);
    let value = |site: &str| {
        resolved(&[PRODUCT, RING, CLIENT, site], "dupont-prod").parameters[&"odata".parse().unwrap()].clone()
    };
    assert_eq!(value(SITE), Value::Boolean(true));
    assert_eq!(value(&format!("{SITE}  odata: true\n")), Value::Boolean(true));
    let without = SITE.replace("treasury: true", "treasury: false");
    assert_eq!(value(&without), Value::Boolean(false));
    assert_eq!(value(&format!("{without}  odata: true\n")), Value::Boolean(true));
    let found = of(&format!("{SITE}  odata: false\n"));
    assert_eq!(rules(&found), ["forced-value"]);
    assert_eq!(found[0].source, "  odata: false");
    assert!(found[0].problem.contains("Treasury needs OData (G9)"), "{}", found[0].problem);
    let ring = format!("{RING}  odata: false\n");
    let found = refused(&[PRODUCT, &ring, CLIENT, SITE]);
    assert_eq!((rules(&found), found[0].path.as_str()), (vec!["forced-value"], "1.yaml"));
}

#[test]
fn the_first_force_whose_condition_holds_wins_and_gives_a_value_where_no_layer_does() {
    let force = "  num: {type: integer, default: 1}\n  a:\n    type: string\n    force:\n      - {when: num > 2, value: 'big{{ num }}', reason: r}\n      - {when: num > 1, value: more, reason: r}";
    let of = |n: &str| {
        let site = small_site(&format!("parameters: {{num: {n}}}"));
        check(&documents(&[&small(force, SHOW), SMALL_CLIENT, &site]))
            .is_empty()
            .then(|| shown(&resolved(&[&small(force, SHOW), SMALL_CLIENT, &site], "s"))[0].to_owned())
    };
    assert_eq!(of("3").as_deref(), Some("a=big3"));
    assert_eq!(of("2").as_deref(), Some("a=more"));
    assert_eq!(of("1"), None, "a missing value is still missing");
}

#[test]
fn a_force_is_held_to_its_type_its_names_and_no_circle() {
    let with = |force: &str| {
        let parameters = format!(
            "  num: {{type: integer, default: 1}}\n  a: {{type: string, default: x, force: [{force}]}}"
        );
        let product = small(&parameters, SHOW);
        match read(&[Source { path: "p".to_owned(), content: product.as_bytes().to_vec() }]) {
            Err(mistakes) => mistakes,
            Ok(_) => refused(&[&product, SMALL_CLIENT, &small_site("")]),
        }
    };
    let cases = [
        ("{when: num > 0, value: 1, reason: r}", "wrong-type"),
        ("{when: m, value: x, reason: r}", "unknown-parameter"),
        ("{when: num, value: x, reason: r}", "when-not-boolean"),
        ("{when: num > 0, value: z}", "missing-key"),
        ("{when: a == 'x', value: z, reason: r}", "parameter-cycle"),
    ];
    for (force, rule) in cases {
        assert_eq!(rules(&with(force)), [rule], "{force}");
    }
}

#[test]
fn a_broken_rule_is_told_in_the_products_words_where_the_site_can_mend_it() {
    // G5.
    let site = SITE.replace("  port: 1025", "  app_pool: Other\n  port: 1025");
    let found = refused(&[PRODUCT, RING, CLIENT, &site]);
    assert_eq!(rules(&found), ["rule-broken"]);
    assert_eq!(found[0].source, "  app_pool: Other");
    assert_eq!(found[0].problem, "the IIS site and its pool keep one name (G5)");
    assert!(found[0].advice.contains("app_pool is Other, iis_site_name is Sage.XRT.Advanced"));
}

#[test]
fn two_ports_of_one_server_are_not_the_same() {
    // G6: 1025 brings 1026, 1027 and 1028 with it; the hand-set one is the one to change.
    let site = SITE.replace("  port: 1025", "  port: 1025\n  odata_port: 1026");
    let found = refused(&[PRODUCT, RING, CLIENT, &site]);
    assert_eq!(rules(&found), ["port-taken"]);
    assert!(found[0].source.starts_with("  odata_port: 1026"));
    assert!(found[0].problem.contains("`batch_port` and `odata_port` are both 1026 on the server `web`"));
    let moved = SITE.replace("  port: 1025", "  port: 2025\n  odata_port: 1026");
    resolve(&documents(&[PRODUCT, RING, CLIENT, &moved]), &"dupont-prod".parse().unwrap()).unwrap();
}

#[test]
fn ports_of_different_servers_may_be_the_same() {
    let product = |server: &str| {
        format!(
            "kind: Product\nname: p\nversion: '1'\nroles: [a, b]\nparameters:\n  x: {{type: port, default: 80, server: a}}\n  \
             y: {{type: port, default: 80{server}}}\nnodes:\n  - {{package: one, version: '1'}}\n"
        )
    };
    let site = "kind: Site\nname: s\nclient: c\nproduct: p 1\ntime_zone: UTC\nservers: {a: {name: A1}, b: {name: B1}}\n";
    let name = "s".parse().unwrap();
    resolve(&documents(&[&product(", server: b"), SMALL_CLIENT, site]), &name).unwrap();
    assert_eq!(rules(&refused(&[&product(""), SMALL_CLIENT, site])), ["port-taken"]);
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
fn a_rule_that_no_value_of_the_site_breaks_is_told_at_its_name() {
    let parameters = "  a: {type: string, default: x}\nrules:\n  - {require: a == 'z', message: want z}";
    let found = refused(&[&small(parameters, SHOW), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["rule-broken"]);
    assert_eq!((found[0].path.as_str(), found[0].source.as_str()), ("2.yaml", "name: s"));
    let server = small_site("").replace("{name: SQL1}", "{name: SQL1, parameters: {a: z}}");
    let found = refused(&[&small(parameters, SHOW), SMALL_CLIENT, &server]);
    assert_eq!(rules(&found), ["rule-broken"], "a rule holds for every server");
}

#[test]
fn a_value_that_only_servers_give_is_no_mistake() {
    let product = small("  a: {type: string}", SHOW);
    let site = small_site("")
        .replace("{name: WEB1}", "{name: WEB1, parameters: {a: one}}")
        .replace("{name: SQL1}", "{name: SQL1, parameters: {a: two}}");
    let site = resolved(&[&product, SMALL_CLIENT, &site], "s");
    assert_eq!(shown(&site), ["a=one", "a=two"]);
    assert_eq!(site.parameters.len(), 0);
}

#[test]
fn a_missing_value_is_asked_for_once_with_the_document_that_should_give_it() {
    let found = refused(&[&small("  a: {type: string}", SHOW), SMALL_CLIENT, &small_site("parameters: {}")]);
    assert_eq!(rules(&found), ["missing-parameter"]);
    assert_eq!((found[0].path.as_str(), found[0].line), ("2.yaml", 9));
    assert!(found[0].advice.contains("under `parameters:` of Site s"));
}

#[test]
fn an_expression_keeps_its_type() {
    let parameters = "  port: {type: port, default: 1025}\n  next: {type: port, default: '{{ port + 1 }}'}\n  a: {type: string, default: '{{ port }}:{{ next }}'}";
    let site = resolved(&[&small(parameters, SHOW), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(site.parameters[&"next".parse().unwrap()], Value::Integer(1026));
    assert_eq!(shown(&site)[0], "a=1025:1026");
}

#[test]
fn half_a_port_is_refused() {
    let parameters = "  port: {type: port, default: 1025}\n  half: {type: port, default: '{{ port / 2 }}'}\n  a: {type: string, default: x}";
    let found = refused(&[&small(parameters, SHOW), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["not-a-whole-number"]);
    assert!(found[0].problem.starts_with("`port / 2` gives 512.5"));
}

#[test]
fn a_number_is_no_text_and_a_derived_value_is_checked_like_a_written_one() {
    let parameters = "  n: {type: integer, default: 70000}\n  p: {type: port, default: '{{ n }}'}\n  a: {type: string, default: '{{ n }}'}";
    let found = refused(&[&small(parameters, SHOW), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["wrong-value", "wrong-value"]);
}

#[test]
fn parameters_in_a_circle_are_shown_and_said_once() {
    let parameters = "  a: {type: string, default: 'x{{ b }}'}\n  b: {type: string, default: 'x{{ c }}'}\n  c: {type: string, default: 'x{{ a }}'}\n  d: {type: string, default: 'x{{ a }}'}";
    let found = refused(&[&small(parameters, SHOW), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["parameter-cycle"]);
    assert_eq!(found[0].problem, "parameters name each other in a circle: a -> b -> c -> a (for the site s)");
}

const THREE: &str = "  - package: one\n    version: v1\n    needs: [NEEDS]\n  - package: two\n    version: v1\n    needs: [one]\n  - service: three\n    provided_by: two\n    state: running";

fn with_need(need: &str) -> Vec<Diagnostic> {
    let product = small("  a: {type: string, default: x}", &THREE.replace("NEEDS", need));
    refused(&[&product, SMALL_CLIENT, &small_site("")])
}

#[test]
fn nodes_in_a_circle_are_shown() {
    let found = with_need("service/three");
    assert_eq!(rules(&found), ["node-cycle"]);
    assert_eq!(
        found[0].problem,
        "nodes need each other in a circle: package/one -> service/three -> package/two -> package/one (for the site s)"
    );
    assert_eq!(rules(&with_need("one")), ["node-cycle"]);
}

#[test]
fn what_stands_below_cannot_be_needed() {
    let product = "  - package: one\n    version: v1\n    needs: [two]\n  - package: two\n    version: v1";
    let found =
        refused(&[&small("  a: {type: boolean, default: true}", product), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["against-file-order"]);
    assert!(found[0].advice.starts_with("move package/two above it"));
}

#[test]
fn an_unknown_need_is_refused_with_the_nearest_name() {
    let found = with_need("package/tow");
    assert_eq!(rules(&found), ["unknown-node"]);
    assert_eq!(found[0].advice, "did you mean `package/two`?");
}

#[test]
fn a_need_across_servers_names_the_role() {
    let nodes = "  - package: db\n    server: sql\n    version: v1\n  - package: app\n    version: v1\n    needs: [NEED]";
    let product = |need: &str| small("  a: {type: boolean, default: true}", &nodes.replace("NEED", need));
    let found = refused(&[&product("package/db"), SMALL_CLIENT, &small_site("")]);
    assert_eq!(found[0].advice, "it is on another server: write `sql:package/db`");
    let site = resolved(&[&product("'sql:package/db'"), SMALL_CLIENT, &small_site("")], "s");
    let needs = &site.servers[0].nodes[0].needs;
    assert_eq!((needs[0].role.as_str(), needs[0].node.to_string().as_str()), ("sql", "package/db"));
}

#[test]
fn a_path_in_a_need_is_not_taken_for_a_role() {
    let nodes = r"  - file: 'C:\a'
    content: x
  - file: 'C:\b'
    content: x
    needs: ['file/C:\a', 'C:\A']";
    let site =
        resolved(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site)[1], r"file/C:\b <- file/C:\a");
}

#[test]
fn an_ambiguous_bare_name_is_refused() {
    let nodes = "  - package: x\n    version: v1\n  - service: x\n    state: running\n  - package: z\n    version: v1\n    needs: [x]";
    let found =
        refused(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["ambiguous-node"]);
    assert_eq!(found[0].problem, "`x` may mean `package/x` or `service/x` (for the site s)");
}

#[test]
fn a_node_is_not_there_without_its_package() {
    let nodes = "  - package: p\n    when: a\n    version: v1\n  - service: s\n    provided_by: p\n    state: running";
    let found =
        refused(&[&small("  a: {type: boolean, default: false}", nodes), SMALL_CLIENT, &small_site("")]);
    assert_eq!(rules(&found), ["unknown-provider"]);
    assert_eq!(found[0].advice, "give service/s the same `when`");
}

#[test]
fn a_pool_comes_before_the_file_that_it_may_read() {
    let nodes = r"  - iis_app_pool: pool
    enable_32bit: false
  - file: 'C:\x'
    content: x
    rights: {'iis apppool\POOL': read}";
    let site =
        resolved(&[&small("  a: {type: boolean, default: true}", nodes), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site)[1], r"file/C:\x <- iis_app_pool/pool");
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

const POOL: &str = "  - {iis_app_pool: p, enable_32bit: true}\n";

#[test]
fn a_task_comes_after_what_fires_it_and_knows_it() {
    let task = "  - {pool_recycle: p, pools: [p], on_change_of: [iis_app_pool/p]}\n";
    let site = resolved(&[&small("  {}", &format!("{POOL}{task}")), SMALL_CLIENT, &small_site("")], "s");
    assert_eq!(edges(&site), ["iis_app_pool/p <- ", "pool_recycle/p <- iis_app_pool/p"]);
    let triggers = site.servers[0].nodes[1].triggers.clone().unwrap();
    assert_eq!(triggers[0].cause.to_string(), "iis_app_pool/p");
    let left_out = format!("{}{task}", POOL.replace("enable_32bit", "when: 1 == 2, enable_32bit"));
    let site = resolved(&[&small("  {}", &left_out), SMALL_CLIENT, &small_site("")], "s");
    assert!(site.servers[0].nodes[0].absent, "the pool is not wanted");
    assert_eq!(
        site.servers[0].nodes[1].triggers,
        Some(Vec::new()),
        "it never fires, where none would run it once"
    );
}

#[test]
fn a_trigger_that_cannot_fire_is_refused() {
    let found = |nodes: &str| {
        let found = refused(&[&small("  {}", nodes), SMALL_CLIENT, &small_site("")]);
        found.iter().map(|mistake| mistake.rule.clone()).collect::<Vec<_>>()
    };
    let gate =
        "  - {manual_step: g, instructions: x}\n  - {pool_recycle: p, pools: [p], on_change_of: [g]}\n";
    assert_eq!(found(gate), ["no-cause"]);
    let below = format!("  - {{application_stop: p, pools: [p], on_change_of: [iis_app_pool/p]}}\n{POOL}");
    assert_eq!(found(&below), ["against-file-order"]);
    let before =
        format!("{POOL}  - {{application_stop: a, pools: [p], before_change_of: [iis_app_pool/p]}}\n");
    assert_eq!(found(&before), ["against-file-order"]);
    let unknown = "  - {pool_recycle: p, pools: [p], on_change_of: [iis_app_pool/q]}\n";
    assert_eq!(found(unknown), ["unknown-node"]);
}

/// A product with a database, a script and a question, and what its site says of endpoints.
fn with_database(nodes: &str, endpoints: &str) -> Vec<Diagnostic> {
    refused(&[&small("  {}", nodes), SMALL_CLIENT, &small_site(endpoints)])
}

const ENDPOINTS: &str = "endpoints:\n  main: {address: 'DUP-SQL01\\TRESO'}\n";

#[test]
fn g14_a_database_is_known_by_endpoint_and_name_and_what_uses_it_comes_after_it() {
    let digest = "0".repeat(64);
    let nodes = format!(
        "  - {{sql_query: before, database: main/master, query: SELECT 1}}\n  - {{sql_database: main/SXA, managed_by: dba}}\n  - {{sql_scripts: new, server: sql, database: main/SXA, scripts: [{{file: 'C:\\a.sql', sha256: '{digest}'}}]}}\n  - {{sql_query: after, database: main/sxa, query: SELECT 1}}\n"
    );
    let site = resolved(&[&small("  {}", &nodes), SMALL_CLIENT, &small_site(ENDPOINTS)], "s");
    assert_eq!(
        edges(&site),
        [
            "sql_query/before <- ",
            "sql_database/main/SXA <- ",
            "sql_query/after <- sql_database/main/SXA",
            "sql_scripts/new <- sql_database/main/SXA",
        ]
    );
    let endpoint = site.servers[1].nodes[0].endpoint.clone().unwrap();
    assert_eq!((endpoint.name.as_str(), endpoint.address.as_str()), ("main", r"DUP-SQL01\TRESO"));
}

#[test]
fn an_endpoint_that_the_site_does_not_name_is_asked_for_at_the_site() {
    let nodes = "  - {sql_database: main/SXA, managed_by: dba}\n";
    let found = with_database(nodes, "");
    assert_eq!(rules(&found), ["unknown-endpoint"]);
    assert!(found[0].advice.contains("main: {address:"), "{}", found[0].advice);
    let found = with_database(nodes, &ENDPOINTS.replace("main", "mian"));
    assert!(found[0].advice.contains("`mian`"), "{}", found[0].advice);
}

#[test]
fn a_script_is_listed_once_with_its_digest() {
    let zeros = "0".repeat(64);
    let scripts = |list: &str| {
        let nodes = format!("  - {{sql_scripts: new, database: main/SXA, scripts: {list}}}\n");
        let source = Source { path: "p".to_owned(), content: small("  {}", &nodes).into_bytes() };
        match read(&[source]) {
            Ok(_) => with_database(&nodes, ENDPOINTS),
            Err(found) => found,
        }
    };
    let rule = |list: &str| rules(&scripts(list)).join(" ");
    assert_eq!(rule(&format!(r"[{{file: 'C:\a.sql', sha256: '{zeros}'}}]")), "");
    assert_eq!(rule(&format!(r"[{{file: 'a.sql', sha256: '{zeros}'}}]")), "wrong-value");
    assert_eq!(rule(r"[{file: 'C:\a.sql', sha256: abc}]"), "wrong-value");
    assert_eq!(rule(r"[{file: 'C:\a.sql'}]"), "wrong-value");
    assert_eq!(rule("['C:\\a.sql']"), "wrong-type");
    let twice =
        format!(r"[{{file: 'C:\a.sql', sha256: '{zeros}'}}, {{file: 'C:\b.sql', sha256: '{zeros}'}}]");
    assert!(scripts(&twice)[0].problem.contains("twice"), "{:?}", scripts(&twice));
}
