//! What answers HTTP requests during a self-test: one status, on loopback alone, until it is told to end.
//!
//! Neighbours: `props` begins it. Reads nothing of a request but its end.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A request that stays away this long is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The thread that answers.
pub(super) struct Responder {
    at: SocketAddr,
    ends: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Responder {
    /// Begins on a port that is free.
    pub(super) fn begin(status: u16) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (at, ends) = (listener.local_addr()?, Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&ends);
        let serve = move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                if let Err(error) = stream.and_then(|stream| respond(&stream, status)) {
                    tracing::debug!(%error, "a request of a self-test broke off");
                }
            }
        };
        let thread = thread::Builder::new().name("responder".to_owned()).spawn(serve)?;
        Ok(Self { at, ends, thread: Some(thread) })
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.at.port()
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::SeqCst);
        // It waits for a request: this is the last one.
        let woken = TcpStream::connect(self.at);
        let thread = self.thread.take().filter(|_| woken.is_ok());
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::warn!("what answered requests of a self-test did not end well");
        }
    }
}

fn respond(mut stream: &TcpStream, status: u16) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(stream).lines();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    write!(stream, "HTTP/1.1 {status} Selftest\r\nConnection: close\r\n\r\n")
}
