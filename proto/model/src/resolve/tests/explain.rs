//! Why a parameter has its value.

use super::*;

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
