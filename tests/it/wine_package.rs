//! The package for Windows: from a bare server to one in sync with one command, a newer version over it, and off again.
//!
//! Run by `tests/windows/run fleet`, which builds the package and one of a later version. Windows Installer is Wine's.

use std::process::{Command, Stdio};

use muster_model::event::EventBody;
use muster_tests::cli::code;
use muster_tests::programs::{root, wine_drive};

use crate::wine_server::{Server, run};

/// A package, as Windows sees it.
fn package(name: &str) -> String {
    format!(r"Z:{}", root().join("target/package").join(name).display()).replace('/', r"\")
}

/// Windows Installer, without a window. What it starts first (the desktop, the service of COM) lives on and would hold a pipe.
fn msiexec(words: &[&str]) {
    let mut command = Command::new(root().join("tests/windows/wine"));
    command.arg("msiexec").args(words).arg("/qn");
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success(), "{words:?}: {status}");
}

/// Takes the package off again, whatever became of the story.
struct Installed;

impl Drop for Installed {
    fn drop(&mut self) {
        // One that is off already is what is wanted.
        let _answer = std::panic::catch_unwind(|| msiexec(&["/x", &package("muster-agent-later.msi")]));
    }
}

#[test]
#[ignore = "needs Wine and the packages for Windows: ./tests/windows/run fleet"]
fn a_package_with_a_token_makes_a_bare_server_one_that_is_in_sync() {
    let mut server = Server::lay("server");
    server.serve();
    let token = format!(r"TOKENFILE=Z:{}", server.field.invite("web.token").display()).replace('/', r"\");
    let mut watch = server.field.watch_from_now();
    let connected = |body: &EventBody| matches!(body, EventBody::ServerConnected { .. });
    let _installed = Installed;
    msiexec(&["/i", &package("muster-agent.msi"), &token]);
    watch.until("the service of the package is connected", connected);
    let programs = wine_drive().join("Program Files/Muster");
    assert!(programs.join("muster-agent.exe").exists() && programs.join("muster.exe").exists());
    server.agent(&["service", "status"]).expect(code::OK).says(&["running, process"]);

    let field = &server.field;
    let plan = field.plan();
    run(field, plan);
    field.assert_in_sync();

    // A later version takes the place of this one: stopped, replaced, started; it is the same agent.
    msiexec(&["/i", &package("muster-agent-later.msi")]);
    watch.until("the later version is connected", connected);
    server.agent(&["service", "status"]).expect(code::OK).says(&["running, process"]);
    field.assert_in_sync();

    // Off again: no service and no program, and the agent's folder stays, with its key and its journal.
    msiexec(&["/x", &package("muster-agent-later.msi")]);
    watch.until("the service is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
    server.agent(&["service", "status"]).expect(1).says(&["There is no service MusterAgent"]);
    assert!(!programs.join("muster-agent.exe").exists());
    assert!(wine_drive().join("ProgramData/MusterAgent/agent.db").exists());
}
