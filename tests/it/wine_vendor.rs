//! A server with a vendor's packages, for the stories of installers: where they lie, what they wrote, and their end.
//!
//! Neighbours: `tests/windows/run` builds the media, `wine_server` has the agent's service. What the packages do, and when they wait or
//! fail, is said by files in the story's folder.

use std::fs;
use std::path::PathBuf;

use muster_model::digest::Digest;
use muster_model::event::{EventBody, RunEnd};
use muster_model::name::PlanId;
use muster_model::outcome::Outcome;
use muster_tests::cli::code;
use muster_tests::daemon::await_until;
use muster_tests::field::Field;
use muster_tests::programs::{root, wine_drive};

use crate::wine_server::{Server, attempt, await_no_service, kill, lines};

pub(crate) const ALPHA: &str = r"HKLM\SOFTWARE\Muster Story Alpha";
pub(crate) const SERVICE: &str = "muster-story-vendor";
pub(crate) const BETA: &str = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall\MusterStoryBeta";

/// The media, laid where the documents say, and a server that is connected.
pub(crate) struct Vendor(pub(crate) Server);

impl Vendor {
    pub(crate) fn come() -> Self {
        remove_all();
        let vendor = Self(Server::lay("install"));
        fs::create_dir_all(file("media")).unwrap();
        for name in ["alpha 1.0.0.msi", "alpha 2.0.0.msi", "setup.exe"] {
            fs::copy(root().join("target/wine/media").join(name), file("media").join(name)).unwrap();
        }
        vendor.0.field.edit("SHA-OF-ALPHA", &sha256("alpha 1.0.0.msi"));
        vendor.0.field.edit("SHA-OF-SETUP", &sha256("setup.exe"));
        vendor
    }

    pub(crate) fn join(mut self) -> Self {
        self.0.join();
        self
    }

    pub(crate) fn field(&self) -> &Field {
        &self.0.field
    }

    /// Plans, approves and runs; gives how the step of that package ended.
    pub(crate) fn run_to(&self, node: &str, wanted: i32) -> Outcome {
        let field = self.field();
        let plan = field.approved_plan();
        field.cli.run(["run", &plan.to_string(), "--watch"]).expect(wanted);
        self.outcome(plan, node)
    }

    /// Plans, approves and runs; the setup's copy goes on once the supervisor knows it. Gives how the step of that package ended.
    pub(crate) fn run_with_a_copy(&self, node: &str) -> Outcome {
        let field = self.field();
        let _of_the_run_before = fs::remove_file(file("copy-pid"));
        fs::write(file("wait"), "").unwrap();
        let plan = field.approved_plan();
        let mut watch = field.watch_from_now();
        field.cli.ok(&format!("run {plan}"));
        await_until("the copy is recorded", || Ok(copy_is_recorded())).unwrap();
        fs::remove_file(file("wait")).unwrap();
        watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
        self.outcome(plan, node)
    }

    /// How the step of that package ended.
    pub(crate) fn outcome(&self, plan: PlanId, node: &str) -> Outcome {
        let field = self.field();
        let number = field.step(plan, node).number;
        for event in field.events().into_iter().rev() {
            if let EventBody::StepEnded { plan: ended, step, outcome, .. } = event.body
                && (ended, step) == (plan, number)
            {
                return outcome;
            }
        }
        panic!("{node} did not end")
    }

    /// Plans, approves and runs with an installer that waits for that file to go; the agent is killed once `that` is so, and is
    /// back before the installer goes on. Gives how the run ended.
    pub(crate) fn run_killed_while(&self, waits: &str, what: &str, that: impl Fn() -> bool) -> RunEnd {
        let field = self.field();
        fs::write(file(waits), "").unwrap();
        let plan = field.approved_plan();
        let mut watch = field.watch_from_now();
        field.cli.ok(&format!("run {plan}"));
        await_until(what, || Ok(that())).unwrap();
        kill(&self.0);
        watch.until("the agent is gone", |body| matches!(body, EventBody::ServerDisconnected { .. }));
        self.0.agent(&["service", "start"]).expect(code::OK);
        watch.until("the agent is back", |body| matches!(body, EventBody::ServerConnected { .. }));
        fs::remove_file(file(waits)).unwrap();
        let ended = watch.until("the run has ended", |body| matches!(body, EventBody::RunEnded { .. }));
        let EventBody::RunEnded { end, .. } = ended.body else { panic!("{:?}", ended.body) };
        end
    }
}

impl Drop for Vendor {
    fn drop(&mut self) {
        // What waits would hold its files, and what is installed the next story.
        for waits in ["wait", "act-waits"] {
            let _gone = fs::remove_file(file(waits));
        }
        remove_all();
    }
}

pub(crate) fn file(name: &str) -> PathBuf {
    wine_drive().join("muster-story").join(name)
}

pub(crate) fn sha256(medium: &str) -> String {
    Digest::of(&fs::read(file("media").join(medium)).unwrap()).to_string()
}

/// The same where the documents' place is empty.
pub(crate) fn sha256_of(medium: &str) -> String {
    Digest::of(&fs::read(root().join("target/wine/media").join(medium)).unwrap()).to_string()
}

/// Takes off what a story before has left; what is not there is as good.
fn remove_all() {
    forget_alpha();
    forget_beta();
}

/// The same of the packages of Windows Installer alone, of whatever build and version.
pub(crate) fn forget_alpha() {
    let uninstall = r"HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\Uninstall";
    let listed = attempt(&["reg", "query", uninstall, "/s"]).out;
    let mut code = "";
    for line in listed.lines().map(str::trim) {
        if let Some((_, key)) = line.rsplit_once(r"Uninstall\") {
            code = key;
        } else if line.starts_with("DisplayName") && line.ends_with("Muster Story Alpha") {
            attempt(&["msiexec", "/x", code, "/qn"]);
        }
    }
    // The package's next installation makes it anew.
    await_no_service(SERVICE);
}

/// The same of the setup program's package alone.
pub(crate) fn forget_beta() {
    attempt(&["reg", "delete", BETA, "/f"]);
}

/// A person takes the program off, by more than its own means.
pub(crate) fn lose_beta() {
    attempt(&["reg", "delete", BETA, "/f"]).expect(code::OK);
}

pub(crate) fn value(key: &str, name: &str) -> String {
    attempt(&["reg", "query", key, "/v", name]).expect(code::OK).out
}

/// How often the package's own action ran.
pub(crate) fn acts() -> Vec<String> {
    lines(&file("act.txt"))
}

/// Whether a supervisor has written down the copy of the setup program that runs now.
fn copy_is_recorded() -> bool {
    let Ok(pid) = fs::read_to_string(file("copy-pid")) else { return false };
    let Some(pid) = pid.strip_suffix('\n') else { return false };
    let mut records = fs::read_dir(wine_drive().join("ProgramData/MusterAgent/installers")).unwrap();
    records.any(|entry| {
        let path = entry.unwrap().path();
        let record = fs::read_to_string(&path).unwrap_or_default();
        path.extension().is_some_and(|ending| ending == "installer")
            && record.contains(&format!("\"pid\":{pid},"))
    })
}

/// What the setup program did, in its own words.
pub(crate) fn deeds() -> Vec<String> {
    lines(&file("setup.txt"))
}
