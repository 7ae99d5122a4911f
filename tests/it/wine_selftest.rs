//! The self-test of the agent for Windows, as it ships, on the machine itself: what it saw, beside what it sees on a twin.
//!
//! Run by `tests/windows/run selftest`, which puts an IIS, an HTTP.SYS, features and local groups into this Wine. The page that
//! both make up is `deploy/windows/CONFORMANCE.md`; `conformance` writes it, and compares the twin's part in every check.

use std::fs;
use std::process::Command;

use muster_tests::cli::{Ran, code};
use muster_tests::programs::{root, shipped_for_windows, wine_drive};
use serde_json::Value;

use crate::conformance::{self, on_a_twin};

/// What `tests/windows/certificates.reg` puts into the computer's own store.
const CERTIFICATES: [&str; 2] =
    ["11220A2AB2CE33C9D0B241DA0962625C1909928E", "318194C463DB78A592A33B977F0F1C6C734E2FEF"];

fn wine(words: &[&str]) -> Ran {
    Ran::of(Command::new(root().join("tests/windows/wine")).args(words)).unwrap()
}

/// `muster-agent.exe selftest`, and its report.
fn selftest() -> (Ran, Value) {
    let report = wine_drive().join("windows/temp/muster-selftest.json");
    let exe = shipped_for_windows("muster-agent").unwrap();
    let words = [exe.to_str().unwrap(), "selftest", "--report", r"C:\windows\temp\muster-selftest.json"];
    let ran = wine(&words);
    let report = serde_json::from_slice(&fs::read(report).unwrap()).unwrap();
    (ran, report)
}

/// Nothing of the self-test's is left, as the machine's own tools tell.
fn assert_clean() {
    for service in ["muster-selftest-service", "muster-selftest-neighbour"] {
        assert_ne!(wine(&["sc", "query", service]).code, 0, "{service}");
    }
    assert_ne!(wine(&["reg", "query", r"HKLM\SOFTWARE\MusterSelftest"]).code, 0);
    assert!(!wine_drive().join("Program Files/MusterSelftest").exists());
    for file in ["config/applicationHost.config", "story/http_sys.txt"] {
        let text = fs::read_to_string(wine_drive().join("windows/system32/inetsrv").join(file)).unwrap();
        assert!(!text.contains("selftest"), "{text}");
    }
    // Those of the stories, and no other.
    let store = wine(&["reg", "query", r"HKLM\Software\Microsoft\SystemCertificates\MY\Certificates"]);
    let left: Vec<&str> =
        store.out.lines().filter_map(|line| line.trim().rsplit_once('\\')).map(|(_, name)| name).collect();
    assert_eq!(left, CERTIFICATES, "{}", store.out);
}

#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run selftest"]
fn every_promise_that_wine_can_show_holds_and_the_page_says_so() {
    let (ran, report) = selftest();
    ran.expect(code::OK);
    assert_eq!(report["simulated"], false);
    assert!(report["machine"].as_str().unwrap().contains("played by Wine"), "{report}");
    assert_clean();
    conformance::check_page(&on_a_twin(), &report);
}

/// A service of that name that another program is, a folder and a key in which something lies: they stay, and the promises that
/// they are in the way of fail.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run selftest"]
fn what_is_anothers_stays() {
    let service = "muster-selftest-service";
    let program = r"C:\windows\system32\muster-story.exe";
    wine(&["sc", "create", service, "binPath=", program, "start=", "demand"]).expect(code::OK);
    wine(&["reg", "add", r"HKLM\SOFTWARE\MusterSelftest", "/v", "Foreign", "/d", "x", "/f"]).expect(code::OK);
    let (ran, _) = selftest();
    ran.expect(1).says(&["muster-selftest-service failed: it is another's", "it is not empty", "0 held"]);
    wine(&["sc", "query", service]).expect(code::OK);
    wine(&["sc", "delete", service]).expect(code::OK);
    wine(&["reg", "query", r"HKLM\SOFTWARE\MusterSelftest", "/v", "Foreign"]).expect(code::OK);
    wine(&["reg", "delete", r"HKLM\SOFTWARE\MusterSelftest", "/f"]).expect(code::OK);
    let (ran, _) = selftest();
    ran.expect(code::OK);
    assert_clean();
}

/// As one leaves it that is killed in the middle: a service that runs, a folder with a file, a value in each view.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run selftest"]
fn what_a_killed_one_left_goes_first() {
    let exe = shipped_for_windows("muster-agent").unwrap();
    let command = format!("Z:{} selftest-stand-in", exe.display()).replace('/', "\\");
    let service = "muster-selftest-neighbour";
    wine(&["sc", "create", service, "binPath=", &command, "start=", "demand"]).expect(code::OK);
    wine(&["sc", "start", service]).expect(code::OK);
    let folder = wine_drive().join("Program Files/MusterSelftest");
    fs::create_dir_all(folder.join("new/deep")).unwrap();
    fs::write(folder.join("new/deep/left.txt"), "left").unwrap();
    for view in ["/reg:32", "/reg:64"] {
        let key = [r"HKLM\SOFTWARE\MusterSelftest", "/v", "Value", "/d", "left", "/f", view];
        wine(&[&["reg", "add"], &key[..]].concat()).expect(code::OK);
    }
    let (ran, _) = selftest();
    ran.expect(code::OK).says(&[" 0 failed"]);
    assert_clean();
}
