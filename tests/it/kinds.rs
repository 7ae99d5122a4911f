//! Every kind, attribute by attribute: drift is one row, is mended by one effect, and nothing else is touched.

use std::collections::BTreeMap;

use muster_agent::host::Access;
use muster_agent::host::twin::ledger::Deed;
use muster_tests::cli::code;
use muster_tests::field::Field;

/// What a hand does, the row that shows it, and what the agent does about it.
type Drift = (&'static [&'static str], &'static str, Deed);

const PORT: &str = r"HKLM\SOFTWARE\Kinds\Port";

fn altered(thing: &str, name: &str, attribute: &str, value: &str) -> Deed {
    Deed::Altered {
        thing: thing.to_owned(),
        name: name.to_owned(),
        changes: BTreeMap::from([(attribute.to_owned(), value.to_owned())]),
    }
}

fn granted(path: &str, account: &str, access: Access) -> Deed {
    Deed::RightGranted { path: path.to_owned(), account: account.to_owned(), access }
}

/// All of them at once, in the order of the file: a row for each and no other, an effect for each and no other, and a server
/// in sync after them.
#[track_caller]
fn mend(field: &Field, drifts: Vec<Drift>) {
    drifts.iter().for_each(|(hand, ..)| field.agent.twin.set(hand));
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    let rows: Vec<&str> = drifts.iter().map(|(_, row, _)| *row).collect();
    assert_eq!(field.rows(plan), rows);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let effects: Vec<Deed> = drifts.into_iter().map(|(.., effect)| effect).collect();
    assert_eq!(field.agent.twin.effects_after(known), effects);
    field.assert_in_sync();
}

/// G1, G11: features in the order of their need, folders with rights, the registry in both views and of every type.
#[test]
fn g1_g11_drift_of_what_is_windows_own_is_one_row_each_and_mended_alone() {
    let field = Field::kinds();
    field.bring_in_sync();
    mend(
        &field,
        vec![
            (
                &["feature", "IIS-ASPNET45", "state=absent"],
                "windows_feature/IIS-ASPNET45 state absent -> installed (drift)",
                altered("feature", "IIS-ASPNET45", "state", "installed"),
            ),
            (
                &["folder", r"D:\Import", r"right:KIND-01\svc=read"],
                r"folder/D:\Import rights[KIND-01\svc] read -> modify (drift)",
                granted(r"D:\Import", r"KIND-01\svc", Access::Modify),
            ),
            (
                &["registry", r"HKLM\SOFTWARE\Kinds\Text", "string=other"],
                r"registry_value/HKLM\SOFTWARE\Kinds\Text string other -> sxa (drift)",
                altered("registry", r"HKLM\SOFTWARE\Kinds\Text", "data", r#"{"string":"sxa"}"#),
            ),
            (
                &["registry", r"HKLM\SOFTWARE\Kinds\Path", "absent"],
                r"registry_value/HKLM\SOFTWARE\Kinds\Path expand_string (absent) -> %ProgramFiles%\Kinds (drift)",
                altered(
                    "registry",
                    r"HKLM\SOFTWARE\Kinds\Path",
                    "data",
                    r#"{"expand_string":"%ProgramFiles%\\Kinds"}"#,
                ),
            ),
            (
                &["registry", r"HKLM\SOFTWARE\Kinds\Lines", "multi_string=one|three"],
                r"registry_value/HKLM\SOFTWARE\Kinds\Lines multi_string [one, three] -> [one, two] (drift)",
                altered(
                    "registry",
                    r"HKLM\SOFTWARE\Kinds\Lines",
                    "data",
                    r#"{"multi_string":["one","two"]}"#,
                ),
            ),
            // Another type is one row too, and says what is there.
            (
                &["registry", PORT, "string=1025"],
                r"registry_value/HKLM\SOFTWARE\Kinds\Port dword 1025 as string -> 1025 (drift)",
                altered("registry", PORT, "data", r#"{"dword":1025}"#),
            ),
            (
                &["registry", r"HKLM32\SOFTWARE\Kinds\Port", "qword=1"],
                r"registry_value/HKLM32\SOFTWARE\Kinds\Port qword 1 -> 2025 (drift)",
                altered("registry", r"HKLM32\SOFTWARE\Kinds\Port", "data", r#"{"qword":2025}"#),
            ),
        ],
    );
    let folder = field.agent.twin.state().folders.remove(r"D:\Import").unwrap();
    assert_eq!(folder.rights.get(r"KIND-01\foreign"), Some(&Access::Read), "a foreign right survives");
}

const OWN: &str = "1A2B3C4D5E6F1A2B3C4D5E6F1A2B3C4D5E6F1A2B";
const OTHER: &str = "F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0";
const RECORD: &str = "kinds.example:1025";
const HTTPS: &str = "https/*:1025:kinds.example";

/// G7, G10, G12, G16: pool, site, applications, virtual directories, binding, SNI, certificate and grant. A foreign binding, a
/// foreign record, a foreign site and a foreign right are as they were.
#[test]
fn g7_g12_g16_drift_of_iis_and_certificates_is_one_row_each_and_mended_alone() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.bring_in_sync();
    twin.set(&["site", "Kinds", "binding:http/*:9999:=plain", r"application:/foreign=C:\f"]);
    twin.set(&["certificate", OWN, r"right:KIND-01\foreign=read"]);
    field.assert_in_sync();
    let before = twin.state();

    mend(
        &field,
        vec![
            (
                &["app_pool", "Kinds", "idle_timeout_minutes=20"],
                "iis_app_pool/Kinds idle_timeout_minutes 20 -> 0 (drift)",
                Deed::PoolSet {
                    pool: "Kinds".to_owned(),
                    settings: [("idle_timeout_minutes".to_owned(), "0".to_owned())].into(),
                },
            ),
            (
                &["site", "Kinds", "state=stopped"],
                "iis_site/Kinds state stopped -> started (drift)",
                altered("site", "Kinds", "state", "started"),
            ),
            (
                &["site", "Kinds", "binding:http/*:1080:=absent"],
                "iis_binding/Kinds/http/*:1080: exists (absent) -> true (drift)",
                altered("site", "Kinds", "binding:http/*:1080:", "plain"),
            ),
            (
                &["http_sys", RECORD, "certificate=F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0"],
                "iis_binding/Kinds/https/*:1025:kinds.example certificate F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0F0 -> CN=kinds.example (drift)",
                altered("http_sys", RECORD, "certificate", OWN),
            ),
            (
                &["certificate", OWN, r"right:IIS APPPOOL\Kinds=absent"],
                r"private_key_access/CN=kinds.example rights[IIS APPPOOL\Kinds] (absent) -> read (drift)",
                altered("key", OWN, r"IIS APPPOOL\Kinds", "read"),
            ),
        ],
    );
    mend(
        &field,
        vec![
            (
                &["site", "Kinds", r"physical_path=D:\x"],
                r"iis_site/Kinds physical_path D:\x -> C:\Kinds\web (drift)",
                altered("site", "Kinds", "physical_path", r"C:\Kinds\web"),
            ),
            (
                &["site", "Kinds", "binding:https/*:1025:kinds.example=plain"],
                "iis_binding/Kinds/https/*:1025:kinds.example sni false -> true (drift)",
                altered("site", "Kinds", &format!("binding:{HTTPS}"), "sni"),
            ),
        ],
    );
    mend(
        &field,
        vec![(
            &["site", "Kinds", "app_pool=inherited"],
            "iis_site/Kinds app_pool DefaultAppPool -> Kinds (drift)",
            altered("site", "Kinds", "app_pool", "Kinds"),
        )],
    );
    mend(
        &field,
        vec![(
            &["site", "Kinds", r"application:/api=C:\other", "application_pool:/api=Kinds"],
            r"iis_site/Kinds applications[/api] C:\other -> C:\Kinds\api (drift)",
            altered("site", "Kinds", "application:/api", r"C:\Kinds\api"),
        )],
    );
    mend(
        &field,
        vec![(
            &["site", "Kinds", "application_pool:/api=DefaultAppPool"],
            "iis_site/Kinds application_pools[/api] DefaultAppPool -> Kinds (drift)",
            altered("site", "Kinds", "application_pool:/api", "Kinds"),
        )],
    );
    mend(
        &field,
        vec![(
            &["site", "Kinds", "virtual_directory:/help=absent"],
            r"iis_site/Kinds virtual_directories[/help] (absent) -> C:\Kinds\help (drift)",
            altered("site", "Kinds", "virtual_directory:/help", r"C:\Kinds\help"),
        )],
    );
    assert_eq!(twin.state(), before, "and everything foreign is as it was");
}

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
    refused(&["0.0.0.0:1027", "a binding of site Foreign shares the record"]);
    twin.set(&["site", "Foreign", "binding:https/*:1027:=absent"]);
    twin.set(&["http_sys", "0.0.0.0:1027", "app_id={00000000-0000-0000-0000-000000000001}"]);
    refused(&["the record belongs to another program"]);
    assert_eq!(twin.state().http_sys["0.0.0.0:1027"].certificate, OTHER);
}

/// G16: a certificate that ended, or has lost its key, is said before anything runs; nothing is put in its place.
#[test]
fn g16_a_certificate_that_ended_is_a_finding() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    twin.set(&["certificate", OTHER, "subject=CN=kinds.example", "not_after=2020-01-01T00:00:00Z"]);
    let plan = field.plan();
    field.cli.run(["plan", "show", &plan.to_string()]).says(&["has ended on 2020-01-01"]);
}
