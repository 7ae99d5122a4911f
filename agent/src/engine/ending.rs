//! How a step ends, before it is stored: the end, the evidence, and what it did to the server.
//!
//! Neighbours: `engine` stores it. Evidence is for a person: whole sentences, long values only by their size.

use jiff::Timestamp;
use muster_model::outcome::{End, Outcome};
use muster_model::plan::{New, Row};
use muster_model::value::Value;

use super::patience::Stopped;

/// How a step ends.
pub struct Ending {
    /// How.
    pub end: End,
    /// What was seen.
    pub evidence: String,
    /// Done: the rows that were applied. Blocked: the rows that the server shows now.
    pub rows: Vec<Row>,
    /// Skipped: because of which step.
    pub because: Option<u32>,
    /// Whether the step made the thing that it is about.
    pub made: bool,
    /// Rows that hold now and are Muster's: they go into the ownership ledger.
    pub held: Vec<Row>,
    /// In which start of the computer an installer left work for the next one.
    pub restart: Option<String>,
}

impl Ending {
    /// An end without rows.
    pub fn new(end: End, evidence: impl Into<String>) -> Self {
        Self {
            end,
            evidence: evidence.into(),
            rows: Vec::new(),
            because: None,
            made: false,
            held: Vec::new(),
            restart: None,
        }
    }

    /// The outcome to store.
    pub fn outcome(self, ended_at: Timestamp) -> Outcome {
        let Self { end, evidence, rows, because, made: _, held: _, restart: _ } = self;
        Outcome { end, evidence, rows, because, ended_at }
    }
}

/// Why work under way stops before it is through.
pub(super) enum Halt {
    /// The step ends here.
    Ends(Ending),
    /// The agent was asked to stop; what the target keeps says where to go on.
    Stopped(Stopped),
}

/// The end of work that did not do what it should.
pub(super) fn failed(problem: String) -> Halt {
    Halt::Ends(Ending::new(End::Failed, problem))
}

/// The end of work on a task: through with these rows and its evidence, or where it stopped.
pub(super) fn of_work(ran: Result<String, Halt>, rows: &[Row]) -> Result<Ending, Stopped> {
    match ran {
        Ok(evidence) => Ok(Ending { rows: rows.to_vec(), ..Ending::new(End::Done, evidence) }),
        Err(Halt::Ends(ending)) => Ok(ending),
        Err(Halt::Stopped(stopped)) => Err(stopped),
    }
}

/// What these rows left behind, in words.
pub fn held(rows: &[Row]) -> String {
    let words = rows.iter().map(|row| format!("{} is {}", row.attribute, new(&row.new)));
    words.collect::<Vec<_>>().join(", ")
}

fn new(new: &New) -> String {
    /// A line of a terminal; longer values are files.
    const SHOWN_CHARACTERS: usize = 60;
    match new {
        New::Exact(Value::Text(text)) if text.contains('\n') || text.chars().count() > SHOWN_CHARACTERS => {
            format!("as approved ({} bytes)", text.len())
        }
        New::Exact(value) => value.to_string(),
        New::Absent => "absent".to_owned(),
        New::Confirmed => "confirmed".to_owned(),
        New::Ran(_) => "run".to_owned(),
    }
}
