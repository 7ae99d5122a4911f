//! `muster-agent run`: puts the parts together and keeps them going until a signal or a failure.
//!
//! Two things run side by side: the engine on a thread of its own, and the session. Neighbours: `cli` calls this; all other
//! rooms are wired here and nowhere else. It decides nothing.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;
use muster_proto::session::Welcome;
use tokio::runtime::Runtime;
use tokio::sync::{oneshot, watch};

use crate::engine::Engine;
use crate::host;
use crate::identity::{DataDir, Enrolled};
use crate::journal::Journal;
use crate::journal::sqlite::SqliteStore;
use crate::media::{Cache, Fetcher};
use crate::os;
use crate::outlet::Outlet;
use crate::reception::Reception;
use crate::renew::Renewal;
use crate::session;
use crate::supervise::Supervisor;
use crate::vault::{Secrets, Vault};

/// An agent, opened and not yet at work.
pub struct Agent {
    options: session::Options,
    reception: Arc<Reception>,
    fetcher: Fetcher,
    engine: Engine,
}

impl Agent {
    /// Opens the journal and the machine. The data folder must be locked.
    ///
    /// # Errors
    /// Where it is not enrolled, the journal is damaged, or the machine cannot be reached.
    pub fn open(data: &DataDir, twin: Option<&Path>, runtime: &Runtime) -> anyhow::Result<Self> {
        let Enrolled { identity, credentials, secrets_key } = data.enrolled()?;
        let exe = std::env::current_exe().context("this program cannot find itself")?;
        let store = SqliteStore::open(&data.database(), &identity.server, runtime.handle().clone())?;
        let journal = Arc::new(Journal::open(Box::new(store))?);
        let installers = std::path::absolute(data.installers()).context("the data folder has no path")?;
        let vault = Arc::new(Vault::new(secrets_key));
        let host = host::open(twin, &exe, &installers, Arc::clone(&vault) as Arc<dyn Secrets>)?;
        let server = identity.server.clone();
        let media = std::path::absolute(data.media()).context("the data folder has no path")?;
        let (stager, fetcher) = Fetcher::new(Cache::new(media.clone()));
        let (host_of, vault_of, journal_of) = (Arc::clone(&host), Arc::clone(&vault), Arc::clone(&journal));
        let fetching = Arc::new(stager.clone());
        let reception = Reception::new(identity.server, host_of, vault_of, journal_of, stager)?;
        let supervisor = Supervisor { dir: installers, exe };
        supervisor.sweep()?;
        let engine = Engine {
            host,
            installers: Arc::new(supervisor),
            media: Cache::new(media),
            fetching,
            vault,
            journal,
            outlet: Outlet::default(),
            stop: Arc::new(AtomicBool::new(false)),
            asked: Arc::new(AtomicBool::new(false)),
        };
        let renewal = Renewal::new(data.clone(), server, identity.controller.clone(), credentials);
        let options = session::Options { controller: identity.controller, renewal };
        Ok(Self { options, reception: Arc::new(reception), fetcher, engine })
    }

    /// What it dials with.
    pub fn options(&self) -> &session::Options {
        &self.options
    }

    /// What answers for it.
    pub fn reception(&self) -> &Reception {
        &self.reception
    }

    /// This clock less the controller's, in milliseconds, as the welcome is read.
    pub fn clock_offset_ms(&self, welcome: &Welcome) -> i64 {
        self.engine.host.clock().now().as_millisecond() - welcome.now.as_millisecond()
    }

    /// Works until a signal comes.
    ///
    /// # Errors
    /// As [`Self::work_until`].
    pub async fn work(self) -> anyhow::Result<()> {
        self.work_until(async { os::terminated().await.context("signals cannot be listened to") }).await
    }

    /// Works until it is asked to stop, by whom is said; the step that is under way ends first, or is left to be taken up at
    /// the next start.
    ///
    /// # Errors
    /// Where the journal fails or a part dies.
    pub async fn work_until(
        self,
        asked_to_stop: impl Future<Output = anyhow::Result<&'static str>>,
    ) -> anyhow::Result<()> {
        let Self { options, reception, fetcher, engine } = self;
        let (stop, journal, outlet) =
            (Arc::clone(&engine.stop), Arc::clone(&engine.journal), engine.outlet.clone());
        let (asked, asking) = (Arc::clone(&engine.asked), Arc::clone(&journal));
        let (ended, mut engine_ended) = oneshot::channel();
        let thread = std::thread::Builder::new().name("engine".to_owned()).spawn(move || {
            let result = engine.run();
            // Nobody waits any more where the agent is on its way out.
            if ended.send(result).is_err() {
                tracing::debug!("the engine ended after the agent");
            }
        });
        let thread = thread.context("the engine's thread cannot be started")?;
        let (stop_session, stopped) = watch::channel(false);
        let session = session::run(&options, &reception, &outlet, stopped, move || {
            asked.store(true, Ordering::SeqCst);
            asking.wake();
        });
        // What is fetched goes on over the sessions, and ends with the last.
        let session = async {
            tokio::select! {
                ended = session => ended,
                never = fetcher.run(&options, &outlet) => never,
            }
        };
        tokio::pin!(session);
        let result = tokio::select! {
            result = &mut engine_ended => return engine_result(result),
            result = &mut session => result.context("the session cannot go on"),
            by = asked_to_stop => {
                tracing::info!(by = by?, "stopping after the step that is under way");
                Ok(())
            }
        };
        stop.store(true, Ordering::SeqCst);
        journal.wake();
        if result.is_ok() {
            // The session goes on until the engine has stopped, so that the last outcome is sent.
            tokio::select! {
                result = &mut engine_ended => engine_result(result)?,
                result = &mut session => result.context("the session cannot go on")?,
            }
        }
        stop_session.send_replace(true);
        if result.is_ok() && thread.join().is_err() {
            anyhow::bail!("the engine died");
        }
        result
    }
}

fn engine_result(
    result: Result<Result<(), crate::engine::Error>, oneshot::error::RecvError>,
) -> anyhow::Result<()> {
    result.context("the engine died")?.context("the engine stopped")
}
