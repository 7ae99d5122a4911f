//! A setup as NSIS makes them, whose uninstaller copies itself away, starts the copy and ends with 0 before anything is removed.
//!
//! Run by `tests/windows/run install`, which makes both versions with Debian's makensis. The oracle is what setup and uninstaller wrote.

use std::fs;

use muster_model::event::{EventBody, RunEnd};
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::programs::root;

use crate::wine_server::{Server, attempt, lines, run, wine};
use crate::wine_vendor::{file, sha256};

/// What the next start of Windows does with files.
const RENAMES: [&str; 4] =
    [r"HKLM\SYSTEM\CurrentControlSet\Control\Session Manager", "/v", "PendingFileRenameOperations", "/f"];
const GAMMA: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\MusterStoryGamma";

/// A server that is connected, the setups where its documents say. What is listed goes with it; its files do with the story's folder.
struct Vendor(Server);

impl Vendor {
    fn come() -> Self {
        attempt(&["reg", "delete", GAMMA, "/f"]);
        let mut server = Server::lay("nsis");
        fs::create_dir_all(file("media")).unwrap();
        for name in ["gamma 1.0.exe", "gamma 2.0.exe"] {
            fs::copy(root().join("target/wine/media").join(name), file("media").join(name)).unwrap();
        }
        server.field.edit("SHA-OF-GAMMA", &sha256("gamma 1.0.exe"));
        server.join();
        Self(server)
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        let _gone = fs::remove_file(file("gamma-waits"));
        attempt(&["reg", "delete", GAMMA, "/f"]);
        attempt(&[&["reg", "delete"], &RENAMES[..]].concat());
    }
}

/// G18: the new version is put on when the old one is gone, which its uninstaller says long before. Taken off, it
/// can be put on again: the copy of the uninstaller that the next start of Windows removes is no restart to wait for (G1).
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn a_setup_of_nsis_is_replaced_when_the_copy_of_its_uninstaller_has_ended() {
    let vendor = Vendor::come();
    let field = &vendor.0.field;
    run(field, field.plan());
    field.assert_in_sync();
    let done = || lines(&file("gamma.txt"));
    assert_eq!(done(), ["install 1.0"]);

    field.edit("version: \"1.0\"", "version: \"2.0\"");
    field.edit("gamma 1.0.exe", "gamma 2.0.exe");
    field.edit(&sha256("gamma 1.0.exe"), &sha256("gamma 2.0.exe"));
    field.push().expect(code::OK);
    fs::write(file("gamma-waits"), "").unwrap();
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    await_until("the uninstaller's copy works", || Ok(done().len() == 2)).unwrap();
    fs::remove_file(file("gamma-waits")).unwrap();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    assert_eq!(done(), ["install 1.0", "remove 1.0", "removed 1.0", "install 2.0"]);
    field.assert_in_sync();

    field.edit("    version: \"2.0\"\n", "    state: absent\n");
    field.push().expect(code::OK);
    run(field, field.plan());
    assert_eq!(done()[4..], ["remove 2.0", "removed 2.0"]);
    field.assert_in_sync();

    let left = wine(&[&["reg", "query"], &RENAMES[..3]].concat()).out;
    assert!(left.contains("~nsu"), "no uninstaller left its copy: {left}");
    field.edit("    state: absent\n", "    version: \"2.0\"\n");
    field.push().expect(code::OK);
    run(field, field.plan());
    assert_eq!(done()[6..], ["install 2.0"]);
    field.assert_in_sync();
}
