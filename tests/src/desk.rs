//! A person who types the pages: one folder with a controller, an operator's profile and the servers, each of them a twin.
//!
//! Neighbours: `page` says what is typed, the story `manual` which page wants what beforehand. A line is typed as it stands,
//! but that names of the page become those of this machine; what serves or works until it is stopped goes on beside the next
//! line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::cli::{Cli, Ran};
use crate::controller::free_port;
use crate::daemon::{Daemon, await_until};
use crate::page::{Line, words};
use crate::programs::{Programs, root};

/// The agent's folder on a Windows server.
const STANDARD: &str = r"C:\ProgramData\MusterAgent";

/// One folder, one controller that serves at a time, agents by their folders.
#[derive(Debug)]
pub struct Desk {
    folder: TempDir,
    programs: &'static Programs,
    port: u16,
    serving: Option<Daemon>,
    agents: BTreeMap<String, Daemon>,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// An empty one.
    ///
    /// # Panics
    /// Where it cannot be made.
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("muster-").tempdir();
        let folder = folder.unwrap_or_else(|error| panic!("{error}"));
        let port = free_port().unwrap_or_else(|error| panic!("{error:#}"));
        let desk = Self { folder, programs: Programs::built(), port, serving: None, agents: BTreeMap::new() };
        desk.make_folder("backups");
        desk
    }

    /// Its folder, which is where everything is typed.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Makes a folder in it.
    ///
    /// # Panics
    /// Where that cannot be done.
    pub fn make_folder(&self, name: &str) -> PathBuf {
        let path = self.folder().join(name);
        std::fs::create_dir_all(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// The operator.
    pub fn cli(&self) -> Cli {
        Cli::new(self.programs, &self.folder().join("anne.profile"))
    }

    /// Types a line that is no page's, at the operator's or the controller's machine, and expects that it does what it says.
    #[track_caller]
    pub fn ok(&mut self, typed: &str) -> Ran {
        self.ends(typed, 0)
    }

    /// The same, with another exit code.
    #[track_caller]
    pub fn ends(&mut self, typed: &str, code: i32) -> Ran {
        let typed = typed.to_owned();
        self.line(&Line { computer: None, typed, answer: Vec::new(), windows: false }, code)
    }

    /// Types a line of a page and expects this exit code. One that belongs to Windows is refused here, by the program and not by
    /// its command line: its words are right.
    ///
    /// # Panics
    /// Where it ends otherwise.
    #[track_caller]
    pub fn line(&mut self, line: &Line, code: i32) -> Ran {
        if line.typed.contains('|') {
            return self.shell(&line.typed).expect(code);
        }
        let words = self.words(line);
        let shown = words.join(" ");
        let mut command = self.command(&words);
        if line.windows {
            // 2 would be the command line's own refusal: a word that is none.
            return run(&mut command, None).expect(1);
        }
        self.end_what_is_in_the_way(&words);
        match (&*words[0], &*words[1]) {
            ("muster-controller", "serve") => self.serve(&words, &mut command),
            ("muster-agent", "run") => self.work(&words, &mut command),
            _ => {
                let is_secret = words.windows(2).any(|pair| pair == ["secret", "set"]);
                return run(&mut command, is_secret.then_some("made-up-Value-1")).expect(code);
            }
        }
        Ran { typed: shown, code: 0, out: String::new(), err: String::new() }
    }

    /// The words of a line with the names of this machine.
    fn words(&self, line: &Line) -> Vec<String> {
        let mut words: Vec<String> = words(&line.typed).iter().map(|word| self.here(word)).collect();
        let Some(computer) = &line.computer else { return words };
        let name = computer.to_ascii_lowercase();
        for word in &mut words {
            match &**word {
                "DIR" | STANDARD => *word = format!("agent-{name}"),
                "TWINDIR" => *word = format!("twin-{name}"),
                _ => {}
            }
        }
        let stands_on_one = ["enroll", "run", "check"].contains(&&*words[1]);
        if stands_on_one && !line.windows && !words.contains(&"--twin".to_owned()) {
            words.extend(["--twin".to_owned(), format!("twin-{name}")]);
        }
        words
    }

    fn here(&self, word: &str) -> String {
        if word == "muster.example.org:7400" {
            format!("127.0.0.1:{}", self.port)
        } else if word.starts_with("muster-recovery-") {
            format!("recovery/{word}")
        } else if word.starts_with("deploy/") {
            root().join(word).display().to_string()
        } else if word.starts_with("backups/muster-backup-") {
            format!("backups/{}", self.backup())
        } else {
            word.to_owned()
        }
    }

    /// The name of the one backup.
    fn backup(&self) -> String {
        let entries = std::fs::read_dir(self.folder().join("backups"));
        let names = entries.into_iter().flatten().flatten().map(|entry| entry.file_name());
        let names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        names.concat()
    }

    fn command(&self, words: &[String]) -> Command {
        let program = match &*words[0] {
            "muster" => self.programs.cli(),
            "muster-controller" => self.programs.controller(),
            "muster-agent" => self.programs.agent(),
            other => panic!("the page types {other}"),
        };
        let mut command = Command::new(program);
        command.current_dir(self.folder()).env("MUSTER_PROFILE", "anne.profile").env("NO_COLOR", "1");
        command.args(&words[1..]);
        command
    }

    /// A line for a shell, typed in the folder of the backup.
    fn shell(&self, typed: &str) -> Ran {
        let here = self.folder().join("backups").join(self.backup());
        let key = format!("{}/recovery/muster-recovery-", self.folder().display());
        let mut command = Command::new("sh");
        command.current_dir(here).arg("-c").arg(typed.replace("muster-recovery-", &key));
        run(&mut command, None)
    }

    /// What the pages say of these: nothing may serve the data, no agent may work in the folder.
    fn end_what_is_in_the_way(&mut self, words: &[String]) {
        let alone = ["serve", "recover", "operator"].contains(&&*words[1]);
        if words[0] == "muster-controller" && alone {
            end(self.serving.take());
        }
        let alone = ["enroll", "check", "run"].contains(&&*words[1]);
        if words[0] == "muster-agent" && alone {
            end(self.agents.remove(after(words, "--data-dir")));
        }
    }

    fn serve(&mut self, words: &[String], command: &mut Command) {
        let address = self.folder().join(after(words, "--data-dir")).join("address");
        // Left by the process before, where there was one.
        drop(std::fs::remove_file(&address));
        self.serving = Some(start("controller", command));
        await_until("serving", || Ok(address.exists())).unwrap_or_else(|error| panic!("{error:#}"));
    }

    fn work(&mut self, words: &[String], command: &mut Command) {
        let folder = after(words, "--data-dir").to_owned();
        let before = self.connected();
        self.agents.insert(folder, start("agent", command));
        await_until("connected", || Ok(self.connected() > before))
            .unwrap_or_else(|error| panic!("{error:#}"));
    }

    /// How many servers are connected.
    fn connected(&self) -> usize {
        self.cli().json("server list").to_string().matches("\"connected\"").count()
    }
}

fn start(name: &str, command: &mut Command) -> Daemon {
    Daemon::start(name, command).unwrap_or_else(|error| panic!("{error:#}"))
}

fn run(command: &mut Command, line: Option<&str>) -> Ran {
    let ran = match line {
        Some(line) => Ran::of_with(command, line),
        None => Ran::of(command),
    };
    ran.unwrap_or_else(|error| panic!("{error:#}"))
}

fn end(daemon: Option<Daemon>) {
    if let Some(mut daemon) = daemon {
        let status = daemon.terminate().unwrap_or_else(|error| panic!("{error:#}"));
        assert!(status.success(), "{status}");
    }
}

fn after<'a>(words: &'a [String], option: &str) -> &'a str {
    let place = words.iter().position(|word| word == option);
    place.and_then(|place| words.get(place + 1)).unwrap_or_else(|| panic!("no {option} in {words:?}"))
}
