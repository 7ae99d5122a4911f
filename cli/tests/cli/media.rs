//! `media add` and `media list`: what travels, from where it goes on, and what is said.

use insta::assert_snapshot;
use muster::exit::Exit;
use muster_model::digest::Digest;
use muster_model::limits;
use muster_proto::v1;
use serde_json::json;
use tonic::Status;

use crate::world::World;

const CHUNK: usize = 512 * 1024;

/// Three pieces, the last a short one.
fn content() -> Vec<u8> {
    (0..CHUNK * 2 + 1000).map(|place| u8::try_from(place % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_file_travels_in_pieces_and_only_what_is_missing() {
    assert_eq!(limits::MEDIUM_CHUNK_BYTES, CHUNK as u64);
    let world = World::new();
    let content = content();
    world.write("XCS.msi", &content);
    let said = world.said("media add DIR/XCS.msi").await;
    assert!(said.contains(&Digest::of(&content).to_string()), "{said}");
    assert!(said.contains("XCS.msi is on the shelf, 1.0 MiB."), "{said}");
    let announced = format!("{} XCS.msi {}", Digest::of(&content), content.len());
    assert_eq!(world.asked("AnnounceMedium"), [announced]);
    let pieces = [(0, CHUNK), (CHUNK, CHUNK), (CHUNK * 2, 1000)];
    let pieces = pieces.map(|(offset, length)| format!("{offset} {length}"));
    assert_eq!(world.asked("PutMediumChunk"), pieces);
    assert_eq!(world.controller.script().held, content);

    // It is there: nothing travels.
    world.muster("media add DIR/XCS.msi").await;
    assert_eq!(world.asked("PutMediumChunk").len(), 3);

    // Half of it is there, and the next piece changes on its way.
    world.controller.change(|script| {
        script.held.truncate(CHUNK);
        script.changed_once = true;
    });
    assert_eq!(world.muster("media add DIR/XCS.msi").await.exit, Exit::Ok);
    let again = [&pieces[1], &pieces[1], &pieces[2]];
    assert_eq!(world.asked("PutMediumChunk")[3..].iter().collect::<Vec<_>>(), again);
    assert_eq!(world.controller.script().held, content);
}

#[tokio::test]
async fn what_cannot_be_brought_says_why() {
    let world = World::new();
    assert_snapshot!(world.said("media add DIR/none.msi").await);
    world.write("a.msi", "an installer");
    world.controller.change(|script| {
        let refusal = "the controller's disk has room for 5 more bytes of media and 12 are wanted";
        script.refuse.insert("AnnounceMedium", Status::resource_exhausted(refusal));
    });
    assert_snapshot!(world.said("media add DIR/a.msi").await);
    assert!(world.asked("PutMediumChunk").is_empty());
}

#[tokio::test]
async fn the_shelf_is_listed_with_what_is_on_its_way() {
    let world = World::new();
    let medium = |name: &str, held_bytes: u64, whole: bool| {
        json!({
            "sha256": Digest::of(name.as_bytes()), "name": name, "size_bytes": 3 << 20, "added_by": "anne",
            "added_at": "2026-11-24T09:00:00Z", "held_bytes": held_bytes, "whole": whole,
        })
    };
    let media = json!({
        "media": [medium("Treasury 4.3.005.exe", 2 << 20, false), medium("XCS.msi", 3 << 20, true)],
        "free_bytes": 120_u64 << 30,
    });
    let view = |value: &serde_json::Value| serde_json::to_vec(value).unwrap();
    world.controller.change(|script| {
        script.views.insert("muster.media/1", view(&media));
    });
    assert_snapshot!(world.said("media list").await);
    let empty = json!({"media": [], "free_bytes": 0});
    world.controller.change(|script| {
        script.views.insert("muster.media/1", view(&empty));
    });
    assert!(world.said("media list").await.contains("The shelf is empty, 0 bytes free for more."));
}

#[tokio::test]
async fn a_medium_is_removed_by_its_digest_or_by_a_name_that_only_one_has() {
    let world = World::new();
    let medium = |name: &str, content: &str| {
        json!({
            "sha256": Digest::of(content.as_bytes()), "name": name, "size_bytes": 3, "added_by": "anne",
            "added_at": "2026-11-24T09:00:00Z", "held_bytes": 3, "whole": true,
        })
    };
    let media = json!({
        "media": [medium("XCS.msi", "one"), medium("App.exe", "two"), medium("App.exe", "three")],
        "free_bytes": 0,
    });
    world.controller.change(|script| {
        script.views.insert("muster.media/1", serde_json::to_vec(&media).unwrap());
        script.done = "XCS.msi is off the shelf; servers that have it keep it.".to_owned();
    });
    assert_snapshot!(world.said("media remove XCS.msi").await);
    assert_snapshot!(world.said("media remove App.exe").await);
    assert_snapshot!(world.said("media remove none.msi").await);
    let two = Digest::of(b"two");
    assert_eq!(world.muster(&format!("media remove {two} --force")).await.exit, Exit::Ok);
    let one = Digest::of(b"one");
    assert_eq!(world.asked("RemoveMedium"), [format!("{one} force false"), format!("{two} force true")]);
}

#[tokio::test]
async fn staging_says_what_is_there_and_why_the_rest_is_not() {
    let world = World::new();
    let reply = |server: &str, held_bytes: u64, whole: bool, problem: &str| v1::StageReply {
        server: format!("dupont-prod/{server}"),
        sha256: Digest::of(b"XCS").to_string(),
        medium: r"C:\Media\XCS.msi".to_owned(),
        size_bytes: 3 << 20,
        held_bytes,
        whole,
        problem: problem.to_owned(),
        waits: false,
    };
    world.controller.change(|script| {
        script.staged = vec![reply("web", 1 << 20, false, ""), reply("web", 3 << 20, true, "")];
    });
    assert_snapshot!(world.said("stage dupont-prod").await);
    world.controller.change(|script| {
        let absent = "its agent is not connected; it is asked by itself once it is";
        script.staged.push(v1::StageReply { waits: true, ..reply("sql", 0, false, absent) });
    });
    assert_snapshot!(world.said("stage dupont-prod").await);
    world.controller.change(|script| {
        script.staged.push(reply("sql", 0, false, "the disk has room for 5 more bytes of media"));
    });
    assert_snapshot!(world.said("stage dupont-prod").await);
    let json = world.muster("--output json stage dupont-prod").await;
    assert_eq!(json.exit, Exit::NotDone);
    let json: serde_json::Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!(json["media"].as_array().unwrap().len(), 2);
    assert_eq!(json["media"][1]["whole"], true);
    assert_eq!((&json["media"][0]["whole"], &json["media"][0]["waits"]), (&false.into(), &false.into()));
}
