//! The marks of a task's scripts, as its database has them now.
//!
//! Neighbours: `engine::sql` runs the scripts, `muster_agent_core::script` says what a mark is. Changes nothing.

use muster_agent_core::due;
use muster_agent_core::observation::Observation;
use muster_agent_core::script::{Mark, progress, property, scripts};
use muster_model::manifest::Node;

use super::sql_database;
use crate::host::{Host, SqlSession};

/// The task's marker: its key once every script is through, else how far they are in words.
pub(super) fn observe(node: &Node, host: &dyn Host) -> Observation {
    match marks(node, host) {
        Err(problem) => Observation::Unreadable(problem),
        Ok(None) => Observation::Absent,
        Ok(Some(marks)) if marks.iter().all(|mark| mark.is_some_and(Mark::is_whole)) => due::marker(node),
        Ok(Some(marks)) => match progress(&scripts(node), &marks) {
            Some(words) => due::marked(&words),
            None => Observation::Absent,
        },
    }
}

/// A mark for each script; none where there is no database yet.
fn marks(node: &Node, host: &dyn Host) -> Result<Option<Vec<Option<Mark>>>, String> {
    let (endpoint, name) = sql_database::named(node).map_err(|error| error.to_string())?;
    let there = host.sql().database(endpoint, name).map_err(|error| error.to_string())?;
    if there.is_none() {
        return Ok(None);
    }
    let session = host.sql().connect(endpoint, name, true);
    let mut session = session.map_err(|error| error.to_string())?;
    scripts(node)
        .iter()
        .map(|script| read(session.as_mut(), &property(node, script)))
        .collect::<Result<_, _>>()
        .map(Some)
}

/// The mark in that property, or none.
pub(crate) fn read(session: &mut dyn SqlSession, property: &str) -> Result<Option<Mark>, String> {
    let text = session.property(property).map_err(|error| error.to_string())?;
    text.map(|text| text.parse()).transpose()
}
