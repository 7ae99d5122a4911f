//! Every attribute of every kind: its drift is one row, is mended by one effect, and nothing else is touched.
//!
//! The list of what must be shown is the table of kinds itself: an attribute that is compared and has no drift here fails the
//! story. Neighbours: `drift` has how plans and runs treat drift, `kinds` the rules of certificates and records.

use std::collections::{BTreeMap, BTreeSet};

use muster_agent::host::twin::ledger::{Action, Deed};
use muster_agent::host::twin::sql::state::{Database, Happened, SqlState};
use muster_agent::host::{Access, StartMode};
use muster_model::digest::Digest;
use muster_model::name::PlanId;
use muster_model::node::{AttributeRole, NodeClass, NodeKind};
use muster_tests::cli::code;
use muster_tests::field::Field;

/// What a hand does, the row that shows it, and what the agent does about it.
type Drift = (&'static [&'static str], &'static str, Deed);

/// What a DBA does to a database.
type Hand = fn(&mut Database);

/// An attribute of a kind, as `kind attribute`.
type Attribute = String;

const PORT: &str = r"HKLM\SOFTWARE\Kinds\Port";
const OWN: &str = "1A2B3C4D5E6F1A2B3C4D5E6F1A2B3C4D5E6F1A2B";
const ROOT: &str = "2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C2C";
const CA: &str = "3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D3D";
const HOSTED: &str = "kinds.example:1026";
const EXTRA: &str = "Kinds.Extra";
const RECORD: &str = "kinds.example:1025";
const HTTPS: &str = "https/*:1025:kinds.example";

/// What is compared and is not mended from drift, with the reason.
const OTHERWISE: [(&str, &str); 4] = [
    (
        "service password",
        "nothing reads it back: `secrets` has a changed version, and an account that drifted",
    ),
    ("sql_database collation", "never changed once it is there: a finding, below"),
    ("sql_database data_folder", "never changed once it is there: a finding, below"),
    ("sql_database log_folder", "never changed once it is there: a finding, below"),
];

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

fn pool(setting: &str, value: &str) -> Deed {
    Deed::PoolSet { pool: "Kinds".to_owned(), settings: [(setting.to_owned(), value.to_owned())].into() }
}

/// The attributes that a plan has rows about.
fn attributes(field: &Field, plan: PlanId) -> BTreeSet<Attribute> {
    let steps = field.steps(plan).steps;
    let rows = steps.iter().flat_map(|step| &step.rows);
    rows.map(|row| format!("{} {}", row.node.kind, row.attribute.name)).collect()
}

/// All of them at once, in the order of the file: a row for each and no other, an effect for each and no other, and a server
/// in sync after them. Gives the attributes that were mended.
#[track_caller]
fn mend(field: &Field, drifts: Vec<Drift>) -> BTreeSet<Attribute> {
    drifts.iter().for_each(|(hand, ..)| field.agent.twin.set(hand));
    let known = field.agent.twin.ledger().len();
    let plan = field.approved_plan();
    let rows: Vec<&str> = drifts.iter().map(|(_, row, _)| *row).collect();
    assert_eq!(field.rows(plan), rows);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let effects: Vec<Deed> = drifts.into_iter().map(|(.., effect)| effect).collect();
    assert_eq!(field.agent.twin.effects_after(known), effects);
    field.assert_in_sync();
    attributes(field, plan)
}

/// G1, G4, G7, G10 to G16: whatever is compared is shown alone and mended alone. Foreign rights, a foreign binding, a foreign
/// application, record and site are as they were.
#[test]
fn drift_of_every_attribute_of_every_kind_is_one_row_each_and_mended_alone() {
    let field = Field::kinds();
    let twin = &field.agent.twin;
    field.bring_in_sync();
    twin.set(&["site", "Kinds", "binding:http/*:9999:=plain", r"application:/foreign=C:\f"]);
    twin.set(&["certificate", OWN, r"right:KIND-01\foreign=read"]);
    twin.set(&["file", r"D:\Import\kinds.ini", r"right:KIND-01\foreign=read"]);
    twin.set(&[
        "service",
        EXTRA,
        "first_failure=program",
        "later_failures=reboot",
        "failures_include_errors=true",
    ]);
    field.assert_in_sync();
    let (before, database) = (twin.state(), twin.sql().databases);
    assert_eq!(before.folders[r"D:\Import"].rights.get(r"KIND-01\foreign"), Some(&Access::Read));

    let mut seen = windows(&field);
    seen.extend(services_and_files(&field));
    seen.extend(failures(&field));
    seen.extend(iis(&field));
    stores(&field);
    assert_eq!(twin.state(), before, "and everything foreign is as it was");
    seen.extend(databases(&field));
    assert_eq!(twin.sql().databases, database);
    seen.extend(packages(&field));

    let mut wanted = BTreeSet::new();
    for kind in NodeKind::ALL.iter().filter(|kind| kind.spec().class == NodeClass::Resource) {
        let compared = kind.spec().attributes.iter().filter(|spec| spec.role == AttributeRole::State);
        wanted.extend(compared.map(|spec| format!("{kind} {}", spec.name)));
    }
    for (attribute, why) in OTHERWISE {
        assert!(wanted.remove(attribute), "{attribute} is not compared ({why})");
    }
    let missing: Vec<&Attribute> = wanted.difference(&seen).collect();
    assert!(missing.is_empty(), "no drift of these is shown: {missing:?}");
}

/// G1, G11: features, folders, the registry in both views and of every type.
fn windows(field: &Field) -> BTreeSet<Attribute> {
    mend(
        field,
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
    )
}

/// G4, G13: services and files.
fn services_and_files(field: &Field) -> BTreeSet<Attribute> {
    let mut seen = mend(
        field,
        vec![
            (
                &["service", "Kinds.Batch", "start=manual"],
                "service/Kinds.Batch start manual -> automatic (drift)",
                Deed::ServiceStartSet { service: "Kinds.Batch".to_owned(), start: StartMode::Automatic },
            ),
            (
                &["file", r"D:\Import\kinds.ini", "content=a=2"],
                r"file/D:\Import\kinds.ini content a=2 -> a=1 (drift)",
                Deed::FileWritten { path: r"D:\Import\kinds.ini".to_owned(), content: Digest::of(b"a=1") },
            ),
        ],
    );
    seen.extend(mend(
        field,
        vec![
            (
                &["service", "Kinds.Batch", "account=LocalSystem"],
                r"service/Kinds.Batch account LocalSystem -> NT AUTHORITY\LocalService (drift)",
                Deed::ServiceLogonSet {
                    service: "Kinds.Batch".to_owned(),
                    account: r"NT AUTHORITY\LocalService".to_owned(),
                },
            ),
            (
                &["file", r"D:\Import\kinds.ini", r"right:KIND-01\svc=absent"],
                r"file/D:\Import\kinds.ini rights[KIND-01\svc] (absent) -> read (drift)",
                granted(r"D:\Import\kinds.ini", r"KIND-01\svc", Access::Read),
            ),
        ],
    ));
    seen.extend(mend(
        field,
        vec![
            (
                &["service", "Kinds.Batch", "state=stopped"],
                "service/Kinds.Batch state stopped -> running (drift)",
                Deed::ServiceStarted { service: "Kinds.Batch".to_owned() },
            ),
            (
                &["service", EXTRA, r"command_line=C:\other.exe"],
                r#"service/Kinds.Extra command_line C:\other.exe -> "C:\Kinds\extra\extra.exe" -service (drift)"#,
                Deed::ServiceCommandLineSet {
                    service: EXTRA.to_owned(),
                    command_line: r#""C:\Kinds\extra\extra.exe" -service"#.to_owned(),
                },
            ),
        ],
    ));
    seen.extend(mend(
        field,
        vec![(
            &["service", "Kinds.Batch", "start=automatic_delayed"],
            "service/Kinds.Batch start automatic_delayed -> automatic (drift)",
            Deed::ServiceStartSet { service: "Kinds.Batch".to_owned(), start: StartMode::Automatic },
        )],
    ));
    seen.extend(mend(
        field,
        vec![(
            &["service", EXTRA, "start=automatic"],
            "service/Kinds.Extra start automatic -> automatic_delayed (drift)",
            Deed::ServiceStartSet { service: EXTRA.to_owned(), start: StartMode::AutomaticDelayed },
        )],
    ));
    seen
}

/// What Windows does when a service fails: a row for each part, whatever is there, and an effect for each of Windows' two
/// records; then one part alone.
fn failures(field: &Field) -> BTreeSet<Attribute> {
    let twin = &field.agent.twin;
    let mended = |changes: &[(&str, &str)]| Deed::Altered {
        thing: "service".to_owned(),
        name: "Kinds.Batch".to_owned(),
        changes: changes.iter().map(|(name, word)| ((*name).to_owned(), (*word).to_owned())).collect(),
    };
    let known = twin.ledger().len();
    twin.set(&[
        "service",
        "Kinds.Batch",
        "first_failure=reboot",
        "first_failure_delay_seconds=60",
        "second_failure=program",
        "second_failure_delay_seconds=0",
        "later_failures=restart",
        "later_failures_delay_seconds=3600",
        "failures_reset_seconds=0",
        "failures_include_errors=false",
    ]);
    let plan = field.approved_plan();
    let rows = [
        "first_failure reboot -> restart",
        "first_failure_delay_seconds 60 -> 5",
        "second_failure program -> restart",
        "second_failure_delay_seconds 0 -> 30",
        "later_failures restart -> none",
        "later_failures_delay_seconds 3600 -> 60",
        "failures_reset_seconds 0 -> never",
        "failures_include_errors false -> true",
    ];
    assert_eq!(field.rows(plan), rows.map(|row| format!("service/Kinds.Batch {row} (drift)")));
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let actions = mended(&[
        ("first_failure", "restart"),
        ("first_failure_delay_seconds", "5"),
        ("second_failure", "restart"),
        ("second_failure_delay_seconds", "30"),
        ("later_failures", "none"),
        ("later_failures_delay_seconds", "60"),
        ("failures_reset_seconds", "never"),
    ]);
    assert_eq!(twin.effects_after(known), [actions, mended(&[("failures_include_errors", "true")])]);
    field.assert_in_sync();
    let mut seen = attributes(field, plan);
    seen.extend(mend(
        field,
        vec![(
            &["service", "Kinds.Batch", "later_failures=reboot"],
            "service/Kinds.Batch later_failures reboot -> none (drift)",
            mended(&[("later_failures", "none")]),
        )],
    ));
    seen
}

/// G7, G10, G12, G16: pool, site, applications, virtual directories, binding, SNI, certificate and grant.
fn iis(field: &Field) -> BTreeSet<Attribute> {
    let mut seen = BTreeSet::new();
    seen.extend(mend(
        field,
        vec![
            (
                &["app_pool", "Kinds", "idle_timeout_minutes=20"],
                "iis_app_pool/Kinds idle_timeout_minutes 20 -> 0 (drift)",
                pool("idle_timeout_minutes", "0"),
            ),
            (
                &["site", "Kinds", "state=stopped"],
                "iis_site/Kinds state stopped until IIS starts again -> started (drift)",
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
    ));
    seen.extend(mend(
        field,
        vec![(
            &["site", "Kinds", "starts=false"],
            "iis_site/Kinds state started until IIS starts again -> started (drift)",
            altered("site", "Kinds", "state", "started"),
        )],
    ));
    seen.extend(mend(
        field,
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
    ));
    seen.extend(mend(
        field,
        vec![(
            &["site", "Kinds", "app_pool=inherited"],
            "iis_site/Kinds app_pool DefaultAppPool -> Kinds (drift)",
            altered("site", "Kinds", "app_pool", "Kinds"),
        )],
    ));
    seen.extend(mend(
        field,
        vec![(
            &["site", "Kinds", r"application:/api=C:\other", "application_pool:/api=Kinds"],
            r"iis_site/Kinds applications[/api] C:\other -> C:\Kinds\api (drift)",
            altered("site", "Kinds", "application:/api", r"C:\Kinds\api"),
        )],
    ));
    seen.extend(mend(
        field,
        vec![(
            &["site", "Kinds", "application_pool:/api=DefaultAppPool"],
            "iis_site/Kinds application_pools[/api] DefaultAppPool -> Kinds (drift)",
            altered("site", "Kinds", "application_pool:/api", "Kinds"),
        )],
    ));
    seen.extend(mend(
        field,
        vec![(
            &["site", "Kinds", "virtual_directory:/help=absent"],
            r"iis_site/Kinds virtual_directories[/help] (absent) -> C:\Kinds\help (drift)",
            altered("site", "Kinds", "virtual_directory:/help", r"C:\Kinds\help"),
        )],
    ));
    for (hand, row, effect) in [
        (
            &["app_pool", "Kinds", "enable_32bit=true"],
            "iis_app_pool/Kinds enable_32bit true -> false (drift)",
            pool("enable_32bit", "false"),
        ),
        (
            &["app_pool", "Kinds", "load_user_profile=false"],
            "iis_app_pool/Kinds load_user_profile false -> true (drift)",
            pool("load_user_profile", "true"),
        ),
        (
            &["app_pool", "Kinds", "managed_runtime_version=v2.0"],
            "iis_app_pool/Kinds managed_runtime_version v2.0 -> v4.0 (drift)",
            pool("managed_runtime_version", "v4.0"),
        ),
    ] {
        seen.extend(mend(field, vec![(hand, row, effect)]));
    }
    seen
}

/// What is in a store is in that store alone: one that the whole computer trusts again says so by a second row, and a record of
/// HTTP.SYS that looks for its certificate in another store is drift, whatever the thumbprint.
fn stores(field: &Field) {
    let twin = &field.agent.twin;
    let (root, ca, hosting) = (format!("root/{ROOT}"), format!("ca/{CA}"), format!("web_hosting/{OWN}"));
    let known = twin.ledger().len();
    twin.set(&["http_sys", HOSTED, "store=my"]);
    twin.set(&["certificate", &hosting, r"right:IIS APPPOOL\Kinds=absent"]);
    twin.set(&["certificate", &root, "absent"]);
    twin.set(&["certificate", &ca, "absent"]);
    let plan = field.approved_plan();
    assert_eq!(
        field.rows(plan),
        [
            &format!(
                "iis_binding/Kinds/https/*:1026:kinds.example certificate {OWN} -> web_hosting/CN=kinds.example (drift)"
            ),
            r"private_key_access/web_hosting/CN=kinds.example rights[IIS APPPOOL\Kinds] (absent) -> read (drift)",
            &format!("certificate/{root} exists (absent) -> true (drift)"),
            &format!(
                "certificate/{root} trusted_by (absent) -> the whole computer, with all that it signs (drift)"
            ),
            "certificate/ca/CN=Kinds CA exists (absent) -> true (drift)",
        ]
    );
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let effects = [
        altered("http_sys", HOSTED, "certificate", &hosting),
        altered("key", &hosting, r"IIS APPPOOL\Kinds", "read"),
        altered("certificate", &root, "added", r"C:\Kinds\root.cer"),
        altered("certificate", &ca, "added", r"C:\Kinds\ca.cer"),
    ];
    assert_eq!(twin.effects_after(known), effects);
    field.assert_in_sync();
}

/// G14: a database goes back to its state, model and least sizes; its collation and its files' folders are only told.
fn databases(field: &Field) -> BTreeSet<Attribute> {
    let twin = &field.agent.twin;
    let on = |change: Hand| {
        twin.change_sql(|server| server.databases.get_mut("KINDS").into_iter().for_each(change));
    };
    let mut seen = BTreeSet::new();
    let changes: [(Hand, &str, &str); 4] = [
        (|database| database.status = "offline".to_owned(), "status offline -> online", "Online"),
        (
            |database| database.recovery = "simple".to_owned(),
            "recovery simple -> full",
            r#"Recovery("full")"#,
        ),
        (|database| database.data.size_mb = 8, "data_size_mb 8 -> 64", "DataSizeMb(64)"),
        (|database| database.log.size_mb = 8, "log_size_mb 8 -> 32", "LogSizeMb(32)"),
    ];
    for (hand, row, change) in changes {
        on(hand);
        let (known, effects) = (twin.sql().ledger.len(), twin.ledger().len());
        let plan = field.approved_plan();
        assert_eq!(field.rows(plan), [format!("sql_database/main/KINDS {row} (drift)")]);
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
        let happened = |server: SqlState| server.ledger.into_iter().skip(known).map(|line| line.happened);
        let wanted = Happened::DatabaseAltered { database: "KINDS".to_owned(), change: change.to_owned() };
        assert_eq!(happened(twin.sql()).collect::<Vec<_>>(), [wanted]);
        assert_eq!(twin.effects_after(effects), []);
        field.assert_in_sync();
        seen.extend(attributes(field, plan));
    }
    let told: [(Hand, Hand, &str); 3] = [
        (
            |database| database.collation = "Latin1".to_owned(),
            |database| database.collation = "French_CI_AS".to_owned(),
            "collation",
        ),
        (
            |database| database.data.folder = r"E:\".to_owned(),
            |database| database.data.folder = r"D:\SQL\Data".to_owned(),
            "data_folder",
        ),
        (
            |database| database.log.folder = r"E:\".to_owned(),
            |database| database.log.folder = r"D:\SQL\Data".to_owned(),
            "log_folder",
        ),
    ];
    for (hand, back, attribute) in told {
        on(hand);
        let plan = field.plan();
        field.cli.ok(&format!("plan show {plan}")).says(&[
            "sql_database/main/KINDS",
            attribute,
            "never changed once it is there",
        ]);
        field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
        on(back);
    }
    field.assert_in_sync();
    seen
}

/// G18: another version is taken off, the right one is put on. What a package resets with it is another story.
fn packages(field: &Field) -> BTreeSet<Attribute> {
    let twin = &field.agent.twin;
    twin.set(&["package", "lone", "version=0.9"]);
    let known = twin.installer_starts().len();
    let plan = field.approved_plan();
    assert_eq!(field.rows(plan), ["package/lone version 0.9 -> 1.0 (drift)"]);
    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::OK);
    let starts = twin.installer_starts().split_off(known);
    assert_eq!(starts, [("lone".to_owned(), Action::Uninstall), ("lone".to_owned(), Action::Install)]);
    field.assert_in_sync();
    attributes(field, plan)
}
