//! What the guide does on a server, in its order, seen on the twin.

use std::process::Command;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan as _};
use muster_agent::host::twin::ledger::{Action, Deed};
use muster_model::backup::{Backup, SECRETS_PART};
use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::outcome::End;
use muster_model::plan::New;
use muster_model::view::{SiteState, StepState};
use muster_tests::cli::{Ran, code};

use crate::past::days_ago;

use super::{DONE, begun, dupont, martin, run_until, services_started};

const TENANT: &str = "manual_step/tenant";
const ADVANCED: &str = "package/advanced";
const ENCRYPTION: &str = "manual_step/data-encryption";

#[test]
fn g1_everything_that_is_missing_is_told_at_once_and_nothing_is_changed() {
    let field = begun(martin());
    let twin = &field.agent.twin;
    twin.set(&["computer", "facts", "windows=6.3.9600", "elevated=false", "pending_reboot=Windows Update"]);
    twin.set(&["administrator", r"MAR-SRV01\svc-sxa", "absent"]);
    twin.set(&["session", r"MAR\anne", "programs=mmc.exe,SageFcsConsole.exe"]);
    twin.set(&["drive", "D", "free_gib=1"]);
    twin.set(&["listener", "2025", "program=java.exe"]);
    twin.set(&["sql_server", r"MAR-SRV01\SQLEXPRESS", "version=13.0.5026.0"]);
    let known = twin.ledger().len();
    field.cli.run(["preflight", "martin-prod"]).expect(code::MISSING).says(&[
        "Windows 6.3.9600; wanted: at least 10.0.14393 (Windows Server 2016)",
        "Windows Update",
        r"svc-sxa",
        "SageFcsConsole.exe",
        "GiB free",
        "java.exe",
        "13.0.5026.0",
        "Nothing was changed.",
    ]);
    assert_eq!(twin.effects_after(known), []);
    let plan = field.plan();
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
}

#[test]
fn g2_the_packages_come_in_the_guides_order_and_only_treasury_can_be_left_out() {
    let installed = |field: &muster_tests::field::Field| {
        let plan = field.approved_plan();
        run_until(field, plan, ADVANCED);
        let starts = field.agent.twin.installer_starts().into_iter();
        starts
            .map(|(package, action)| {
                assert_eq!(action, Action::Install);
                package
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(installed(&begun(dupont())), ["bank-format-library", "common-services", "treasury"]);
    assert_eq!(installed(&begun(martin())), ["bank-format-library", "common-services"]);
}

#[test]
fn g3_nothing_goes_on_before_the_console_of_common_services_opens_on_that_server() {
    let field = begun(martin());
    field.agent.twin.fault(&["http.get", "http://localhost/SCPS", "answer=503", "--always"]);
    field.edit("    time_limit_seconds: 60\n", "    time_limit_seconds: 1\n");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE).says(&["503"]);
    assert_eq!(field.step(plan, "http_probe/scps").state, StepState::Ended(End::Failed));
    for node in ["service/SCPSServer", TENANT, ADVANCED] {
        assert_eq!(field.step(plan, node).state, StepState::Ended(End::Skipped), "{node}");
    }
    assert_eq!(services_started(&field), Vec::<String>::new());
    // 401 asks for a login: the console is there.
    field.agent.twin.clear_faults();
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::WAITING);
    let evidence = field.step(plan, "http_probe/scps").evidence.unwrap();
    assert!(evidence.contains("401"), "{evidence}");
    // Common Services came at once after the library.
    let number = |node| field.step(plan, node).number;
    assert_eq!(number("package/common-services"), number("package/bank-format-library") + 1);
}

#[test]
fn g4_the_installers_dialogs_are_told_value_by_value_and_its_secrets_on_the_server_alone() {
    let field = begun(martin());
    let plan = field.approved_plan();
    run_until(&field, plan, ADVANCED);
    let step = field.waiting(plan);
    let said = field.cli.ok(&format!("steps {plan}/{}", step.number));
    said.says(&[
        "Language (language)",
        "fr",
        "Site name (iis_site_name)",
        "Tresorerie",
        "Idle time in minutes",
        "20",
    ]);
    said.says(&["Port Number (port)", "2025", "Port Number for Batch Tasks (batch_port)", "2026"]);
    said.says(&["Default Tenant name (tenant)", "MARTIN", r".\svc-sxa", r"D:\Apps\Tresorerie"]);
    assert!(!said.said().contains("Corr3ct-horse") && !said.said().contains("0123456789"));
    let shown = field.agent.show_secrets(&format!("{plan}/{}", step.number));
    shown.says(&["batch_account_password v1: Corr3ct-horse", "security_code v1: 0123456789"]);
    // What is fixed once installed cannot be changed in the documents any more.
    let ran = field.done(plan, &step);
    field.confirm_gates(plan, ran).expect(code::OK);
    field.edit("  language: fr\n", "  language: en\n");
    field.push().expect(code::REJECTED).says(&["language", "fixed"]);
}

#[test]
fn g7_g10_https_has_its_binding_certificate_name_and_record_for_every_site() {
    let field = begun(dupont());
    field.bring_in_sync();
    let state = field.agent.twin.state();
    for (site, port) in
        [("Sage.XRT.Advanced", 1025), ("Sage.XRT.Advanced.OData", 1027), ("Sage.XRT.Advanced.PWA", 1028)]
    {
        let bindings = &state.sites[site].bindings;
        let name = format!("https/*:{port}:sxa.dupont.example");
        assert!(bindings.contains_key(&name), "{site}: {bindings:?}");
        let record = format!("sxa.dupont.example:{port}");
        assert!(state.http_sys.contains_key(&record), "{record}: {:?}", state.http_sys);
    }
    field.assert_in_sync();
}

#[test]
fn g11_users_import_from_a_folder_that_pool_and_batch_account_may_write_to() {
    let field = begun(martin());
    field.bring_in_sync();
    let state = field.agent.twin.state();
    let rights = &state.folders[r"D:\Import\Tresorerie"].rights;
    for account in [r"IIS APPPOOL\Tresorerie", r".\svc-sxa"] {
        assert!(rights.contains_key(account), "{account}: {rights:?}");
    }
    field.edit(r"'D:\Import\Tresorerie'", r"'\\files\import'");
    let ran = field.push().expect(code::OK);
    ran.says(&["import_path is a share; the pool reads it as the computer's own account", "(G11)"]);
}

#[test]
fn g12_the_pool_that_the_installer_made_gets_both_switches_and_one_that_it_did_not_make_is_a_failed_installation()
 {
    let field = begun(martin());
    let plan = field.approved_plan();
    run_until(&field, plan, ADVANCED);
    let step = field.waiting(plan);
    field.agent.twin.install("advanced", "2022-r2");
    field.agent.twin.set(&["app_pool", "Tresorerie", "absent"]);
    field
        .done(plan, &step)
        .expect(code::WAITING)
        .says(&["iis_app_pool/Tresorerie", "were the values typed as they are shown"]);
    field.agent.twin.uninstall("advanced");
    let step = field.waiting(plan);
    let ran = field.confirm_gates(plan, field.done(plan, &step));
    ran.expect(code::OK);
    let state = field.agent.twin.state();
    let pool = state.app_pools["Tresorerie"].facts(&state.app_pool_defaults);
    assert!(!pool.enable_32bit && pool.load_user_profile);
    assert!(state.sites.contains_key("Tresorerie"));
    field.assert_in_sync();
}

#[test]
fn g13_the_services_start_in_the_guides_order_before_any_database() {
    let field = begun(martin());
    let plan = field.approved_plan();
    run_until(&field, plan, ADVANCED);
    assert_eq!(services_started(&field), ["SCPSServer", "SCASServer", "SCDTSServer"]);
    assert_eq!(field.step(plan, "sql_database/main/TRESO").state, StepState::Pending);
    // One that dies a moment after its start has not started.
    let other = begun(martin());
    other.agent.twin.fault(&["service.start", "SCASServer", "dies=200", "--always"]);
    let plan = other.approved_plan();
    other.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE).says(&["SCASServer"]);
    assert_eq!(other.step(plan, "service/SCDTSServer").state, StepState::Ended(End::Skipped));
    assert_eq!(other.step(plan, TENANT).state, StepState::Ended(End::Skipped));
}

#[test]
fn g14_g15_the_database_is_made_filled_once_and_only_then_the_batch_service_starts() {
    let field = begun(martin());
    field.agent.twin.fault(&[
        "sql.execute",
        "0200_data.sql#1",
        "fail=The disk of the database is full",
        "--always",
    ]);
    let plan = field.approved_plan();
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
    let ran = field.confirm_gates(plan, ran).expect(code::NOT_DONE);
    ran.says(&["0200_data.sql", "batch 1", "The disk of the database is full"]);
    assert!(!services_started(&field).contains(&"Sage.Next.BatchTasks".to_owned()));
    assert_eq!(field.step(plan, "service/Sage.Next.BatchTasks").state, StepState::Ended(End::Skipped));
    field.agent.twin.clear_faults();
    let ran = field.cli.run(["resume", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    assert_eq!(field.agent.twin.batches(), ["0100_tables.sql#1", "0100_tables.sql#2", "0200_data.sql#1"]);
    assert_eq!(services_started(&field).last().unwrap(), "Sage.Next.BatchTasks");
    field.assert_in_sync();
}

#[test]
fn g16_the_pool_reads_the_key_of_common_services_and_again_after_each_reinstallation() {
    let field = begun(martin());
    field.bring_in_sync();
    let grants = |field: &muster_tests::field::Field| {
        let state = field.agent.twin.state();
        let (_, certificate) =
            state.certificates.iter().find(|(_, one)| one.subject == "CN=Sage.fcs.client").unwrap();
        certificate.rights.keys().cloned().collect::<Vec<_>>()
    };
    assert!(grants(&field).contains(&r"IIS APPPOOL\Tresorerie".to_owned()), "{:?}", grants(&field));
    // Somebody installs Common Services anew: the certificate is another, without the grant.
    field.agent.twin.uninstall("common-services");
    field.agent.twin.install("common-services", "6.0.0.1397");
    assert_eq!(grants(&field), Vec::<String>::new());
    let plan = field.approved_plan();
    let rows = field.rows(plan);
    assert!(rows.iter().any(|row| row.starts_with("private_key_access/Sage.fcs.client")), "{rows:?}");
    let ran = field.cli.run(["run", &plan.to_string(), "--watch"]);
    field.confirm_gates(plan, ran).expect(code::OK);
    assert!(grants(&field).contains(&r"IIS APPPOOL\Tresorerie".to_owned()));
    let recycled = |deed: &Deed| matches!(deed, Deed::PoolRecycled { pool } if pool == "Tresorerie");
    assert!(
        field.agent.twin.ledger().iter().any(|entry| recycled(&entry.deed)),
        "the pool takes the right up"
    );
    field.assert_in_sync();
}

#[test]
fn g17_the_site_is_not_in_service_before_its_data_is_encrypted_by_a_person() {
    let field = begun(martin());
    let plan = field.approved_plan();
    run_until(&field, plan, ENCRYPTION);
    assert_eq!(field.status().state, SiteState::Waiting);
    field.cli.ok("why martin-prod").says(&["waits for the client", "Gestion de la Plateforme"]);
    let gate = field.waiting(plan);
    assert!(gate.rows.iter().all(|row| row.new == New::Confirmed));
    let name = format!("{plan}/{}", gate.number);
    field.agent.show_secrets(&name).says(&["encryption_password v1: An0ther-horse"]);
    assert_ne!(field.agent.show_secrets(&name).code, 0, "it is shown once");
    field.done(plan, &gate).expect(code::OK);
    field.assert_in_sync();
    // G8, G17: what the client's data is encrypted with is never set anew behind its back.
    field.set_secret("security_code", "9876543210").expect(code::REFUSED).says(&["fixed"]);
}

#[test]
fn g22_neither_treasury_nor_advanced_comes_before_the_tenant_is_there() {
    let field = begun(dupont());
    let plan = field.approved_plan();
    field
        .cli
        .run(["run", &plan.to_string(), "--watch"])
        .expect(code::WAITING)
        .says(&["Create the tenant DUPONT"]);
    assert_eq!(field.waiting(plan).node.to_string(), TENANT);
    for node in ["package/treasury", ADVANCED, "sql_database/main/SXA"] {
        assert_eq!(field.step(plan, node).state, StepState::Pending, "{node}");
    }
    for node in ["package/common-services", "service/SCASServer"] {
        assert_eq!(field.step(plan, node).state, DONE, "{node}");
    }
}

/// A day counted from today, as controllers count them.
fn day(from_today: Span) -> Date {
    TimeZone::UTC.to_datetime(Timestamp::now()).date().saturating_add(from_today)
}

#[test]
fn g23_the_end_of_the_licences_is_asked_for_shown_in_status_and_asked_for_again_once_it_has_passed() {
    let mut field = begun(martin());
    let plan = field.approved_plan();
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING).says(&["--ends YYYY-MM-DD"]);
    let step = format!("{plan}/{}", field.waiting(plan).number);
    field
        .cli
        .run(["done", &step])
        .expect(code::REFUSED)
        .says(&["until when licences last", "--ends YYYY-MM-DD"]);
    let yesterday = day(-1.days()).to_string();
    field
        .cli
        .run(["done", &step, "--ends", &yesterday])
        .expect(code::REFUSED)
        .says(&[&yesterday, "has passed"]);
    field.cli.run(["done", &step, "--ends", "2027-02-30"]).expect(code::USAGE);
    assert_eq!(field.waiting(plan).node.to_string(), TENANT, "nothing was taken for an answer");

    // Ten days ago somebody says that they last five days.
    let ends = day(-5.days()).to_string();
    field.kill_agent().unwrap();
    field.controller.terminate().unwrap();
    days_ago(&field, 10, || {
        field.cli.ok(&format!("done {step} --ends {ends}"));
        field.cli.ok("status --problems").says(&["martin-prod", &format!("licences end {ends}")]);
        field.cli.ok("status martin-prod").says(&[&format!("licences end {ends} on web: in 5 days")]);
    });
    field.controller.serve().unwrap();
    field.start_agent().unwrap();
    let asks = |body: &EventBody| matches!(body, EventBody::StepEnded { outcome, .. } if outcome.end == End::Waiting);
    field.watch().until("it goes on to the next person", asks);
    field.agent.twin.install("advanced", "2022-r2");
    let ran = field.done(plan, &field.waiting(plan));
    field.confirm_gates(plan, ran).expect(code::OK);
    field.cli.ok("status martin-prod").says(&[&format!("licences ended {ends}"), "confirm its renewal"]);
    field.cli.ok("status --problems").says(&["martin-prod", &format!("licences ended {ends}")]);

    // The next plan asks again, and for nothing else.
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan).len(), 1, "{:?}", field.rows(plan));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::WAITING);
    let step = format!("{plan}/{}", field.waiting(plan).number);
    let renewed = day(1.year()).to_string();
    field.cli.ok(&format!("done {step} --ends {renewed} --watch"));
    field.cli.ok("status martin-prod").says(&[&format!("licences end {renewed}")]);
    assert!(!field.cli.ok("status --problems").said().contains("martin-prod"));
    field.assert_in_sync();
}

#[test]
fn g25_a_backup_names_every_version_of_a_secret_and_a_restore_without_one_is_refused() {
    let mut field = begun(martin());
    field.set_secret("batch_account_password", "An0ther-horse").expect(code::OK);
    field.plan();
    let backup = field.folder().join("saved");
    field.controller.backup_until(&backup, None).unwrap().expect(0);
    field.agent.kill().unwrap();
    field.controller.kill().unwrap();

    let record = backup.join("backup.json");
    let mut written: Backup = serde_json::from_slice(&std::fs::read(&record).unwrap()).unwrap();
    let named: Vec<String> =
        written.secrets.iter().map(|secret| format!("{} {}", secret.secret, secret.version)).collect();
    // The second is wanted, and the server still stands on the first: nothing was run since.
    let all = ["batch_account_password v1", "batch_account_password v2", "encryption_password v1"];
    assert_eq!(named, [&all[..], &["security_code v1"]].concat());

    // One of them rots where it is kept, before anybody looks at it: the record is that of the rotten list.
    let list = backup.join(SECRETS_PART);
    let text = std::fs::read_to_string(&list).unwrap();
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains("security_code")).collect();
    let rotten = lines.join("\n") + "\n";
    std::fs::write(&list, &rotten).unwrap();
    let part = written.parts.iter_mut().find(|part| part.name == SECRETS_PART).unwrap();
    (part.size_bytes, part.sha256) = (rotten.len() as u64, Digest::of(rotten.as_bytes()));
    std::fs::write(&record, serde_json::to_vec(&written).unwrap()).unwrap();

    let (key, data) = (field.recovery_key(1), field.folder().join("restored"));
    let refused = field.controller.restore(&backup, &key, &data, None).unwrap();
    assert_ne!(refused.code, 0, "{}", refused.said());
    refused.says(&["martin-prod: v1 of security_code is not in the backup", "--without-secrets"]);
    assert!(!data.exists());
    // A key that opens nothing is the wrong one, and no secret is called lost.
    let stranger = field.folder().join("stranger.txt");
    std::fs::write(&stranger, &*muster_proto::secret::Key::generate().to_line()).unwrap();
    let refused = field.controller.restore(&backup, &stranger, &data, None).unwrap();
    refused.says(&["does not open this backup"]);
    assert!(!refused.said().contains("--without-secrets"), "{}", refused.said());
    // Whoever knows may go on without.
    let mut command = Command::new(field.programs.controller());
    command.args(["restore", "--without-secrets", "--from"]).arg(&backup);
    command.arg("--recovery-key").arg(&key).arg("--data-dir").arg(&data);
    Ran::of(&mut command).unwrap().expect(0).says(&["3 versions", "v1 of security_code", "lost"]);
    assert!(data.exists());
}
