//! `muster.recovery/1`: who was read, and what each knows that this controller does not.
//!
//! Neighbours: `muster_core::recovery` puts it into sentences; this gathers what the store knows of what a memory names.

use std::collections::{BTreeMap, BTreeSet};

use muster_core::recovery::{Known, findings};
use muster_model::memory::AgentMemory;
use muster_model::name::ServerId;
use muster_model::view::{RecoveryServer, RecoveryState, RecoveryView};

use super::{Recovery, unread};
use crate::store::{Error, ReadMemory, Snapshot};

impl Recovery {
    /// How far the recovery is.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn view(&self) -> Result<RecoveryView, Error> {
        let mut snapshot = self.inner.store.snapshot().await?;
        let Some(recovery) = snapshot.recovery().await? else {
            return Ok(RecoveryView {
                state: RecoveryState::None,
                made_at: None,
                began_at: None,
                confirmed: None,
                servers: Vec::new(),
                next: Vec::new(),
            });
        };
        let mut servers = Vec::new();
        for ReadMemory { at, memory } in snapshot.memories().await? {
            let known = known(&mut snapshot, &memory, recovery.epoch).await?;
            let server = RecoveryServer { read_at: Some(at), ..of(&mut snapshot, &memory.server).await? };
            servers.push(RecoveryServer {
                epoch: memory.epoch.map(|epoch| epoch.number),
                generation: memory.generation,
                journal: Some(memory.journal),
                newest_plan: memory.newest_plan,
                findings: findings(&memory, &known),
                ..server
            });
        }
        let unread = unread(&mut snapshot).await?;
        let all_read = unread.is_empty();
        for server in unread {
            servers.push(of(&mut snapshot, &server).await?);
        }
        servers.sort_by(|one, other| one.server.cmp(&other.server));
        let state =
            if recovery.confirmed.is_some() { RecoveryState::Confirmed } else { RecoveryState::Reading };
        let next = match (state, all_read) {
            (RecoveryState::Reading, true) => vec!["muster recover confirm".to_owned()],
            (RecoveryState::Reading, false) => vec![
                "start the agents that were not read, then: muster recover status".to_owned(),
                "muster recover confirm --leave-unread".to_owned(),
            ],
            (RecoveryState::Confirmed | RecoveryState::None, _) => vec!["muster status".to_owned()],
        };
        Ok(RecoveryView {
            state,
            made_at: recovery.made_at,
            began_at: Some(recovery.began_at),
            confirmed: recovery.confirmed.map(|confirmed| (confirmed.by, confirmed.at)),
            servers,
            next,
        })
    }
}

/// A server of which nothing was read.
async fn of(snapshot: &mut Snapshot, server: &ServerId) -> Result<RecoveryServer, Error> {
    Ok(RecoveryServer {
        server: server.clone(),
        connected: snapshot.server(server).await?.is_some_and(|server| server.connected),
        read_at: None,
        epoch: None,
        generation: None,
        journal: None,
        newest_plan: None,
        findings: Vec::new(),
    })
}

/// What the store knows of what a memory names.
async fn known(snapshot: &mut Snapshot, memory: &AgentMemory, epoch: u64) -> Result<Known, Error> {
    let server = &memory.server;
    let (mut plans, mut commands, mut keys) = (BTreeMap::new(), BTreeSet::new(), BTreeSet::new());
    for plan in &memory.plans {
        if let Some(stored) = snapshot.plan(plan.plan).await?.filter(|stored| stored.site == server.site) {
            plans.insert(plan.plan, stored.digest);
            commands.extend(snapshot.commands_of(plan.plan).await?);
        }
    }
    for outcome in &memory.unacknowledged {
        if snapshot.step_key(outcome.key).await?.is_some() {
            keys.insert(outcome.key);
        }
    }
    Ok(Known {
        enrolled: snapshot.server(server).await?.is_some_and(|server| server.serial.is_some()),
        epoch,
        generation: snapshot.newest_manifest(server).await?.map(|newest| newest.generation),
        plans,
        commands,
        keys,
    })
}
