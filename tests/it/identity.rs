//! Doors: who may enter, once, and how one is shown out.

use muster_model::event::EventBody;
use muster_model::identity::CONTROLLER_NAME;
use muster_model::view::{ServerState, SiteState};
use muster_tests::agent::Agent;
use muster_tests::cli::{Ran, code};
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

/// A server that reaches the controller by another address than the token's says so once, and goes on by it.
#[test]
fn a_server_may_reach_its_controller_by_an_address_of_its_own() {
    let mut field = Field::lay(Programs::built(), Scene::sxa()).unwrap();
    field.controller.serve().unwrap();
    field.push().expect(code::OK);
    let token = field.invite("web.token");
    let own = field.controller.address.replace("127.0.0.1", "localhost");
    let enroll = |address: &str| {
        let mut command = std::process::Command::new(field.programs.agent());
        command.arg("enroll").arg("--data-dir").arg(field.agent.data()).arg("--token-file").arg(&token);
        command.arg("--twin").arg(field.agent.twin.folder()).args(["--controller", address]);
        Ran::of(&mut command).unwrap()
    };
    let nowhere = enroll("muster.invalid:7400");
    assert_ne!(nowhere.code, code::OK);
    nowhere.says(&["muster.invalid:7400", "the controller was not reached"]);
    enroll(&own).expect(code::OK).says(&[&format!("with {own}")]);
    let well = field.agent.check().unwrap();
    assert_eq!(well.code, code::OK, "{}", well.said());
    well.says(&[&format!("dns         ok, {own} is")]);
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

    let inspector = inspector(&field.controller.address);
    let opened = field.agent.check().unwrap();
    assert_eq!(opened.code, 1);
    opened.says(&["tls         FAIL, intercepted", "exempt this address from TLS inspection"]);
    drop(inspector);
    let silent = std::net::TcpListener::bind(&field.controller.address).unwrap();
    let hung_up = std::thread::spawn(move || drop(silent.accept().unwrap().0));
    let closed = field.agent.check().unwrap();
    // The look at the port is the first visitor, and TLS finds nobody.
    hung_up.join().unwrap();
    assert_eq!(closed.code, 1);
    closed.says(&["tls         FAIL, no connection", "see that a controller listens on that port"]);

    let identity = field.agent.data().join("identity.json");
    let text = std::fs::read_to_string(&identity).unwrap();
    std::fs::write(&identity, text.replace(&field.controller.address, "muster.invalid:7400")).unwrap();
    let nameless = field.agent.check().unwrap();
    assert_eq!(nameless.code, 1);
    nameless.says(&["dns         FAIL, muster.invalid:7400", "to DNS or to the hosts file"]);
}

/// A program on the way that opens TLS with a certificate of its own, for the controller's very name, until its runtime is dropped.
fn inspector(address: &str) -> tokio::runtime::Runtime {
    let own = rcgen::generate_simple_self_signed([CONTROLLER_NAME.to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind(address)).unwrap();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            // Whoever hangs up on it is right to.
            drop(acceptor.accept(stream).await);
        }
    });
    runtime
}
