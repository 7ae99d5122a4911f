//! A package is replaced: what its installer resets was foretold, approved once, and is set again (G12, G18, G24).

use muster_agent::host::twin::ledger::Action;
use muster_model::plan::{Old, Reason};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// G18, G24: uninstall then install; the pool's switches are listed as known after the package and set on one approval.
#[test]
fn what_a_reinstallation_resets_is_set_again_on_the_same_approval() {
    let field = Field::sxa();
    field.bring_in_sync();
    field.edit("advanced_version: 2022-r2", "advanced_version: 2022-r2-hf1");
    field.push().expect(code::OK);
    let known = field.agent.twin.installer_starts().len();

    let plan = field.plan();
    let package = field.step(plan, "package/advanced");
    assert_eq!(package.rows.len(), 1);
    assert_eq!(package.rows[0].reason, Reason::Changed);
    // The present values are as wanted, and are listed all the same: the installer will destroy them.
    let pool = field.step(plan, "iis_app_pool/Sage.XRT.Advanced");
    for attribute in ["enable_32bit", "load_user_profile"] {
        let row = pool.rows.iter().find(|row| row.attribute.name == attribute).unwrap();
        assert!(matches!(&row.old, Old::KnownAfter(node) if *node == package.node), "{row:?}");
        assert_eq!(row.reason, Reason::Reset);
    }

    field.cli.ok(&format!("approve {plan}"));
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);

    let starts = field.agent.twin.installer_starts();
    let wanted = [Action::Uninstall, Action::Install].map(|action| ("advanced".to_owned(), action));
    assert_eq!(starts[known..], wanted);
    let state = field.agent.twin.state();
    let pool = state.app_pools.get("Sage.XRT.Advanced").unwrap().facts(&state.app_pool_defaults);
    assert!(!pool.enable_32bit && pool.load_user_profile);
    field.assert_in_sync();
}

const LONE: &str = "{package: lone, version: \"1.0\"}";

/// Issue 5: a package that its document does not want is taken off by an approved row, once; one that is not there is in
/// sync; one that came back by hand goes again. What it provides cannot be wanted meanwhile.
#[test]
fn a_package_declared_absent_is_taken_off_whoever_installed_it() {
    let field = Field::kinds();
    field.bring_in_sync();
    let base = "{package: base, version: \"{{ base_version }}\"}";
    field.edit(base, "{package: base, state: absent}");
    field.push().expect(code::REJECTED).says(&["iis_site/Vendor is there, and package `base`"]);
    field.edit("{package: base, state: absent}", base);

    field.edit(LONE, "{package: lone, state: absent}");
    field.push().expect(code::OK);
    for version in ["1.0", "0.9"] {
        let known = field.agent.twin.installer_starts().len();
        let plan = field.approved_plan();
        assert_eq!(
            field.rows(plan),
            [format!("package/lone version {version} -> (absent) (no longer wanted)")]
        );
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
        assert_eq!(field.agent.twin.installer_starts()[known..], [("lone".to_owned(), Action::Uninstall)]);
        field.assert_in_sync();
        field.agent.twin.set(&["package", "lone", "version=0.9"]);
    }
}

/// What came in its place since the approval is not taken off, and an uninstallation that fails says so.
#[test]
fn another_version_than_the_approved_one_is_not_taken_off() {
    let field = Field::kinds();
    field.bring_in_sync();
    field.edit(LONE, "{package: lone, state: absent}");
    field.push().expect(code::OK);
    let known = field.agent.twin.installer_starts().len();
    let plan = field.approved_plan();
    field.agent.twin.set(&["package", "lone", "version=0.9"]);
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    ran.says(&["version 0.9 -> (absent)", "nothing was done"]);
    assert_eq!(field.agent.twin.installer_starts().len(), known);

    field.agent.twin.fault(&["package.uninstall", "lone", "exit-code=1603"]);
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    ran.says(&["1603", "version 0.9 is installed"]);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
}
