//! Certificates: an agent's is renewed by the agent itself, operators let each other in and out.

use muster_model::event::EventBody;
use muster_model::view::ServerState;
use muster_tests::cli::{Cli, code};
use muster_tests::field::{Field, Scene};
use muster_tests::programs::Programs;

use crate::past::days_ago;

/// A field whose agent enrolled 61 days ago: 29 of its certificate's 90 days are left.
fn enrolled_long_ago() -> Field {
    let field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    days_ago(&field, 61, || {
        field.push().expect(code::OK);
        let token = field.invite("web.token");
        assert_eq!(field.agent.enroll(&token).unwrap().code, 0);
    });
    field
}

fn certificate(field: &Field) -> String {
    std::fs::read_to_string(field.agent.data().join("agent.pem")).unwrap()
}

#[test]
fn an_agent_renews_its_certificate_by_itself_and_the_old_one_ends_when_the_new_one_is_used() {
    let mut field = enrolled_long_ago();
    let old = certificate(&field);
    field.controller.serve().unwrap();
    let mut watch = field.watch();
    field.agent.run().unwrap();
    watch.until("a certificate was given", |body| matches!(body, EventBody::CertificateRenewed { .. }));
    watch.until(
        "it is used, the old one is revoked",
        |body| matches!(body, EventBody::CertificateReplaced { revoked, .. } if revoked.len() == 1),
    );
    assert_ne!(certificate(&field), old);
    assert!(!field.agent.data().join("agent.next.key").exists());
    field.bring_in_sync();

    // It is what a restarted agent dials with, and it is young: nothing is renewed again.
    field.kill_agent().unwrap();
    field.start_agent().unwrap();
    assert_eq!(field.status().servers[0].state, ServerState::Connected);
    let renewed = field.events().into_iter();
    let renewed = renewed.filter(|event| matches!(event.body, EventBody::CertificateRenewed { .. }));
    assert_eq!(renewed.count(), 1);
    // The old pair opens nothing any more.
    field.agent.terminate().unwrap();
    std::fs::write(field.agent.data().join("agent.pem"), old).unwrap();
    let check = field.agent.check().unwrap();
    assert_ne!(check.code, 0, "{}", check.said());
}

#[test]
fn a_second_operator_comes_by_token_and_the_last_one_stays() {
    let mut field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    field.controller.serve().unwrap();
    let token = field.folder().join("bruno.token");
    field.cli.run(["operator", "revoke", "anne"]).expect(code::REFUSED).says(&["last operator"]);
    field.cli.ok(&format!("operator invite bruno --out {}", token.display())).says(&["bruno", "enroll"]);
    let profile = field.folder().join("bruno.profile");
    let enroll =
        format!("operator enroll --token-file {} --profile-out {}", token.display(), profile.display());
    field.cli.ok(&enroll).says(&["private key"]);
    let bruno = Cli::new(&field.programs, &profile);
    bruno.ok("operator list").says(&["anne", "bruno", "active"]);
    // The token is spent, and a profile is never replaced.
    field.cli.run(enroll.split_whitespace()).expect(2).says(&["exists"]);
    std::fs::remove_file(&profile).unwrap();
    field.cli.run(enroll.split_whitespace()).expect(code::REFUSED).says(&["muster operator invite"]);
    assert!(!profile.exists(), "nothing is left of a try that failed");

    field.cli.ok("operator revoke bruno").says(&["revoked"]);
    assert_ne!(bruno.run(["status"]).code, 0);
    field.cli.ok("operator list").says(&["bruno", "revoked"]);

    // A profile that is lost is made anew beside the data, while nothing serves it.
    let again = field.folder().join("anne-again.profile");
    let reset = |field: &Field| field.controller.reset_operator("anne", &again).unwrap();
    assert_ne!(reset(&field).code, 0);
    field.controller.terminate().unwrap();
    assert_eq!(reset(&field).code, 0);
    field.controller.serve().unwrap();
    Cli::new(&field.programs, &again).ok("operator list").says(&["anne", "active"]);
    assert_ne!(field.cli.run(["status"]).code, 0);
}
