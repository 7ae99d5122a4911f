//! Step keys: each attempt at a step, issued once and ended at most once.
//!
//! Neighbours: `event` writes them with `CommandIssued` and `StepEnded`; the agent's door asks for a key before it appends,
//! so that an outcome that arrives again is recognised inside the transaction. Journal positions of agents are here too.

use muster_model::event::Event;
use muster_model::name::{PlanId, Role, Sequence, ServerId};
use muster_model::outcome::{CommandId, StepKey, StepTicket};
use sqlx::Row as _;

use super::behind::{JournalRow, KeyRow};
use super::row::{int, nat, nat32, parse};
use super::{Error, Snapshot, Tx};

/// One attempt at one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepKeyRecord {
    /// The plan.
    pub plan: PlanId,
    /// The step's number.
    pub step: u32,
    /// The server that it was sent to.
    pub server: ServerId,
    /// The command that carried it.
    pub command: CommandId,
    /// The event that ended it, if one did.
    pub ended: Option<Sequence>,
}

impl Snapshot {
    /// What is known of a step key; none for one that no command carried.
    pub async fn step_key(&mut self, key: StepKey) -> Result<Option<StepKeyRecord>, Error> {
        let row = sqlx::query("SELECT * FROM step_keys WHERE step_key = $1")
            .bind(key.to_string())
            .fetch_optional(self.settled().await?)
            .await?;
        row.map(|row| {
            let ended: Option<i64> = row.try_get("ended_sequence")?;
            Ok(StepKeyRecord {
                plan: PlanId(nat("plan", row.try_get("plan")?)?),
                step: nat32("step", row.try_get("step")?)?,
                server: parse("server", row.try_get("server")?)?,
                command: CommandId(parse("command", row.try_get("command")?)?),
                ended: ended.map(|sequence| nat("sequence", sequence).map(Sequence)).transpose()?,
            })
        })
        .transpose()
    }

    /// The commands of a plan.
    pub async fn commands_of(&mut self, plan: PlanId) -> Result<Vec<CommandId>, Error> {
        let commands: Vec<String> =
            sqlx::query_scalar("SELECT DISTINCT command FROM step_keys WHERE plan = $1")
                .bind(int(plan.0)?)
                .fetch_all(self.settled().await?)
                .await?;
        commands.iter().map(|command| parse("command", command).map(CommandId)).collect()
    }

    /// The highest journal position of an agent that is stored; 0 is none.
    pub async fn journal(&mut self, server: &ServerId) -> Result<u64, Error> {
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM journals WHERE server = $1")
            .bind(server.to_string())
            .fetch_optional(self.settled().await?)
            .await?;
        nat("journal position", position.unwrap_or(0))
    }
}

impl Tx {
    /// Notes that an agent's journal was seen at a position; never lowers it.
    pub fn raise_journal(&mut self, server: &ServerId, position: u64) -> Result<(), Error> {
        self.snapshot.behind.journals.push(JournalRow(server.to_string(), int(position)?));
        Ok(())
    }

    pub(super) fn keys_issued(
        &mut self,
        event: &Event,
        plan: PlanId,
        command: CommandId,
        role: &Role,
        steps: &[StepTicket],
    ) -> Result<(), Error> {
        let site = event.site.clone().ok_or(Error::IllegalForPlan(plan))?;
        let server = ServerId { site, role: role.clone() }.to_string();
        let (plan, sequence) = (int(plan.0)?, int(event.sequence.0)?);
        let row = |ticket: &StepTicket| {
            let (key, command) = (ticket.key.to_string(), command.to_string());
            KeyRow(key, plan, ticket.number, server.clone(), command, sequence)
        };
        self.snapshot.behind.keys.extend(steps.iter().map(row));
        Ok(())
    }

    pub(super) async fn key_ended(&mut self, sequence: Sequence, key: StepKey) -> Result<(), Error> {
        let text = key.to_string();
        if self.is_behind(&text) {
            self.settled().await?;
        }
        let changed = sqlx::query(
            "UPDATE step_keys SET ended_sequence = $1 WHERE step_key = $2 AND ended_sequence IS NULL",
        )
        .bind(int(sequence.0)?)
        .bind(text)
        .execute(self.connection().await?)
        .await?;
        if changed.rows_affected() == 1 {
            return Ok(());
        }
        Err(if self.step_key(key).await?.is_some() {
            Error::AlreadyEnded(key)
        } else {
            Error::NeverIssued(key)
        })
    }
}
