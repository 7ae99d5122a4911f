//! The page of the controller, typed from its top to its end: every command that it shows does what it says.

use std::path::Path;
use std::process::Command;

use muster_tests::cli::Ran;
use muster_tests::daemon::{Daemon, await_until};
use muster_tests::programs::{Programs, root};

/// The lines of `console` blocks that begin with a dollar.
fn typed(page: &str) -> Vec<String> {
    let text = std::fs::read_to_string(root().join("deploy/docs").join(page)).unwrap();
    let blocks = text.split("```console\n").skip(1).filter_map(|part| part.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ "));
    lines.map(str::to_owned).collect()
}

/// A person at the controller's machine: one folder, one controller that serves at a time.
struct Desk {
    folder: tempfile::TempDir,
    programs: &'static Programs,
    serving: Option<Daemon>,
}

impl Desk {
    fn command(&self, line: &str) -> Command {
        let mut words = line.split_whitespace();
        let program = match words.next().unwrap() {
            "muster" => self.programs.cli(),
            "muster-controller" => self.programs.controller(),
            other => panic!("the page types {other}"),
        };
        let mut command = Command::new(program);
        command.current_dir(self.folder.path()).env("MUSTER_PROFILE", "anne.profile").args(words);
        command
    }

    fn serve(&mut self, line: &str) {
        self.stop();
        let data = line.split_whitespace().last().unwrap();
        let address = self.folder.path().join(data).join("address");
        drop(std::fs::remove_file(&address));
        self.serving = Some(Daemon::start("controller", &mut self.command(line)).unwrap());
        await_until("serving", || Ok(address.exists())).unwrap();
    }

    fn stop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            assert!(serving.terminate().unwrap().success());
        }
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
fn every_command_of_the_controllers_page_does_what_it_says() {
    let folder = tempfile::tempdir().unwrap();
    let mut desk = Desk { folder, programs: Programs::built(), serving: None };
    let port = muster_tests::controller::free_port().unwrap();
    std::fs::create_dir(desk.folder.path().join("backups")).unwrap();
    let commands = typed("controller.md");
    assert!(commands.len() >= 14, "{commands:?}");
    for command in commands {
        let mut line = command
            .replace("muster.example.org:7400", &format!("127.0.0.1:{port}"))
            .replace("--recovery-key muster-recovery", "--recovery-key recovery/muster-recovery");
        if line.contains("--from backups/") {
            let made = format!("backups/{}", only(&desk.folder.path().join("backups")));
            let shown = line.split_whitespace().find(|word| word.starts_with("backups/")).unwrap().to_owned();
            line = line.replace(&shown, &made);
        }
        if line.starts_with("muster-controller serve") {
            desk.serve(&line);
            continue;
        }
        // The page says of these that nothing may serve the data.
        if line.starts_with("muster-controller recover") || line.contains("operator reset") {
            desk.stop();
        }
        Ran::of(&mut desk.command(&line)).unwrap().expect(0);
    }
}
