//! Scripts of a database: file by file, batch by batch, each marked in the database (G14, G21).
//!
//! A batch and its mark are one transaction. Where the server refuses that, or the batch itself would end it, the batch is
//! announced first and marked after: one that was announced and has no end is unknown, and is run anew only where an
//! operator orders it. Batches that are marked are never run again. Neighbours: `muster_agent_core::script` cuts and marks,
//! `host::SqlServer` runs.

use muster_agent_core::script::{Batch, Mark, Script, property, scripts};
use muster_agent_core::tsql;
use muster_model::outcome::End;
use muster_model::value::Value;

use super::ending::{Ending, Halt, failed, of_work};
use super::script_file::ScriptFile;
use super::{Engine, Error, Task};
use crate::crash;
use crate::host::{SqlBatch, SqlError, SqlSession};
use crate::resource::{sql_database, sql_scripts};

/// Lines that batches printed, as far as evidence shows them.
const PRINTED_LINES: usize = 8;

/// Where the marks of a script are.
#[derive(Clone, Copy)]
struct Marked<'a> {
    script: &'a Script,
    /// The extended property that holds its mark.
    property: &'a str,
    /// The database and its server, in words.
    place: &'a str,
}

/// One run of one batch.
struct Unit<'a> {
    marked: Marked<'a>,
    batch: &'a Batch,
    /// Which run it is among all of its file, from 1.
    number: u32,
    of: u32,
}

impl Engine {
    /// Runs what is not marked yet.
    pub(super) fn sql_scripts(&self, task: &Task) -> Result<Ending, Error> {
        Ok(of_work(self.run_scripts(task), &task.step.rows)?)
    }

    fn run_scripts(&self, task: &Task) -> Result<String, Halt> {
        // Every file is read before the first batch runs, so that a wrong one is found while nothing was done.
        let scripts = scripts(&task.node);
        let open = |script| ScriptFile::open(script, self.host.files());
        let files: Result<Vec<ScriptFile>, String> = scripts.into_iter().map(open).collect();
        let mut files = files.map_err(|problem| failed(format!("{problem}; nothing was done")))?;
        let (endpoint, name) = sql_database::named(&task.node).map_err(|error| failed(error.to_string()))?;
        let quoted =
            task.node.attributes.get("quoted_identifier").and_then(Value::as_boolean).unwrap_or(false);
        let session = self.host.sql().connect(endpoint, name, quoted);
        let mut session = session.map_err(|error| failed(format!("{error}; nothing was done")))?;
        let place = format!("{name} on {}", endpoint.address);
        let (mut ran, mut printed) = (0_u32, Vec::new());
        for file in &mut files {
            ran += self.file(task, file, session.as_mut(), &place, &mut printed)?;
        }
        let names: Vec<&str> = files.iter().map(|file| file.script.name()).collect();
        let said =
            if printed.is_empty() { String::new() } else { format!("; it printed: {}", printed.join(" | ")) };
        Ok(format!("{} through on {place}, {ran} batches run now{said}", names.join(", ")))
    }

    /// Runs what is left of a file; gives how many batches that was.
    fn file(
        &self,
        task: &Task,
        file: &mut ScriptFile,
        session: &mut dyn SqlSession,
        place: &str,
        printed: &mut Vec<String>,
    ) -> Result<u32, Halt> {
        let (property, script, of) = (property(&task.node, &file.script), file.script.clone(), file.runs);
        let marked = Marked { script: &script, property: &property, place };
        let mark =
            sql_scripts::read(session, &property).map_err(|problem| failed(format!("{place}: {problem}")))?;
        let mark = mark.unwrap_or(Mark { done: 0, begun: false, of });
        let (mut number, mut ran) = (0, 0);
        file.each(failed, |batch| {
            for _ in 0..batch.times {
                number += 1;
                if number <= mark.done {
                    continue;
                }
                let unit = Unit { marked, batch: &batch, number, of };
                if mark.begun && number == mark.done + 1 && !task.restart {
                    return Err(Halt::Ends(undecided(task, &unit)));
                }
                self.patience(task, "running scripts").waited(0).map_err(Halt::Stopped)?;
                self.progress(task, format!("{} batch {number} of {of}", script.name()));
                keep(&unit, run(&unit, session)?, printed);
                ran += 1;
            }
            Ok(())
        })?;
        if of == 0 {
            set(session, marked, Mark { done: 0, begun: false, of })?;
        }
        Ok(ran)
    }
}

/// Logs what a batch printed; the first lines of a task are evidence.
fn keep(unit: &Unit<'_>, said: Vec<String>, printed: &mut Vec<String>) {
    for line in said.into_iter().filter(|line| !line.is_empty()) {
        tracing::info!(script = unit.marked.script.name(), batch = unit.number, %line, "printed");
        if printed.len() < PRINTED_LINES {
            printed.push(line);
        }
    }
}

/// Runs one batch and marks it.
fn run(unit: &Unit<'_>, session: &mut dyn SqlSession) -> Result<Vec<String>, Halt> {
    let Unit { marked, of, .. } = *unit;
    let label = format!("{}#{}", marked.script.name(), unit.number);
    let through = Mark { done: unit.number, begun: false, of };
    let mark = through.to_string();
    let batch = SqlBatch { text: &unit.batch.text, label: &label, mark: Some((marked.property, &mark)) };
    if tsql::ends_transaction(batch.text) {
        return alone(unit, session, &batch, through);
    }
    crash::point("sql.batch.before");
    let ran = session.execute(&batch);
    crash::point("sql.batch.after");
    match ran {
        Ok(said) => Ok(said),
        Err(SqlError::Server(message)) if message.refuses_transaction() => {
            alone(unit, session, &batch, through)
        }
        Err(SqlError::Server(message)) => {
            Err(broken(unit, &message.to_string(), message.line, "was rolled back"))
        }
        Err(SqlError::Lost(message)) => Err(broken(
            unit,
            &format!("the connection was lost: {message}"),
            1,
            "is through or not as its mark in the database says, which is read before anything goes on",
        )),
    }
}

/// A batch that may not stand in a transaction: announced, run, marked.
fn alone(
    unit: &Unit<'_>,
    session: &mut dyn SqlSession,
    batch: &SqlBatch<'_>,
    through: Mark,
) -> Result<Vec<String>, Halt> {
    let before = Mark { done: unit.number - 1, begun: false, of: unit.of };
    set(session, unit.marked, Mark { begun: true, ..before })?;
    crash::point("sql.announced");
    match session.execute(&SqlBatch { mark: None, ..*batch }) {
        Ok(said) => {
            crash::point("sql.alone");
            set(session, unit.marked, through)?;
            Ok(said)
        }
        Err(SqlError::Server(message)) => {
            set(session, unit.marked, before)?;
            let what = "ran outside a transaction: what its statements did before the error stays";
            Err(broken(unit, &message.to_string(), message.line, what))
        }
        Err(SqlError::Lost(message)) => {
            let Halt::Ends(ending) =
                broken(unit, &message, 1, "ran outside a transaction and may have taken place")
            else {
                return Err(failed(message));
            };
            Err(Halt::Ends(Ending { end: End::Unknown, ..ending }))
        }
    }
}

fn set(session: &mut dyn SqlSession, marked: Marked<'_>, mark: Mark) -> Result<(), Halt> {
    let Marked { script, property, place } = marked;
    let wrong =
        |error: SqlError| failed(format!("{place}: the mark of {} could not be set: {error}", script.name()));
    session.set_property(property, &mark.to_string()).map_err(wrong)
}

/// The end after a batch that failed: file, line, batch, the server's words, what became of it.
fn broken(unit: &Unit<'_>, message: &str, line: u32, became: &str) -> Halt {
    let Marked { script, place, .. } = unit.marked;
    let told = script.told(unit.batch.place(line));
    failed(format!(
        "{told} batch {} of {} on {place}: {message}; the batch {became}; batches before it are marked and not run again",
        unit.number, unit.of
    ))
}

/// The end where a batch outside a transaction was begun and nobody knows how it ended.
fn undecided(task: &Task, unit: &Unit<'_>) -> Ending {
    let Unit { marked: Marked { script, property, place }, batch, number, of } = *unit;
    let whole = Mark { done: number, begun: false, of };
    Ending::new(
        End::Unknown,
        format!(
            "{} batch {number} of {of} on {place} was begun outside a transaction and its end is not recorded. If it \
             did not take place, resume with --restart {}. If it did, run EXEC sys.sp_updateextendedproperty N'{property}', \
             N'{whole}' there, then resume",
            script.told(batch.place(1)),
            task.step.number
        ),
    )
}
