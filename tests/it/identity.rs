//! Doors: who may enter, once, and how one is shown out.

use muster_model::event::EventBody;
use muster_model::view::{ServerState, SiteState};
use muster_tests::agent::Agent;
use muster_tests::cli::code;
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

/// A token is spent once; a second server with the same one is refused, in words that do not say why.
#[test]
fn a_token_works_once() {
    let field = Field::sxa();
    let token = field.folder().join("web.token");
    let second = Agent::new(&field.programs, &field.folder().join("second"), field.agent.twin.clone());
    let ran = second.enroll(&token).unwrap();
    assert_ne!(ran.code, 0);
    ran.says(&["muster server invite"]);
}

/// A token for another computer is refused: the site's document names the host.
#[test]
fn a_token_does_not_work_on_another_computer() {
    let mut field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    field.controller.serve().unwrap();
    field.push().expect(code::OK);
    let declaration = std::fs::read_to_string(Scene::sxa().twin).unwrap();
    let other = field.folder().join("other.yaml");
    std::fs::write(&other, declaration.replace("DUP-WEB01", "DUP-WEB99")).unwrap();
    let twin =
        muster_tests::twin::Twin::init(&field.programs, &field.folder().join("other-twin"), &other).unwrap();
    let token = field.invite("web.token");
    let stranger = Agent::new(&field.programs, &field.folder().join("stranger"), twin);
    assert_ne!(stranger.enroll(&token).unwrap().code, 0);
}

/// A damaged token, or none, gets no certificate, and the message says what to do.
#[test]
fn a_wrong_token_is_refused() {
    let mut field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    field.controller.serve().unwrap();
    field.push().expect(code::OK);
    let token = field.invite("web.token");
    let line = std::fs::read_to_string(&token).unwrap();
    let secret = line.split("\"secret\":\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let zeros = "0".repeat(secret.len());
    for wrong in [line.replace(secret, &zeros), line[..line.len() / 2].to_owned(), "hello".to_owned()] {
        std::fs::write(&token, wrong).unwrap();
        let ran = field.agent.enroll(&token).unwrap();
        assert_ne!(ran.code, 0);
        ran.says(&["muster server invite"]);
    }
    // The right one still works: wrong guesses spend nothing.
    std::fs::write(&token, line).unwrap();
    assert_eq!(field.agent.enroll(&token).unwrap().code, 0);
}

/// Revocation cuts the open stream at once, and the certificate opens no other.
#[test]
fn a_revoked_server_is_cut_and_stays_out() {
    let mut field = Field::sxa();
    let mut watch = field.watch_from_now();
    field.cli.ok("server revoke dupont-prod/web");
    watch.until("its stream is cut", |body| matches!(body, EventBody::ServerDisconnected { .. }));

    // A new process with the old certificate gets no stream: a plan finds the server not connected.
    field.agent.kill().unwrap();
    field.agent.run().unwrap();
    field.cli.run(["plan", "dupont-prod"]).says(&["not connected"]);
    let status = field.status();
    assert_eq!(status.servers[0].state, ServerState::Revoked);
    assert_ne!(status.state, SiteState::InSync);

    // Invited again, the server comes back under a new certificate.
    field.agent.kill().unwrap();
    let token = field.invite("again.token");
    let fresh = field.folder().join("agent-again");
    field.agent = Agent::new(&field.programs, &fresh, field.agent.twin.clone());
    assert_eq!(field.agent.enroll(&token).unwrap().code, 0);
    field.start_agent().unwrap();
}

/// `check` names the one thing that stands between a server and its controller, and ends with 1 for it.
#[test]
fn a_check_says_what_stands_in_the_way() {
    let mut field = Field::sxa();
    let busy = field.agent.check().unwrap();
    assert_eq!(busy.code, 1);
    busy.says(&["an agent runs in", "muster server list"]);
    assert!(field.agent.terminate().unwrap().success());
    let well = field.agent.check().unwrap();
    assert_eq!(well.code, 0, "{}", well.said());
    well.says(&["dns         ok", "tls         ok, not intercepted", "clock       ok", "controller  ok"]);
    field.agent.twin.set(&["clock", "offset", "ms=180000"]);
    let fast = field.agent.check().unwrap();
    assert_eq!(fast.code, 1);
    fast.says(&["clock       FAIL, +180.0 s", "w32tm /resync"]);
    field.controller.terminate().unwrap();
    let alone = field.agent.check().unwrap();
    assert_eq!(alone.code, 1);
    alone.says(&["port        FAIL", "start the controller"]);
}
