//! Packages on a real host: a vendor's .msi and a vendor's setup program, from their media to in sync, replaced, refused,
//! waited for, and adopted by an agent that was killed meanwhile (G2, G18).
//!
//! Run by `tests/windows/run install`, which builds the media. Windows Installer is Wine's. The oracle is the machine: its
//! registry, and what the setup program wrote.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::outcome::{End, Outcome};
use muster_model::plan::Reason;
use muster_tests::cli::{Ran, code};
use muster_tests::daemon::await_until;
use muster_tests::field::Field;
use muster_tests::programs::{root, wine_drive};

use crate::wine_server::{Server, kill, run};

const ALPHA: &str = r"HKLM\SOFTWARE\Muster Story Alpha";
const BETA: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\MusterStoryBeta";

/// The media, laid where the documents say, and a server that is connected.
struct Vendor(Server);

impl Vendor {
    fn come() -> Self {
        remove_all();
        let vendor = Self(Server::lay("install"));
        fs::create_dir_all(file("media")).unwrap();
        for name in ["alpha 1.0.0.msi", "alpha 2.0.0.msi", "setup.exe"] {
            fs::copy(root().join("target/wine/media").join(name), file("media").join(name)).unwrap();
        }
        vendor.0.field.edit("SHA-OF-ALPHA", &sha256("alpha 1.0.0.msi"));
        vendor.0.field.edit("SHA-OF-SETUP", &sha256("setup.exe"));
        vendor
    }

    fn join(mut self) -> Self {
        self.0.join();
        self
    }

    fn field(&self) -> &Field {
        &self.0.field
    }

    /// Plans, approves and runs; gives how the step of that package ended.
    fn run_to(&self, node: &str, wanted: i32) -> Outcome {
        let field = self.field();
        let plan = field.approved_plan();
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(wanted);
        let number = field.step(plan, node).number;
        for event in field.events().into_iter().rev() {
            if let EventBody::StepEnded { plan: ended, step, outcome, .. } = event.body
                && (ended, step) == (plan, number)
            {
                return outcome;
            }
        }
        panic!("{node} did not end")
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // What waits would hold its files, and what is installed the next story.
        let _gone = fs::remove_file(file("wait"));
        remove_all();
    }
}

fn file(name: &str) -> PathBuf {
    wine_drive().join("muster-story").join(name)
}

fn sha256(medium: &str) -> String {
    Digest::of(&fs::read(file("media").join(medium)).unwrap()).to_string()
}

/// The same where the documents' place is empty.
fn sha256_of(medium: &str) -> String {
    Digest::of(&fs::read(root().join("target/wine/media").join(medium)).unwrap()).to_string()
}

/// A program of the Wine.
fn wine(words: &[&str]) -> Ran {
    Ran::of(Command::new(root().join("tests/windows/wine")).args(words)).unwrap()
}

/// Takes off what a story before has left; what is not there is as good.
fn remove_all() {
    for name in ["alpha 1.0.0.msi", "alpha 2.0.0.msi"] {
        let medium = root().join("target/wine/media").join(name);
        wine(&["msiexec", "/x", medium.to_str().unwrap(), "/qn"]);
    }
    wine(&["reg", "delete", BETA, "/f"]);
}

/// A person takes the program off, by more than its own means.
fn lose_beta() {
    wine(&["reg", "delete", BETA, "/f"]).expect(code::OK);
}

fn value(key: &str, name: &str) -> String {
    wine(&["reg", "query", key, "/v", name]).out
}

/// What the setup program did, in its own words.
fn deeds() -> Vec<String> {
    let text = fs::read_to_string(file("setup.txt")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// G2, G18: from nothing to in sync; the second plan is empty; what is taken off by hand is put on again; a new version takes
/// the place of the old one, and what its installer resets was foretold.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn packages_are_installed_from_their_media_found_again_and_replaced() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    let plan = field.plan();
    let rows = field.rows(plan);
    assert_eq!(rows[0], "package/alpha version (absent) -> 1.0.0 (missing)");
    run(field, plan);
    field.assert_in_sync();
    assert!(value(ALPHA, "Port").contains("1025"), "{}", value(ALPHA, "Port"));
    assert!(value(ALPHA, "Place").contains(r"C:\muster-story\Donn"), "{}", value(ALPHA, "Place"));
    assert!(value(ALPHA, "Extra").contains("there"), "the feature was asked for");
    assert_eq!(deeds(), ["setup", "copy"], "the setup ended at once, and its copy was waited for");

    lose_beta();
    let plan = field.plan();
    assert_eq!(field.rows(plan), ["package/beta version (absent) -> 1.0 (drift)"]);
    run(field, plan);
    field.assert_in_sync();

    field.edit("version: 1.0.0", "version: 2.0.0");
    field.edit("alpha 1.0.0.msi", "alpha 2.0.0.msi");
    field.edit(&sha256("alpha 1.0.0.msi"), &sha256("alpha 2.0.0.msi"));
    field.edit("version: \"1.0\"", "version: \"2.0\"");
    field.edit("/VERSION=\"1.0\"", "/VERSION=\"2.0\"");
    field.push().expect(code::OK);
    let plan = field.plan();
    assert_eq!(field.step(plan, "package/alpha").rows[0].reason, Reason::Changed);
    assert_eq!(field.step(plan, "service/muster-story-vendor").rows[0].reason, Reason::Reset);
    run(field, plan);
    field.assert_in_sync();
    assert_eq!(deeds()[4..], ["remove", "setup", "copy"]);
}

/// Media that lie nowhere but on the controller's shelf: the agents fetch them, and packages are installed from what they hold.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn packages_are_installed_from_media_that_the_agent_has_fetched() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    for name in ["alpha 1.0.0.msi", "setup.exe"] {
        let medium = file("media").join(name);
        field.cli.run(["media".as_ref(), "add".as_ref(), medium.as_os_str()]).expect(code::OK);
        fs::remove_file(medium).unwrap();
    }
    let outcome = vendor.run_to("package/alpha", code::NOT_DONE);
    assert!(outcome.evidence.contains("cannot be taken hold of"), "{}", outcome.evidence);
    field.cli.ok("stage story-site").says(&[r"alpha 1.0.0.msi  is there", r"setup.exe  is there"]);
    run(field, field.plan());
    field.assert_in_sync();
    assert!(value(ALPHA, "Port").contains("1025"), "{}", value(ALPHA, "Port"));
    assert_eq!(deeds(), ["setup", "copy"]);

    // What was changed in the cache is not what was approved.
    lose_beta();
    let cache = wine_drive().join("ProgramData/MusterAgent/media");
    fs::write(cache.join(sha256_of("setup.exe")), "MZ and something else").unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert!(outcome.evidence.contains("was approved; put the right file there"), "{}", outcome.evidence);
    assert_eq!(deeds(), ["setup", "copy"]);
}

/// Media that are not the ones that were approved: nothing is taken off and nothing put on.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn a_wrong_medium_leaves_the_old_version_where_it_is() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    run(field, field.plan());
    field.edit("version: \"1.0\"", "version: \"2.0\"");
    field.push().expect(code::OK);
    fs::write(file("media/setup.exe"), "MZ and something else").unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert_eq!(outcome.end, End::Failed);
    let evidence = outcome.evidence;
    assert!(evidence.contains("the old version is still there"), "{evidence}");
    assert!(evidence.contains("was approved; put the right file there"), "{evidence}");
    assert!(value(BETA, "DisplayVersion").contains("1.0"));
    assert_eq!(deeds(), ["setup", "copy"]);

    fs::remove_file(file("media/setup.exe")).unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert!(outcome.evidence.contains("cannot be taken hold of"), "{}", outcome.evidence);
    assert!(value(BETA, "DisplayVersion").contains("1.0"));
}

/// Exit codes: another installation in progress is waited for, a restart that Windows wants is said, a failure has its log.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn exit_codes_of_installers_mean_what_windows_means_by_them() {
    let vendor = Vendor::come().join();
    let field = vendor.field();

    fs::write(file("busy"), "").unwrap();
    fs::write(file("code"), "3010").unwrap();
    let outcome = vendor.run_to("package/beta", code::OK);
    assert_eq!(outcome.end, End::Done);
    assert!(outcome.evidence.contains("3010, Windows wants a restart"), "{}", outcome.evidence);
    assert_eq!(deeds(), ["setup", "setup"], "the first found another installation in progress");

    lose_beta();
    fs::write(file("fails"), "").unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert_eq!(outcome.end, End::Failed);
    assert!(outcome.evidence.contains("1603: a fatal error"), "{}", outcome.evidence);
    fs::remove_file(file("fails")).unwrap();

    fs::write(file("code"), "1641").unwrap();
    let outcome = vendor.run_to("package/beta", code::OK);
    assert!(outcome.evidence.contains("1641, Windows wants a restart"), "{}", outcome.evidence);
    field.assert_in_sync();
}

/// A setup that hangs is reported at its limit and goes on; an agent that was killed adopts it. It is started once.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn a_setup_that_hangs_goes_on_and_an_agent_that_was_killed_adopts_it() {
    let vendor = Vendor::come();
    vendor.field().edit("time_limit_seconds: 600", "time_limit_seconds: 3");
    let vendor = vendor.join();
    let field = vendor.field();

    fs::write(file("wait"), "").unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert_eq!(outcome.end, End::Unknown);
    assert!(outcome.evidence.contains("after its time limit and goes on"), "{}", outcome.evidence);
    fs::remove_file(file("wait")).unwrap();
    await_until("the setup has done its work", || Ok(wine(&["reg", "query", BETA]).code == 0)).unwrap();
    field.assert_in_sync();
    assert_eq!(deeds(), ["setup", "copy"]);

    // Killed while the copy works, whose parent has ended long ago.
    lose_beta();
    field.edit("time_limit_seconds: 3", "time_limit_seconds: 600");
    field.push().expect(code::OK);
    fs::write(file("wait"), "").unwrap();
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    await_until("the copy works", || Ok(deeds().len() == 4)).unwrap();
    kill(&vendor.0);
    watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    vendor.0.agent(&["service", "start"]).expect(code::OK);
    watch.until("the agent is back", |body| matches!(body, EventBody::ServerConnected { .. }));
    fs::remove_file(file("wait")).unwrap();
    watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    field.assert_in_sync();
    assert_eq!(deeds(), ["setup", "copy", "setup", "copy"], "it was started once");
}
