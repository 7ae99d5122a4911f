//! Media: from an operator's disk to the controller's shelf, over links that break.

use std::process::Stdio;

use muster_model::digest::Digest;
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

const MIB: usize = 1024 * 1024;

fn field() -> Field {
    let mut field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    field.controller.serve().unwrap();
    field
}

/// A medium survives a controller that is killed while it travels, is compared as a whole, and travels once.
#[test]
fn a_medium_goes_on_where_a_killed_controller_left_it() {
    let mut field = field();
    let content: Vec<u8> = (0..=255_u8).flat_map(|byte| [byte; 7]).cycle().take(24 * MIB).collect();
    let file = field.folder().join("Trésorerie 4.3.exe");
    std::fs::write(&file, &content).unwrap();
    let sha256 = Digest::of(&content);
    let shelf = field.controller.data().join("media");
    let part = shelf.join(format!("{sha256}.part"));
    let mut add = field.cli.command(["media".as_ref(), "add".as_ref(), file.as_os_str()]);
    let add = add.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    await_until("the first piece is there", || Ok(part.metadata().is_ok_and(|part| part.len() > 0))).unwrap();
    field.controller.kill().unwrap();
    let held = part.metadata().unwrap().len();
    assert!(held < content.len() as u64, "it was there before the controller was killed");
    field.controller.serve().unwrap();
    let ended = add.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(ended.status.success(), "{out}{err}");
    assert!(out.contains("is on the shelf, 24.0 MiB.") && out.contains(&sha256.to_string()), "{out}");
    assert_eq!(std::fs::read(shelf.join(sha256.to_string())).unwrap(), content);
    assert!(!part.exists());

    let list = field.cli.json("media list");
    let medium = &list["media"][0];
    assert_eq!(medium["sha256"], sha256.to_string());
    assert_eq!(medium["name"], "Trésorerie 4.3.exe");
    assert_eq!(medium["added_by"], "anne");
    assert_eq!(medium["whole"], true);
    field.cli.ok("media list").says(&["ready", "free for more"]);

    // What is there needs no second journey, under whatever name.
    let other = field.folder().join("copy.exe");
    std::fs::copy(&file, &other).unwrap();
    field.cli.run(["media".as_ref(), "add".as_ref(), other.as_os_str()]).expect(code::OK);
    assert_eq!(field.cli.json("media list")["media"].as_array().unwrap().len(), 1);
}
