//! A package that wixl makes and msibuild gives dialogs, both of Debian: neither shares code with what reads it here.

use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use tempfile::TempDir;

/// The package's bytes.
pub(crate) static BANK: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    for (name, content) in
        [("main.exe", "a program"), ("doc.txt", "a text"), ("bank.wxs", include_str!("bank.wxs"))]
    {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    ran(Command::new("wixl").args(["--arch", "x64", "--output", "bank.msi", "bank.wxs"]), folder.path());
    let mut build = Command::new("msibuild");
    build.arg("bank.msi");
    for query in include_str!("dialogs.sql").lines() {
        build.args(["-q", query]);
    }
    ran(&mut build, folder.path());
    std::fs::read(folder.path().join("bank.msi")).unwrap()
});

/// The package with one table in the place of its own, as `msibuild -i` reads it: names, types, keys, then the rows.
pub(crate) fn with_table(head: [&str; 3], rows: impl Iterator<Item = String>) -> Vec<u8> {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("bank.msi"), &*BANK).unwrap();
    let lines: Vec<String> = head.map(|line| line.replace(' ', "\t")).into_iter().chain(rows).collect();
    std::fs::write(folder.path().join("table.idt"), lines.join("\n") + "\n").unwrap();
    ran(Command::new("msibuild").args(["bank.msi", "-i", "table.idt"]), folder.path());
    std::fs::read(folder.path().join("bank.msi")).unwrap()
}

fn ran(command: &mut Command, folder: &Path) {
    let output = command
        .current_dir(folder)
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; Debian's packages wixl and msitools have it"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The place of what is found there once.
pub(crate) fn place(bytes: &[u8], wanted: &[u8]) -> usize {
    let places: Vec<usize> = (0..bytes.len()).filter(|place| bytes[*place..].starts_with(wanted)).collect();
    assert_eq!(places.len(), 1, "{wanted:02x?} is at {places:?}");
    places[0]
}
