//! `muster inspect`: an installer's words come out as they went in, and what is none, or damaged, is named.
//!
//! `made` makes the package, `damaged` breaks it, `of_others` reads one that was not made here.

mod damaged;
mod made;
mod of_others;

use insta::assert_snapshot;
use muster::exit::Exit;
use muster_model::digest::Digest;
use muster_model::document::{self, Source};
use saphyr::{LoadableYamlNode as _, Yaml};
use serde_json::{Value, json};

use self::made::{BANK, place};
use crate::world::World;

fn with(name: &str, bytes: impl AsRef<[u8]>) -> World {
    let world = World::new();
    world.write(name, bytes);
    world
}

/// The record, with its draft apart.
async fn record(world: &World, name: &str) -> (Value, String) {
    let ran = world.muster(&format!("--output json inspect DIR/{name}")).await;
    assert_eq!(ran.exit, Exit::Ok, "{}", ran.err);
    let mut record: Value = serde_json::from_str(&ran.out).unwrap();
    let draft = record["draft"].take().as_str().unwrap().to_owned();
    (record, draft)
}

#[tokio::test]
async fn a_package_is_drafted_as_its_tables_say() {
    let said = with("bank.msi", &*BANK).said("inspect DIR/bank.msi").await;
    // wixl writes the time into the package, and with it another digest.
    assert_snapshot!(said.replace(&Digest::of(&BANK).to_string(), "SHA256"));
}

#[tokio::test]
async fn a_script_reads_the_same_as_a_record() {
    let (record, draft) = record(&with("bank.msi", &*BANK), "bank.msi").await;
    assert_eq!(record["shape"], "muster.inspect/1");
    assert_eq!(record["sha256"], Digest::of(&BANK).to_string());
    assert_eq!((&record["size_bytes"], &record["package_at_bytes"]), (&json!(BANK.len()), &json!(0)));
    let package = &record["package"];
    assert_eq!(package["version"], "6.0.1397");
    assert_eq!(package["upgrade_code"], "{0C4E7B52-33A1-4D8B-8F7B-91D2A3B4C5D6}");
    assert_eq!(package["languages"][0], json!({"id": 1036, "tag": "fr-FR"}));
    assert_eq!(package["features"][1]["parent"], "Main");
    assert_eq!(package["services"][0]["start"], "manual");
    let property = |name: &str| {
        let all = package["properties"].as_array().unwrap();
        all.iter().find(|property| property["name"] == name).cloned()
    };
    let port = property("PORT").unwrap();
    assert_eq!(port["fields"][0]["control_text"], "Port Number");
    let choices = property("MODE").unwrap()["choices"].clone();
    assert_eq!(choices[0], json!({"value": "full", "text": "Everything"}));
    // What a dialog does not show, and what the installer's log leaves out, is no default to pass on.
    for hidden in ["SQLPASSWORD", "LICENCE"] {
        let property = property(hidden).unwrap();
        assert_eq!((&property["hidden"], &property["default"]), (&json!(true), &Value::Null), "{hidden}");
    }
    assert_eq!(property("INSTALLDIR").unwrap()["fields"][0]["control_type"], "PathEdit");
    // Not to be set from outside, or filled in by the installer itself.
    assert_eq!(
        [property("Private"), property("WIX_UPGRADE_DETECTED"), property("TARGETDIR")],
        [None, None, None]
    );
    every_field_is_documented(package);
    let ran = with("bank.msi", &*BANK).muster("inspect DIR/bank.msi").await;
    assert_eq!(ran.out.trim_end(), draft);
}

/// The reference names what a script can read, at every depth.
fn every_field_is_documented(value: &Value) {
    let reference = include_str!("../../../../deploy/docs/cli.md");
    let row = reference.lines().find(|line| line.starts_with("| `muster.inspect/1` |")).unwrap();
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            assert!(row.contains(&format!("`{name}`")), "{name} is not in {row}");
            every_field_is_documented(value);
        }),
        Value::Array(items) => items.iter().for_each(every_field_is_documented),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// YAML, and a product, read out of the draft what the record has.
#[tokio::test]
async fn the_draft_is_a_products_nodes() {
    let (record, draft) = record(&with("it's.msi", &*BANK), "it's.msi").await;
    let yaml = Yaml::load_from_str(&draft).unwrap();
    let (package, service) = (&yaml[0]["nodes"][0], &yaml[0]["nodes"][1]);
    assert_eq!(package["version"].as_str(), Some("6.0.1397"));
    assert_eq!(package["upgrade_code"].as_str(), record["package"]["upgrade_code"].as_str());
    assert_eq!(package["medium"].as_str(), Some(r"C:\Media\it's.msi"));
    assert_eq!(package["medium_sha256"].as_str(), record["sha256"].as_str());
    assert_eq!(package["arguments"][0].as_str(), Some("ADDLOCAL=Main"));
    assert_eq!(service["service"].as_str(), Some("BankFormats"));
    assert_eq!(service["provided_by"].as_str(), package["package"].as_str());
    let product = format!("kind: Product\nname: bank\nversion: '6'\nroles: [web]\n{draft}\n");
    let source = Source { path: "product.yaml".to_owned(), content: product.into_bytes() };
    let mistakes = document::read(&[source]).err().unwrap_or_default();
    assert_eq!(mistakes, [], "{draft}");
}

#[tokio::test]
async fn a_package_in_a_program_is_found() {
    let mut program = b"MZ\x90\0 a loader, I\0n\0s\0t\0a\0l\0l\0S\0h\0i\0e\0l\0d\0 and ".to_vec();
    // Something that only begins like a package comes first.
    program.extend(&BANK[..8]);
    program.extend([0; 900]);
    let at_bytes = program.len();
    program.extend(&*BANK);
    program.extend(b"and a signature behind it");
    let (inside, draft) = record(&with("setup.exe", &program), "setup.exe").await;
    let (alone, _) = record(&with("bank.msi", &*BANK), "bank.msi").await;
    assert_eq!(inside["package"], alone["package"]);
    assert_eq!((&inside["kind"], &inside["package_at_bytes"]), (&json!("install_shield"), &json!(at_bytes)));
    assert_eq!(inside["sha256"], Digest::of(&program).to_string(), "of the program: that is what is started");
    assert!(draft.contains(r#"- '/v"/qn /norestart"'"#) && !draft.contains("- 'ADDLOCAL="), "{draft}");
}

#[tokio::test]
async fn a_program_without_a_package_is_told_by_what_made_it() {
    for (mark, kind, argument) in [
        ("Inno Setup Setup Data (6.2.0)", "inno_setup", "/VERYSILENT"),
        ("NullsoftInst", "nullsoft", "/S"),
        (".wixburn", "wix_burn", "/quiet"),
        ("InstallShield", "install_shield", "/s"),
    ] {
        let (record, draft) = record(&with("setup.exe", format!("MZ .text {mark} more")), "setup.exe").await;
        assert_eq!((&record["kind"], &record["package"]), (&json!(kind), &Value::Null));
        let nodes = Yaml::load_from_str(&draft).unwrap();
        assert_eq!(nodes[0]["nodes"][0]["arguments"][0].as_str(), Some(argument), "{draft}");
        // Nothing in it says its version and by what Windows will know it: without a person's word the node is refused.
        assert!(draft.contains("# version: ") && draft.contains("# display_name: "), "{draft}");
        let product = format!("kind: Product\nname: bank\nversion: '6'\nroles: [web]\n{draft}\n");
        let source = Source { path: "product.yaml".to_owned(), content: product.into_bytes() };
        let mistakes = document::read(&[source]).err().unwrap_or_default();
        let problems: Vec<&str> = mistakes.iter().map(|mistake| mistake.problem.as_str()).collect();
        assert_eq!(problems, ["this package has no `version`"], "{draft}");
    }
}

#[tokio::test]
async fn what_is_no_installer_is_named_with_what_to_do() {
    let other_class = |number: u8| {
        let mut bytes = BANK.clone();
        let class = place(&bytes, &[0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46]);
        bytes[class] = number;
        bytes
    };
    let files: [(&str, &[u8]); 10] = [
        ("empty.msi", b""),
        ("notes.txt", b"kind: Client\nname: dupont\n"),
        ("picture.png", b"\x89PNG\r\n\x1a\n\0\0"),
        ("setup.zip", b"PK\x03\x04\x14\0"),
        ("data.cab", b"MSCF\0\0\0\0"),
        ("tool.exe", b"MZ and nothing that is known"),
        ("packed.exe", b"MZ and PK\x03\x04 and PK\x05\x06"),
        ("patch.msp", &other_class(0x86)),
        ("french.mst", &other_class(0x82)),
        ("letter.doc", &other_class(0x06)),
    ];
    let world = World::new();
    world.write("folder/setup.msi", &*BANK);
    let mut said = String::new();
    for (name, bytes) in files {
        world.write(name, bytes);
        said.push_str(&world.said(&format!("inspect DIR/{name}")).await);
    }
    said.push_str(&world.said("inspect DIR/folder").await);
    said.push_str(&world.said("inspect DIR/none.msi").await);
    assert_snapshot!(said);
}
