//! Deaths before the first plan: while a controller is made or takes its epoch, while a server is enrolled.
//!
//! Neighbours: `round` covers everything from the first plan on. After each death the same command is typed again.

use anyhow::{Context, Result, ensure};

use super::Tally;
use super::deck::Victim;
use super::round::scene;
use crate::cli::code;
use crate::controller::Controller;
use crate::daemon::await_until;
use crate::field::Field;
use crate::programs::Programs;

/// Dies at each of these points once, and must come through.
///
/// # Errors
/// Where a point is not reached, or the command does not succeed afterwards.
pub fn play(programs: &Programs, points: &[(Victim, &'static str)], tally: &mut Tally) -> Result<()> {
    for (victim, point) in points {
        let died = match point.split('.').next() {
            Some("init") => init(programs, point),
            Some("backup") => backup(programs, point),
            Some("restore") => restore(programs, point),
            Some("enroll") => enroll(programs, *victim, point),
            _ => serve(programs, point),
        };
        died.with_context(|| format!("{victim:?} at {point}"))?;
        tally.killed(&format!("{victim:?} at {point}"));
    }
    Ok(())
}

/// Whether a point belongs here: it is not visited once the field is in operation, or only at a start.
pub fn is_setup(point: &str) -> bool {
    ["init.", "backup.", "restore.", "enroll.", "serve."].iter().any(|prefix| point.starts_with(prefix))
}

fn init(programs: &Programs, point: &str) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("muster-").tempdir()?;
    let first = Controller::init_until(programs, folder.path(), Some(&format!("{point}:1")));
    ensure!(first.is_err(), "it was not reached");
    // What was written belongs to nothing: a person is told so and removes it, no program does.
    for entry in std::fs::read_dir(folder.path())? {
        let path = entry?.path();
        if path.is_dir() { std::fs::remove_dir_all(path)? } else { std::fs::remove_file(path)? }
    }
    let mut controller = Controller::init(programs, folder.path())?;
    controller.serve()
}

/// A killed backup is none, and the next one of that name is alone in its folder.
fn backup(programs: &Programs, point: &str) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("muster-").tempdir()?;
    let mut controller = Controller::init(programs, folder.path())?;
    controller.serve()?;
    let backups = folder.path().join("backups");
    std::fs::create_dir(&backups)?;
    let to = backups.join("monday");
    ensure!(controller.backup_until(&to, Some(&format!("{point}:1")))?.code == -1, "it was not reached");
    ensure!(!to.exists(), "a killed backup is there");
    let ran = controller.backup_until(&to, None)?;
    ensure!(ran.code == code::OK, "backup: {}", ran.said());
    ensure!(std::fs::read_dir(&backups)?.count() == 1, "the killed backup was left behind");
    Ok(())
}

/// A killed restore made no controller, and the next one does.
fn restore(programs: &Programs, point: &str) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("muster-").tempdir()?;
    let controller = Controller::init(programs, folder.path())?;
    let (backup, data) = (folder.path().join("monday"), folder.path().join("restored"));
    let ran = controller.backup_until(&backup, None)?;
    ensure!(ran.code == code::OK, "backup: {}", ran.said());
    let key = folder.path().join("recovery/muster-recovery-1.txt");
    let killed = controller.restore(&backup, &key, &data, Some(&format!("{point}:1")))?;
    ensure!(killed.code == -1, "it was not reached");
    ensure!(!data.exists(), "a killed restore is there");
    controller.restored(&backup, folder.path(), "restored")?.serve()?;
    let left = |entry: std::io::Result<std::fs::DirEntry>| {
        entry.map(|entry| entry.file_name().to_string_lossy().contains(".restore-"))
    };
    let left = std::fs::read_dir(folder.path())?.map(left).collect::<std::io::Result<Vec<_>>>()?;
    ensure!(!left.contains(&true), "the killed restore was left behind");
    Ok(())
}

fn serve(programs: &Programs, point: &str) -> Result<()> {
    let mut field = Field::lay(programs, scene())?;
    field.controller.launch(Some(&format!("{point}:1")))?;
    controller_dies(&mut field)?;
    field.controller.serve()
}

fn enroll(programs: &Programs, victim: Victim, point: &str) -> Result<()> {
    let mut field = Field::lay(programs, scene())?;
    field.controller.serve()?;
    let ran = field.push();
    ensure!(ran.code == code::OK, "push: {}", ran.said());
    let token = field.invite("web.token");
    let at = format!("{point}:1");
    if victim == Victim::Controller {
        field.controller.kill()?;
        field.controller.serve_until(&at)?;
        ensure!(field.agent.enroll(&token)?.code != code::OK, "it was not reached");
        controller_dies(&mut field)?;
        field.controller.serve()?;
    } else {
        // Ended by a signal: no exit code.
        ensure!(field.agent.enroll_until(&token, Some(&at))?.code == -1, "it was not reached");
    }
    // The very same token is enough, whether it was spent by the dying or not.
    let ran = field.agent.enroll(&token)?;
    ensure!(ran.code == code::OK, "enroll: {}", ran.said());
    field.start_agent()
}

fn controller_dies(field: &mut Field) -> Result<()> {
    await_until("its end", || {
        let process = field.controller.process().context("it was not started")?;
        Ok(process.ended()?.is_some())
    })
}
