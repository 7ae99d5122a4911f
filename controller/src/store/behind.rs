//! Rows that are written behind: kept in memory while the writer runs a batch of jobs, and written together before the
//! batch's commit, a statement for each table instead of one for each row. What is only ever added and read by nobody in
//! between waits here: events, step keys as they are issued, positions of journals, the status of sites.
//!
//! Neighbours: the methods of `Tx` add rows, `writer` begins and ends a job and writes what is left before it commits.
//! Whatever reads one of these tables asks [`Snapshot::settled`] first, so that a write reads itself. Nothing is written
//! behind a commit: an answer means that everything is on disk.

use std::collections::BTreeMap;

use muster_model::name::Slug;
use serde::Serialize;
use sqlx::SqliteConnection;

use super::{Error, Snapshot};

/// Rows of one batch that are not written yet.
#[derive(Default)]
pub(super) struct Behind {
    pub(super) events: Vec<EventRow>,
    pub(super) keys: Vec<KeyRow>,
    pub(super) journals: Vec<JournalRow>,
    pub(super) statuses: Vec<StatusRow>,
    begun: Mark,
    /// Rows of earlier jobs that this job wrote inside its savepoint: to be written again where it is undone.
    earlier: Option<Box<Behind>>,
    savepoint: Savepoint,
}

/// How many rows of each there were when the job began.
#[derive(Clone, Copy, Default)]
struct Mark {
    events: usize,
    keys: usize,
    journals: usize,
    statuses: usize,
}

/// Where the job's savepoint stands: one that reads and writes nothing but what is written behind needs none.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Savepoint {
    #[default]
    None,
    Due,
    Open,
}

/// `sequence`, `at_ms`, `site`, `plan`, `body`.
#[derive(Clone, Serialize)]
pub(super) struct EventRow(
    pub(super) i64,
    pub(super) i64,
    pub(super) Option<Slug>,
    pub(super) Option<i64>,
    pub(super) String,
);

/// `step_key`, `plan`, `step`, `server`, `command`, `issued_sequence`.
#[derive(Clone, Serialize)]
pub(super) struct KeyRow(
    pub(super) String,
    pub(super) i64,
    pub(super) u32,
    pub(super) String,
    pub(super) String,
    pub(super) i64,
);

/// `server`, `position`.
#[derive(Clone, Serialize)]
pub(super) struct JournalRow(pub(super) String, pub(super) i64);

/// `site`, `plan`, `format`, `body`.
#[derive(Clone, Serialize)]
pub(super) struct StatusRow(pub(super) Slug, pub(super) i64, pub(super) u32, pub(super) String);

const EVENTS: &str = "INSERT INTO events (sequence, at_ms, site, plan, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, CAST(value ->> 4 AS BLOB) FROM json_each($1)";
const KEYS: &str = "INSERT INTO step_keys (step_key, plan, step, server, command, issued_sequence)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5 FROM json_each($1)";
const JOURNALS: &str = "INSERT INTO journals (server, position)
    SELECT value ->> 0, value ->> 1 FROM json_each($1) WHERE true
    ON CONFLICT (server) DO UPDATE SET position = excluded.position WHERE excluded.position > journals.position";
const STATUSES: &str = "INSERT INTO site_status (site, plan, format, body)
    SELECT value ->> 0, value ->> 1, value ->> 2, CAST(value ->> 3 AS BLOB) FROM json_each($1) WHERE true
    ON CONFLICT (site) DO UPDATE SET plan = excluded.plan, format = excluded.format, body = excluded.body
    WHERE excluded.plan >= site_status.plan";

impl Behind {
    fn mark(&self) -> Mark {
        let Self { events, keys, journals, statuses, .. } = self;
        Mark { events: events.len(), keys: keys.len(), journals: journals.len(), statuses: statuses.len() }
    }

    fn is_empty(&self) -> bool {
        let Mark { events, keys, journals, statuses } = self.mark();
        events + keys + journals + statuses == 0
    }

    fn truncate(&mut self, mark: Mark) {
        self.events.truncate(mark.events);
        self.keys.truncate(mark.keys);
        self.journals.truncate(mark.journals);
        self.statuses.truncate(mark.statuses);
    }

    /// The rows up to that mark.
    fn until(&self, mark: Mark) -> Self {
        Self {
            events: self.events[..mark.events].to_vec(),
            keys: self.keys[..mark.keys].to_vec(),
            journals: self.journals[..mark.journals].to_vec(),
            statuses: self.statuses[..mark.statuses].to_vec(),
            ..Self::default()
        }
    }

    /// Writes every row, in the order of the references between the tables.
    async fn write(&mut self, connection: &mut SqliteConnection) -> Result<(), Error> {
        insert(connection, EVENTS, &self.events).await?;
        insert(connection, KEYS, &self.keys).await?;
        insert(connection, JOURNALS, &self.journals).await?;
        insert(connection, STATUSES, &newest(&self.statuses)).await?;
        self.truncate(Mark::default());
        Ok(())
    }
}

/// Of each site, the last row of its newest plan: the one that would be left.
fn newest(rows: &[StatusRow]) -> Vec<&StatusRow> {
    let mut newest: BTreeMap<&Slug, &StatusRow> = BTreeMap::new();
    for row in rows {
        let kept = newest.entry(&row.0).or_insert(row);
        if row.1 >= kept.1 {
            *kept = row;
        }
    }
    newest.into_values().collect()
}

async fn insert<T: Serialize>(
    connection: &mut SqliteConnection,
    statement: &'static str,
    rows: &[T],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(statement).bind(serde_json::to_string(rows)?).execute(connection).await?;
    Ok(())
}

impl Snapshot {
    /// The connection, for anything but the tables of this file.
    pub(crate) async fn connection(&mut self) -> Result<&mut SqliteConnection, Error> {
        if self.behind.savepoint == Savepoint::Due {
            sqlx::query("SAVEPOINT job").execute(&mut *self.transaction).await?;
            self.behind.savepoint = Savepoint::Open;
        }
        Ok(&mut self.transaction)
    }

    /// The connection, once every row that was written behind is in its table.
    pub(super) async fn settled(&mut self) -> Result<&mut SqliteConnection, Error> {
        self.connection().await?;
        if !self.behind.is_empty() {
            if self.behind.earlier.is_none() {
                self.behind.earlier = Some(Box::new(self.behind.until(self.behind.begun)));
            }
            self.behind.write(&mut self.transaction).await?;
        }
        Ok(&mut self.transaction)
    }

    /// Whether a step key waits to be written.
    pub(super) fn is_behind(&self, key: &str) -> bool {
        self.behind.keys.iter().any(|row| row.0 == key)
    }

    /// Writes what is left, once no job runs.
    pub(super) async fn write_behind(&mut self) -> Result<(), Error> {
        self.behind.write(&mut self.transaction).await
    }

    /// A job begins: from here on everything can be undone.
    pub(super) fn begin_job(&mut self) {
        self.behind.begun = self.behind.mark();
        self.behind.savepoint = Savepoint::Due;
    }

    /// The job ended; what it wrote is kept, or undone.
    pub(super) async fn end_job(&mut self, keep: bool) -> Result<(), Error> {
        let open = std::mem::take(&mut self.behind.savepoint) == Savepoint::Open;
        let earlier = self.behind.earlier.take();
        if !keep {
            match earlier {
                Some(earlier) => self.behind = *earlier,
                None => self.behind.truncate(self.behind.begun),
            }
        }
        if open {
            let end = if keep {
                "RELEASE SAVEPOINT job"
            } else {
                "ROLLBACK TO SAVEPOINT job; RELEASE SAVEPOINT job"
            };
            sqlx::raw_sql(end).execute(&mut *self.transaction).await?;
        }
        Ok(())
    }
}
