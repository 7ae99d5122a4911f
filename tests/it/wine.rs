//! The programs for Windows, as they ship, with a controller on Linux: mutual TLS, the whole guide, and a kill in the middle.
//!
//! Run by `tests/windows/run fleet`, which builds the programs and keeps one Wine alive. Wine is not Windows: what this
//! shows is that the shipped binary, its TLS, its journal and its processes hold together. The server is still a twin.

use std::process::Command;

use muster_agent::host::twin::ledger::Action;
use muster_model::view::SiteState;
use muster_tests::cli::{Ran, code};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::{Programs, root, shipped_for_windows};

use crate::restart::{finish, held_in_an_installer, starts_of};

/// A field whose agent runs under Wine; the folder holds its programs.
fn field() -> (Field, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let programs = Programs::built().with_agent_for_windows(folder.path()).unwrap();
    (Field::open(&programs, Scene::sxa()).unwrap(), folder)
}

/// `muster.exe` with the operator's profile.
fn muster_exe(field: &Field, words: &[&str]) -> Ran {
    let mut command = Command::new(root().join("tests/windows/wine"));
    command.arg(shipped_for_windows("muster").unwrap()).args(words);
    command.env("MUSTER_PROFILE", field.folder().join("anne.profile"));
    Ran::of(&mut command).unwrap()
}

/// The agent enrols, carries out the guide on one approval, has nothing left to do, and an operator at Windows sees it.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn the_agent_for_windows_carries_out_the_guide() {
    let (field, _programs) = field();
    field.bring_in_sync();
    field.assert_in_sync();

    let packages = ["bank-format-library", "common-services", "treasury", "advanced"];
    let wanted = packages.map(|name| (name.to_owned(), Action::Install));
    assert_eq!(field.agent.twin.installer_starts(), wanted);

    let seen = muster_exe(&field, &["--output", "json", "status", "dupont-prod"]).expect(code::OK);
    assert_eq!(field.status().state, SiteState::InSync);
    let here = field.cli.json("status dupont-prod");
    let there: serde_json::Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!(there["sites"][0]["state"], here["sites"][0]["state"], "{}", seen.out);
    muster_exe(&field, &["status"]).expect(code::OK).says(&["dupont-prod", "in sync"]);
    let package = root().join("target/package/muster-agent.msi");
    let told = muster_exe(&field, &["inspect", &format!("Z:{}", package.display())]).expect(code::OK);
    told.says(&["upgrade_code: '{8F0F1A5C-0C37-4A55-9B5E-8B5C1D6E2A41}'", "'ADDLOCAL=Agent'"]);
}

/// Killed while an installer works, it comes back, adopts the installer, starts no second, and the run ends done.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run fleet"]
fn the_agent_for_windows_goes_on_after_a_kill_and_does_nothing_twice() {
    let (mut field, _programs) = field();
    let plan = held_in_an_installer(&field);
    field.kill_agent().unwrap();
    field.start_agent().unwrap();
    field.agent.twin.clear_faults();
    finish(&field, plan);
    for package in ["bank-format-library", "common-services", "treasury", "advanced"] {
        assert_eq!(starts_of(&field, package), 1, "{package}");
    }
}
