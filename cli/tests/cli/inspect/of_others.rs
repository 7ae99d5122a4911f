//! A package that was not made here, which `tests/run` fetches: the draft has what Debian's `msiinfo` reads out of it.

use std::path::Path;
use std::process::Command;

use super::{record, with};

/// A table as `msiinfo` exports it: names, types, keys, then a line for each row, cut at tabs.
fn table(package: &Path, name: &str) -> Vec<Vec<String>> {
    let output = Command::new("msiinfo").arg("export").arg(package).arg(name).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip(3).map(|line| line.trim_end().split('\t').map(str::to_owned).collect()).collect()
}

#[tokio::test]
#[ignore = "its package is fetched: ./tests/run test"]
async fn a_package_that_was_not_made_here_is_drafted_as_another_reader_tells_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let package = root.join("target/package-of-others/unsigned.msi");
    let properties = table(&package, "Property");
    let property = |name: &str| properties.iter().find(|row| row[0] == name).unwrap()[1].clone();
    let features = table(&package, "Feature");

    let world = with("others.msi", std::fs::read(&package).unwrap());
    let (record, draft) = record(&world, "others.msi").await;
    let told = &record["package"];
    let pairs = [
        ("product", "ProductName"),
        ("manufacturer", "Manufacturer"),
        ("version", "ProductVersion"),
        ("product_code", "ProductCode"),
        ("upgrade_code", "UpgradeCode"),
    ];
    for (field, name) in pairs {
        assert_eq!(told[field], property(name), "{field}");
    }
    let names = |rows: &[Vec<String>]| rows.iter().map(|row| row[0].clone()).collect::<Vec<_>>();
    let told: Vec<String> = told["features"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(told, names(&features));
    assert!(!told.is_empty() && draft.contains(&format!("ADDLOCAL={}", told[0])), "{draft}");
    assert!(draft.contains(&property("ProductCode")), "{draft}");
}
