//! Certificates, grants on their keys and records of HTTP.SYS, as the guide needs them; `attributes` has the drift of all kinds.

use muster_tests::cli::code;
use muster_tests::field::Field;

const OWN: &str = "1A2B3C4D5E6F1A2B3C4D5E6F1A2B3C4D5E6F1A2B";
const ROOT: &str = "2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C";
const OTHER: &str = "F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0";

/// G16: the certificate is never imported again and never replaced, and a wider grant is in sync.
#[test]
fn g16_a_certificate_that_is_there_stays_and_a_wider_grant_is_in_sync() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    twin.set(&["certificate", OTHER, "subject=CN=kinds.example"]);
    field.bring_in_sync();
    assert!(
        !twin.state().certificates.contains_key(OWN),
        "one of that subject was there: nothing is imported"
    );
    twin.set(&["certificate", OTHER, r"right:IIS APPPOOL\Kinds=full"]);
    field.assert_in_sync();
    twin.set(&["certificate", OTHER, r"right:IIS APPPOOL\Kinds=absent", r"right:BUILTIN\IIS_IUSRS=read"]);
    field.assert_in_sync();
}

/// G16, G24: a reinstallation destroys the grant, the site's settings and Muster's binding on it. The plan lists them as known
/// after the package although they look right, and one approval sets them again.
#[test]
fn g16_what_a_reinstallation_destroys_is_granted_and_bound_again_on_one_approval() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.bring_in_sync();
    field.edit(r#"default: "1.0""#, r#"default: "1.1""#);
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    assert_eq!(
        field.rows(plan),
        [
            "package/base version 1.0 -> 1.1 (documents changed)",
            "iis_site/Vendor app_pool (known after package/base) -> Kinds (reset by its package)",
            "iis_site/Vendor state (known after package/base) -> started (reset by its package)",
            "iis_binding/Vendor/https/*:1027: certificate (known after package/base) -> CN=kinds.example (reset by its package)",
            r"private_key_access/Sage.fcs.client rights[IIS APPPOOL\Kinds] (known after package/base) -> read (reset by its package)",
        ]
    );
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let state = twin.state();
    assert!(state.sites["Vendor"].bindings.contains_key("https/*:1027:"));
    let client = state.certificates.values().find(|found| found.subject == "CN=Sage.fcs.client").unwrap();
    assert!(client.rights.contains_key(r"IIS APPPOOL\Kinds"));
    field.assert_in_sync();
}

/// G7: a record that a foreign site shares, or that another program made, is a finding and is never changed.
#[test]
fn g7_a_shared_or_foreign_http_sys_record_is_a_finding_and_stays() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    twin.set(&["site", "Foreign", "binding:https/*:1027:=plain"]);
    twin.set(&["http_sys", "0.0.0.0:1027", &format!("certificate={OTHER}")]);
    let refused = |words: &[&str]| {
        let plan = field.plan();
        field.cli.run(["plan", "show", &plan.to_string()]).says(words);
        field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
    };
    refused(&["0.0.0.0:1027", "binding Foreign/https/*:1027: shares the record"]);
    twin.set(&["site", "Foreign", "binding:https/*:1027:=absent"]);
    twin.set(&["http_sys", "0.0.0.0:1027", "app_id={00000000-0000-0000-0000-000000000001}"]);
    refused(&["the record belongs to another program"]);
    assert_eq!(twin.state().http_sys["0.0.0.0:1027"].certificate, OTHER);
}

/// G7: a binding that somebody made by hand on Muster's own site shares the record as well as a foreign site does.
#[test]
fn g7_a_record_that_a_foreign_binding_of_the_same_site_shares_is_a_finding_and_stays() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.bring_in_sync();
    twin.set(&["site", "Vendor", "binding:https/*:1027:by-hand.example=plain"]);
    field.assert_in_sync();
    twin.set(&["http_sys", "0.0.0.0:1027", &format!("certificate={OTHER}")]);
    let plan = field.plan();
    let shown = field.cli.run(["plan", "show", &plan.to_string()]);
    shown.says(&["0.0.0.0:1027", "binding Vendor/https/*:1027:by-hand.example shares the record"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
    assert_eq!(twin.state().http_sys["0.0.0.0:1027"].certificate, OTHER);
}

/// G16: one that comes next and is not valid yet answers nowhere and opens no key, although it ends later.
#[test]
fn g16_a_certificate_that_is_not_valid_yet_takes_nobody_s_place() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    let next = ["certificate", OTHER, "subject=CN=kinds.example", "not_before=2098-01-01T00:00:00Z"];
    twin.set(&next);
    let plan = field.plan();
    field.cli.run(["plan", "show", &plan.to_string()]).says(&["is not valid before 2098-01-01"]);
    twin.set(&["certificate", OTHER, "absent"]);
    field.bring_in_sync();
    twin.set(&[&next[..], &["not_after=2120-01-01T00:00:00Z"]].concat());
    field.assert_in_sync();
}

/// What a file holds is imported only where it is what was approved: the same subject on another file's certificate, or another
/// certificate in the file, is put nowhere, and least of all where the computer would trust it.
#[test]
fn g16_only_the_certificate_that_was_approved_comes_from_its_file() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.edit(r"cer: 'C:\Kinds\root.cer'", r"cer: 'C:\Kinds\ca.cer'");
    field.push().expect(code::OK);
    let plan = field.approved_plan();
    let root = format!("certificate/root/{ROOT}");
    assert!(field.rows(plan).contains(&format!(
        "{root} trusted_by (absent) -> the whole computer, with all that it signs (missing)"
    )));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    let evidence = field.step(plan, &root).evidence.unwrap();
    assert!(evidence.contains("the certificate is not in it; it holds CN=Kinds CA"), "{evidence}");
    let certificates = twin.state().certificates;
    assert!(!certificates.keys().any(|key| key.starts_with("root/")), "{certificates:?}");
}

/// G16: a certificate that ended, or has lost its key, is said before anything runs; nothing is put in its place.
#[test]
fn g16_a_certificate_that_ended_or_has_no_key_is_a_finding() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    for (is, told) in [
        ("not_after=2020-01-01T00:00:00Z", "has ended on 2020-01-01"),
        ("has_key=false", "is in the store without its private key"),
    ] {
        twin.set(&["certificate", OTHER, "absent"]);
        twin.set(&["certificate", OTHER, "subject=CN=kinds.example", is]);
        let plan = field.plan();
        field.cli.run(["plan", "show", &plan.to_string()]).says(&[told]);
        field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
    }
}
