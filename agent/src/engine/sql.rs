//! Scripts of a database: file by file, batch by batch, each marked in the database (G14, G21).
//!
//! A batch and its mark are one transaction. Where the server refuses that, or the batch itself would end it, the batch is
//! announced first and marked after: one that was announced and has no end is unknown, and is run anew only where an
//! operator orders it. So is each batch whose errors its script ignores: in a transaction an error would undo statements
//! that stay where sqlcmd runs them. Batches that are marked are never run again; what they left in force in their session is
//! set in the next one, or told where that cannot be. Neighbours: `muster_agent_core::script` cuts and marks, `host::SqlServer`
//! runs.

use muster_agent_core::script::{Batch, Mark, Script, property, scripts};
use muster_agent_core::tsql::{self, Settings};
use muster_model::outcome::End;
use muster_model::value::Value;

use super::ending::{Ending, Halt, failed, of_work};
use super::script_file::ScriptFile;
use super::{Engine, Error, Task};
use crate::crash;
use crate::host::{SqlBatch, SqlError, SqlMessage, SqlPassed, SqlSession};
use crate::resource::{sql_database, sql_scripts};

/// Lines that batches printed and errors that they ignored, as far as evidence shows them.
const SHOWN_LINES: usize = 8;

const STAYS: &str = "ran outside a transaction: what its statements did before the error stays";

const WHOLE: &str =
    "Restore the database as it was before the script, marks and all, and resume: it runs whole";

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
    /// How many errors of its file were ignored before it.
    ignored: u32,
    /// Whether it was begun before, and an operator orders it anew.
    again: bool,
}

impl Unit<'_> {
    /// The mark of its file before it.
    fn before(&self) -> Mark {
        Mark { done: self.number - 1, begun: false, of: self.of, ignored: self.ignored }
    }

    /// The mark that it was begun, and nobody knows how it ended.
    fn begun(&self) -> Mark {
        Mark { begun: true, ..self.before() }
    }

    /// The mark that it is through.
    fn through(&self) -> Mark {
        Mark { done: self.number, ..self.before() }
    }
}

/// What scripts said, for the task's evidence.
#[derive(Default)]
struct Said {
    /// The first lines that they printed now.
    printed: Vec<String>,
    /// The first errors that were ignored now, each with its place.
    errors: Vec<String>,
    /// How many errors were ignored, all of the task's.
    ignored: u32,
}

impl Engine {
    /// Runs what is not marked yet.
    pub(super) fn sql_scripts(&self, task: &Task) -> Result<Ending, Error> {
        Ok(of_work(self.run_scripts(task), &task.step.rows)?)
    }

    fn run_scripts(&self, task: &Task) -> Result<String, Halt> {
        // Every file is read before the first batch runs, so that a wrong one is found while nothing was done.
        let scripts = scripts(&task.node);
        let flag =
            |name: &str| task.node.attributes.get(name).and_then(Value::as_boolean).unwrap_or_default();
        let open = |script| ScriptFile::open(script, self.host.files(), flag("may_ignore_errors"));
        let files: Result<Vec<ScriptFile>, String> = scripts.into_iter().map(open).collect();
        let mut files = files.map_err(|problem| failed(format!("{problem}; nothing was done")))?;
        let (endpoint, name) = sql_database::named(&task.node).map_err(|error| failed(error.to_string()))?;
        let session = self.host.sql().connect(endpoint, name, flag("quoted_identifier"));
        let mut session = session.map_err(|error| failed(format!("{error}; nothing was done")))?;
        let place = format!("{name} on {}", endpoint.address);
        let (mut ran, mut said, mut left) = (0_u32, Said::default(), Settings::default());
        for file in &mut files {
            let now = self.file(task, file, session.as_mut(), &place, &mut said, &mut left);
            ran += now.map_err(|halt| said.after(halt))?;
        }
        let names: Vec<&str> = files.iter().map(|file| file.script.name()).collect();
        let printed = match said.printed.as_slice() {
            [] => String::new(),
            lines => format!("; it printed: {}", lines.join(" | ")),
        };
        let ignored = said.ignored();
        Ok(format!("{} through on {place}, {ran} batches run now{ignored}{printed}", names.join(", ")))
    }

    /// Runs what is left of a file; gives how many batches that was. `left` is what those before left in a session that is gone.
    fn file(
        &self,
        task: &Task,
        file: &mut ScriptFile,
        session: &mut dyn SqlSession,
        place: &str,
        said: &mut Said,
        left: &mut Settings,
    ) -> Result<u32, Halt> {
        let (property, script, of) = (property(&task.node, &file.script), file.script.clone(), file.runs);
        let marked = Marked { script: &script, property: &property, place };
        let mark =
            sql_scripts::read(session, &property).map_err(|problem| failed(format!("{place}: {problem}")))?;
        let mark = mark.unwrap_or(Mark { done: 0, begun: false, of, ignored: 0 });
        said.ignored = said.ignored.saturating_add(mark.ignored);
        let (mut number, mut ran, mut ignored) = (0, 0, mark.ignored);
        file.each(failed, |batch| {
            if number < mark.done {
                left.follow(&batch.text, || format!("{} batch {}", script.told(batch.place(1)), number + 1));
            }
            for _ in 0..batch.times {
                number += 1;
                if number <= mark.done {
                    continue;
                }
                let again = mark.begun && number == mark.done + 1;
                let unit = Unit { marked, batch: &batch, number, of, ignored, again };
                if again && !task.restart {
                    return Err(Halt::Ends(undecided(task, &unit)));
                }
                self.patience(task, "running scripts").waited(0).map_err(Halt::Stopped)?;
                again_in_force(&unit, session, left)?;
                self.progress(task, format!("{} batch {number} of {of}", script.name()));
                let passed = run(&unit, session)?;
                for error in &passed.errors {
                    let told = format!(
                        "{} batch {number}: {error}",
                        script.told(batch.place(error.line_of_batch()))
                    );
                    self.progress(task, format!("ignored {told}"));
                    said.error(&script, told);
                    ignored = ignored.saturating_add(1);
                }
                said.lines(&unit, passed.printed);
                ran += 1;
            }
            Ok(())
        })?;
        left.end_file();
        if of == 0 {
            set(session, marked, Mark { done: 0, begun: false, of, ignored })?;
        }
        Ok(ran)
    }
}

impl Said {
    /// Logs what a batch printed; the first lines of a task are evidence.
    fn lines(&mut self, unit: &Unit<'_>, printed: Vec<String>) {
        for line in printed.into_iter().filter(|line| !line.is_empty()) {
            tracing::info!(script = unit.marked.script.name(), batch = unit.number, %line, "printed");
            if self.printed.len() < SHOWN_LINES {
                self.printed.push(line);
            }
        }
    }

    /// Logs an error that is ignored; the first ones of a task are evidence.
    fn error(&mut self, script: &Script, told: String) {
        tracing::warn!(script = script.name(), error = %told, "ignored, as the script orders");
        self.ignored = self.ignored.saturating_add(1);
        if self.errors.len() < SHOWN_LINES {
            self.errors.push(told);
        }
    }

    /// How many errors were ignored and what the first ones of now were; nothing where none was.
    fn ignored(&self) -> String {
        match (self.ignored, self.errors.as_slice()) {
            (0, _) => String::new(),
            (number, []) => format!("; errors ignored: {number}, all before"),
            (number, errors) => format!("; errors ignored: {number}, of which now: {}", errors.join(" | ")),
        }
    }

    /// The same end, which tells what was ignored before it.
    fn after(&self, halt: Halt) -> Halt {
        match halt {
            Halt::Ends(ending) => {
                Halt::Ends(Ending { evidence: ending.evidence.clone() + &self.ignored(), ..ending })
            }
            stopped @ Halt::Stopped(_) => stopped,
        }
    }
}

/// Gives the session what batches before left in one that is gone, as its batch may stand on that.
fn again_in_force(unit: &Unit<'_>, session: &mut dyn SqlSession, left: &mut Settings) -> Result<(), Halt> {
    let Marked { script, place, .. } = unit.marked;
    let before = format!("{} batch {} of {}", script.told(unit.batch.place(1)), unit.number, unit.of);
    let wrong = |problem: String| failed(format!("{before} on {place} was not begun: {problem}"));
    let unknown = |what: String| {
        wrong(format!(
            "it goes on in a new session, and nobody knows whether {what} was carried out in the one before. {WHOLE}"
        ))
    };
    if let Some(text) = left.take().map_err(unknown)? {
        let label = format!("{}#settings", script.name());
        let said = session.execute(&SqlBatch { text: &text, label: &label, mark: None });
        said.map_err(|error| {
            let said = text.replace('\n', "; ");
            wrong(format!("what batches before it had set cannot be set in a new session ({said}): {error}"))
        })?;
    }
    match left.lost(&unit.batch.text) {
        None => Ok(()),
        Some(what) => {
            Err(wrong(format!("it needs {what}, which went with the session that made it. {WHOLE}")))
        }
    }
}

/// Runs one batch and marks it.
fn run(unit: &Unit<'_>, session: &mut dyn SqlSession) -> Result<SqlPassed, Halt> {
    let label = format!("{}#{}", unit.marked.script.name(), unit.number);
    if unit.batch.ignores_errors.is_some() {
        return past_errors(unit, session, &label);
    }
    let mark = unit.through().to_string();
    let batch = SqlBatch { text: &unit.batch.text, label: &label, mark: Some((unit.marked.property, &mark)) };
    // What was begun outside a transaction, or ended the one around it, would do so again.
    if unit.again || tsql::runs_alone(batch.text) {
        return alone(unit, session, &batch).map(printed);
    }
    crash::point("sql.batch.before");
    let ran = session.execute(&batch);
    crash::point("sql.batch.after");
    match ran {
        Ok(said) => Ok(printed(said)),
        Err(SqlError::Server(message)) if message.refuses_transaction() => {
            alone(unit, session, &batch).map(printed)
        }
        Err(SqlError::Server(message)) if message.ended_transaction() => {
            Err(torn(unit, session, &message.to_string(), message.line_of_batch()))
        }
        Err(ended @ SqlError::Ended) => Err(torn(unit, session, &ended.to_string(), 1)),
        Err(SqlError::Server(message)) => {
            Err(broken(unit, &message.to_string(), message.line_of_batch(), "was rolled back"))
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
fn alone(unit: &Unit<'_>, session: &mut dyn SqlSession, batch: &SqlBatch<'_>) -> Result<Vec<String>, Halt> {
    set(session, unit.marked, unit.begun())?;
    crash::point("sql.announced");
    match session.execute(&SqlBatch { mark: None, ..*batch }) {
        Ok(said) => {
            crash::point("sql.alone");
            set(session, unit.marked, unit.through())?;
            Ok(said)
        }
        Err(SqlError::Server(message)) => Err(stays(unit, session, &message, STAYS)),
        Err(error @ (SqlError::Lost(_) | SqlError::Ended)) => Err(lost_alone(unit, &error)),
    }
}

/// A batch whose errors its script ignores: announced, run as sqlcmd runs it, marked with how many there were. What is not the
/// script's own ends it all the same.
fn past_errors(unit: &Unit<'_>, session: &mut dyn SqlSession, label: &str) -> Result<SqlPassed, Halt> {
    set(session, unit.marked, unit.begun())?;
    crash::point("sql.announced");
    let passed = match session.pass(&unit.batch.text, label) {
        Ok(passed) => passed,
        Err(SqlError::Server(message)) => return Err(stays(unit, session, &message, STAYS)),
        Err(error @ (SqlError::Lost(_) | SqlError::Ended)) => return Err(lost_alone(unit, &error)),
    };
    crash::point("sql.alone");
    if let Some(message) = passed.errors.iter().find(|message| !message.is_the_script_s_own()) {
        let what = format!("{STAYS}; an error of that severity is not ignored");
        return Err(stays(unit, session, message, &what));
    }
    let errors = u32::try_from(passed.errors.len()).unwrap_or(u32::MAX);
    let ignored = unit.ignored.saturating_add(errors);
    set(session, unit.marked, Mark { ignored, ..unit.through() })?;
    Ok(passed)
}

fn printed(printed: Vec<String>) -> SqlPassed {
    SqlPassed { printed, errors: Vec::new() }
}

/// The end of a batch that failed outside a transaction. It is announced no more, so that a resume runs it; where the server has
/// ended the session, too, nobody knows.
fn stays(unit: &Unit<'_>, session: &mut dyn SqlSession, message: &SqlMessage, what: &str) -> Halt {
    let halt = broken(unit, &message.to_string(), message.line_of_batch(), what);
    if set(session, unit.marked, unit.before()).is_ok() { halt } else { unknown(halt) }
}

/// The end of a batch that called what ended Muster's transaction, told or untold: what it did up to there stays or not,
/// without its mark. It is announced after the fact, so that nothing but an operator runs it again.
fn torn(unit: &Unit<'_>, session: &mut dyn SqlSession, message: &str, line: u32) -> Halt {
    let what = "called what ended the transaction around it: what it did before may stay";
    let halt = broken(unit, message, line, what);
    unknown(set(session, unit.marked, unit.begun()).err().unwrap_or(halt))
}

/// The same end, where nobody knows what took place.
fn unknown(halt: Halt) -> Halt {
    match halt {
        Halt::Ends(ending) => Halt::Ends(Ending { end: End::Unknown, ..ending }),
        stopped @ Halt::Stopped(_) => stopped,
    }
}

/// The end where a batch outside a transaction was sent and its answer never came.
fn lost_alone(unit: &Unit<'_>, error: &SqlError) -> Halt {
    unknown(broken(unit, &error.to_string(), 1, "ran outside a transaction and may have taken place"))
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
        "{told} batch {} of {} on {place}: {message}; the batch {became}; batches before it are marked, and a resume does not run them \
         again; a corrected file would run whole, so put what is left into a new one",
        unit.number, unit.of
    ))
}

/// The end where a batch outside a transaction was begun and nobody knows how it ended.
fn undecided(task: &Task, unit: &Unit<'_>) -> Ending {
    let Unit { marked: Marked { script, property, place }, batch, number, of, .. } = *unit;
    let whole = unit.through();
    Ending::new(
        End::Unknown,
        format!(
            "{} batch {number} of {of} on {place} was begun outside a transaction and its end is not recorded. Look whether it \
             took place. If it did, run EXEC sys.sp_updateextendedproperty N'{property}', N'{whole}' there, or it is run again. \
             Then resume with --restart {}",
            script.told(batch.place(1)),
            task.step.number
        ),
    )
}
