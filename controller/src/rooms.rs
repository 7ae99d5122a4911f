//! The rooms between the store and the doors, put together in their order.
//!
//! Neighbours: `serve` opens them before anybody can connect and hands their services to the doors. Nothing happens here
//! but that each room is given those that it calls.

use muster_model::command;
use tokio::sync::watch;

use crate::api::{agent, operator};
use crate::authority::Authority;
use crate::dispatch;
use crate::intake::Intake;
use crate::intake::catalog::{self, Catalog};
use crate::media::Media;
use crate::planning::Planning;
use crate::progress::Progress;
use crate::recovery::Recovery;
use crate::secrets::Secrets;
use crate::session;
use crate::stage::Stage;
use crate::store::{Epoch, Store};
use crate::views::Views;

/// The rooms of a controller that is about to serve.
pub struct Rooms {
    /// Who is connected.
    pub sessions: session::Handle,
    /// The task that wakes runs; to be run.
    pub driver: dispatch::Service,
    /// The operators' door.
    pub operator: operator::Service,
    /// The agents' door.
    pub agent: agent::Service,
}

impl Rooms {
    /// Opens the rooms under an epoch; active runs go on from where their events left them. `drain` turns true when the
    /// controller stops.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn open(
        store: Store,
        epoch: Epoch,
        authority: Authority,
        catalog: Catalog,
        media: Media,
        drain: watch::Receiver<bool>,
    ) -> Result<Self, dispatch::Error> {
        let epoch = command::Epoch { number: epoch.number, instance: epoch.instance };
        let sessions = session::Handle::new(
            store.clone(),
            session::Options::new(epoch),
            catalog::host_of(catalog.clone()),
        );
        let recovery = Recovery::open(store.clone(), sessions.clone()).await?;
        let recovering = recovery.is_reading();
        let driver = dispatch::Service::start(store.clone(), sessions.clone(), recovering).await?;
        let planning = Planning::new(store.clone(), catalog.clone(), sessions.clone(), driver.handle());
        let progress = Progress::default();
        let doorkeeper = authority.clone();
        let secrets = Secrets::new(store.clone(), catalog.clone(), driver.handle());
        let stage = Stage::new(store.clone(), catalog.clone(), sessions.clone(), media.clone());
        let operator = operator::Service {
            intake: Intake::new(store.clone(), catalog.clone()),
            views: Views::new(store.clone(), catalog),
            planning,
            authority,
            recovery: recovery.clone(),
            dispatch: driver.handle(),
            secrets: secrets.clone(),
            media: media.clone(),
            stage: stage.clone(),
            sessions: sessions.clone(),
            drain: drain.clone(),
            progress: progress.clone(),
            store,
        };
        let agent = agent::Service {
            sessions: sessions.clone(),
            dispatch: driver.handle(),
            progress,
            recovery,
            authority: doorkeeper,
            secrets,
            media,
            stage,
            drain,
        };
        Ok(Self { sessions, driver, operator, agent })
    }
}
