//! What a plan shows, and what it keeps quiet about.

use proptest::prelude::*;

use super::*;
use crate::ledger::{self, Change, Owned};
use crate::sample::{attributes, id, manifest, members, node, path, present, row};

const FILE: &str = "file/C:\\m.ini";

fn observations(list: &[(&str, Observation)]) -> Observations {
    list.iter().map(|(name, observation)| (id(name), observation.clone())).collect()
}

/// The server as the manifest wants it.
fn in_sync() -> Observations {
    observations(&[
        ("package/advanced", present(&[("version", "2.0".into())])),
        ("service/SCPSServer", present(&[("start", "automatic".into()), ("state", "running".into())])),
        ("iis_app_pool/Sage", present(&[("enable_32bit", false.into()), ("load_user_profile", true.into())])),
        (
            FILE,
            present(&[("content", "a=1\n".into()), ("rights", members(&[("svc", "read"), ("bob", "full")]))]),
        ),
    ])
}

fn with(name: &str, observation: Observation) -> Observations {
    let mut all = in_sync();
    all.insert(id(name), observation);
    all
}

fn owning(list: &[(&str, AttributePath, Value)]) -> Ledger {
    let mut ledger = Ledger::default();
    for (node, attribute, value) in list {
        let owned = Some(Owned { value: value.clone(), generation: "1".parse().unwrap() });
        ledger.apply(Change { node: id(node), attribute: attribute.clone(), owned });
    }
    ledger
}

#[test]
fn a_server_as_it_should_be_has_no_report_and_foreign_members_are_not_shown() {
    assert_eq!(diff(&manifest(), &in_sync(), &Ledger::default()), []);
}

#[test]
fn one_changed_switch_is_exactly_one_row() {
    let drifted = present(&[("enable_32bit", true.into()), ("load_user_profile", true.into())]);
    let ledger = owning(&[("iis_app_pool/Sage", path("enable_32bit", None), false.into())]);
    let report = diff(&manifest(), &with("iis_app_pool/Sage", drifted), &ledger);
    let expected = row(
        "iis_app_pool/Sage",
        "enable_32bit",
        Old::Exact(true.into()),
        New::Exact(false.into()),
        Reason::Drift,
    );
    assert_eq!(report.len(), 1);
    assert_eq!(report[0].rows, [expected]);
}

#[test]
fn nothing_is_known_after_a_package_that_cannot_be_installed() {
    let mut manifest = manifest();
    manifest.nodes.insert(0, node("package/suite", &[("version", "1.0".into())], None));
    let advanced = manifest.nodes.iter_mut().find(|node| node.id == id("package/advanced")).unwrap();
    advanced.provided_by = Some(id("package/suite"));
    let mut seen = with("package/advanced", Observation::Absent);
    seen.insert(id("package/suite"), present(&[("version", "1.0".into())]));
    let report = diff(&manifest, &seen, &Ledger::default());
    let shown: Vec<(String, bool)> =
        report.iter().map(|report| (report.node.to_string(), report.finding.is_some())).collect();
    assert_eq!(shown, [("package/advanced".to_owned(), true)]);

    seen.insert(id("package/suite"), Observation::Absent);
    let report = diff(&manifest, &seen, &Ledger::default());
    assert!(report.iter().all(|report| report.finding.is_none()), "{report:?}");
    assert!(
        report.iter().any(|report| report.node == id("iis_app_pool/Sage")),
        "what is brought along resets too"
    );
}

#[test]
fn a_package_that_will_be_replaced_lists_all_that_it_resets_even_what_looks_right() {
    let report = diff(
        &manifest(),
        &with("package/advanced", present(&[("version", "1.0".into())])),
        &Ledger::default(),
    );
    let known = Old::KnownAfter(id("package/advanced"));
    let shown: Vec<(String, &Old, Reason)> = report
        .iter()
        .flat_map(|report| &report.rows)
        .map(|row| (format!("{} {}", row.node, row.attribute), &row.old, row.reason))
        .collect();
    assert_eq!(
        shown,
        [
            ("package/advanced version".to_owned(), &Old::Exact("1.0".into()), Reason::Differs),
            ("service/SCPSServer start".to_owned(), &known, Reason::Reset),
            ("service/SCPSServer state".to_owned(), &known, Reason::Reset),
            ("iis_app_pool/Sage enable_32bit".to_owned(), &known, Reason::Reset),
            ("iis_app_pool/Sage load_user_profile".to_owned(), &known, Reason::Reset),
        ]
    );
}

#[test]
fn on_a_bare_server_nothing_is_a_finding_because_the_package_will_make_it() {
    let absent = || Observation::Absent;
    let bare = observations(&[
        ("package/advanced", absent()),
        ("service/SCPSServer", absent()),
        ("iis_app_pool/Sage", absent()),
        (FILE, absent()),
    ]);
    let report = diff(&manifest(), &bare, &Ledger::default());
    assert!(report.iter().all(|report| report.finding.is_none()));
    assert!(report.iter().flat_map(|report| &report.rows).all(|row| row.reason == Reason::Missing));
    assert_eq!(report.len(), 4);
}

#[test]
fn g12_what_an_installed_package_should_have_made_and_did_not_is_a_failed_installation() {
    let report = diff(&manifest(), &with("iis_app_pool/Sage", Observation::Absent), &Ledger::default());
    let finding = report[0].finding.as_ref().unwrap();
    assert!(finding.problem.contains("its installation failed (G12)"), "{}", finding.problem);
    assert_eq!(report[0].rows, [], "nothing to approve beside a finding");
}

#[test]
fn a_service_that_no_package_makes_is_a_finding_and_a_pool_is_made() {
    let mut manifest = manifest();
    manifest.nodes.iter_mut().for_each(|node| node.provided_by = None);
    let mut seen = with("service/SCPSServer", Observation::Absent);
    seen.insert(id("iis_app_pool/Sage"), Observation::Absent);
    let report = diff(&manifest, &seen, &Ledger::default());
    assert_eq!(
        report[0].finding.as_ref().unwrap().problem,
        "service SCPSServer is absent and no package of this plan makes it"
    );
    assert_eq!((report[1].rows.len(), &report[1].finding), (2, &None));
}

#[test]
fn a_service_with_a_command_line_is_made_unless_a_package_should_have_made_it() {
    let wanted = node("service/batch", &[("command_line", r"C:\batch.exe".into())], None);
    let Comparison { rows, finding } = compare(&wanted, &Observation::Absent, &Ledger::default());
    assert_eq!((rows.len(), finding), (1, None));
    assert_eq!((&rows[0].attribute, &rows[0].old), (&path("command_line", None), &Old::Absent));
    let provided = Node { provided_by: Some(id("package/advanced")), ..wanted };
    let finding = compare(&provided, &Observation::Absent, &Ledger::default()).finding.unwrap();
    assert!(finding.problem.contains("its installation failed"), "{}", finding.problem);
}

#[test]
fn what_cannot_be_read_is_a_finding_even_where_its_package_will_be_replaced() {
    let mut seen = with("package/advanced", Observation::Absent);
    seen.insert(id("service/SCPSServer"), Observation::Unreadable("access denied".to_owned()));
    let report = diff(&manifest(), &seen, &Ledger::default());
    let service = report.iter().find(|report| report.node == id("service/SCPSServer")).unwrap();
    assert!(service.finding.as_ref().unwrap().problem.ends_with("access denied"));
}

#[test]
fn the_reason_tells_documents_from_drift_from_what_muster_never_set() {
    let wanted = node("iis_app_pool/P", &[("idle_timeout_minutes", 5.into())], None);
    let seen = |minutes: i64| present(&[("idle_timeout_minutes", minutes.into())]);
    let at = path("idle_timeout_minutes", None);
    let check = |last: Option<i64>, observed: &Observation, expected: Reason| {
        let ledger =
            last.map_or_else(Ledger::default, |last| owning(&[("iis_app_pool/P", at.clone(), last.into())]));
        assert_eq!(compare(&wanted, observed, &ledger).rows[0].reason, expected);
    };
    check(None, &Observation::Absent, Reason::Missing);
    check(None, &seen(20), Reason::Differs);
    check(Some(20), &seen(20), Reason::Changed);
    check(Some(5), &seen(20), Reason::Drift);
    check(Some(7), &seen(20), Reason::Drift);
    check(Some(5), &Observation::Absent, Reason::Drift);
}

#[test]
fn a_member_that_muster_gave_and_no_document_names_goes_and_foreign_ones_stay() {
    let ledger = owning(&[
        (FILE, path("rights", Some("old")), "read".into()),
        (FILE, path("rights", Some("gone")), "read".into()),
    ]);
    let file = present(&[
        ("content", "a=1\n".into()),
        ("rights", members(&[("svc", "read"), ("old", "modify"), ("bob", "full")])),
    ]);
    let report = diff(&manifest(), &with(FILE, file), &ledger);
    let expected = Row {
        node: id(FILE),
        attribute: path("rights", Some("old")),
        old: Old::Exact("modify".into()),
        new: New::Absent,
        reason: Reason::Removed,
    };
    assert_eq!(report[0].rows, [expected]);
}

#[test]
fn what_muster_made_and_no_document_names_is_an_orphan_until_it_is_gone() {
    let ledger = owning(&[("iis_app_pool/Former", path("enable_32bit", None), false.into())]);
    assert_eq!(orphans(&manifest(), &in_sync(), &ledger), [id("iis_app_pool/Former")]);
    let gone = with("iis_app_pool/Former", Observation::Absent);
    assert_eq!(orphans(&manifest(), &gone, &ledger), []);
}

#[test]
fn a_thing_of_which_nothing_but_members_is_wanted_is_shown_as_being_there_or_not() {
    let wanted = node("folder/C:\\Import", &[("rights", members(&[("svc", "modify")]))], None);
    let rows = compare(&wanted, &Observation::Absent, &Ledger::default()).rows;
    let exists = Row {
        node: wanted.id.clone(),
        attribute: AttributePath::exists(),
        old: Old::Absent,
        new: New::Exact(true.into()),
        reason: Reason::Missing,
    };
    assert_eq!((rows.len(), &rows[0]), (2, &exists));
    let made = owning(&[("folder/C:\\Import", AttributePath::exists(), true.into())]);
    assert_eq!(compare(&wanted, &Observation::Absent, &made).rows[0].reason, Reason::Drift);
    let there = present(&[("rights", members(&[("svc", "modify"), ("bob", "full")]))]);
    assert_eq!(compare(&wanted, &there, &made), Comparison::default());
    assert!(there.shows(&exists) && !Observation::Absent.shows(&exists));
}

#[test]
fn g1_a_feature_that_windows_does_not_know_is_a_finding() {
    let wanted = node("windows_feature/IIS-Nothing", &[("state", "installed".into())], None);
    let finding = compare(&wanted, &Observation::Absent, &Ledger::default()).finding.unwrap();
    assert_eq!(finding.problem, "this Windows has no feature IIS-Nothing");
}

fn some_attributes() -> impl Strategy<Value = std::collections::BTreeMap<String, Value>> {
    (any::<bool>(), any::<bool>(), 0i64..3).prop_map(|(bits, profile, minutes)| {
        attributes(&[
            ("enable_32bit", bits.into()),
            ("load_user_profile", profile.into()),
            ("idle_timeout_minutes", minutes.into()),
        ])
    })
}

proptest! {
    /// Promise 1, "the preview is the work": once the rows hold, there are no rows, whatever the ledger said.
    #[test]
    fn when_every_row_holds_nothing_differs(
        wanted in some_attributes(),
        seen in proptest::option::of(some_attributes()),
        last in proptest::option::of(some_attributes()),
    ) {
        let mut node = node("iis_app_pool/P", &[], None);
        node.attributes = wanted;
        let mut ledger = Ledger::default();
        for (name, value) in last.into_iter().flatten() {
            let owned = Some(Owned { value, generation: "1".parse().unwrap() });
            ledger.apply(Change { node: node.id.clone(), attribute: path(&name, None), owned });
        }
        let before = seen.clone().map_or(Observation::Absent, Observation::Present);
        let rows = compare(&node, &before, &ledger).rows;
        let mut after = seen.unwrap_or_default();
        for row in &rows {
            if let New::Exact(value) = &row.new {
                after.insert(row.attribute.name.clone(), value.clone());
            }
        }
        for change in ledger::changes(&rows, "2".parse().unwrap()) {
            ledger.apply(change);
        }
        prop_assert_eq!(compare(&node, &Observation::Present(after), &ledger), Comparison::default());
    }
}

const BATCH: &str = "service/Batch";

fn secret(version: u64) -> Value {
    let json = serde_json::json!({"site": "dupont-prod", "secret": "batch_password", "version": version});
    serde_json::from_value(json).unwrap()
}

/// A service that logs on with that version of its password, seen with that account.
fn logs_on(version: u64, account: &str, ledger: &Ledger) -> Vec<String> {
    let wanted = node(BATCH, &[("account", r".\svc".into()), ("password", secret(version))], None);
    let rows = compare(&wanted, &present(&[("account", account.into())]), ledger).rows;
    rows.iter().map(|row| format!("{} {} -> {} ({})", row.attribute, row.old, row.new, row.reason)).collect()
}

/// G4: a row shows versions; a password that Muster set and nobody gave a new version to is in sync, unseen as it is.
#[test]
fn a_password_is_compared_by_the_version_that_was_last_set() {
    let ledger = owning(&[(BATCH, path("password", None), secret(3))]);
    assert_eq!(logs_on(3, r".\svc", &ledger), Vec::<String>::new());
    assert_eq!(logs_on(4, r".\svc", &ledger), ["password v3 -> v4 (documents changed)"]);
    assert_eq!(logs_on(3, r".\svc", &Ledger::default()), ["password (absent) -> v3 (missing)"]);
}

/// Where the account was changed by hand, its password was too: nothing is known of it any more.
#[test]
fn a_password_is_set_again_with_its_account() {
    let ledger = owning(&[
        (BATCH, path("account", None), r".\svc".into()),
        (BATCH, path("password", None), secret(3)),
    ]);
    assert_eq!(
        logs_on(3, "LocalSystem", &ledger),
        [r"account LocalSystem -> .\svc (drift)", "password (absent) -> v3 (drift)"]
    );
}

/// The password of a file comes with the thing that is made from it, and with nothing else.
#[test]
fn what_opens_a_file_is_a_row_where_the_file_is_opened() {
    let wanted = node("certificate/CN=a", &[("pfx", r"C:\a.pfx".into()), ("pfx_password", secret(3))], None);
    let rows = |seen: &Observation| -> Vec<String> {
        let rows = compare(&wanted, seen, &Ledger::default()).rows;
        rows.iter()
            .map(|row| format!("{} {} -> {} ({})", row.attribute, row.old, row.new, row.reason))
            .collect()
    };
    let opened = "pfx_password (absent) -> v3 (opens its file)";
    assert_eq!(rows(&Observation::Absent), ["exists (absent) -> true (missing)", opened]);
    assert_eq!(rows(&present(&[])), [""; 0]);
}

/// A reinstallation makes the service anew: that its account looks right says nothing of its password.
#[test]
fn what_an_installed_package_provides_has_no_known_password() {
    let mut manifest = manifest();
    let package = id("package/advanced");
    manifest.nodes.push(node(
        BATCH,
        &[("account", r".\svc".into()), ("password", secret(3))],
        Some("package/advanced"),
    ));
    let mut ledger = owning(&[
        (BATCH, path("account", None), r".\svc".into()),
        (BATCH, path("password", None), secret(3)),
    ]);
    for change in ledger::unknown_after(&manifest, &package, &ledger) {
        ledger.apply(change);
    }
    assert_eq!(logs_on(3, r".\svc", &ledger), ["password (absent) -> v3 (missing)"]);
    assert!(ledger.last(&id(BATCH), &path("account", None)).is_some(), "what can be seen stays known");
    assert_eq!(ledger::unknown_after(&manifest, &id("package/other"), &ledger), []);
}

/// A package that a document does not want goes, whoever installed it: its row names the version that was seen.
#[test]
fn a_package_declared_absent_is_one_row_of_the_version_that_is_there() {
    let mut manifest = manifest();
    manifest.nodes.retain(|node| node.id == id("package/advanced"));
    manifest.nodes[0].attributes.insert("state".to_owned(), "absent".into());
    for version in ["2.0", "1.0"] {
        let seen = with("package/advanced", present(&[("version", version.into())]));
        let rows = diff(&manifest, &seen, &Ledger::default()).remove(0).rows;
        let old = Old::Exact(version.into());
        assert_eq!(rows, [row("package/advanced", "version", old, New::Absent, Reason::Removed)]);
    }
    assert_eq!(diff(&manifest, &with("package/advanced", Observation::Absent), &Ledger::default()), []);
    let unseen = with("package/advanced", Observation::Unreadable("no access".to_owned()));
    let report = diff(&manifest, &unseen, &Ledger::default()).remove(0);
    assert!(report.rows.is_empty() && report.finding.unwrap().problem.contains("no access"));
}

/// What comes into one of these stores makes the computer believe it, and whoever approves it reads so.
#[test]
fn a_certificate_that_the_computer_will_trust_says_so_in_a_row_of_its_own() {
    let digits = "0123456789ABCDEF0123456789ABCDEF01234567";
    for (store, trusted) in [
        ("root/", Some("the whole computer, with all that it signs")),
        ("trusted_people/", Some("the whole computer, it alone")),
        ("ca/", None),
        ("web_hosting/", None),
        ("", None),
    ] {
        let name = format!("certificate/{store}{digits}");
        let wanted = node(&name, &[("cer", r"C:\a.cer".into()), ("pfx", r"C:\a.pfx".into())], None);
        let rows = |ledger: &Ledger| compare(&wanted, &Observation::Absent, ledger).rows;
        let came = |attribute: &str, value: Value, reason| {
            row(&name, attribute, Old::Absent, New::Exact(value), reason)
        };
        let mut expected = vec![came("exists", true.into(), Reason::Missing)];
        expected.extend(trusted.map(|whom| came("trusted_by", whom.into(), Reason::Missing)));
        assert_eq!(rows(&Ledger::default()), expected, "{name}");
        let made = owning(&[(&name, AttributePath::exists(), true.into())]);
        assert!(rows(&made).iter().all(|row| row.reason == Reason::Drift), "one that was there and went");
        assert_eq!(compare(&wanted, &present(&[]), &made).rows, []);
    }
}

/// What is no certificate may have a store's word at the beginning of its name, as here the endpoint's.
#[test]
fn nothing_but_a_certificate_is_trusted_by_anybody() {
    assert_eq!(node("sql_database/root/SXA", &[], None).trust(), None);
    assert!(node("certificate/root/SXA", &[], None).trust().is_some());
}

/// Where it is missing is said as Windows' console calls it, and what the file is to hold.
#[test]
fn a_certificate_that_only_a_person_can_bring_says_where_it_is_missing() {
    let told = |name: &str| {
        let Finding { problem, advice } =
            compare(&node(name, &[], None), &Observation::Absent, &Ledger::default()).finding.unwrap();
        format!("{problem}; {advice}")
    };
    let root = told("certificate/root/CN=a");
    assert!(
        root.contains("CN=a is in the computer's store Trusted Root Certification Authorities;"),
        "{root}"
    );
    assert!(root.contains("name its file with `cer`"), "{root}");
    let own = told("certificate/CN=a");
    assert!(own.contains("CN=a with its key is in the computer's own store;"), "{own}");
    assert!(own.contains("name its PFX file with `pfx`"), "{own}");
}
