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
