//! A restart of the computer as an approved step: asked of Windows, and done once the computer has started again.
//!
//! Run by `tests/windows/run restart`. Wine takes the request and goes on running, so that the story plays the restart:
//! everything that runs there ends at once, and its service manager starts anew, with the services that start by themselves.

use std::fs;
use std::process::{Child, Command, Stdio};

use muster_model::event::{EventBody, RunEnd};
use muster_model::outcome::End;
use muster_tests::cli::code;
use muster_tests::field::Field;
use muster_tests::programs::{root, wine_drive};

use crate::wine_server::{Server, kill};

/// A program of the Wine that waits: while it does, Wine's own processes hold the output of nobody else.
struct Up(Child);

impl Up {
    fn again() -> Self {
        let mut command = Command::new(root().join("tests/windows/wine"));
        command.arg("cmd").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        // Its input ends, and so does it.
        drop(self.0.stdin.take());
        self.0.wait().unwrap();
    }
}

fn power_off() {
    assert!(Command::new(root().join("tests/windows/wine")).arg("--stop").status().unwrap().success());
}

fn ends_of(field: &Field, wanted: u32) -> Vec<(End, String)> {
    let mut ends = Vec::new();
    for event in field.events() {
        if let EventBody::StepEnded { step, outcome, .. } = event.body
            && step == wanted
        {
            ends.push((outcome.end, outcome.evidence));
        }
    }
    ends
}

/// G1: a restart is a step with its own approval. It is done by the next start of the computer and by nothing else, once, and
/// what needs it comes after it.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run restart"]
fn a_restart_of_the_computer_is_done_by_its_next_start_and_the_run_goes_on() {
    let server = Server::joined("restart");
    let field = &server.field;
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    watch.until("the restart has begun", |body| matches!(body, EventBody::StepStarted { step: 2, .. }));
    assert!(!wine_drive().join("muster-story/after.ini").exists());

    // The agent is ended and comes back while the computer did not start: the step is not done by that.
    kill(&server);
    watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    server.agent(&["service", "start"]).expect(code::OK);
    watch.until("the agent is back", |body| matches!(body, EventBody::ServerConnected { .. }));
    assert_eq!(ends_of(field, 2), []);

    power_off();
    watch.until("the computer is off", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    let up = Up::again();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done });
    let ends = ends_of(field, 2);
    assert_eq!(ends.len(), 1, "{ends:?}");
    assert_eq!(ends[0].0, End::Done);
    assert!(ends[0].1.starts_with("the computer started again: "), "{ends:?}");
    assert_eq!(
        fs::read_to_string(wine_drive().join("muster-story/after.ini")).unwrap(),
        "after the restart\r\n"
    );
    field.assert_in_sync();
    // In this order: what the server takes away needs a Wine that is up.
    drop(server);
    drop(up);
}
