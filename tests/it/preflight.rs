//! Preflight: everything that is missing, at once, days ahead and again right before the first effect (G1, G4, G6).

use std::collections::BTreeSet;

use muster_model::node::NodeKind;
use muster_model::outcome::End;
use muster_model::preflight::{CLAIM, PreflightItem, PreflightView, Verdict};
use muster_model::view::StepState;
use muster_tests::cli::{Ran, code};
use muster_tests::field::Field;

fn look(field: &Field, expected: i32) -> PreflightView {
    look_at(field, "pre-site", expected)
}

/// Everything that a site's preflight looked at.
pub(crate) fn look_at(field: &Field, site: &str, expected: i32) -> PreflightView {
    let ran = field.cli.run(["--output", "json", "preflight", site]).expect(expected);
    let mut view: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(view["shape"], "muster.preflight/1");
    view.as_object_mut().unwrap().remove("shape");
    serde_json::from_value(view).unwrap()
}

/// What did not pass, as `check found`.
fn missing(view: &PreflightView) -> Vec<String> {
    let items = view.items().filter(|(_, item)| item.verdict != Verdict::Passed);
    items.map(|(_, item)| format!("{} {}", item.check, item.found)).collect()
}

fn first_found<'v>(view: &'v PreflightView, check: &str) -> &'v PreflightItem {
    view.items().find(|(_, item)| item.check == check).map(|(_, item)| item).unwrap()
}

/// Breaks everything that the product asks for.
fn break_all(field: &Field) {
    let twin = &field.agent.twin;
    twin.set(&[
        "computer",
        "facts",
        "windows=6.3.9600",
        "bits_64=false",
        "net_framework=4.6.2",
        "memory_gib=4",
        "elevated=false",
        "pending_reboot=Windows Update",
    ]);
    twin.set(&["drive", "C", "free_gib=5"]);
    twin.set(&["drive", "D", "absent"]);
    twin.set(&["administrator", r"PRE\svc-batch", "absent"]);
    twin.set(&["session", r"PRE\anne", "programs=mmc.exe,xrtconsole.exe,explorer.exe"]);
    twin.set(&["listener", "1025", "program=java.exe"]);
    twin.set(&["listener", "1026", "program=java.exe"]);
    let server = ["version=13.0.5026.0", "edition=Express Edition (64-bit)", "login:PRE-WEB01$=execute"];
    twin.set(&[&["sql_server", "PRE-SQL01"], server.as_slice()].concat());
}

/// A package that cannot be compared is a finding, and hides nothing of what its installer needs.
#[test]
fn g1_what_cannot_be_compared_hides_nothing() {
    let field = Field::preflight();
    let twin = &field.agent.twin;
    twin.set(&["feature", "IIS-WebServerRole", "state=installed"]);
    twin.set(&["drive", "C", "free_gib=5"]);
    twin.fault(&["package.get", "base", "fail", "--always"]);
    let found = missing(&look(&field, code::MISSING));
    assert!(
        found.iter().any(|line| line.starts_with("comparison package/base cannot be compared")),
        "{found:?}"
    );
    assert!(found.contains(&r"free_disk_gib 5 GiB free for C:\".to_owned()), "{found:?}");
}

/// A SQL Server that does not let the agent in, or does not answer, is told with its own words.
#[test]
fn g1_a_sql_server_that_cannot_be_reached_is_missing() {
    let field = Field::preflight();
    let twin = &field.agent.twin;
    twin.set(&["sql_server", "PRE-SQL01", "login:PRE-WEB01$=absent", "login:OTHER=execute"]);
    let view = look(&field, code::MISSING);
    let item = first_found(&view, "sql_server");
    assert_eq!(item.verdict, Verdict::Missing);
    assert!(item.found.contains("login failed for user 'PRE-WEB01$'"), "{}", item.found);
    assert!(item.advice.contains("muster handout SITE --for dba"));
    twin.set(&["sql_server", "PRE-SQL01", "login:PRE-WEB01$=create_database,execute"]);
    twin.fault(&["sql.connect", "PRE-SQL01", "fail", "--always"]);
    let found = first_found(&look(&field, code::MISSING), "sql_server").found.clone();
    assert!(
        found.contains("SQL Server PRE-SQL01 does not answer") && found.contains("error 10060"),
        "{found}"
    );
}

/// Everything is there: exit code 0, before the installation and after it, when the ports are held by what was installed.
#[test]
fn g1_a_server_that_lacks_nothing_passes_before_and_after_the_installation() {
    let field = Field::preflight();
    let view = look(&field, code::OK);
    assert_eq!(missing(&view), Vec::<String>::new());
    assert!(view.passed && view.simulated);
    assert_eq!(
        first_found(&view, "iis_at_least").found,
        "IIS comes with this product; this Windows brings IIS 10.0"
    );
    // The scene asks for everything, and everything that is asked for is looked at.
    let asked: BTreeSet<&str> = view.items().map(|(_, item)| item.check.as_str()).collect();
    let known = NodeKind::Preflight.spec().attributes.iter().map(|spec| spec.name);
    for name in known.filter(|name| *name != "take_over").chain([CLAIM]) {
        assert!(asked.contains(name), "{name} is asked for, and nothing looks at it");
    }
    let table = field.cli.ok("preflight pre-site");
    table.says(&["0 missing", "Nothing was changed.", "SIMULATED", "muster plan pre-site"]);

    field.bring_in_sync();
    field.assert_in_sync();
    let after = look(&field, code::OK);
    assert_eq!(missing(&after), Vec::<String>::new());
    assert_eq!(first_found(&after, "iis_at_least").found, "IIS 10.0");
    let asked = |check: &str| after.items().any(|(_, item)| item.check == check);
    assert!(!asked("free_disk_gib") && !asked("no_sessions"), "nothing is installed any more");

    // The documents ask for another version: an installer runs again, and needs what installers need.
    field.agent.twin.set(&["drive", "C", "free_gib=5"]);
    field.edit(r#"default: "1.0""#, r#"default: "1.1""#);
    field.push().expect(code::OK);
    assert_eq!(missing(&look(&field, code::MISSING)), [r"free_disk_gib 5 GiB free for C:\"]);
}

/// One answer has all of it, each with what to do and the guide's number, and nothing was changed.
#[test]
fn g1_g4_g6_everything_that_is_missing_is_told_at_once_and_nothing_is_changed() {
    let field = Field::preflight();
    break_all(&field);
    let (known, before) = (field.agent.twin.ledger().len(), field.agent.twin.sql());
    let view = look(&field, code::MISSING);
    assert_eq!(
        missing(&view),
        [
            "windows_at_least Windows 6.3.9600",
            "windows_64bit Windows is a 32-bit one",
            "iis_at_least IIS comes with this product; this Windows brings IIS 8.5",
            "net_framework_at_least .NET Framework 4.6.2",
            "memory_gib 4 GiB of memory",
            r"free_disk_gib 5 GiB free for C:\",
            r"free_disk_gib there is no drive for D:\Pre\Data",
            "no_pending_reboot Windows waits for a restart: Windows Update",
            "elevated the agent runs without an administrator's rights",
            r"local_administrators PRE\svc-batch is no local administrator",
            r"closed_programs services.msc is open in the session of PRE\anne",
            r"closed_programs XrtConsole.exe is open in the session of PRE\anne",
            r"no_sessions logged on: PRE\anne",
            "free_ports port 1025 is held by java.exe",
            "free_ports port 1026 is held by java.exe",
            "sql_at_least PRE-SQL01 is SQL Server 13.0.5026.0 (2016)",
            "sql_editions PRE-SQL01 has the edition Express Edition (64-bit)",
            "sql_rights the agent's login on PRE-SQL01 does not have CREATE ANY DATABASE",
            "claim http/*:1025: cannot be bound: java.exe listens on port 1025",
        ]
    );
    for (_, item) in view.items().filter(|(_, item)| item.verdict != Verdict::Passed) {
        assert!(!item.advice.is_empty() && item.guide.is_some(), "{item:?}");
    }
    assert_eq!(first_found(&view, "local_administrators").guide.as_ref().unwrap().to_string(), "G4");
    field.cli.run(["preflight", "pre-site"]).expect(code::MISSING).says(&[
        r"PRE-WEB01  MISSING  PRE\svc-batch is no local administrator; wanted: a local administrator (G4)",
        "-> add it on this server: net localgroup Administrators",
        "19 missing",
    ]);
    assert_eq!(field.agent.twin.effects_after(known), [], "a look changes nothing");
    assert_eq!(field.agent.twin.sql(), before, "nor the SQL Server");
    assert!(
        field.events().iter().all(|event| !format!("{event:?}").contains("PlanCreated")),
        "nor makes a plan"
    );
}

/// What a plan shows: what lasts forbids the approval, what may be over in an hour is a warning.
#[test]
fn g1_a_plan_shows_what_is_missing_and_only_what_lasts_forbids_it() {
    let field = Field::preflight();
    let twin = &field.agent.twin;
    twin.set(&["session", r"PRE\anne", "programs=mmc.exe"]);
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&[r"services.msc is open in the session of PRE\anne"]);
    field.cli.ok(&format!("approve {plan}"));

    twin.set(&["administrator", r"PRE\svc-batch", "absent"]);
    let plan = field.plan();
    field.cli.ok(&format!("plan show {plan}")).says(&[r"PRE\svc-batch is no local administrator"]);
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
}

/// Something broke between the approval and the run: no effect on that server, and `why` lists all of it. Mended, the
/// same run goes on.
#[test]
fn g1_a_run_begins_nothing_on_a_server_whose_preflight_fails_since_it_was_approved() {
    let field = Field::preflight();
    let plan = field.approved_plan();
    assert_eq!(field.steps(plan).steps[0].node.to_string(), "preflight/web", "it is the first step");
    let twin = &field.agent.twin;
    twin.set(&["session", r"PRE\anne", "programs=mmc.exe"]);
    twin.set(&["listener", "1026", "program=java.exe"]);
    twin.set(&["drive", "C", "free_gib=5"]);
    let (known, before) = (twin.ledger().len(), twin.sql());

    field.cli.run(["run", &plan.to_string(), "--watch"]).expect(code::NOT_DONE);
    assert_eq!(twin.effects_after(known), []);
    assert_eq!(twin.sql(), before);
    let steps = field.steps(plan).steps;
    assert_eq!(steps[0].state, StepState::Ended(End::Failed));
    assert!(steps[1..].iter().all(|step| step.state == StepState::Ended(End::Skipped)), "{steps:?}");
    field.cli.ok("why pre-site").says(&[
        r"services.msc is open in the session of PRE\anne",
        r"logged on: PRE\anne",
        "port 1026 is held by java.exe",
        r"5 GiB free for C:\",
        "make room, or enlarge the disk",
    ]);

    twin.set(&["session", r"PRE\anne", "absent"]);
    twin.set(&["listener", "1026", "absent"]);
    twin.set(&["drive", "C", "free_gib=40"]);
    field.cli.run(["resume", &plan.to_string(), "--watch"]).expect(code::OK);
    field.assert_in_sync();
}

/// G5, G6, G14: a site, a pool, a binding and a database that were there before Muster are named with their holder, until
/// they are gone or the product says that they are the ones that are meant.
#[test]
fn g5_g6_g14_what_lives_there_unmanaged_is_found_with_its_holder() {
    let field = Field::preflight();
    let twin = &field.agent.twin;
    twin.set(&["computer", "facts", "iis=10.0"]);
    twin.set(&["site", "Pre", r"physical_path=C:\Old", "app_pool=Other"]);
    twin.set(&["app_pool", "Pre", "load_user_profile=false"]);
    twin.set(&["site", "Intranet", r"physical_path=C:\Intranet", "binding:http/*:1025:=plain"]);
    twin.change_sql(|server| {
        let master = server.databases["master"].clone();
        server.databases.insert("PRE".to_owned(), master);
    });
    let claims = |view: &PreflightView| -> Vec<String> {
        missing(view)
            .into_iter()
            .filter(|line| line.starts_with("claim") || line.starts_with("free_ports"))
            .collect()
    };
    assert_eq!(
        claims(&look(&field, code::MISSING)),
        [
            "free_ports port 1025 is held by site Intranet of IIS",
            "claim IIS has an application pool Pre already, and Muster did not make it",
            "claim IIS has a site Pre already, and Muster did not make it",
            "claim http/*:1025: cannot be bound: site Intranet of IIS has this binding",
            "claim database PRE is there already on PRE-SQL01, and Muster did not make it",
        ]
    );
    let plan = field.plan();
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);

    twin.set(&["site", "Intranet", "binding:http/*:1025:=absent"]);
    field.edit(
        "    sql_server: main\n",
        "    sql_server: main\n    take_over: [iis_app_pool/Pre, iis_site/Pre, sql_database/main/PRE]\n",
    );
    field.push().expect(code::OK);
    assert_eq!(missing(&look(&field, code::OK)), Vec::<String>::new());
    field.bring_in_sync();
    field.assert_in_sync();
}

/// The ledger of a server that was set up anew is empty: what scripts of Muster's marked is not taken for a stranger's.
#[test]
fn g14_a_database_with_marks_of_musters_scripts_is_no_strangers() {
    let field = Field::preflight();
    field.agent.twin.change_sql(|server| {
        let mut marked = server.databases["master"].clone();
        marked.properties.insert("Muster:sql_scripts/new:00".to_owned(), "done".to_owned());
        server.databases.insert("PRE".to_owned(), marked);
    });
    assert_eq!(missing(&look(&field, code::OK)), Vec::<String>::new());
}

/// A server without an agent, and one whose agent is away, are findings among the others.
#[test]
fn g1_servers_that_nobody_can_ask_are_findings() {
    let mut field = Field::preflight();
    field.edit("  web: {name: PRE-WEB01}\n", "  web: {name: PRE-WEB01}\n  sql: {name: PRE-SQL01}\n");
    field.push().expect(code::OK);
    field.kill_agent().unwrap();
    let view = look(&field, code::MISSING);
    assert_eq!(
        missing(&view),
        ["agent PRE-WEB01 is not connected", "agent PRE-SQL01 is not connected: no agent of it is enrolled"]
    );
    let ran = field.cli.run(["preflight", "pre-site"]).expect(code::MISSING);
    ran.says(&["muster server show pre-site/web", "muster server invite pre-site/sql --out FILE"]);
}

/// What a server cannot tell is unknown: it never passes, and it is not called missing either.
#[test]
fn g1_what_a_server_cannot_tell_never_passes() {
    let field = Field::preflight();
    field.agent.twin.fault(&["inventory.get", "memory", "fail", "--always"]);
    let view = look(&field, code::MISSING);
    let item = first_found(&view, "memory_gib");
    assert_eq!((item.verdict, view.count(Verdict::Missing)), (Verdict::Unknown, 0));
    let plan = field.plan();
    field.cli.run(["approve", &plan.to_string()]).expect(code::REFUSED);
}

/// The page has every finding, with what a server said as text, and runs or loads nothing.
#[test]
fn g1_the_page_has_every_finding_as_text_and_loads_nothing() {
    let field = Field::preflight();
    break_all(&field);
    field.agent.twin.set(&["listener", "1025", "program=<script src='http://evil'>&\".exe"]);
    let page = field.folder().join("preflight.html");
    let ran =
        field.cli.run(["preflight", "pre-site", "--html", page.to_str().unwrap()]).expect(code::MISSING);
    ran.says(&["preflight.html is written"]);
    let html = std::fs::read_to_string(&page).unwrap();
    let view = look(&field, code::MISSING);
    for (_, item) in view.items() {
        for text in [&item.found, &item.wanted, &item.advice] {
            let escaped = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
            let escaped = escaped.replace('"', "&quot;").replace('\'', "&#39;");
            assert!(html.contains(&format!("<td>{escaped}</td>")), "no cell of {text:?}");
        }
    }
    assert!(html.contains("port 1025 is held by &lt;script src=&#39;http://evil&#39;&gt;&amp;&quot;.exe"));
    assert!(html.contains("SIMULATED") && html.contains("<title>Preflight pre-site</title>"));
    for forbidden in ["<script", "src=\"", "href=", "url(", "@import", "<img", "<link", "onload"] {
        assert!(!html.contains(forbidden), "{forbidden}");
    }
    written_again(&field, &page);
}

/// The newest page is the one to send.
fn written_again(field: &Field, page: &std::path::Path) {
    field.agent.twin.set(&["listener", "1025", "absent"]);
    let ran: Ran = field.cli.run(["preflight", "pre-site", "--html", page.to_str().unwrap()]);
    ran.expect(code::MISSING);
    assert!(!std::fs::read_to_string(page).unwrap().contains("port 1025 is held"));
}
