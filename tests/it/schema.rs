//! JSON Schema for editors: what the examples may say, an editor accepts; what intake refuses of one file, it marks.

use std::path::{Path, PathBuf};

use jsonschema::Validator;
use muster_model::document::{self, Documents, Source};
use muster_model::json_schema;
use saphyr::{LoadableYamlNode as _, Scalar, Yaml};
use serde_json::Value;

fn folder(below: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(below)
}

/// Every example document but twins, as (path, text).
fn examples() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for example in std::fs::read_dir(folder("deploy/examples")).unwrap() {
        for file in std::fs::read_dir(example.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "yaml") && !text.contains("kind: Twin") {
                found.push((path.display().to_string(), text));
            }
        }
    }
    assert!(found.len() >= 4);
    found
}

fn json(text: &str) -> Vec<Value> {
    let documents = Yaml::load_from_str(text).unwrap();
    assert!(!documents.is_empty());
    documents.iter().map(value).collect()
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(truth)) => Value::from(*truth),
        Yaml::Value(Scalar::Integer(number)) => Value::from(*number),
        Yaml::Value(Scalar::FloatingPoint(number)) => Value::from(**number),
        Yaml::Value(Scalar::String(text)) => Value::from(text.as_ref()),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(entries) => {
            entries.iter().map(|(key, entry)| (key.as_str().unwrap().to_owned(), value(entry))).collect()
        }
        Yaml::Representation(..) | Yaml::Tagged(..) | Yaml::Alias(_) | Yaml::BadValue => panic!("{yaml:?}"),
    }
}

fn mistakes(schema: &Validator, text: &str) -> Vec<String> {
    let documents = json(text);
    let mistakes = documents.iter().flat_map(|document| schema.iter_errors(document));
    mistakes.map(|error| format!("{}: {error}", error.instance_path())).collect()
}

fn of_documents() -> Validator {
    jsonschema::draft7::new(&json_schema::documents()).unwrap()
}

fn of_product() -> Validator {
    let source = |(path, text): (String, String)| Source { path, content: text.into_bytes() };
    let sources: Vec<Source> =
        examples().into_iter().filter(|(path, _)| path.contains("/sxa/")).map(source).collect();
    let mut set = Documents::default();
    set.overlay(document::read(&sources).unwrap());
    let (_, product) = set.product(&"sxa 2022-r2".parse().unwrap()).unwrap();
    jsonschema::draft7::new(&json_schema::of_product(product)).unwrap()
}

#[test]
fn the_schema_that_editors_read_is_the_one_of_the_tables() {
    let path = folder("deploy/schema/muster.schema.json");
    let wanted = serde_json::to_string_pretty(&json_schema::documents()).unwrap() + "\n";
    if std::env::var_os("MUSTER_WRITE").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap();
    assert!(there == wanted, "write it anew: MUSTER_WRITE=1 cargo test -p muster-tests --test it schema");
}

#[test]
fn an_editor_accepts_every_example_and_every_example_names_its_schema() {
    let schema = of_documents();
    for (path, text) in examples() {
        assert_eq!(mistakes(&schema, &text), Vec::<String>::new(), "{path}");
        let first = text.lines().next().unwrap();
        assert_eq!(first, "# yaml-language-server: $schema=../../schema/muster.schema.json", "{path}");
    }
}

/// The same mistakes that intake refuses, as an editor sees them: one file, no references.
#[test]
fn an_editor_marks_what_intake_would_refuse_of_one_file() {
    let schema = of_documents();
    let examples = examples();
    let broken = [
        ("product.yaml", "    version: 6.0.0.1397\n", "    version: 6.0\n"),
        ("product.yaml", "    enable_32bit: false\n", "    enable_32bit: no32\n"),
        ("product.yaml", "    enable_32bit: false\n", "    enable32bit: false\n"),
        ("product.yaml", "    start: automatic\n", "    start: auto\n"),
        ("product.yaml", "    url: http://localhost/SCPS\n", ""),
        ("product.yaml", "    settle_seconds: 1\n", "    settle_seconds: 100000\n"),
        ("product.yaml", "roles: [web]\n", "roles: []\n"),
        ("product.yaml", "    type: boolean\n", "    type: bool\n"),
        ("site-dupont-prod.yaml", "client: dupont\n", ""),
        ("site-dupont-prod.yaml", "client: dupont\n", "client: dupont\nmaintenance: 22:00\n"),
        ("site-dupont-prod.yaml", "kind: Site\n", "kind: Sight\n"),
    ];
    for (name, old, new) in broken {
        let (path, text) = examples.iter().find(|(path, _)| path.ends_with(&format!("sxa/{name}"))).unwrap();
        assert!(text.contains(old), "{path} no longer holds {old:?}");
        let text = text.replacen(old, new, 1);
        assert!(!mistakes(&schema, &text).is_empty(), "{path}: {old:?} -> {new:?} is accepted");
    }
}

#[test]
fn an_editor_that_knows_the_product_checks_a_sites_parameters() {
    let schema = of_product();
    let (_, site) =
        examples().into_iter().find(|(path, _)| path.ends_with("sxa/site-dupont-prod.yaml")).unwrap();
    assert_eq!(mistakes(&schema, &site), Vec::<String>::new());
    for (old, new) in [
        ("  port: 1025", "  port: 70000"),
        ("  port: 1025", "  prot: 1025"),
        ("treasury: true", "treasury: yes!"),
    ] {
        assert!(site.contains(old));
        assert!(!mistakes(&schema, &site.replacen(old, new, 1)).is_empty(), "{old:?} -> {new:?} is accepted");
    }
    let typed = site.replacen("  port: 1025", "  port: \"{{ batch_port - 1 }}\"", 1);
    assert_eq!(mistakes(&schema, &typed), Vec::<String>::new());
}
