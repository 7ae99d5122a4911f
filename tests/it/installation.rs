//! The first installation: the guide, from the first package to the gate.

use muster_agent::host::twin::ledger::{Action, Deed};
use muster_model::plan::{New, Old, Reason};
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// G2, G3, G12, G13, G15, G17: what the guide orders is done in its order, on one approval, and nothing is left to do.
#[test]
fn the_guide_is_carried_out_in_its_order_on_one_approval() {
    let field = Field::sxa();
    let plan = field.plan();

    // The plan says beforehand what installers will make: neither service nor pool is there yet.
    for node in ["service/SCPSServer", "iis_app_pool/Sage.XRT.Advanced", "service/Sage.Next.BatchTasks"] {
        let step = field.step(plan, node);
        assert!(!step.rows.is_empty());
        for row in &step.rows {
            assert!(
                matches!(&row.old, Old::KnownAfter(package) if package.kind.as_str() == "package"),
                "{row:?}"
            );
            assert!(matches!(row.reason, Reason::Missing | Reason::Reset), "{row:?}");
        }
    }

    field.cli.ok(&format!("approve {plan}"));
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    // G17: the gate holds the site back, and says what to type.
    ran.says(&[&format!("muster done {plan}/")]);
    assert_eq!(field.status().state, SiteState::Waiting);
    let gate = field.step(plan, "manual_step/data-encryption");
    assert_eq!(gate.state, StepState::Waiting);
    assert!(gate.instructions.is_some_and(|text| !text.is_empty()));
    assert!(gate.rows.iter().all(|row| row.new == New::Confirmed));

    field.confirm_gates(plan, ran).expect(code::OK);
    field.assert_in_sync();

    // G2: the order of the packages; each installer was started once.
    let packages = ["bank-format-library", "common-services", "treasury", "advanced"];
    let wanted = packages.map(|name| (name.to_owned(), Action::Install));
    assert_eq!(field.agent.twin.installer_starts(), wanted);
    // G13, G15: the order of the services.
    let mut started = Vec::new();
    for entry in field.agent.twin.ledger() {
        if let Deed::ServiceStarted { service } = entry.deed {
            started.push(service);
        }
    }
    assert_eq!(started, ["SCPSServer", "SCASServer", "SCDTSServer", "Sage.Next.BatchTasks"]);
    // G12: both switches.
    let state = field.agent.twin.state();
    let pool = state.app_pools.get("Sage.XRT.Advanced").unwrap().facts(&state.app_pool_defaults);
    assert!(!pool.enable_32bit && pool.load_user_profile);
    // G3: the probe gave its evidence.
    let probe = field.step(plan, "http_probe/scps");
    assert!(probe.evidence.is_some_and(|text| text.contains("401")));
}

/// The preview is the work: planning, showing and asking change nothing on the server.
#[test]
fn planning_has_no_effect_on_the_server() {
    let field = Field::sxa();
    let before = field.agent.twin.ledger();
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}"));
    field.cli.ok("render dupont-prod");
    field.cli.ok("status");
    field.cli.ok("why dupont-prod");
    assert_eq!(field.agent.twin.ledger(), before);
}

/// Approve exactly this: a run of a plan that nobody approved is refused, and says what to type.
#[test]
fn an_unapproved_plan_does_not_run() {
    let field = Field::sxa();
    let plan = field.plan();
    let ran = field.cli.run(["run", &plan.to_string()]).expect(code::REFUSED);
    ran.says(&[&format!("muster approve {plan}")]);
    assert_eq!(field.agent.twin.installer_starts(), []);
}

/// A twin's work is never taken for a server's: SIMULATED stands wherever it is shown.
#[test]
fn what_a_twin_does_is_labelled_simulated() {
    let field = Field::sxa();
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&["SIMULATED"]);
    field.cli.ok("server list").says(&["SIMULATED"]);
    field.cli.ok("status dupont-prod").says(&["SIMULATED"]);
}
