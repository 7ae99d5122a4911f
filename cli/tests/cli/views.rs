//! Every verb that shows or changes something, its words compared whole.

use insta::assert_snapshot;
use muster::exit::Exit;
use muster_model::digest::Digest;
use serde_json::{Value, json};

use crate::world::{self, World, is_private, row};

#[tokio::test]
async fn a_plan_reads_like_a_diff_and_ends_with_what_to_type() {
    let world = World::new();
    world
        .controller
        .change(|script| script.plan.warnings = vec!["package old-tool is no longer named".to_owned()]);
    assert_snapshot!(world.said("plan dupont-prod").await);
    assert_eq!(world.asked("CreatePlan"), ["dupont-prod"]);
}

#[tokio::test]
async fn a_plan_of_several_servers_names_each_and_counts_over_all_of_them() {
    let world = World::new();
    let package = |number: u32, name: &str, old: Value| {
        let node = format!("package/{name}");
        json!([{"number": number, "node": node, "class": "resource", "effect": "one_shot", "guide": "G2",
            "rows": [row(&node, "version", old, json!({"exact": "6.0.0.0"}), "missing")]}])
    };
    let servers =
        [("sql", package(2, "tools", json!("absent"))), ("web", package(1, "library", json!("absent")))];
    world.controller.change(|script| script.plan = world::plan_of(&servers));
    assert_snapshot!(world.said("plan dupont-prod").await);
}

#[tokio::test]
async fn g1_a_preflight_lists_what_is_missing_with_what_to_do_and_counts_the_rest() {
    let world = World::new();
    world.controller.change(|script| {
        script.views.insert("muster.preflight/1", world::preflight());
    });
    assert_snapshot!(world.said("preflight dupont-prod").await);
    let ran = world.muster("preflight dupont-prod").await;
    assert_eq!(ran.exit, Exit::Missing);
    assert_eq!(world.asked("Preflight"), ["dupont-prod", "dupont-prod"]);
    assert_eq!(world.muster("preflight dupont-prod --html /nowhere/at/all.html").await.exit, Exit::Usage);
}

#[tokio::test]
async fn a_twin_is_labelled_and_findings_forbid_the_approval() {
    let world = World::new();
    world.controller.change(|script| {
        script.plan.simulated = true;
        script.plan.findings =
            vec!["dupont-prod/web: the agent is not connected -> start muster-agent there".to_owned()];
    });
    assert_snapshot!(world.said("plan show P-204").await);
}

#[tokio::test]
async fn an_empty_plan_says_that_there_is_nothing_to_do() {
    let world = World::new();
    world.controller.change(|script| script.plan = world::plan(json!([])));
    assert_snapshot!(world.said("plan dupont-prod").await);
}

#[tokio::test]
async fn a_plan_whose_rows_were_altered_is_neither_shown_nor_approved() {
    let world = World::new();
    world.controller.change(|script| {
        let text = String::from_utf8(script.plan.steps_json[0].clone()).unwrap();
        script.plan.steps_json[0] = text.replace("6.0.0.1397", "6.6.6.6666").into_bytes();
    });
    assert_snapshot!(world.said("plan show P-204").await);
    assert_eq!(world.muster("approve P-204").await.exit, Exit::Internal);
    assert!(world.asked("ApprovePlan").is_empty());
}

#[tokio::test]
async fn an_approval_sends_the_digest_that_was_computed_here() {
    let world = World::new();
    world.muster("plan dupont-prod").await;
    assert_snapshot!(world.said("approve P-204 --ticket CHG0041877").await);
    let digest = Digest::of(&world.controller.script().plan.header_json);
    let asked = world.asked("ApprovePlan");
    assert!(asked[0].contains(&digest.to_string()) && asked[0].contains("CHG0041877"), "{asked:?}");
}

#[tokio::test]
async fn a_plan_that_is_not_the_one_that_was_shown_is_not_approved() {
    let world = World::new();
    world.muster("plan dupont-prod").await;
    world.controller.change(|script| script.plan = world::plan(json!([])));
    let said = world.said("approve P-204").await;
    assert!(
        said.contains("is not the plan that was shown to you") && said.contains("muster plan show P-204"),
        "{said}"
    );
    assert!(world.asked("ApprovePlan").is_empty());
}

#[tokio::test]
async fn the_status_of_all_sites_and_of_one() {
    let world = World::new();
    assert_snapshot!("status_all", world.said("status").await);
    assert_snapshot!("status_problems", world.said("status --problems").await);
    let one = json!({"revision": 118, "sites": [world::site("dupont-prod", json!("waiting"), "it waits")]});
    world.controller.change(|script| {
        script.views.insert("muster.status/1", serde_json::to_vec(&one).unwrap());
    });
    assert_snapshot!("status_one", world.said("status dupont-prod").await);
}

#[tokio::test]
async fn the_steps_of_a_run_and_one_of_them_whole() {
    let world = World::new();
    assert_snapshot!("steps", world.said("steps P-204").await);
    assert_snapshot!("step_of_a_person", world.said("steps P-204/3").await);
    assert_snapshot!("step_unknown", world.said("steps P-204/9").await);
}

#[tokio::test]
async fn why_shows_the_rows_that_did_not_agree_and_what_was_skipped() {
    let world = World::new();
    let node = "iis_app_pool/Sage.XRT.Advanced";
    let mut blocked = world::step(2, node, "resource", json!({"ended": "blocked"}));
    let rows = |old: Value| {
        json!([row(node, "load_user_profile", json!({"exact": old}), json!({"exact": true}), "drift")])
    };
    blocked["rows"] = rows(json!(false));
    blocked["actual_rows"] = rows(json!("none"));
    blocked["evidence"] = json!("the server no longer agrees with the approved rows");
    let mut skipped = world::step(3, "service/SCASServer", "resource", json!({"ended": "skipped"}));
    skipped["because"] = json!(2);
    let site = world::site("dupont-prod", json!({"stopped": "blocked"}), "step P-204/2 is blocked");
    let why = json!({"site": site, "steps": [blocked, skipped], "refusals": ["DUP-WEB01: the clock is off"], "findings": []});
    world.controller.change(|script| {
        script.views.insert("muster.why/1", serde_json::to_vec(&why).unwrap());
    });
    assert_snapshot!(world.said("why dupont-prod").await);
}

#[tokio::test]
async fn diff_shows_each_server_that_documents_would_change() {
    let world = World::new();
    world.write("docs/site.yaml", "kind: Site");
    let pool = "iis_app_pool/Sage.XRT.Advanced";
    let changes = json!([{"attribute": {"node": pool, "attribute": "load_user_profile", "old": true, "new": false}},
        {"attribute": {"node": pool, "attribute": "idle_timeout_minutes", "old": null, "new": 20}},
        {"links": "service/SCPSServer"}, {"appears": "package/treasury"}, {"leaves": "manual_step/code"}]);
    let server = json!({"role": "web", "host": ["DUP-WEB01", "DUP-WEB02"], "product": null, "changes": changes,
        "reordered": true});
    let view = json!({"revision": 118, "all_sites": 67, "sites": [
        {"site": "dupont-prod", "servers": [server], "gone": ["sql"]}]});
    world.controller.change(|script| {
        script.views.insert("muster.diff/1", serde_json::to_vec(&view).unwrap());
    });
    assert_snapshot!(world.said("diff -f DIR/docs").await);
    let json: Value =
        serde_json::from_str(&world.muster("--output json diff -f DIR/docs").await.out).unwrap();
    assert_eq!((json["shape"].clone(), json["all_sites"].clone()), (json!("muster.diff/1"), json!(67)));
    let none = json!({"revision": 118, "all_sites": 1, "sites": []});
    world.controller.change(|script| {
        script.views.insert("muster.diff/1", serde_json::to_vec(&none).unwrap());
    });
    assert_snapshot!("diff_of_nothing", world.said("diff -f DIR/docs").await);
}

#[tokio::test]
async fn a_handout_is_a_script_for_the_dba() {
    let world = World::new();
    let endpoint = json!({"name": "main", "address": "NORSQL\\PROD"});
    let nodes = json!([
        {"id": "sql_database/main/SXA", "endpoint": endpoint,
            "attributes": {"managed_by": "dba", "recovery": "full", "data_folder": "E:\\Data"}},
        {"id": "sql_scripts/new", "endpoint": endpoint, "attributes": {"database": "main/SXA"}}]);
    let render = |nodes: &Value| {
        let manifest = json!({"format": 1, "server": "nordbank-prod/web", "host": "NOR-WEB01",
            "product": "sxa 2022-r2", "generation": 1, "nodes": nodes});
        serde_json::to_vec(&json!({"site": "nordbank-prod", "revision": 118, "manifests": [manifest]}))
            .unwrap()
    };
    world.controller.change(|script| {
        script.views.insert("muster.render/1", render(&nodes));
    });
    assert_snapshot!(world.said("handout nordbank-prod --for dba --domain NORDBANK").await);
    let ran = world.muster("--output json handout nordbank-prod --for dba").await;
    let json: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(json["asked"][0]["logins"][0]["account"], "DOMAIN\\NOR-WEB01$");
    world.controller.change(|script| {
        script.views.insert("muster.render/1", render(&json!([])));
    });
    assert_snapshot!("handout_of_nothing", world.said("handout nordbank-prod --for dba").await);
}

#[tokio::test]
async fn explain_shows_the_layer_that_won_and_what_it_shadows() {
    let world = World::new();
    let layer = |layer: &str, document: &str, line: u32, written: &str| json!({"layer": layer, "document": document, "path": "product.yaml", "line": line, "written": written});
    let of = |server: &str, from: Value, reason: Value| {
        json!({"servers": [server], "value": true, "from": from, "reason": reason,
            "computed_from": [{"parameter": "treasury", "value": true}],
            "shadows": [layer("default", "Product sxa 2022-r2", 70, "false")]})
    };
    let view = json!({"site": "dupont-prod", "revision": 118, "product": "sxa 2022-r2", "parameter": "odata",
        "type": "boolean", "fixed": true, "values": [
            of("web", layer("force", "Product sxa 2022-r2", 72, "true"), json!("Treasury needs OData (G9)")),
            of("sql", layer("server", "Site dupont-prod", 9, "{{ treasury }}"), json!(null))]});
    world.controller.change(|script| {
        script.views.insert("muster.explain/1", serde_json::to_vec(&view).unwrap());
    });
    assert_snapshot!(world.said("explain dupont-prod odata").await);
    assert_eq!(world.asked("Explain"), ["dupont-prod odata"]);
    let json: Value =
        serde_json::from_str(&world.muster("--output json explain dupont-prod odata").await.out).unwrap();
    assert_eq!(json["values"][0]["from"]["layer"], "force");
}

#[tokio::test]
async fn render_shows_what_a_server_should_be() {
    let world = World::new();
    let view = json!({"site": "dupont-prod", "revision": 118, "manifests": [{
    "format": 1, "server": "dupont-prod/web", "host": "DUP-WEB01", "product": "sxa 2022-r2", "generation": 3,
    "nodes": [
        {"id": "package/advanced", "attributes": {"version": "2022-r2", "arguments": ["/quiet", "LANG=fr"]}, "guide": "G4"},
        {"id": "iis_app_pool/Sage.XRT.Advanced", "attributes": {"load_user_profile": true}, "provided_by": "package/advanced"},
    ]}]});
    world.controller.change(|script| {
        script.views.insert("muster.render/1", serde_json::to_vec(&view).unwrap());
    });
    assert_snapshot!(world.said("render dupont-prod").await);
}

#[tokio::test]
async fn servers_are_listed_shown_invited_and_revoked() {
    let world = World::new();
    assert_snapshot!("server_list", world.said("server list").await);
    assert_snapshot!("server_show", world.said("server show nord-prod/web").await);
    assert_snapshot!("server_show_unknown", world.said("server show nord-prod/sql").await);
    assert_snapshot!("server_revoke", world.said("server revoke nord-prod/web").await);
    assert_snapshot!("server_invite", world.said("server invite dupont-prod/web --out DIR/web.token").await);
    assert_eq!(std::fs::read_to_string(world.path("web.token")).unwrap(), "muster-token-1 {}\n");
    assert!(is_private(&world.path("web.token")), "a token is for its holder alone");
}

#[tokio::test]
async fn a_token_never_replaces_a_file_and_a_refused_invitation_leaves_none() {
    let world = World::new();
    world.write("web.token", "precious");
    assert_snapshot!(world.said("server invite dupont-prod/web --out DIR/web.token").await);
    assert_eq!(std::fs::read_to_string(world.path("web.token")).unwrap(), "precious");
    assert!(world.asked("InviteServer").is_empty(), "no token was made for nothing");
    world.controller.change(|script| {
        script.refuse.insert("InviteServer", tonic::Status::not_found("no document names dupont-prod/web"));
    });
    assert_eq!(world.muster("server invite dupont-prod/web --out DIR/other.token").await.exit, Exit::Refused);
    assert!(!world.path("other.token").exists());
}

#[tokio::test]
async fn a_verb_that_changes_something_says_what_now_holds_and_what_to_type() {
    let world = World::new();
    let mut said = String::new();
    for line in ["run P-204", "resume P-204 --restart 7", "cancel P-204", "done P-204/3 --note by-phone"] {
        said.push_str(&world.said(line).await);
    }
    assert_snapshot!(said);
    assert_eq!(world.asked("ResumeRun"), ["ResumeRequest { plan: 204, restart: [7], reason: \"\" }"]);
    assert_eq!(
        world.asked("ConfirmStep"),
        ["ConfirmRequest { plan: 204, step: 3, note: \"by-phone\", ends: \"\" }"]
    );
}

#[tokio::test]
async fn json_is_one_record_in_a_named_shape_and_nothing_else() {
    let world = World::new();
    for (line, shape) in [
        ("plan dupont-prod", "muster.plan/1"),
        ("status", "muster.status/1"),
        ("steps P-204", "muster.steps/1"),
        ("steps P-204/3", "muster.step/1"),
        ("server list", "muster.servers/1"),
        ("server show nord-prod/web", "muster.server/1"),
        ("server invite dupont-prod/web --out DIR/t", "muster.invite/1"),
        ("run P-204", "muster.done/1"),
        ("approve P-204", "muster.done/1"),
    ] {
        let ran = world.muster(&format!("--output json {line}")).await;
        let record: Value =
            serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{line}: {error}\n{}", ran.out));
        assert_eq!(record["shape"], shape, "{line}");
        assert_eq!(ran.exit, Exit::Ok, "{line}");
    }
    let ran = world.muster("plan show P-204 --output json").await;
    assert_snapshot!("plan_json", ran.out);
}
