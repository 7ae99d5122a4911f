//! Packages on a real host: a vendor's .msi and a vendor's setup program, from their media to in sync, replaced, refused,
//! waited for, and adopted by an agent that was killed meanwhile (G2, G18).
//!
//! Run by `tests/windows/run install`, which builds the media. Windows Installer is Wine's. The oracle is the machine: its
//! registry, and what the setup program wrote.

use std::fs;

use muster_model::event::RunEnd;
use muster_model::outcome::End;
use muster_model::plan::Reason;
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::field::Field;
use muster_tests::programs::wine_drive;

use crate::canary::{search_folder, search_for};
use crate::wine_server::{attempt, await_no_service, run};
use crate::wine_vendor::{
    ALPHA, BETA, SERVICE, Vendor, acts, deeds, file, lose_beta, sha256, sha256_of, value,
};

/// The package that is there is the one of its product code, and that of another one is not.
fn alpha_is_known_by_its_product_code(field: &Field) {
    let medium = file("media").join("alpha 1.0.0.msi");
    let told = field.cli.run(["--output".as_ref(), "json".as_ref(), "inspect".as_ref(), medium.as_os_str()]);
    let told: serde_json::Value = serde_json::from_str(&told.expect(code::OK).out).unwrap();
    let own_code = told["package"]["product_code"].as_str().unwrap().to_owned();
    let upgrade_code = "upgrade_code: '{5E1C7B0A-3B52-4C53-9C0D-3F6B2D9A1E01}'";
    let [own, other] =
        [&own_code, "{00000000-3B52-4C53-9C0D-3F6B2D9A1E01}"].map(|code| format!("product_code: '{code}'"));
    let rows_of_alpha = |from: &str, to: &str| {
        field.edit(from, to);
        field.push().expect(code::OK);
        let rows = field.rows(field.plan());
        rows.into_iter().filter(|row| row.starts_with("package/alpha")).collect::<Vec<_>>()
    };
    assert_eq!(rows_of_alpha(upgrade_code, &own), [""; 0], "it is found");
    let absent = "package/alpha version (absent) -> 1.0.0 ";
    assert!(rows_of_alpha(&own, &other)[0].starts_with(absent), "it is another one's");
    assert_eq!(rows_of_alpha(&other, upgrade_code), [""; 0]);
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
    alpha_is_known_by_its_product_code(field);

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

/// Media that lie nowhere but on the controller's shelf: the agents fetch them, ahead of time or in the run itself, and packages
/// are installed from what they hold.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn packages_are_installed_from_media_that_the_agent_has_fetched() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    let add = |name: &str| {
        let medium = file("media").join(name);
        field.cli.run(["media".as_ref(), "add".as_ref(), medium.as_os_str()]).expect(code::OK);
        fs::remove_file(medium).unwrap();
    };
    add("setup.exe");
    let alpha = file("media").join("alpha 1.0.0.msi");
    fs::rename(&alpha, file("carried")).unwrap();
    let outcome = vendor.run_to("package/alpha", code::NOT_DONE);
    assert!(outcome.evidence.contains("nobody announced medium"), "{}", outcome.evidence);
    fs::rename(file("carried"), &alpha).unwrap();
    add("alpha 1.0.0.msi");
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
    assert!(outcome.evidence.contains("nobody announced medium"), "{}", outcome.evidence);
    assert!(value(BETA, "DisplayVersion").contains("1.0"));
}

/// Exit codes: another installation in progress is waited for, a restart that Windows wants is said, a failure has its log;
/// also where the setup program ends with 0 at once and its copy with the code that counts.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn exit_codes_of_installers_mean_what_windows_means_by_them() {
    let vendor = Vendor::come().join();
    let field = vendor.field();

    fs::write(file("busy"), "").unwrap();
    fs::write(file("code"), "3010").unwrap();
    let outcome = vendor.run_with_a_copy("package/beta");
    assert_eq!(outcome.end, End::Done);
    assert!(outcome.evidence.contains("3010, Windows wants a restart"), "{}", outcome.evidence);
    assert_eq!(deeds(), ["setup", "setup", "copy"], "the first found another installation in progress");

    // What it left for the next start of Windows could undo what another installer does; this package says that it does not.
    lose_beta();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert_eq!(outcome.end, End::Blocked);
    assert!(
        outcome.evidence.contains("package/beta ended with 3010, and Windows has not"),
        "{}",
        outcome.evidence
    );
    assert_eq!(deeds().len(), 3, "nothing was started");
    field.edit("    uninstall_arguments: [/S]\n", "    uninstall_arguments: [/S]\n    restart: ignored\n");
    field.push().expect(code::OK);

    fs::write(file("fails"), "").unwrap();
    let outcome = vendor.run_to("package/beta", code::NOT_DONE);
    assert_eq!(outcome.end, End::Failed);
    assert!(outcome.evidence.contains("1603: a fatal error"), "{}", outcome.evidence);
    fs::remove_file(file("fails")).unwrap();

    fs::write(file("code"), "1603").unwrap();
    let outcome = vendor.run_with_a_copy("package/beta");
    assert_eq!(outcome.end, End::Failed);
    assert!(outcome.evidence.contains("1603: a fatal error"), "{}", outcome.evidence);
    assert!(outcome.evidence.contains("no version is installed"), "{}", outcome.evidence);

    // Nothing restarts this Windows: what has begun a restart is not over.
    field.edit("time_limit_seconds: 600", "time_limit_seconds: 20");
    field.push().expect(code::OK);
    fs::write(file("code"), "1641").unwrap();
    let outcome = vendor.run_with_a_copy("package/beta");
    assert_eq!(outcome.end, End::Failed);
    assert!(outcome.evidence.contains("1641, it began a restart of Windows"), "{}", outcome.evidence);
    assert!(outcome.evidence.contains("Windows still runs after 20 s"), "{}", outcome.evidence);
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
    // The last that it does.
    let is_told = || Ok(attempt(&["reg", "query", BETA, "/v", "UninstallString"]).code == 0);
    await_until("the setup has done its work", is_told).unwrap();
    field.assert_in_sync();
    assert_eq!(deeds(), ["setup", "copy"]);

    // Killed while the copy works, whose parent has ended long ago.
    lose_beta();
    field.edit("time_limit_seconds: 3", "time_limit_seconds: 600");
    field.push().expect(code::OK);
    vendor.run_killed_while("wait", "the copy works", || deeds().len() == 4);
    field.assert_in_sync();
    assert_eq!(deeds(), ["setup", "copy", "setup", "copy"], "it was started once");
}

/// Packages that the documents do not want any more: taken off by their own means, once each, also where the agent was killed
/// meanwhile; what is not there is in sync.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn packages_declared_absent_are_taken_off_once() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    run(field, field.plan());
    field.assert_in_sync();

    field.edit("  - package: beta\n    version: \"1.0\"\n", "  - package: beta\n    state: absent\n");
    field.push().expect(code::OK);
    let end = vendor.run_killed_while("wait", "the uninstaller works", || deeds().len() == 3);
    assert_eq!(end, RunEnd::Done);
    assert_ne!(attempt(&["reg", "query", BETA]).code, 0);
    assert_eq!(deeds(), ["setup", "copy", "remove"]);
    field.assert_in_sync();

    // What it provides cannot be wanted without it.
    field.edit("  - package: alpha\n    version: 1.0.0\n", "  - package: alpha\n    state: absent\n");
    field.push().expect(code::REJECTED).says(&["service/muster-story-vendor is there, and package `alpha`"]);
    let service = "  - service: muster-story-vendor\n    state: running\n    start: automatic\n    settle_seconds: 1\n    \
                   time_limit_seconds: 60\n    provided_by: alpha\n";
    field.edit(service, "");
    field.push().expect(code::OK);
    let plan = field.plan();
    assert_eq!(field.rows(plan), ["package/alpha version 1.0.0 -> (absent) (no longer wanted)"]);
    run(field, plan);
    assert_ne!(attempt(&["reg", "query", ALPHA]).code, 0);
    await_no_service(SERVICE);
    field.assert_in_sync();
}

/// Promise 7 for installers: a public property on the command line by a row of its own, answers in a file that goes again, and
/// no value in any file, log or event of Muster's, also where the agent was killed while the setup worked.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn secrets_reach_installers_and_nothing_of_muster_keeps_them() {
    const DB: &str = "Kanari%Vogel&7/+x";
    const CODE: &str = "Zeisig&Fink<9>w";
    let vendor = Vendor::come();
    let types = "roles: [web]\nparameters: {db_password: {type: secret}, code: {type: secret}}\n";
    vendor.field().edit("roles: [web]\n", types);
    vendor
        .field()
        .edit("PORT=1025]\n", "PORT=1025]\n    secret_arguments: {DBPASSWORD: \"{{ db_password }}\"}\n");
    vendor.field().edit(
        "'/VERSION=\"1.0\"']\n",
        "'/VERSION=\"1.0\"', '/ANSWERS=\"%RESPONSE_FILE%\"']\n    response_file: |\n      [Setup]\n      Password={{ code }}\n",
    );
    let vendor = vendor.join();
    let field = vendor.field();
    field.set_secret("db_password", DB).expect(code::OK);
    field.set_secret("code", CODE).expect(code::OK);
    let rows = field.rows(field.plan());
    for row in [
        "package/alpha secret_arguments[DBPASSWORD] (absent) -> v1 (secret on the command line)",
        "package/beta response_file[code] (absent) -> v1 (handed to the installer)",
    ] {
        assert!(rows.iter().any(|is| is == row), "{rows:#?}");
    }
    // The action of alpha waits, too: the agent is killed there, and once more while the setup works.
    let end = vendor.run_killed_while("act-waits", "the action of the package runs", || acts() == ["act"]);
    assert_eq!(end, RunEnd::Done);
    field.assert_in_sync();
    lose_beta();
    let end = vendor.run_killed_while("wait", "the copy works", || deeds().len() == 4);
    assert_eq!(end, RunEnd::Done);
    field.assert_in_sync();

    assert!(value(ALPHA, "Password").contains(DB), "{}", value(ALPHA, "Password"));
    assert!(value(BETA, "Password").contains(CODE), "{}", value(BETA, "Password"));
    let mut said = vec![field.cli.ok("events"), field.cli.ok("--output json events")];
    for line in ["status", "why story-site", "render story-site"] {
        said.push(field.cli.ok(line));
    }
    said.iter().for_each(|ran| search_for(&[DB, CODE], &ran.typed, ran.said().as_bytes()));
    vendor.0.agent(&["service", "stop"]).expect(code::OK);
    let data = wine_drive().join("ProgramData/MusterAgent");
    let logs: Vec<u8> = fs::read_dir(data.join("installers"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "log"))
        .flat_map(|path| fs::read(path).unwrap())
        .collect();
    let masked = b"Password=***";
    assert!(logs.windows(masked.len()).any(|window| window == masked), "the setup said it");
    assert!(
        fs::read_dir(data.join("installers"))
            .unwrap()
            .all(|entry| { !entry.unwrap().file_name().to_string_lossy().ends_with(".answers") })
    );
    search_folder(&[DB, CODE], &data);
    search_folder(&[DB, CODE], field.folder());
}

/// The agent is killed while an action of an .msi works: it is adopted, and Windows Installer did it all once. An action that
/// fails rolls the package back.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn a_package_of_windows_installer_is_adopted_by_an_agent_that_was_killed() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    fs::write(file("broken"), "").unwrap();
    let outcome = vendor.run_to("package/alpha", code::NOT_DONE);
    assert_eq!(outcome.end, End::Failed);
    // Windows itself says 1603 of an action that failed.
    assert!(outcome.evidence.contains("1627: a part of the installation failed"), "{}", outcome.evidence);
    assert!(outcome.evidence.contains("no version is installed"), "{}", outcome.evidence);
    fs::remove_file(file("broken")).unwrap();
    fs::remove_file(file("act.txt")).unwrap();

    let end = vendor.run_killed_while("act-waits", "the action of the package runs", || acts() == ["act"]);
    assert_eq!(end, RunEnd::Done);
    assert_eq!(acts(), ["act"]);
    assert_eq!(deeds(), ["setup", "copy"]);
    field.assert_in_sync();
    let uninstall = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
    let listed = attempt(&["reg", "query", uninstall, "/s"]).out;
    assert_eq!(listed.matches("Muster Story Alpha").count(), 1, "{listed}");
}
