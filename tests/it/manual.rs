//! The operators' pages, typed from their top to their end: every command that they show does what they say.
//!
//! A line that begins with `$` is typed at the operator's desk or the controller's machine, one that begins with `DUP-WEB01>` on
//! the server. Neighbours: `pages` has what pages list, and types the page of documents.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use muster_tests::cli::{Ran, code};
use muster_tests::daemon::{Daemon, await_until};
use muster_tests::programs::{Programs, root};
use muster_tests::twin::Twin;

/// What is typed as a secret.
const VALUE: &str = "Corr3ct-horse";

/// The pages that are typed here, and the one that `pages` types.
const TYPED: [&str; 5] = ["README.md", "controller.md", "documents.md", "secrets.md", "servers.md"];

fn read(page: &str) -> String {
    let path = if page == "README.md" { root().join(page) } else { root().join("deploy/docs").join(page) };
    std::fs::read_to_string(path).unwrap()
}

/// The lines of `console` blocks that are typed, without the comments after them.
fn typed(page: &str) -> Vec<String> {
    let text = read(page);
    let blocks = text.split("```console\n").skip(1).filter_map(|part| part.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| {
        let line = line.trim_start();
        line.strip_prefix("$ ").or_else(|| line.strip_prefix("DUP-WEB01> "))
    });
    let lines = lines.map(|line| line.split("  # ").next().unwrap_or_default().trim_end().to_owned());
    lines.collect()
}

/// A person at one desk with everything on it: one folder, one controller that serves at a time, one agent.
struct Desk {
    folder: tempfile::TempDir,
    programs: &'static Programs,
    address: String,
    serving: Option<Daemon>,
    agent: Option<Daemon>,
}

impl Desk {
    fn new() -> Self {
        let port = muster_tests::controller::free_port().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let address = format!("127.0.0.1:{port}");
        Self { folder, programs: Programs::built(), address, serving: None, agent: None }
    }

    /// A desk at which the controller serves, the examples lie where the README has them, and a twin stands that is not enrolled.
    fn begun(declaration: &str) -> Self {
        let mut desk = Self::new();
        std::os::unix::fs::symlink(root().join("deploy"), desk.folder.path().join("deploy")).unwrap();
        desk.type_in("muster-controller init --data-dir controller --listen muster.example.org:7400 --operator anne --profile-out anne.profile --recovery-out recovery");
        desk.type_in("muster-controller serve --data-dir controller");
        let declaration = root().join("deploy/examples").join(declaration);
        Twin::init(desk.programs, &desk.folder.path().join("twin"), &declaration).unwrap();
        desk
    }

    fn command(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let program = match words.next().unwrap() {
            "muster" => self.programs.cli(),
            "muster-controller" => self.programs.controller(),
            "muster-agent" => self.programs.agent(),
            other => panic!("the page types {other}"),
        };
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("MUSTER_PROFILE", "anne.profile").args(words);
        command
    }

    /// Types a line of a page, with this desk's address and files in the place of those that the page shows.
    #[track_caller]
    fn type_in(&mut self, line: &str) -> Option<Ran> {
        let line = line
            .replace("muster.example.org:7400", &self.address)
            .replace("--recovery-key muster-recovery", "--recovery-key recovery/muster-recovery");
        let line = self.with_backup(line);
        if line.starts_with("muster-controller serve") {
            self.serve(&line);
            return None;
        }
        if line.starts_with("muster-agent run") {
            self.agent = Some(Daemon::start("agent", &mut self.command(&line)).unwrap());
            let connected =
                || Ok(Ran::of(&mut self.command("muster server list"))?.out.contains("connected"));
            await_until("the agent is connected", connected).unwrap();
            return None;
        }
        // The pages say of these that nothing may serve the data, or run in the folder.
        if line.starts_with("muster-controller recover") || line.contains("operator reset") {
            stop(&mut self.serving);
        }
        if line.contains("--force") {
            stop(&mut self.agent);
        }
        let typed = if line.starts_with("muster secret set") { VALUE } else { "" };
        Some(Ran::of_with(&mut self.command(&line), typed).unwrap())
    }

    /// The backup that was made here, for the one that a page shows.
    fn with_backup(&self, line: String) -> String {
        let Some(shown) = line.split_whitespace().find(|word| word.starts_with("backups/")) else {
            return line;
        };
        let made = format!("backups/{}", only(&self.folder.path().join("backups")));
        line.replace(shown, &made)
    }

    fn serve(&mut self, line: &str) {
        stop(&mut self.serving);
        let data = line.split_whitespace().last().unwrap();
        let address = self.folder.path().join(data).join("address");
        drop(std::fs::remove_file(&address));
        self.serving = Some(Daemon::start("controller", &mut self.command(line)).unwrap());
        await_until("serving", || Ok(address.exists())).unwrap();
    }

    /// Types a page; every command ends with 0.
    #[track_caller]
    fn type_page(&mut self, page: &str, least: usize) {
        let lines = typed(page);
        assert!(lines.len() >= least, "{page}: {lines:?}");
        for line in lines {
            if let Some(ran) = self.type_in(&line) {
                ran.expect(code::OK);
            }
        }
    }
}

fn stop(daemon: &mut Option<Daemon>) {
    if let Some(mut daemon) = daemon.take() {
        assert!(daemon.terminate().unwrap().success());
    }
}

/// The only entry of a folder.
fn only(folder: &Path) -> String {
    let mut entries = std::fs::read_dir(folder).unwrap();
    let name = entries.next().unwrap().unwrap().file_name().into_string().unwrap();
    assert!(entries.next().is_none());
    name
}

#[test]
fn no_page_shows_a_command_that_nobody_types() {
    let mut pages: BTreeSet<String> = BTreeSet::from(["README.md".to_owned()]);
    for entry in std::fs::read_dir(root().join("deploy/docs")).unwrap() {
        pages.insert(entry.unwrap().file_name().into_string().unwrap());
    }
    pages.retain(|page| read(page).contains("```console\n"));
    assert_eq!(pages.into_iter().collect::<Vec<_>>(), TYPED);
}

#[test]
fn every_command_of_the_controllers_page_does_what_it_says() {
    let mut desk = Desk::new();
    std::fs::create_dir(desk.folder.path().join("backups")).unwrap();
    desk.type_page("controller.md", 14);
}

#[test]
fn every_command_of_the_page_of_servers_does_what_it_says() {
    let mut desk = Desk::begun("sxa/twin-dup-web01.yaml");
    desk.type_in("muster push -f deploy/examples/sxa").unwrap().expect(code::OK);
    desk.type_page("servers.md", 11);
    desk.type_in("muster-agent run --data-dir agent --twin twin");
}

/// The line of the page that needs no Muster at all is typed in the backup's folder; it gives back what was set.
#[test]
fn every_command_of_the_page_of_secrets_does_what_it_says() {
    let mut desk = Desk::begun("guide/twin-mar-srv01.yaml");
    for line in [
        "muster push -f deploy/examples/guide",
        "muster server invite martin-prod/web --out web.token",
        "muster-agent enroll --data-dir agent --token-file web.token --twin twin",
        "muster-agent run --data-dir agent --twin twin",
        "muster secret set martin-prod security_code",
        "muster secret set martin-prod encryption_password",
    ] {
        desk.type_in(line).map(|ran| ran.expect(code::OK));
    }
    let lines = typed("secrets.md");
    assert!(lines.len() >= 6, "{lines:?}");
    for line in lines {
        let line = line.replace("dupont-prod", "martin-prod");
        if line.contains("age --decrypt") {
            let backup = desk.folder.path().join("backups");
            let mut shell = Command::new("bash");
            let line = line.replace("-i muster-recovery", "-i ../../recovery/muster-recovery");
            shell.current_dir(backup.join(only(&backup))).args(["-o", "pipefail", "-c", &line]);
            let ran = Ran::of(&mut shell).unwrap().expect(code::OK);
            ran.says(&[r#""secret":"security_code""#]);
            assert_eq!(ran.out.lines().nth(1), Some(VALUE));
            continue;
        }
        if line.starts_with("muster-controller backup") {
            std::fs::create_dir(desk.folder.path().join("backups")).unwrap();
        }
        let line = match line.strip_prefix("muster-agent secret show P-1/18") {
            Some(rest) => {
                format!("muster-agent secret show {}{}", waiting(&mut desk), rest.replace("DIR", "agent"))
            }
            None => line,
        };
        desk.type_in(&line).unwrap().expect(code::OK);
    }
}

/// The step at which a person types secrets, with everything before it done.
fn waiting(desk: &mut Desk) -> String {
    for line in ["muster plan martin-prod", "muster approve P-1"] {
        desk.type_in(line).unwrap().expect(code::OK);
    }
    let tenant = desk.type_in("muster run P-1 --watch").unwrap().expect(code::WAITING);
    let asked = |ran: &Ran| {
        let line =
            ran.out.lines().chain(ran.err.lines()).find(|line| line.starts_with("Next: muster done P-1/"));
        line.and_then(|line| line.split_whitespace().nth(3)).unwrap().to_owned()
    };
    let line = format!("muster done {} --ends 2099-12-31 --watch", asked(&tenant));
    asked(&desk.type_in(&line).unwrap().expect(code::WAITING))
}

/// The README's lines: what must be approved is approved, and where a person is asked he says that it is done.
#[test]
fn every_line_of_the_readme_does_what_it_says() {
    let mut desk = Desk::begun("sxa/twin-dup-web01.yaml");
    let lines = typed("README.md");
    assert!(lines.len() >= 11, "{lines:?}");
    for line in lines {
        let line = line.replace("TWINDIR", "twin").replace("DIR", "agent");
        let waits = line.starts_with("muster run");
        if let Some(ran) = desk.type_in(&line) {
            ran.expect(if waits { code::WAITING } else { code::OK });
        }
    }
    let ran = desk.type_in("muster status dupont-prod").unwrap().expect(code::OK);
    ran.says(&["in sync"]);
}
