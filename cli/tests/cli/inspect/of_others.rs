//! Packages and programs that were not made here, which `tests/run` fetches: the draft has what Debian's `msiinfo` reads out of
//! them. Their words, dialogs and tables are their makers' own.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use muster_model::document::{self, Source};
use serde_json::Value;

use super::{record, with};
use crate::world::World;

fn fetched(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("target/package-of-others").join(name)
}

/// A table as `msiinfo` exports it: names, types, keys, then a line for each row, cut at tabs. Empty where there is none.
fn table(package: &Path, name: &str) -> Vec<Vec<String>> {
    let output = Command::new("msiinfo").arg("export").arg(package).arg(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().skip(3).map(|line| line.trim_end().split('\t').map(str::to_owned).collect()).collect()
}

/// What stands in a record's list under that name.
fn names(list: &Value, name: &str) -> Vec<String> {
    list.as_array().unwrap().iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}

/// Codes, version and features as another reader tells them, and a draft that a product takes.
async fn drafted(name: &str) -> (Value, String) {
    let package = fetched(name);
    let properties = table(&package, "Property");
    let property = |name: &str| properties.iter().find(|row| row[0] == name).map(|row| row[1].clone());
    let world = with(name, std::fs::read(&package).unwrap());
    let (record, draft) = record(&world, name).await;
    let told = &record["package"];
    let pairs = [
        ("product", "ProductName"),
        ("manufacturer", "Manufacturer"),
        ("version", "ProductVersion"),
        ("product_code", "ProductCode"),
        ("upgrade_code", "UpgradeCode"),
    ];
    for (field, name) in pairs {
        assert_eq!(told[field].as_str().map(str::to_owned), property(name), "{field}");
    }
    let features: BTreeSet<String> = names(&told["features"], "name").into_iter().collect();
    let wanted: BTreeSet<String> = table(&package, "Feature").iter().map(|row| row[0].clone()).collect();
    assert_eq!(features, wanted);
    // By the code that finds it, a product reads the draft as it stands.
    let code = property("UpgradeCode").or(property("ProductCode")).unwrap();
    assert!(draft.contains(&format!("_code: '{code}'")), "{draft}");
    let product = format!("kind: Product\nname: others\nversion: '1'\nroles: [web]\n{draft}\n");
    let source = Source { path: "product.yaml".to_owned(), content: product.into_bytes() };
    assert_eq!(document::read(&[source]).err().unwrap_or_default(), [], "{draft}");
    (record, draft)
}

/// The fields of dialogs that set a property, as another reader tells them: dialog, control.
fn fields(package: &Path, property: &str) -> Vec<(String, String)> {
    let rows = table(package, "Control").into_iter();
    let of = rows.filter(|row| row.get(8).is_some_and(|name| name == property));
    of.map(|row| (row[0].clone(), row[1].clone())).collect()
}

fn property<'a>(record: &'a Value, name: &str) -> &'a Value {
    let properties = record["package"]["properties"].as_array().unwrap();
    properties.iter().find(|property| property["name"] == name).unwrap_or_else(|| panic!("{name} is missing"))
}

#[tokio::test]
#[ignore = "its package is fetched: ./tests/run test"]
async fn a_package_that_was_not_made_here_is_drafted_as_another_reader_tells_it() {
    let (record, draft) = drafted("unsigned.msi").await;
    let first = record["package"]["features"][0]["name"].as_str().unwrap();
    assert!(draft.contains(&format!("ADDLOCAL={first}")), "{draft}");
}

/// One that asks for a folder in three fields of one dialog, and only there for whom it installs.
#[tokio::test]
#[ignore = "its package is fetched: ./tests/run test"]
async fn a_package_of_others_with_dialogs_shows_what_they_ask() {
    let (record, draft) = drafted("directory.msi").await;
    let folder = property(&record, "TARGETDIR");
    let told: Vec<(String, String)> =
        names(&folder["fields"], "dialog").into_iter().zip(names(&folder["fields"], "control")).collect();
    let wanted = fields(&fetched("directory.msi"), "TARGETDIR");
    assert!(told.len() == 3 && told == wanted, "{told:?}, {wanted:?}");
    assert_eq!(folder["directory"], true);
    // Its dialogs install for all users; without them nobody says so, and a draft must.
    assert_eq!(names(&property(&record, "ALLUSERS")["given"], "value"), ["1"]);
    for words in [
        "- 'ADDLOCAL=default'\n",
        "- 'ALLUSERS=1'\n",
        "# - 'TARGETDIR='\n",
        "a folder: write its whole path; where nothing gives it one",
        "dialog SelectDirectoryDlg",
        "DirectoryCombo DirectoryCombo \"The destination directory should contain a Python 2.5 installation\"",
        "# decide: it has no upgrade code",
    ] {
        assert!(draft.contains(words), "{words}: {draft}");
    }
}

/// One with a tree of features, of which one is taken away by a condition and one waits to be named.
#[tokio::test]
#[ignore = "its package is fetched: ./tests/run test"]
async fn a_package_of_others_with_features_shows_how_they_are_chosen() {
    let (record, draft) = drafted("features.msi").await;
    let conditions: Vec<Vec<String>> = table(&fetched("features.msi"), "Condition");
    let features = record["package"]["features"].as_array().unwrap();
    for row in &conditions {
        let feature = features.iter().find(|feature| feature["name"] == row[0].as_str()).unwrap();
        let told = &feature["conditions"][0];
        assert_eq!((told["level"].to_string(), told["condition"].as_str()), (row[1].clone(), Some(&*row[2])));
    }
    assert_eq!(conditions.len(), 1);
    for words in [
        "  - package: python-2-7-pyscard\n",
        "- 'ADDLOCAL=Python,Python2.7'\n",
        "PythonX \"Python from another location\", level 2: only where it is named",
        "level 0 where: NOT TARGETDIR2.7",
        "# - 'TARGETDIRX=[TARGETDIR]\\PythonX'",
        "the package gives it [PYTHON.MACHINE.2.7] where PYTHON.MACHINE.2.7\n",
        "its dialogs alone give it [TARGETDIRX] where FEATURE_SELECTED AND &PythonX=3\n",
    ] {
        assert!(draft.contains(words), "{words}: {draft}");
    }
    // What the tree of features writes down for itself is no property to set.
    assert!(!draft.contains("'FEATURE="), "{draft}");
}

#[tokio::test]
#[ignore = "its programs are fetched: ./tests/run test"]
async fn programs_of_others_are_told_by_what_made_them() {
    let world = World::new();
    for (name, kind, argument) in [
        ("clam_ISmsi_int.exe", "install_shield", "- '/v\"/qn /norestart\"'"),
        ("clam_IScab_ext.exe", "install_shield", "/r records them"),
        ("clam-nsis.exe", "nullsoft", "- '/S'"),
    ] {
        world.write(name, std::fs::read(fetched(name)).unwrap());
        let (record, draft) = record(&world, name).await;
        assert_eq!((&record["kind"], &record["package"]), (&Value::from(kind), &Value::Null), "{name}");
        assert!(draft.contains(argument), "{draft}");
    }
    world.write("wininst.exe", std::fs::read(fetched("wininst.exe")).unwrap());
    let ran = world.muster("inspect DIR/wininst.exe").await;
    assert_eq!(ran.exit.code(), 2, "{}", ran.out);
    for words in ["a program that unpacks itself: a ZIP archive is in it", "Next: unpack it"] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}
