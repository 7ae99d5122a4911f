//! Scripts of a database: file by file, batch by batch, each marked in the database (G14, G21).
//!
//! A batch and its mark are one transaction. Where the server refuses that, or the batch itself would end it, the batch is
//! announced first and marked after: one that was announced and has no end is unknown, and is run anew only where an
//! operator orders it. Batches that are marked are never run again. Neighbours: `muster_agent_core::script` cuts and marks,
//! `host::SqlServer` runs.

use muster_agent_core::script::{Batch, Mark, Script, ScriptError, decode, property, scripts, split};
use muster_agent_core::tsql;
use muster_model::digest::Digest;
use muster_model::outcome::End;
use muster_model::value::Value;

use super::ending::Ending;
use super::patience::Stopped;
use super::{Engine, Error, Task};
use crate::crash;
use crate::host::{SqlBatch, SqlError, SqlSession};
use crate::resource::{sql_database, sql_scripts};

/// Lines that batches printed, as far as evidence shows them.
const PRINTED_LINES: usize = 8;

/// A file that was read and is what the document says.
struct Ready {
    script: Script,
    property: String,
    batches: Vec<Batch>,
}

/// One run of one batch.
struct Unit<'a> {
    ready: &'a Ready,
    batch: &'a Batch,
    /// Which run it is among all of its file, from 1.
    number: u32,
    of: u32,
}

/// Why scripts stop.
enum Halt {
    /// The step ends here.
    Ends(Ending),
    /// The agent was asked to stop; the marks say where to go on.
    Stopped(Stopped),
}

impl Engine {
    /// Runs what is not marked yet.
    pub(super) fn sql_scripts(&self, task: &Task) -> Result<Ending, Error> {
        match self.run_scripts(task) {
            Ok(evidence) => Ok(Ending { rows: task.step.rows.clone(), ..Ending::new(End::Done, evidence) }),
            Err(Halt::Ends(ending)) => Ok(ending),
            Err(Halt::Stopped(stopped)) => Err(stopped.into()),
        }
    }

    fn run_scripts(&self, task: &Task) -> Result<String, Halt> {
        // Every file is read before the first batch runs, so that a wrong one is found while nothing was done.
        let scripts = scripts(&task.node);
        let ready: Vec<Ready> =
            scripts.into_iter().map(|script| self.ready(task, script)).collect::<Result<_, _>>()?;
        let (endpoint, name) = sql_database::named(&task.node).map_err(|error| failed(error.to_string()))?;
        let quoted =
            task.node.attributes.get("quoted_identifier").and_then(Value::as_boolean).unwrap_or(false);
        let session = self.host.sql().connect(endpoint, name, quoted);
        let mut session = session.map_err(|error| failed(format!("{error}; nothing was done")))?;
        let place = format!("{name} on {}", endpoint.address);
        let (mut ran, mut printed) = (0_u32, Vec::new());
        for file in &ready {
            ran += self.file(task, file, session.as_mut(), &place, &mut printed)?;
        }
        let names: Vec<&str> = ready.iter().map(|file| file.script.name()).collect();
        let said =
            if printed.is_empty() { String::new() } else { format!("; it printed: {}", printed.join(" | ")) };
        Ok(format!("{} through on {place}, {ran} batches run now{said}", names.join(", ")))
    }

    fn ready(&self, task: &Task, script: Script) -> Result<Ready, Halt> {
        let file = self.host.files().get(&script.file).map_err(|error| failed(error.to_string()))?;
        let nothing = |problem: String| failed(format!("{}: {problem}; nothing was done", script.file));
        let content = file.ok_or_else(|| nothing("there is no such file".to_owned()))?.content;
        let digest = Digest::of(&content);
        if digest != script.sha256 {
            return Err(nothing(format!("its SHA-256 is {digest}, the document says {}", script.sha256)));
        }
        let wrong = |error: ScriptError| {
            failed(format!("{}:{}: {}; nothing was done", script.file, error.line, error.problem))
        };
        let batches = decode(&content).and_then(|text| split(&text)).map_err(wrong)?;
        let property = property(&task.node, &script);
        Ok(Ready { script, property, batches })
    }

    /// Runs what is left of a file; gives how many batches that was.
    fn file(
        &self,
        task: &Task,
        file: &Ready,
        session: &mut dyn SqlSession,
        place: &str,
        printed: &mut Vec<String>,
    ) -> Result<u32, Halt> {
        let units: Vec<&Batch> = file
            .batches
            .iter()
            .flat_map(|batch| std::iter::repeat_n(batch, usize::try_from(batch.times).unwrap_or(usize::MAX)))
            .collect();
        let of = u32::try_from(units.len()).unwrap_or(u32::MAX);
        let mark = sql_scripts::read(session, &file.property)
            .map_err(|problem| failed(format!("{place}: {problem}")))?;
        let mark = mark.unwrap_or(Mark { done: 0, begun: false, of });
        if mark.begun && !task.restart {
            return Err(Halt::Ends(undecided(task, file, mark, place, &units)));
        }
        let left = units.iter().zip(1_u32..).skip(usize::try_from(mark.done).unwrap_or(usize::MAX));
        let mut ran = 0;
        for (batch, number) in left {
            self.patience(task, "running scripts").waited(0).map_err(Halt::Stopped)?;
            let unit = Unit { ready: file, batch, number, of };
            self.progress(task, format!("{} batch {number} of {of}", file.script.name()));
            let said = run(&unit, session, place)?;
            said.into_iter().filter(|line| !line.is_empty()).for_each(|line| {
                tracing::info!(script = file.script.name(), batch = number, %line, "printed");
                if printed.len() < PRINTED_LINES {
                    printed.push(line);
                }
            });
            ran += 1;
        }
        if of == 0 {
            let whole = Mark { done: 0, begun: false, of };
            set(session, file, whole, place)?;
        }
        Ok(ran)
    }
}

/// Runs one batch and marks it.
fn run(unit: &Unit<'_>, session: &mut dyn SqlSession, place: &str) -> Result<Vec<String>, Halt> {
    let (file, of) = (unit.ready, unit.of);
    let label = format!("{}#{}", file.script.name(), unit.number);
    let through = Mark { done: unit.number, begun: false, of };
    let mark = through.to_string();
    let batch = SqlBatch { text: &unit.batch.text, label: &label, mark: Some((&file.property, &mark)) };
    if tsql::ends_transaction(batch.text) {
        return alone(unit, session, place, &batch, through);
    }
    crash::point("sql.batch.before");
    let ran = session.execute(&batch);
    crash::point("sql.batch.after");
    match ran {
        Ok(said) => Ok(said),
        Err(SqlError::Server(message)) if message.refuses_transaction() => {
            alone(unit, session, place, &batch, through)
        }
        Err(SqlError::Server(message)) => {
            Err(broken(unit, &message.to_string(), message.line, place, "was rolled back"))
        }
        Err(SqlError::Lost(message)) => Err(broken(
            unit,
            &format!("the connection was lost: {message}"),
            1,
            place,
            "is through or not as its mark in the database says, which is read before anything goes on",
        )),
    }
}

/// A batch that may not stand in a transaction: announced, run, marked.
fn alone(
    unit: &Unit<'_>,
    session: &mut dyn SqlSession,
    place: &str,
    batch: &SqlBatch<'_>,
    through: Mark,
) -> Result<Vec<String>, Halt> {
    let before = Mark { done: unit.number - 1, begun: false, of: unit.of };
    set(session, unit.ready, Mark { begun: true, ..before }, place)?;
    crash::point("sql.announced");
    match session.execute(&SqlBatch { mark: None, ..*batch }) {
        Ok(said) => {
            crash::point("sql.alone");
            set(session, unit.ready, through, place)?;
            Ok(said)
        }
        Err(SqlError::Server(message)) => {
            set(session, unit.ready, before, place)?;
            let what = "ran outside a transaction: what its statements did before the error stays";
            Err(broken(unit, &message.to_string(), message.line, place, what))
        }
        Err(SqlError::Lost(message)) => {
            let Halt::Ends(ending) =
                broken(unit, &message, 1, place, "ran outside a transaction and may have taken place")
            else {
                return Err(failed(message));
            };
            Err(Halt::Ends(Ending { end: End::Unknown, ..ending }))
        }
    }
}

fn set(session: &mut dyn SqlSession, file: &Ready, mark: Mark, place: &str) -> Result<(), Halt> {
    let wrong = |error: SqlError| {
        failed(format!("{place}: the mark of {} could not be set: {error}", file.script.name()))
    };
    session.set_property(&file.property, &mark.to_string()).map_err(wrong)
}

/// The end after a batch that failed: file, line, batch, the server's words, what became of it.
fn broken(unit: &Unit<'_>, message: &str, line: u32, place: &str, became: &str) -> Halt {
    let line = unit.batch.line.saturating_add(line.saturating_sub(1));
    let name = unit.ready.script.name();
    failed(format!(
        "{name}:{line} batch {} of {} on {place}: {message}; the batch {became}; batches before it are marked and not run again",
        unit.number, unit.of
    ))
}

/// The end where a batch outside a transaction was begun and nobody knows how it ended.
fn undecided(task: &Task, file: &Ready, mark: Mark, place: &str, units: &[&Batch]) -> Ending {
    let index = usize::try_from(mark.done).unwrap_or(usize::MAX);
    let line = units.get(index).map_or(1, |batch| batch.line);
    let whole = Mark { done: mark.done + 1, begun: false, of: mark.of };
    Ending::new(
        End::Unknown,
        format!(
            "{}:{line} batch {} of {} on {place} was begun outside a transaction and its end is not recorded. If it did \
             not take place, resume with --restart {}. If it did, run EXEC sys.sp_updateextendedproperty N'{}', N'{whole}' \
             there, then resume",
            file.script.name(),
            mark.done + 1,
            mark.of,
            task.step.number,
            file.property
        ),
    )
}

fn failed(problem: String) -> Halt {
    Halt::Ends(Ending::new(End::Failed, problem))
}
