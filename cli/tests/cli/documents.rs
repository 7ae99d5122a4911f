//! `push` and `validate`: which files are taken, and what is said of the answer.

use insta::assert_snapshot;
use muster::exit::Exit;
use muster_model::limits;
use muster_proto::v1::{Diagnostic, PushReply, Pushed, Rejected, Stale, push_reply};
use serde_json::Value;

use crate::world::World;

fn pushed(revision: u64, changed: u32) -> PushReply {
    let pushed = Pushed {
        revision,
        documents: 3,
        changed,
        sites: vec!["dupont-prod".to_owned()],
        warnings: Vec::new(),
    };
    PushReply { result: Some(push_reply::Result::Pushed(pushed)) }
}

fn with_documents(reply: PushReply) -> World {
    let world = World::new();
    world.controller.change(|script| script.push = reply);
    world.write("docs/b.yml", "kind: Client");
    world.write("docs/sub/a.yaml", "kind: Site");
    world.write("docs/notes.txt", "not a document");
    world.write("docs/.git/config.yaml", "not a document either");
    world
}

#[tokio::test]
async fn a_push_sends_every_yaml_file_in_order_and_names_what_it_left_out() {
    let world = with_documents(pushed(118, 2));
    assert_snapshot!(world.said("push -f DIR/docs --ticket CHG0041877").await);
    let asked = world.fixed(&world.asked("Push")[0]);
    assert!(asked.ends_with("DIR/docs/b.yml:12 DIR/docs/sub/a.yaml:10"), "{asked}");
    assert!(asked.contains("base: 0") && asked.contains("CHG0041877"), "{asked}");
}

#[tokio::test]
async fn what_a_product_recommends_otherwise_is_shown_and_the_push_goes_on() {
    let mut reply = pushed(118, 2);
    if let Some(push_reply::Result::Pushed(pushed)) = &mut reply.result {
        pushed.warnings = vec![Diagnostic {
            path: "site.yaml".to_owned(),
            line: 9,
            column: 3,
            rule: "rule-not-followed".to_owned(),
            problem: "keep the last part of the path (G9)".to_owned(),
            advice: "sxa recommends it".to_owned(),
            source: "  install_path: 'D:\\Other'".to_owned(),
        }];
    }
    assert_snapshot!(with_documents(reply).said("push -f DIR/docs").await);
}

#[tokio::test]
async fn the_next_push_starts_from_the_newest_revision_that_was_pushed() {
    let world = with_documents(pushed(118, 2));
    world.muster("push -f DIR/docs --dry-run").await;
    world.muster("push -f DIR/docs").await;
    world.muster("push -f DIR/docs").await;
    world.muster("push -f DIR/docs --base 90").await;
    world.muster("push -f DIR/docs --any-base").await;
    let bases: Vec<String> = world
        .asked("Push")
        .iter()
        .map(|asked| asked.split_once("base: ").unwrap().1.split_once(',').unwrap().0.to_owned())
        .collect();
    assert_eq!(bases, ["0", "0", "118", "90", "118"], "a dry run is not remembered");
    assert!(world.asked("Push")[4].contains("any_base: true"));
}

#[tokio::test]
async fn what_was_remembered_of_another_authority_is_not_used() {
    let (world, other) = (with_documents(pushed(118, 2)), with_documents(pushed(7, 1)));
    world.muster("push -f DIR/docs").await;
    std::fs::copy(world.path("profile.known.json"), other.path("profile.known.json")).unwrap();
    other.muster("push -f DIR/docs").await;
    assert!(other.asked("Push")[0].contains("base: 0"));
}

#[tokio::test]
async fn a_damaged_memory_is_named_and_not_overwritten() {
    let world = with_documents(pushed(118, 2));
    world.write("profile.known.json", "{");
    assert_snapshot!(world.said("push -f DIR/docs").await);
    assert!(world.asked("Push").is_empty());
}

#[tokio::test]
async fn a_rejected_push_shows_every_mistake_where_it_is() {
    let mistake = |line, source: &str| Diagnostic {
        path: "docs/site.yaml".to_owned(),
        line,
        column: if line == 0 { 0 } else { 3 },
        rule: "unknown-key".to_owned(),
        problem: "`prot` is not a key of Site".to_owned(),
        advice: "did you mean `port`?".to_owned(),
        source: source.to_owned(),
    };
    let rejected = Rejected { diagnostics: vec![mistake(7, "  prot: 1025"), mistake(0, "")] };
    let world = with_documents(PushReply { result: Some(push_reply::Result::Rejected(rejected)) });
    assert_snapshot!("rejected", world.said("push -f DIR/docs/b.yml").await);
    assert_snapshot!("rejected_json", world.said("--output json push -f DIR/docs/b.yml").await);
}

#[tokio::test]
async fn a_stale_push_says_who_when_what_and_how_to_go_on() {
    let stale = Stale {
        base: 117,
        newest: 118,
        by: "bruno".to_owned(),
        at_ms: 1_764_000_000_000,
        ticket: "CHG0041877".to_owned(),
        documents: vec!["Site dupont-prod".to_owned(), "Product sxa 2022-r2".to_owned()],
    };
    let world = with_documents(PushReply { result: Some(push_reply::Result::Stale(stale)) });
    assert_snapshot!("stale", world.said("push -f DIR/docs/b.yml").await);
    assert_snapshot!("stale_json", world.said("--output json push -f DIR/docs/b.yml").await);
}

/// Nobody pushed: there is nobody to ask.
#[tokio::test]
async fn a_push_that_names_a_revision_where_there_is_none_says_so() {
    let none = Stale {
        base: 3,
        newest: 0,
        by: String::new(),
        at_ms: 0,
        ticket: String::new(),
        documents: Vec::new(),
    };
    let world = with_documents(PushReply { result: Some(push_reply::Result::Stale(none)) });
    let said = world.said("push -f DIR/docs/b.yml --base 3").await;
    assert!(said.contains("there is no revision 3: nothing was pushed yet"), "{said}");
    assert!(!said.contains("pushed by") && !said.contains("1970"), "{said}");
}

#[tokio::test]
async fn a_push_that_changes_nothing_or_stores_nothing_says_so() {
    let world = with_documents(pushed(118, 0));
    let mut said = world.said("push -f DIR/docs/b.yml").await;
    world.controller.change(|script| script.push = pushed(118, 2));
    said.push_str(&world.said("push -f DIR/docs/b.yml --dry-run").await);
    assert_snapshot!(said);
}

#[tokio::test]
async fn a_wrong_folder_is_refused_before_it_is_read_whole() {
    let world = World::new();
    world.write("empty/readme.md", "");
    assert_snapshot!("no_documents", world.said("push -f DIR/empty").await);
    assert_snapshot!("no_folder", world.said("validate -f DIR/none").await);
    for number in 0..=limits::PUSH_FILES {
        world.write(&format!("many/{number}.yaml"), "");
    }
    assert_snapshot!("too_many", world.said("push -f DIR/many").await);
    let whole = vec![b'#'; usize::try_from(limits::DOCUMENT_SIZE_BYTES).unwrap()];
    for number in 0..=16 {
        world.write(&format!("large/{number:02}.yaml"), &whole);
    }
    assert_snapshot!("too_large", world.said("push -f DIR/large").await);
    assert!(world.asked("Push").is_empty());
}

#[tokio::test]
async fn a_huge_file_is_not_read_to_its_end() {
    let world = with_documents(pushed(1, 1));
    let file = std::fs::File::create(world.path("huge.yaml")).unwrap();
    file.set_len(100 << 20).unwrap();
    world.muster("push -f DIR/huge.yaml").await;
    let asked = world.asked("Push")[0].clone();
    assert!(asked.ends_with(&format!("huge.yaml:{}", limits::DOCUMENT_SIZE_BYTES + 1)), "{asked}");
}

#[tokio::test]
async fn validate_needs_no_controller_and_shows_all_mistakes_of_all_files() {
    let mut world = World::new();
    world.server.kill();
    world.write("docs/one.yaml", "kind: Clint\n");
    world.write("docs/two.yaml", "kind: Client\nname: Dupont Prod\n");
    let ran = world.muster("validate -f DIR/docs").await;
    assert_eq!(ran.exit, Exit::Rejected, "{}", ran.err);
    for word in ["one.yaml:1:", "two.yaml:2:", "error: 2 mistakes in 2 files", "Next: "] {
        assert!(ran.err.contains(word), "{word}\n{}", ran.err);
    }
    let ran = world.muster("--output json validate -f DIR/docs").await;
    let record: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        (record["shape"].as_str(), record["diagnostics"].as_array().unwrap().len()),
        (Some("muster.validate/1"), 2)
    );
    world.write("good/client.yaml", "kind: Client\nname: dupont\n");
    assert_snapshot!(world.said("validate -f DIR/good").await);
}
