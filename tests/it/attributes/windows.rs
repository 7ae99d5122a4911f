//! Drift of Windows itself: features, folders, files, the registry, services.

use muster_agent::host::StartMode;
use muster_model::digest::Digest;

use super::*;

const PORT: &str = r"HKLM\SOFTWARE\Kinds\Port";

fn granted(path: &str, account: &str, access: Access) -> Deed {
    Deed::RightGranted { path: path.to_owned(), account: account.to_owned(), access }
}

/// G1, G11: features, folders, the registry in both views and of every type.
pub(super) fn features_folders_and_registry(field: &Field) -> BTreeSet<Attribute> {
    mend(
        field,
        vec![vec![
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
        ]],
    )
}

/// G4, G13: services and files.
pub(super) fn services_and_files(field: &Field) -> BTreeSet<Attribute> {
    mend(
        field,
        vec![
            vec![
                (
                    &["service", "Kinds.Batch", "start=manual"],
                    "service/Kinds.Batch start manual -> automatic (drift)",
                    Deed::ServiceStartSet { service: "Kinds.Batch".to_owned(), start: StartMode::Automatic },
                ),
                (
                    &["file", r"D:\Import\kinds.ini", "content=a=2"],
                    r"file/D:\Import\kinds.ini content a=2 -> a=1 (drift)",
                    Deed::FileWritten {
                        path: r"D:\Import\kinds.ini".to_owned(),
                        content: Digest::of(b"a=1"),
                    },
                ),
            ],
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
            vec![(
                &["service", "Kinds.Batch", "start=automatic_delayed"],
                "service/Kinds.Batch start automatic_delayed -> automatic (drift)",
                Deed::ServiceStartSet { service: "Kinds.Batch".to_owned(), start: StartMode::Automatic },
            )],
            vec![(
                &["service", EXTRA, "start=automatic"],
                "service/Kinds.Extra start automatic -> automatic_delayed (drift)",
                Deed::ServiceStartSet { service: EXTRA.to_owned(), start: StartMode::AutomaticDelayed },
            )],
        ],
    )
}

/// What Windows does when a service fails: a row for each part, whatever is there, and an effect for each of Windows' two
/// records; then one part alone.
pub(super) fn failures(field: &Field) -> BTreeSet<Attribute> {
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
    seen.extend(mend_round(
        field,
        vec![(
            &["service", "Kinds.Batch", "later_failures=reboot"],
            "service/Kinds.Batch later_failures reboot -> none (drift)",
            mended(&[("later_failures", "none")]),
        )],
    ));
    seen
}
