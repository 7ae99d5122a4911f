//! For the stories: the IIS that `tests/windows/run iis` installs, as it is after an installation, and what a story does to it.
//!
//! Neighbours: `tests/windows/ahadmin` plays IIS and says what its files mean. Only one story at a time may have it.

use std::fs;
use std::path::{Path, PathBuf};

use super::super::WindowsHost;

const SHIPPED: &str = include_str!("../../../../../tests/windows/ahadmin/applicationHost.config");

/// An IIS that nothing was done to yet.
pub(super) struct Story {
    folder: PathBuf,
}

impl Story {
    pub(super) fn begin() -> Self {
        let story = Self { folder: PathBuf::from(r"C:\windows\system32\inetsrv") };
        story.write(SHIPPED);
        for name in ["state.txt", "faults.txt", "ledger.txt", "http_sys.txt", "without-key.txt"] {
            fs::write(story.file(name), "").unwrap();
        }
        story
    }

    pub(super) fn host(&self) -> WindowsHost {
        WindowsHost::new(Path::new(r"C:\logs"))
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join("story").join(name)
    }

    /// The configuration as it is on the disk.
    pub(super) fn text(&self) -> String {
        fs::read_to_string(self.folder.join(r"config\applicationHost.config")).unwrap()
    }

    fn write(&self, text: &str) {
        fs::write(self.folder.join(r"config\applicationHost.config"), text).unwrap();
    }

    /// Edits the configuration, as a person or another program does.
    pub(super) fn edit(&self, from: &str, to: &str) {
        self.write(&edited(&self.text(), from, to));
    }

    /// What goes wrong from now on.
    pub(super) fn faults(&self, lines: &str) {
        fs::write(self.file("faults.txt"), lines).unwrap();
    }

    /// What runs and what does not, as in `sites/Sage=Stopped`.
    pub(super) fn state(&self, lines: &str) {
        fs::write(self.file("state.txt"), lines).unwrap();
    }

    pub(super) fn state_now(&self) -> String {
        fs::read_to_string(self.file("state.txt")).unwrap()
    }

    /// The records of HTTP.SYS, as in `0.0.0.0:443 THUMBPRINT {PROGRAM} MY 0`.
    pub(super) fn records(&self, lines: &str) {
        fs::write(self.file("http_sys.txt"), lines).unwrap();
    }

    pub(super) fn records_now(&self) -> String {
        fs::read_to_string(self.file("http_sys.txt")).unwrap()
    }

    /// Thumbprints of certificates without a key.
    pub(super) fn without_key(&self, lines: &str) {
        fs::write(self.file("without-key.txt"), lines).unwrap();
    }

    /// What of it has not come yet.
    pub(super) fn faults_left(&self) -> String {
        fs::read_to_string(self.file("faults.txt")).unwrap()
    }

    /// Another program makes that edit at the moment of the next commit.
    pub(super) fn edit_at_commit(&self, from: &str, to: &str) {
        let other = self.file("other.config");
        fs::write(&other, edited(&self.text(), from, to)).unwrap();
        self.faults(&format!("commit meanwhile={} 1\n", other.display()));
    }

    /// What was done since the story began, or since this was asked last.
    pub(super) fn done(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("ledger.txt")).unwrap();
        fs::write(self.file("ledger.txt"), "").unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

fn edited(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from} is not in\n{text}");
    text.replacen(from, to, 1)
}
