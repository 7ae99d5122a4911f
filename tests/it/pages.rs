//! The operators' pages against the programs: documents in them are read, commands in them are run, tables are complete.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use muster_model::check::check;
use muster_model::document::{self, Documents, Source};
use muster_model::node::{AttributeRole, AttributeSpec, Effect, KindSpec, NodeClass, NodeKind};
use muster_tests::page::blocks;

fn page(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/docs").join(name)
}

fn text(name: &str) -> String {
    std::fs::read_to_string(page(name)).unwrap()
}

#[test]
fn the_documents_of_the_page_are_sound() {
    let sources = blocks(&text("documents.md"), "yaml").into_iter().enumerate();
    let sources: Vec<Source> = sources
        .map(|(index, text)| Source { path: format!("{index}.yaml"), content: text.into_bytes() })
        .collect();
    assert_eq!(sources.len(), 3);
    let documents: Documents = document::read(&sources).unwrap().into_iter().collect();
    assert_eq!(check(&documents), []);
}

#[test]
fn the_page_of_documents_names_every_type_and_every_key_of_a_node() {
    let text = text("documents.md");
    let schema = muster_model::json_schema::documents();
    let product = &schema["allOf"][0]["then"]["properties"];
    let types = &product["parameters"]["additionalProperties"]["properties"]["type"]["enum"];
    for name in types.as_array().unwrap() {
        let row = format!("| `{}` |", name.as_str().unwrap());
        assert!(text.contains(&row), "no row {row}");
    }
    let any = &schema["definitions"]["node"]["allOf"][0]["then"]["properties"];
    let package: Vec<&str> = NodeKind::Package.spec().attributes.iter().map(|spec| spec.name).collect();
    for key in
        any.as_object().unwrap().keys().filter(|key| *key != "package" && !package.contains(&key.as_str()))
    {
        assert!(text.contains(&format!("`{key}`")), "{key} is not explained");
    }
}

#[test]
fn the_page_of_nodes_is_the_table_of_kinds() {
    let wanted = nodes();
    if std::env::var_os("MUSTER_WRITE").is_some() {
        std::fs::write(page("nodes.md"), &wanted).unwrap();
    }
    assert!(
        text("nodes.md") == wanted,
        "write it anew: MUSTER_WRITE=1 cargo test -p muster-tests --test it pages"
    );
}

fn nodes() -> String {
    let mut text = String::from(
        "# Kinds of node\n\n\
         Made from the table that documents are read by (`proto/model/src/node/schema/`); after a change there,\n\
         `MUSTER_WRITE=1 cargo test -p muster-tests --test it pages` writes it anew. What every node may have besides is in\n\
         [documents.md](documents.md).\n\n\
         A **resource** is observed, compared, changed and observed again; a **task** runs once for its key, or with the changes\n\
         that fire it; a **check** looks and changes nothing; a **gate** waits for a person. Attributes that are *compared* are\n\
         the ones that show up as rows; the others steer.\n",
    );
    for class in [NodeClass::Resource, NodeClass::Task, NodeClass::Check, NodeClass::Gate] {
        for kind in NodeKind::ALL.iter().filter(|kind| kind.class() == class) {
            section(&mut text, kind.spec());
        }
    }
    text
}

fn section(text: &mut String, spec: &KindSpec) {
    let class = match spec.class {
        NodeClass::Resource => "resource",
        NodeClass::Task => "task",
        NodeClass::Check => "check",
        NodeClass::Gate => "gate",
    };
    let once = match spec.effect {
        Effect::OneShot => ", started at most once",
        Effect::Convergent | Effect::Guided => "",
    };
    write!(text, "\n## `{}`\n\nA {class}{once}. Its name is {}.\n", spec.kind, spec.name_is).unwrap();
    if spec.attributes.is_empty() {
        return;
    }
    text.push_str("\n| attribute | value | |\n|---|---|---|\n");
    for attribute in spec.attributes {
        row(text, attribute);
    }
}

fn row(text: &mut String, attribute: &AttributeSpec) {
    let mut about = attribute.doc.replace('|', r"\|");
    match attribute.role {
        AttributeRole::State => about.push_str(" (compared)"),
        AttributeRole::Key => about.push_str(" (another value makes it due again)"),
        AttributeRole::Input => {}
    }
    let required = if attribute.required { ", required" } else { "" };
    writeln!(text, "| `{}` | {}{required} | {about} |", attribute.name, attribute.ty.describe()).unwrap();
}
