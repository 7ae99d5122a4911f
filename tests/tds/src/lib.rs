//! A SQL Server for the stories: it speaks TDS 7.4 on loopback, keeps databases in memory and writes down every batch.
//!
//! `wire` has packets and TLS, `certified` what it shows there, `token` what an answer is made of, `login` how a session
//! begins, `session` one connection, `parse` cuts T-SQL into statements, `statement` does what they say to `state`,
//! `question` answers them, `pipe` stands before it on Windows. Neighbours: the agent's tests for Windows start one beside
//! themselves, the Wine stories one on Linux. It knows the statements that the agent and the stories send, and refuses
//! others by name. What it takes SQL Server to be is listed in `deploy/windows/ACCEPTANCE.md`: only a real one settles
//! that. Never listens on another address than 127.0.0.1.

mod certified;
mod login;
mod parse;
#[cfg(windows)]
pub mod pipe;
mod question;
mod session;
mod state;
mod statement;
mod token;
mod wire;

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub use self::certified::{Authority, Shown};
pub use self::state::{Backup, Database, Entry, State};

/// At which moment of a batch something happens to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// It has arrived and was not begun.
    Before,
    /// It has taken place, and nobody was told.
    After,
}

/// What happens to a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The connection breaks.
    Lose,
    /// Nothing goes on until the client is gone; then the connection breaks.
    Hold,
    /// Nothing goes on until the story says so; then everything goes on as it should.
    Pause,
}

/// A trouble that strikes a batch with that text in it, once.
#[derive(Debug, Clone)]
struct Armed {
    contains: String,
    /// How many such batches pass by before it.
    pass: u32,
    moment: Moment,
    trouble: Trouble,
}

/// What all connections share.
struct Shared {
    state: Mutex<State>,
    armed: Mutex<Vec<Armed>>,
    /// The texts of batches that troubles hold.
    held: Mutex<Vec<String>>,
    /// How often a story has let what paused go on.
    released: Mutex<u64>,
    goes_on: Condvar,
    /// A batch has come into the journal.
    arrived: Condvar,
    changed: Condvar,
    /// What it shows its next clients, one after the other; the last one to all others. None: it knows no encryption.
    tls: Mutex<Vec<Arc<rustls::ServerConfig>>>,
    /// How many log-ons have arrived, whoever they were of.
    log_ons: AtomicU32,
    stopped: AtomicBool,
}

/// A server that runs until it is dropped.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

impl Server {
    /// A server with encryption, whose certificate it signed itself.
    ///
    /// # Panics
    /// Where no port of 127.0.0.1 is free, or no certificate can be made.
    pub fn start(state: State) -> Self {
        Self::on(0, state, &[Shown::by_itself()])
    }

    /// A server that shows these certificates: each to one client, the last one to all others.
    ///
    /// # Panics
    /// Where no port of 127.0.0.1 is free.
    pub fn start_certified(state: State, shown: impl IntoIterator<Item = Shown>) -> Self {
        Self::on(0, state, &shown.into_iter().collect::<Vec<_>>())
    }

    /// A server that knows no encryption.
    ///
    /// # Panics
    /// Where no port of 127.0.0.1 is free.
    pub fn start_plain(state: State) -> Self {
        Self::on(0, state, &[])
    }

    fn on(port: u16, state: State, shown: &[Shown]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a port of 127.0.0.1 is free");
        let address = listener.local_addr().expect("a listener has an address");
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            armed: Mutex::default(),
            held: Mutex::default(),
            released: Mutex::default(),
            goes_on: Condvar::new(),
            arrived: Condvar::new(),
            changed: Condvar::new(),
            tls: Mutex::new(shown.iter().map(wire::config).collect()),
            log_ons: AtomicU32::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if accepting.stopped.load(Ordering::SeqCst) {
                    break;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || session::serve(stream, &shared));
            }
        });
        Self { address, shared }
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// As a document names it: `127.0.0.1,PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1,{}", self.port())
    }

    /// How many log-ons have arrived, whoever was let in.
    pub fn log_ons(&self) -> u32 {
        self.shared.log_ons.load(Ordering::SeqCst)
    }

    /// The server as it is, without what transactions have not ended yet.
    pub fn state(&self) -> State {
        lock(&self.shared.state).clone()
    }

    /// Changes the server by hand.
    pub fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut lock(&self.shared.state));
    }

    /// Strikes the next batch that has this text in it.
    pub fn arm(&self, contains: &str, moment: Moment, trouble: Trouble) {
        self.arm_after(0, contains, moment, trouble);
    }

    /// Strikes a batch that has this text in it, after so many of them.
    pub fn arm_after(&self, pass: u32, contains: &str, moment: Moment, trouble: Trouble) {
        lock(&self.shared.armed).push(Armed { contains: contains.to_owned(), pass, moment, trouble });
    }

    /// Lets every batch go on that pauses.
    pub fn release(&self) {
        *lock(&self.shared.released) += 1;
        self.shared.goes_on.notify_all();
    }

    /// Waits until so many batches with this text in them have arrived, all counted.
    ///
    /// # Panics
    /// Never, but it may wait for ever: the story's own limit ends it.
    pub fn wait_until_sent(&self, times: usize, contains: &str) {
        let mut state = lock(&self.shared.state);
        while state.journal.iter().filter(|entry| entry.text.contains(contains)).count() < times {
            state = self.shared.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits until a batch with this text in it is held.
    ///
    /// # Panics
    /// Never, but it may wait for ever: the story's own limit ends it.
    pub fn wait_until_held(&self, contains: &str) {
        let mut held = lock(&self.shared.held);
        while !held.iter().any(|text| text.contains(contains)) {
            held = self.shared.changed.wait(held).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // One more connection, so that the listener wakes up and sees it.
        drop(TcpStream::connect(self.address));
    }
}

impl Shared {
    /// What the next client is shown.
    fn next_shown(&self) -> Option<Arc<rustls::ServerConfig>> {
        let mut tls = lock(&self.tls);
        if tls.len() > 1 { Some(tls.remove(0)) } else { tls.first().cloned() }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
