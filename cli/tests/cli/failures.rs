//! How commands fail: the exit code, and what to type next.

use insta::assert_snapshot;
use muster::exit::Exit;
use tonic::{Code, Status};

use crate::world::World;

#[tokio::test]
async fn a_controller_that_is_not_there_is_named_with_its_address() {
    let mut world = World::new();
    world.server.kill();
    let said = world.said("status").await;
    assert_snapshot!(said);
}

#[tokio::test]
async fn a_missing_profile_says_where_one_comes_from() {
    let world = World::new();
    assert_snapshot!(world.said("--profile DIR/none.json status").await);
}

#[tokio::test]
async fn a_controller_of_another_authority_is_not_talked_to() {
    let (world, other) = (World::new(), World::new());
    let theirs = std::fs::read_to_string(other.path("profile.json")).unwrap();
    let mine = other.server.address.to_string();
    std::fs::write(world.path("profile.json"), theirs.replace(&mine, &world.server.address.to_string()))
        .unwrap();
    let ran = world.muster("status").await;
    assert_eq!(ran.exit, Exit::Unreachable);
    assert!(ran.err.contains("certificate"), "{}", ran.err);
    assert!(world.asked("GetStatus").is_empty());
}

#[tokio::test]
async fn each_status_has_its_exit_code_and_every_failure_says_what_to_type() {
    let world = World::new();
    for (code, exit) in [
        (Code::InvalidArgument, Exit::Refused),
        (Code::NotFound, Exit::Refused),
        (Code::AlreadyExists, Exit::Refused),
        (Code::PermissionDenied, Exit::Refused),
        (Code::Unauthenticated, Exit::Refused),
        (Code::FailedPrecondition, Exit::Refused),
        (Code::Aborted, Exit::Refused),
        (Code::ResourceExhausted, Exit::Refused),
        (Code::OutOfRange, Exit::Refused),
        (Code::Unimplemented, Exit::Refused),
        (Code::Unavailable, Exit::Unreachable),
        (Code::DeadlineExceeded, Exit::Unreachable),
        (Code::Cancelled, Exit::Unreachable),
        (Code::Internal, Exit::Internal),
        (Code::Unknown, Exit::Internal),
        (Code::DataLoss, Exit::Internal),
    ] {
        for (rpc, line) in [
            ("GetStatus", "status"),
            ("Why", "why dupont-prod"),
            ("Render", "render dupont-prod"),
            ("CreatePlan", "plan dupont-prod"),
            ("GetPlan", "approve P-204"),
            ("StartRun", "run P-204"),
            ("ResumeRun", "resume P-204"),
            ("CancelRun", "cancel P-204"),
            ("ConfirmStep", "done P-204/3"),
            ("ListSteps", "steps P-204"),
            ("ListServers", "server list"),
            ("RevokeServer", "server revoke dupont-prod/web"),
            ("Watch", "events"),
        ] {
            world
                .controller
                .change(|script| script.refuse = [(rpc, Status::new(code, "it is not so"))].into());
            let ran = world.muster(line).await;
            assert_eq!(ran.exit, exit, "{code:?} {line}\n{}", ran.err);
            assert!(
                ran.err.starts_with("error: ") && ran.err.contains("\nNext: "),
                "{code:?} {line}\n{}",
                ran.err
            );
            assert_eq!(ran.out, "", "{code:?} {line}");
        }
    }
}

#[tokio::test]
async fn what_the_controller_says_to_type_comes_first() {
    let world = World::new();
    world.controller.change(|script| {
        let words = "P-204 is not approved; approve it: `muster approve P-204`";
        script.refuse = [("StartRun", Status::failed_precondition(words))].into();
    });
    assert_snapshot!(world.said("run P-204").await);
}

#[tokio::test]
async fn a_view_in_a_shape_that_is_not_known_is_not_guessed_at() {
    let world = World::new();
    world.controller.change(|script| {
        script.views.insert("muster.status/1", b"{\"revision\": 1}".to_vec());
    });
    assert_snapshot!(world.said("status").await);
}

#[tokio::test]
async fn names_are_checked_before_anything_is_sent() {
    let world = World::new();
    for line in [
        "plan Dupont",
        "plan P-204",
        "approve dupont-prod",
        "done P-204",
        "done P-204/0",
        "server show dupont-prod",
        "events --plan x",
        "resume P-204 --restart 0",
        "push",
        "nonsense",
        "",
    ] {
        let ran = world.muster(line).await;
        assert_eq!(ran.exit, Exit::Usage, "{line}\n{}", ran.err);
        assert!(!ran.err.is_empty() && ran.out.is_empty(), "{line}");
    }
    assert!(world.controller.script().asked.is_empty());
}

#[tokio::test]
async fn help_and_version_are_data() {
    let world = World::new();
    for line in ["--help", "--version", "plan --help", "server invite --help", "completions bash"] {
        let ran = world.muster(line).await;
        assert_eq!(ran.exit, Exit::Ok, "{line}");
        assert!(!ran.out.is_empty() && ran.err.is_empty(), "{line}");
    }
    assert_snapshot!(world.muster("--help").await.out);
}

#[tokio::test]
async fn words_of_a_server_do_not_steer_the_terminal() {
    let world = World::new();
    world
        .controller
        .change(|script| script.plan.warnings = vec!["\u{1b}[2J\u{1b}]0;owned\u{7}clear".to_owned()]);
    let ran = world.muster("plan dupont-prod").await;
    // Made visible, not handed through: a stream that is no terminal would strip them and prove nothing.
    assert!(ran.out.contains("\u{fffd}[2J\u{fffd}]0;owned\u{fffd}clear"), "{}", ran.out);
}
