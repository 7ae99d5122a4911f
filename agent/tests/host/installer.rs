//! What the installers of a twin do, and what is left when one is interrupted.

use muster_agent::host::twin::ledger::Deed;
use muster_agent::host::{AppPools, Files, Packages, PoolSetting, Services};
use muster_model::package::Package;

use crate::{Stage, Started, seen, until};

fn start(stage: &Stage, package: &str) -> Started {
    let args = ["twin-installer", "--package", package, "--version", "1.0", "--action", "install"];
    Started(stage.command(&args).spawn().unwrap())
}

#[test]
fn an_installer_that_is_killed_leaves_nothing_where_it_works_at_one_stroke() {
    let stage = Stage::new();
    let mut installer = start(&stage, "endless");
    stage.await_deed(|deed| matches!(deed, Deed::InstallerStarted { .. }));
    installer.kill();
    assert_eq!(stage.twin().installed(&Package::named("endless")).unwrap(), None);
}

#[test]
fn an_installer_that_is_killed_leaves_half_where_it_works_piece_by_piece() {
    let stage = Stage::new();
    let mut installer = start(&stage, "staged");
    stage.await_deed(|deed| matches!(deed, Deed::PieceMade { .. }));
    installer.kill();
    let twin = stage.twin();
    assert!(Services::get(&twin, "First").unwrap().is_some());
    assert_eq!(
        twin.installed(&Package::named("staged")).unwrap(),
        None,
        "half an installation is no version"
    );
    assert_eq!(stage.install("staged", "1.0"), Some(0), "a second one completes it");
    assert!(Services::get(&twin, "Second").unwrap().is_some());
}

#[test]
fn a_second_installer_at_the_same_time_is_refused_with_1618() {
    let stage = Stage::new();
    let mut first = start(&stage, "endless");
    stage.await_deed(|deed| matches!(deed, Deed::InstallerStarted { .. }));
    assert_eq!(stage.install("quick", "1.0"), Some(seen(1618)));
    stage.await_deed(|deed| matches!(deed, Deed::InstallerEnded { code: 1618, .. }));
    assert_eq!(stage.starts().len(), 1);
    first.kill();
    assert_eq!(stage.install("quick", "1.0"), Some(0), "the refusal ends with the first installer's process");
}

#[test]
fn another_version_is_refused_with_1638_until_the_present_one_is_taken_off() {
    let stage = Stage::new();
    assert_eq!(stage.install("quick", "1.0"), Some(0));
    assert_eq!(stage.install("quick", "2.0"), Some(seen(1638)));
    let off = ["twin-installer", "--package", "quick", "--version", "1.0", "--action", "uninstall"];
    assert!(stage.run(&off).status.success());
    assert_eq!(stage.run(&off).status.code(), Some(seen(1605)));
    assert_eq!(stage.install("quick", "2.0"), Some(0));
    assert_eq!(stage.twin().installed(&Package::named("QUICK")).unwrap().unwrap().as_str(), "2.0");
}

#[test]
fn a_package_that_is_put_on_again_has_lost_its_settings_and_grants() {
    // G12, G16, G18: this is why a plan lists every wanted attribute as known after its package.
    let stage = Stage::new();
    let (twin, pool, path) = (stage.twin(), "Sage.XRT.Advanced", r"C:\Sage\web.config");
    stage.install("advanced", "2022-r2");
    let made = AppPools::get(&twin, pool).unwrap().unwrap();
    assert!(
        made.enable_32bit && !made.load_user_profile,
        "both switches are wrong as the installer leaves them"
    );
    twin.set(pool, &[PoolSetting::Enable32bit(false), PoolSetting::LoadUserProfile(true)]).unwrap();
    twin.grant(path, r"IIS APPPOOL\Sage.XRT.Advanced", muster_agent::host::Access::Modify).unwrap();
    let off = ["twin-installer", "--package", "advanced", "--version", "2022-r2", "--action", "uninstall"];
    stage.run(&off);
    assert_eq!((AppPools::get(&twin, pool).unwrap(), Files::get(&twin, path).unwrap()), (None, None));
    stage.install("advanced", "2022-r2");
    assert_eq!(AppPools::get(&twin, pool).unwrap().unwrap(), made);
    assert_eq!(Files::get(&twin, path).unwrap().unwrap().rights.len(), 1);
}

#[test]
fn an_installer_fails_as_its_fault_says_and_then_does_nothing() {
    for (strike, code) in [("fail", 1603), ("disk-full", 1603), ("exit-code=1602", 1602)] {
        let stage = Stage::new();
        stage.fault("package.install", "quick", strike);
        assert_eq!(stage.install("quick", "1.0"), Some(seen(code)), "{strike}");
        assert_eq!(stage.twin().installed(&Package::named("quick")).unwrap(), None, "{strike}");
        assert_eq!(stage.install("quick", "1.0"), Some(0), "{strike} strikes once");
    }
}

#[test]
fn an_installer_that_fails_after_its_effect_has_had_it() {
    let stage = Stage::new();
    stage.ok(&["twin", "fault", "add", "package.install", "quick", "fail", "--after"]);
    assert_eq!(stage.install("quick", "1.0"), Some(seen(1603)));
    assert!(stage.twin().installed(&Package::named("quick")).unwrap().is_some());
}

#[test]
fn an_installer_that_hangs_goes_on_when_its_fault_is_cleared() {
    let stage = Stage::new();
    stage.fault("package.install", "*", "hang");
    let mut installer = start(&stage, "quick");
    stage.await_deed(|deed| matches!(deed, Deed::FaultStruck { .. }));
    assert!(installer.0.try_wait().unwrap().is_none());
    stage.ok(&["twin", "fault", "clear"]);
    assert!(installer.0.wait().unwrap().success());
    until("the package", || stage.twin().installed(&Package::named("quick")).unwrap().is_some());
}

#[test]
fn an_installer_that_the_catalogue_does_not_know_is_not_offered() {
    let stage = Stage::new();
    let error = stage.twin().installer(&Package::named("quick"), &"9.9".parse().unwrap()).unwrap_err();
    assert_eq!(error.to_string(), "there is no installer of package quick 9.9");
    assert_eq!(
        stage.twin().uninstaller(&Package::named("quick")).unwrap_err().to_string(),
        "there is no package quick"
    );
}
