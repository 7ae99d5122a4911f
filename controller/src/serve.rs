//! Starts the controller, keeps it, and stops it in order.
//!
//! Neighbours: every room is put together here and nowhere else. The order of the start is a promise: the epoch is on disk
//! before anybody can connect, the address is written when connections are answered. The order of the stop, too: no new
//! connection, streams end, calls finish, the writer finishes, the file is closed. A controller whose writer stopped ends:
//! what was being written is settled by the next start.

use std::fs::{File, TryLockError};
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_model::limits;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tonic::transport::Server;
use uuid::Uuid;

use crate::access;
use crate::api::{Doors, enrollment};
use crate::authority::{self, Authority, HostOf, files};
use crate::clock::Clock;
use crate::crash;
use crate::dispatch;
use crate::init::DATABASE_FILE;
use crate::intake::catalog::Catalog;
use crate::media::Media;
use crate::rooms::Rooms;
use crate::session;
use crate::store::{self, Epoch, Fatal, Store};
use crate::tls::{self, Acceptor};

/// The file that a running controller holds locked.
const LOCK_FILE: &str = "lock";
/// The file with the address of a running controller, as `host:port`.
const ADDRESS_FILE: &str = "address";

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The data directory that `init` made.
    pub data_dir: PathBuf,
    /// Where to listen instead of where `init` said.
    pub listen: Option<String>,
}

/// Why a controller did not start, or did not end well.
#[derive(Debug, Error)]
pub enum Error {
    /// No controller was made there.
    #[error("{0} holds no controller; make one with `muster-controller init`")]
    NotMade(String),
    /// Another process serves the directory.
    #[error("{0} is served by another process; stop that one first")]
    Running(String),
    /// A file cannot be used.
    #[error("{0} cannot be used")]
    File(String, #[source] io::Error),
    /// The address cannot be listened on.
    #[error("nobody can listen on {0}; is another program there? choose another with --listen")]
    Listen(String, #[source] io::Error),
    /// The store cannot be opened or read.
    #[error("the store cannot be used")]
    Store(#[from] store::Error),
    /// The authority's files cannot be used.
    #[error("the authority cannot be used")]
    Authority(#[from] authority::Error),
    /// TLS cannot be set up.
    #[error("TLS cannot be set up")]
    Tls(#[from] tls::Error),
    /// Serving failed.
    #[error("the controller cannot serve")]
    Serve(#[from] tonic::transport::Error),
    /// The runs that were under way cannot be taken up.
    #[error("the runs that were under way cannot go on")]
    Dispatch(#[from] dispatch::Error),
    /// Nothing can be stored any more.
    #[error("the controller cannot store anything and stops; start it again once the cause is mended: {0}")]
    Fatal(Fatal),
}

/// A controller that serves.
pub struct Running {
    address: SocketAddr,
    store: Store,
    authority: Authority,
    epoch: Epoch,
    sessions: session::Handle,
    dispatch: dispatch::Handle,
    stop: watch::Sender<bool>,
    cut: watch::Sender<bool>,
    server: tokio::task::JoinHandle<Result<(), tonic::transport::Error>>,
    _lock: File,
}

/// Serves until `until` is there, then drains.
///
/// # Errors
/// Where it could not start, or its writer stopped.
pub async fn run(
    options: Options,
    clock: Clock,
    host_of: HostOf,
    until: impl Future<Output = ()>,
) -> Result<(), Error> {
    let running = Running::start(options, clock, host_of).await?;
    tracing::info!(address = %running.address, epoch = running.epoch.number, "serving");
    let store = running.store.clone();
    tokio::select! {
        () = until => {
            tracing::info!("stopping");
            running.stop().await
        }
        fatal = store.stopped() => Err(Error::Fatal(fatal)),
    }
}

impl Running {
    /// Starts: when this returns, connections are answered.
    ///
    /// # Errors
    /// Where the directory holds no controller, another process serves it, or the address is taken.
    pub async fn start(options: Options, clock: Clock, host_of: HostOf) -> Result<Self, Error> {
        let data_dir = &options.data_dir;
        let database = data_dir.join(DATABASE_FILE);
        if !database.exists() {
            return Err(Error::NotMade(data_dir.display().to_string()));
        }
        let lock = lock(data_dir)?;
        // Whoever waits for the file must not find the address of the start before.
        let address_file = data_dir.join(ADDRESS_FILE);
        remove(&address_file)?;
        let store = Store::open(&database, clock.clone()).await?;
        store.snapshot().await?.check_integrity().await?;
        let config = tls::config(&authority::controller_chain(data_dir, &store).await?)?;
        let made_for = store.snapshot().await?.listen().await?;
        crash::point("serve.before_epoch");
        let instance = Uuid::new_v4();
        let epoch: Epoch = store
            .transaction(move |tx| Box::pin(async move { tx.begin_epoch(instance).await }))
            .await
            .map_err(|error: store::Error| Error::Store(error))?;
        crash::point("serve.after_epoch");

        let listen = options.listen.as_ref().unwrap_or(&made_for);
        let listener =
            TcpListener::bind(listen).await.map_err(|error| Error::Listen(listen.clone(), error))?;
        let address = listener.local_addr().map_err(|error| Error::Listen(listen.clone(), error))?;
        let dialled = dialled(&made_for, options.listen.as_deref(), address.port());
        let authority = Authority::open(data_dir, store.clone(), dialled, host_of).await?;
        let (stop, stopping) = watch::channel(false);
        let (cut, cut_out) = watch::channel(false);
        let acceptor = Acceptor {
            config,
            revocations: authority.revocations().clone(),
            clock: clock.clone(),
            cut: cut_out,
        };
        let guard = access::Guard::new(authority.revocations().clone(), clock.clone());
        let (catalog, media) = (Catalog::default(), Media::new(data_dir, clock));
        let Rooms { sessions, driver, operator, agent } =
            Rooms::open(store.clone(), epoch, authority.clone(), catalog, media, stop.subscribe()).await?;
        let dispatch = driver.handle();
        tokio::spawn(driver.run(stop.subscribe()));
        let doors = Doors::new(enrollment::Service::server(authority.clone()), operator, agent);
        let server = tokio::spawn(
            Server::builder()
                .http2_keepalive_interval(Some(Duration::from_millis(limits::KEEPALIVE_INTERVAL_MS)))
                .http2_keepalive_timeout(Some(Duration::from_millis(limits::KEEPALIVE_TIMEOUT_MS)))
                .max_concurrent_streams(u32::try_from(limits::STREAMS).ok())
                .http2_max_header_list_size(u32::try_from(limits::HEADER_SIZE_BYTES).ok())
                .layer(access::Layer::new(guard))
                .serve_with_incoming_shutdown(doors, acceptor.accept(listener), stopped(stopping)),
        );
        files::replace_private(&address_file, &format!("{address}\n")).map_err(in_file(&address_file))?;
        Ok(Self { address, store, authority, epoch, sessions, dispatch, stop, cut, server, _lock: lock })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Its authority.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The driver of its runs.
    pub fn dispatch(&self) -> &dispatch::Handle {
        &self.dispatch
    }

    /// The epoch under which it serves.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Stops in order. Calls that do not end within [`limits::DRAIN_MS`] are cut.
    ///
    /// # Errors
    /// Where serving had failed, or the writer had stopped.
    pub async fn stop(mut self) -> Result<(), Error> {
        self.stop.send_replace(true);
        self.sessions.cut_all();
        let limit = Duration::from_millis(limits::DRAIN_MS);
        let served = match tokio::time::timeout(limit, &mut self.server).await {
            Ok(served) => served,
            Err(_) => {
                tracing::warn!("calls that do not end are cut");
                self.cut.send_replace(true);
                self.server.await
            }
        };
        match served {
            Ok(served) => served?,
            Err(error) => tracing::error!(%error, "serving ended in a defect"),
        }
        self.store.close().await?;
        Ok(())
    }
}

async fn stopped(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("the controller was dropped while it served");
    }
}

/// Takes the data directory for this process.
pub(crate) fn lock(data_dir: &Path) -> Result<File, Error> {
    let path = data_dir.join(LOCK_FILE);
    let file =
        File::options().create(true).truncate(false).write(true).open(&path).map_err(in_file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Running(data_dir.display().to_string())),
        Err(TryLockError::Error(error)) => Err(in_file(&path)(error)),
    }
}

/// Removes a file that may be missing.
fn remove(path: &Path) -> Result<(), Error> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(in_file(path)(error)),
        Ok(()) | Err(_) => Ok(()),
    }
}

fn in_file(path: &Path) -> impl FnOnce(io::Error) -> Error {
    let path = path.display().to_string();
    move |error| Error::File(path, error)
}

/// Where agents dial: the host that the operator named last and that is one machine's, with the port that is listened on.
fn dialled(made_for: &str, listen: Option<&str>, port: u16) -> String {
    let host = |address: &str| address.rsplit_once(':').map_or(address, |(host, _)| host).to_owned();
    let host = listen
        .map(host)
        .filter(|host| !matches!(host.as_str(), "" | "0.0.0.0" | "[::]"))
        .unwrap_or_else(|| host(made_for));
    format!("{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::dialled;

    #[test]
    fn agents_are_told_a_host_that_they_can_dial() {
        assert_eq!(dialled("muster.example.org:7400", None, 7400), "muster.example.org:7400");
        assert_eq!(dialled("muster.example.org:7400", Some("0.0.0.0:7500"), 7500), "muster.example.org:7500");
        assert_eq!(dialled("muster.example.org:7400", Some("10.0.0.5:7400"), 7400), "10.0.0.5:7400");
        assert_eq!(dialled("127.0.0.1:0", None, 41234), "127.0.0.1:41234");
    }
}
