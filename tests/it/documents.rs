//! Documents at the door: all errors at once with their places, nothing stored; and no operator overwrites another.

use std::fs;

use muster_tests::cli::{Cli, code};
use muster_tests::field::Field;

/// Every error of every file in one answer, each with its place and what to do; the store is as it was.
#[test]
fn a_push_with_errors_lists_them_all_and_stores_nothing() {
    let field = Field::sxa();
    let before = field.events();
    let bad = field.folder().join("bad");
    fs::create_dir(&bad).unwrap();
    fs::write(
        bad.join("site.yaml"),
        "kind: Site\nname: Duponté Prod\nclient: dupont\nproduct: sxa 2022-r2\ncolour: red\n",
    )
    .unwrap();
    fs::write(bad.join("twice.yaml"), "kind: Client\nname: dupont\nname: dupond\n").unwrap();
    fs::write(bad.join("empty.yaml"), "").unwrap();
    fs::write(bad.join("binary.yaml"), b"MZ\x90\x00\x03\x00\x00\x00").unwrap();
    fs::write(bad.join("bomb.yaml"), bomb()).unwrap();
    fs::write(bad.join("huge.yaml"), vec![b' '; 2 * 1024 * 1024]).unwrap();

    for verb in ["push", "validate"] {
        let ran = field.cli.run([verb.as_ref(), "-f".as_ref(), bad.as_os_str()]).expect(code::REJECTED);
        for file in ["twice.yaml:3", "empty.yaml", "binary.yaml", "bomb.yaml", "huge.yaml", "site.yaml:2"] {
            ran.says(&[file]);
        }
        ran.says(&["colour"]);
    }
    assert_eq!(field.events(), before, "nothing was stored");
}

/// A push that started from an older revision is refused, with who, when and what; with its base named, it is taken.
#[test]
fn a_stale_push_is_refused_with_who_and_what() {
    let field = Field::sxa();
    // A second desk with the same documents: its command line has seen revision 1.
    let desk = field.folder().join("desk");
    fs::create_dir(&desk).unwrap();
    let profile = desk.join("profile");
    fs::copy(field.folder().join("anne.profile"), &profile).unwrap();
    let other = Cli::new(&field.programs, &profile);
    let documents = field.documents();
    let push = |cli: &Cli, base: &[&str]| {
        let words = ["push", "-f", documents.to_str().unwrap(), "--ticket", "CHG0041877"];
        cli.run(words.into_iter().chain(base.iter().copied()))
    };

    field.edit("CN=sxa.dupont.example", "CN=sxa.dupont.test");
    push(&field.cli, &[]).expect(code::OK);
    field.edit("CN=sxa.dupont.test", "CN=sxa.dupont.invalid");
    let before = field.events();
    let refused = push(&other, &["--base", "1"]).expect(code::STALE);
    refused.says(&["anne", "CHG0041877", "Site dupont-prod"]);
    assert_eq!(field.events(), before, "nothing was stored");
    push(&other, &["--base", "2"]).expect(code::OK);
}

/// Each level names the one below nine times: ten levels would be a billion nodes.
fn bomb() -> String {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let below = vec![format!("*a{}", level - 1); 9].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{below}]\n"));
    }
    text
}
