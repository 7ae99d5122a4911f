//! Parameters: layers, forced and fixed values, rules, ports, expressions.

use super::*;

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
fn what_a_product_only_recommends_is_a_warning_and_refuses_nothing() {
    // G9: the last part of the path is the site's name.
    let parameters = "  site_name: {type: string, default: Sage}\n  a: {type: windows_path}\nrules:\n  \
         - {recommend: \"a is endingwith('\\\\\\\\' ~ site_name)\", message: keep the last part}";
    let product = small(parameters, SHOW);
    let of = |path: &str| {
        let site = small_site(&format!("parameters: {{a: '{path}'}}"));
        let documents = documents(&[&product, SMALL_CLIENT, &site]);
        let looked = crate::check::look(&documents);
        assert_eq!(looked.mistakes, []);
        let warnings = looked.warnings(&documents, |_| true);
        assert_eq!(resolve(&documents, &"s".parse().unwrap()).unwrap().warnings.len(), warnings.len());
        warnings
    };
    assert_eq!(of(r"D:\Apps\SAGE"), []);
    let found = of(r"D:\Apps\Sage2");
    assert_eq!(rules(&found), ["rule-not-followed"]);
    assert_eq!((found[0].path.as_str(), found[0].problem.as_str()), ("2.yaml", "keep the last part"));
    assert!(found[0].source.contains("Sage2"), "{}", found[0].source);
}

#[test]
fn a_rule_says_once_whether_it_must_or_should_hold() {
    for keys in ["", "require: a == 'x', recommend: a == 'x', "] {
        let text = small("  a: {type: string, default: x}", SHOW)
            .replace("nodes:", &format!("rules:\n  - {{{keys}message: m}}\nnodes:"));
        let source = Source { path: "p.yaml".to_owned(), content: text.into_bytes() };
        assert_eq!(rules(&read(&[source]).unwrap_err()), ["rule-without-condition"], "{keys}");
    }
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
