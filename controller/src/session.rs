//! Who is connected: one open stream per server, and the way to speak into it.
//!
//! Neighbours: `api::agent` opens a [`Session`] for each stream and ends it, `dispatch` sends commands, `planning` asks for
//! comparisons. Nothing here is stored but that a stream opened and ended; nothing here decides what is sent. A server is
//! told apart by its certificate alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use muster_core::plan::{AgentFacts, Comparison};
use muster_model::command::Epoch;
use muster_model::event::EventBody;
use muster_model::limits;
use muster_model::name::{HostName, ServerId};
use muster_model::report::ServerReport;
use muster_model::secret::SealedSecret;
use muster_proto::session::{Hello, Observe, Observed, ToAgent, Welcome};
use thiserror::Error;
use tokio::sync::{OwnedMutexGuard, mpsc, oneshot, watch};
use uuid::Uuid;

use crate::authority::HostOf;
use crate::store::{self, Snapshot, Store};

/// A message on its way to an agent. The queue makes room for thirty-two at once, so that a pointer each is what an idle stream
/// holds.
pub type Outgoing = Box<ToAgent>;

/// Messages that may wait for one agent's link. A segment is one message; more than this means that nothing is read.
const QUEUE: usize = 64;
/// How old the count of enrolled servers may be, by which agents spread their reconnections.
const COUNT_AGAIN: Duration = Duration::from_secs(5);

/// What a session needs from outside.
#[derive(Debug, Clone)]
pub struct Options {
    /// The epoch under which this controller serves.
    pub epoch: Epoch,
    /// How long an agent may take to compare its server.
    pub observe_ms: u64,
}

impl Options {
    /// The limits of the model, under this epoch.
    pub fn new(epoch: Epoch) -> Self {
        Self { epoch, observe_ms: limits::OBSERVE_MS }
    }
}

/// Why a stream was not opened.
#[derive(Debug, Error)]
pub enum Error {
    /// Another stream of the server is open.
    #[error("{0} is connected already; a second stream is refused while the first lives")]
    Connected(ServerId),
    /// The agent stands on another computer than the documents name: a copied disk, or a computer that was renamed.
    #[error(
        "this computer is {host}, the documents name {named} for {server}; correct the site's document or enrol that computer"
    )]
    OtherHost {
        /// The server.
        server: ServerId,
        /// What the documents say.
        named: HostName,
        /// What the agent says.
        host: HostName,
    },
    /// That the stream opened could not be stored.
    #[error("the connection could not be stored")]
    Store(#[from] store::Error),
}

/// The registry of open streams. Cheap to clone.
#[derive(Clone)]
pub struct Handle {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    options: Options,
    host_of: HostOf,
    /// The epoch under which commands are sent; a recovery raises it while others read it.
    epoch: Mutex<Epoch>,
    slots: Mutex<BTreeMap<ServerId, Arc<Slot>>>,
    fleet: Mutex<Option<(Instant, u64)>>,
}

/// One server's place: it stays, streams come and go.
#[derive(Default)]
struct Slot {
    /// Held while a stream opens or ends, so that their events are stored in the order in which they happened.
    turn: Arc<tokio::sync::Mutex<()>>,
    stream: Mutex<Option<Stream>>,
}

/// An open stream.
struct Stream {
    id: Uuid,
    facts: AgentFacts,
    out: mpsc::Sender<Outgoing>,
    cut: watch::Sender<bool>,
    /// Whether nothing is sent and nothing is asked: the agent must be read first, after a restore.
    held: bool,
    observations: BTreeMap<String, oneshot::Sender<Result<ServerReport, String>>>,
}

/// A stream from its opening to its end, held by the door that reads it.
pub struct Session {
    handle: Handle,
    slot: Arc<Slot>,
    id: Uuid,
    server: ServerId,
    out: mpsc::Sender<Outgoing>,
    cut: watch::Receiver<bool>,
}

impl Handle {
    /// An empty registry.
    pub fn new(store: Store, options: Options, host_of: HostOf) -> Self {
        let epoch = Mutex::new(options.epoch);
        Self {
            inner: Arc::new(Inner {
                store,
                options,
                host_of,
                epoch,
                slots: Mutex::default(),
                fleet: Mutex::default(),
            }),
        }
    }

    /// The epoch under which commands are sent.
    pub fn epoch(&self) -> Epoch {
        *lock(&self.inner.epoch)
    }

    /// From here on commands are sent under this epoch, to streams that open from here on: all others end.
    pub fn begin_epoch(&self, epoch: Epoch) {
        *lock(&self.inner.epoch) = epoch;
        self.cut_all();
    }

    /// Opens a stream: the welcome is its first message, that it opened is stored. What comes back is the session and what
    /// is to be sent. Of a held one nobody else knows that it is open, until [`Session::release`].
    ///
    /// # Errors
    /// Where a stream of the server lives, its computer is not the documents', or the store does not answer.
    pub async fn open(
        &self,
        server: &ServerId,
        hello: &Hello,
        held: bool,
    ) -> Result<(Session, mpsc::Receiver<Outgoing>), Error> {
        let slot = self.slot(server);
        let turn = Arc::clone(&slot.turn).lock_owned().await;
        let welcome = self.welcome(server, hello).await?;
        // A stream whose reader is gone is dead, whatever its own end has noticed yet.
        let dead = match lock(&slot.stream).as_ref() {
            Some(stream) if !stream.out.is_closed() => return Err(Error::Connected(server.clone())),
            stream => stream.is_some(),
        };
        let (out, messages) = mpsc::channel(QUEUE);
        let now = welcome.now;
        if out.try_send(Box::new(ToAgent::Welcome(welcome))).is_err() {
            return Err(Error::Connected(server.clone()));
        }
        let (cut_in, cut) = watch::channel(false);
        let facts = AgentFacts { host: hello.host.clone(), kinds: hello.kinds.clone() };
        let id = Uuid::new_v4();
        let opened = EventBody::ServerConnected {
            server: server.clone(),
            agent_version: hello.agent_version.clone(),
            simulated: hello.simulated,
            clock_offset_ms: hello.now.as_millisecond() - now.as_millisecond(),
            journal: hello.journal,
        };
        let closed = dead.then(|| EventBody::ServerDisconnected { server: server.clone() });
        self.warn_behind(server, hello);
        self.store_events(server, closed.into_iter().chain([opened]).collect(), hello.journal).await?;
        *lock(&slot.stream) =
            Some(Stream { id, facts, out: out.clone(), cut: cut_in, held, observations: BTreeMap::new() });
        drop(turn);
        let session = Session { handle: self.clone(), slot, id, server: server.clone(), out, cut };
        Ok((session, messages))
    }

    /// What the connected agent of a server said of itself; none where no stream is open.
    pub fn facts(&self, server: &ServerId) -> Option<AgentFacts> {
        let slot = self.existing(server)?;
        let stream = lock(&slot.stream);
        let open = stream.as_ref().filter(|stream| !stream.held && !stream.out.is_closed());
        open.map(|stream| stream.facts.clone())
    }

    /// Whether the server's stream is open.
    pub fn is_connected(&self, server: &ServerId) -> bool {
        self.facts(server).is_some()
    }

    /// Hands a message to the server's stream; false where there is none. A stream that does not take it is cut: its agent
    /// comes back and is sent everything again.
    pub fn send(&self, server: &ServerId, message: ToAgent) -> bool {
        let Some(slot) = self.existing(server) else { return false };
        let stream = lock(&slot.stream);
        let Some(stream) = stream.as_ref().filter(|stream| !stream.held) else { return false };
        match stream.out.try_send(Box::new(message)) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Closed(_)) => false,
            Err(mpsc::error::TrySendError::Full(_)) => {
                tracing::warn!(%server, "the agent reads nothing; its stream is cut");
                stream.cut.send_replace(true);
                false
            }
        }
    }

    /// Ends the server's stream from this side.
    pub fn cut(&self, server: &ServerId) {
        if let Some(slot) = self.existing(server)
            && let Some(stream) = lock(&slot.stream).as_ref()
        {
            stream.cut.send_replace(true);
        }
    }

    /// Ends every stream from this side: the controller stops.
    pub fn cut_all(&self) {
        for slot in lock(&self.inner.slots).values() {
            if let Some(stream) = lock(&slot.stream).as_ref() {
                stream.cut.send_replace(true);
            }
        }
    }

    /// Asks the server's agent to compare it with this manifest and waits for the answer, no longer than
    /// [`Options::observe_ms`]. `secrets` are those that it needs to look at all, sealed.
    pub async fn observe(
        &self,
        server: &ServerId,
        manifest_json: Vec<u8>,
        secrets: Vec<SealedSecret>,
    ) -> Comparison {
        let Some(slot) = self.existing(server) else { return Comparison::NoAnswer };
        let request = Uuid::new_v4().to_string();
        let (answer_in, answer) = oneshot::channel();
        let stream_id = {
            let mut stream = lock(&slot.stream);
            let Some(stream) = stream.as_mut() else { return Comparison::NoAnswer };
            stream.observations.insert(request.clone(), answer_in);
            stream.id
        };
        let message = ToAgent::Observe(Observe { request: request.clone(), manifest_json, secrets });
        if !self.send(server, message) {
            return Comparison::NoAnswer;
        }
        let limit = Duration::from_millis(self.inner.options.observe_ms);
        let outcome = tokio::time::timeout(limit, answer).await;
        if let Some(stream) = lock(&slot.stream).as_mut().filter(|stream| stream.id == stream_id) {
            stream.observations.remove(&request);
        }
        match outcome {
            Ok(Ok(Ok(report))) => Comparison::Report(report),
            Ok(Ok(Err(problem))) => Comparison::Problem(problem),
            // The stream ended, or the time was over.
            Ok(Err(_)) | Err(_) => Comparison::NoAnswer,
        }
    }

    fn slot(&self, server: &ServerId) -> Arc<Slot> {
        Arc::clone(lock(&self.inner.slots).entry(server.clone()).or_default())
    }

    fn existing(&self, server: &ServerId) -> Option<Arc<Slot>> {
        lock(&self.inner.slots).get(server).map(Arc::clone)
    }

    /// Refuses an agent on another computer: it would take the place of the right one, which is refused while it lives.
    async fn welcome(&self, server: &ServerId, hello: &Hello) -> Result<Welcome, Error> {
        let mut snapshot = self.inner.store.snapshot().await?;
        let named = (self.inner.host_of)(&mut snapshot, server).await?;
        // Windows compares computer names without regard to case.
        if let Some(named) = named.filter(|named| !named.as_str().eq_ignore_ascii_case(hello.host.as_str())) {
            return Err(Error::OtherHost { server: server.clone(), named, host: hello.host.clone() });
        }
        let spread_ms = limits::RECONNECT_SERVER_MS
            .saturating_mul(self.fleet(&mut snapshot).await?)
            .clamp(limits::RECONNECT_SPREAD_LEAST_MS, limits::RECONNECT_SPREAD_MS);
        Ok(Welcome {
            epoch: self.epoch(),
            now: self.inner.store.clock().now(),
            reconnect_spread_ms: u32::try_from(spread_ms).unwrap_or(u32::MAX),
            journal: snapshot.journal(server).await?,
        })
    }

    /// How many servers are enrolled, counted now and then: a whole fleet asks this at once.
    async fn fleet(&self, snapshot: &mut Snapshot) -> Result<u64, store::Error> {
        let counted = *lock(&self.inner.fleet);
        if let Some((_, servers)) = counted.filter(|(at, _)| at.elapsed() < COUNT_AGAIN) {
            return Ok(servers);
        }
        let servers = snapshot.enrolled_servers().await?;
        *lock(&self.inner.fleet) = Some((Instant::now(), servers));
        Ok(servers)
    }

    /// An agent that obeyed a later start than this one takes no command of it, and says so when it refuses one.
    fn warn_behind(&self, server: &ServerId, hello: &Hello) {
        let (theirs, ours) = (hello.epoch, self.epoch().number);
        if theirs > ours {
            tracing::error!(
                %server, theirs, ours,
                "the agent has obeyed a later start: another controller has taken over, or this one serves an older copy of its database: stop it, and see `muster-controller recover --help`"
            );
        }
    }

    /// Stores that a stream opened or ended. A journal that is seen at a position is never to be below it again, whatever it
    /// holds: what was accepted or begun and has no outcome yet moved it, too.
    async fn store_events(
        &self,
        server: &ServerId,
        bodies: Vec<EventBody>,
        journal: u64,
    ) -> Result<(), store::Error> {
        let server = server.clone();
        let write = self.inner.store.transaction(move |tx| {
            Box::pin(async move {
                let site = server.site.clone();
                tx.raise_journal(&server, journal)?;
                for body in bodies {
                    tx.append(Some(&site), body).await?;
                }
                Ok(())
            })
        });
        write.await
    }
}

impl Session {
    /// The server, from its certificate.
    pub fn server(&self) -> &ServerId {
        &self.server
    }

    /// Sends on this very stream, waiting for room; false where it is over.
    pub async fn reply(&self, message: ToAgent) -> bool {
        self.out.send(Box::new(message)).await.is_ok()
    }

    /// Whether the stream is held: nothing that its agent says moves anything.
    pub fn is_held(&self) -> bool {
        lock(&self.slot.stream).as_ref().is_some_and(|stream| stream.id == self.id && stream.held)
    }

    /// Lets others speak into the stream: its agent was read.
    pub fn release(&self) {
        if let Some(stream) = lock(&self.slot.stream).as_mut().filter(|stream| stream.id == self.id) {
            stream.held = false;
        }
    }

    /// Hands a comparison to whoever asked for it; one that nobody waits for is dropped.
    pub fn observed(&self, observed: Observed) {
        let Observed { request, result } = observed;
        let waiting = lock(&self.slot.stream)
            .as_mut()
            .filter(|stream| stream.id == self.id)
            .and_then(|stream| stream.observations.remove(&request));
        let nobody = match waiting {
            Some(waiting) => waiting.send(result).is_err(),
            None => true,
        };
        if nobody {
            tracing::debug!(server = %self.server, request, "a comparison came when nobody waited for it");
        }
    }

    /// Waits until the stream is over: this side cut it, its reader is gone, or a new one has taken its place.
    pub async fn ended(&mut self) {
        tokio::select! {
            _ = self.cut.wait_for(|cut| *cut) => {}
            () = self.out.closed() => {}
        }
    }

    /// Gives the place up and stores that the stream ended, unless a new one has taken its place.
    ///
    /// # Errors
    /// Where the store does not answer; the place is free all the same.
    pub async fn close(self) -> Result<(), store::Error> {
        let _turn: OwnedMutexGuard<()> = Arc::clone(&self.slot.turn).lock_owned().await;
        let mine = {
            let mut stream = lock(&self.slot.stream);
            let mine = stream.as_ref().is_some_and(|stream| stream.id == self.id);
            if mine {
                *stream = None;
            }
            mine
        };
        if !mine {
            return Ok(());
        }
        let closed = EventBody::ServerDisconnected { server: self.server.clone() };
        self.handle.store_events(&self.server, vec![closed], 0).await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
