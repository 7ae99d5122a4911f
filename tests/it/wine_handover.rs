//! A setup program that leaves its work to Windows' own service and ends: what that does is waited for, as long as it holds the
//! mutex of Windows Installer.
//!
//! Run by `tests/windows/run install`. In the place of the service stands a process that the story starts, which is none of the
//! agent's. The oracle is what both wrote.

use std::fs;
use std::process::{Child, Command, Stdio};

use muster_model::event::{EventBody, RunEnd};
use muster_tests::daemon::await_until;
use muster_tests::programs::{root, wine_drive};

use crate::wine_server::run;
use crate::wine_vendor::{Vendor, deeds, file, lose_beta};

/// What plays the service, until it has done the work or the story is over.
struct Service(Child);

impl Service {
    fn start() -> Self {
        let mut command = Command::new(root().join("tests/windows/wine"));
        let command = command.arg(file("media").join("setup.exe")).arg("/HOLD");
        let service = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        await_until("the mutex is held", || Ok(deeds() == ["hold"])).unwrap();
        Self(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _gone = fs::remove_file(file("hands-over"));
        let _ended = self.0.kill();
        let _code = self.0.wait();
    }
}

/// What the supervisors of installers wrote.
fn supervisors_said() -> String {
    let folder = wine_drive().join("ProgramData/MusterAgent");
    let mut said = String::new();
    for folder in [folder.join("installers"), folder.join("logs")] {
        for entry in fs::read_dir(folder).unwrap() {
            said.push_str(&String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap_or_default()));
        }
    }
    said
}

/// G2: a setup that has ended with 0 has installed nothing yet. The step ends when the service has, and starts nothing a second time.
#[test]
#[ignore = "needs Wine and the programs for Windows: ./tests/windows/run install"]
fn a_setup_that_leaves_its_work_to_windows_installer_is_over_when_that_is() {
    let vendor = Vendor::come().join();
    let field = vendor.field();
    run(field, field.plan());
    lose_beta();
    fs::remove_file(file("setup.txt")).unwrap();
    fs::remove_file(file("copy-pid")).unwrap();
    fs::write(file("hands-over"), "").unwrap();
    let _service = Service::start();
    let plan = field.approved_plan();
    let mut watch = field.watch_from_now();
    field.cli.ok(&format!("run {plan}"));
    await_until("the setup has ended", || Ok(deeds() == ["hold", "setup", "handed over"])).unwrap();
    fs::remove_file(file("hands-over")).unwrap();
    let end = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
    let outcome = vendor.outcome(plan, "package/beta");
    assert_eq!(end.body, EventBody::RunEnded { plan, end: RunEnd::Done }, "{}", outcome.evidence);
    assert!(supervisors_said().contains("Windows Installer was waited for"), "{}", supervisors_said());
    assert_eq!(deeds(), ["hold", "setup", "handed over"], "it was started once");
    field.assert_in_sync();
}
