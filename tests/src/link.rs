//! A link to a controller that breaks: a TCP proxy on loopback that cuts every connection after so many bytes, or holds each.
//!
//! Neighbours: agents and operators are told its address instead of the controller's. It counts what reaches those who dial, not
//! what they make of it, and knows nothing of what is said: TLS goes through it from end to end. Bytes decide when it breaks
//! and never a clock, so that two runs break alike.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use anyhow::{Context as _, Result, ensure};

/// What is read at once; a cut may fall anywhere in it.
const BUFFER_BYTES: usize = 16 * 1024;

/// What came through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Passed {
    /// From the controller to those who dialled it.
    pub down_bytes: u64,
    /// To the controller.
    pub up_bytes: u64,
    /// How often everything was cut.
    pub cuts: u64,
}

/// The link; whoever uses it is cut off when it is dropped.
#[derive(Debug)]
pub struct Link {
    address: String,
    state: Arc<Shared>,
    accepting: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    passed: Passed,
    /// What each connection brings down before it waits.
    hold_after_bytes: Option<u64>,
    every_bytes: Option<u64>,
    since_cut_bytes: u64,
    ends: Vec<TcpStream>,
    /// Raised by each cut: what is still carried for a connection of before it comes nowhere.
    era: u64,
    stopped: bool,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy)]
enum Way {
    Down,
    Up,
}

impl State {
    /// Counts what was read; gives how much of it passes before everything is cut. None where that took place meanwhile: what
    /// had come already can be read even so.
    fn pass(&mut self, era: u64, way: Way, read_bytes: u64) -> Option<u64> {
        if era != self.era {
            return None;
        }
        let left = self.every_bytes.map_or(u64::MAX, |every| every - self.since_cut_bytes);
        let passes = read_bytes.min(left);
        match way {
            Way::Down => self.passed.down_bytes += passes,
            Way::Up => self.passed.up_bytes += passes,
        }
        self.since_cut_bytes += passes;
        Some(passes)
    }

    /// Cuts everything, where it is time.
    fn cut_where_due(&mut self) {
        if self.every_bytes.is_some_and(|every| self.since_cut_bytes >= every) {
            self.since_cut_bytes = 0;
            self.passed.cuts += 1;
            self.cut();
        }
    }

    fn cut(&mut self) {
        self.era += 1;
        for end in self.ends.drain(..) {
            // One that its own side ended is cut already.
            drop(end.shutdown(Shutdown::Both));
        }
    }
}

impl Link {
    /// A link to that address, which is whole until [`Self::cut_every`] or [`Self::hold_after`].
    ///
    /// # Errors
    /// Where no port can be had.
    pub fn to(controller: &str) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let state = Arc::<Shared>::default();
        let (shared, controller) = (Arc::clone(&state), controller.to_owned());
        let accepting = std::thread::spawn(move || {
            for near in listener.incoming().flatten() {
                if lock(&shared).stopped {
                    return;
                }
                // A controller that is not there is a link that leads nowhere.
                if let Ok(far) = TcpStream::connect(&controller) {
                    drop(join(near, far, &shared));
                }
            }
        });
        Ok(Self { address, state, accepting: Some(accepting) })
    }

    /// Where to dial.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Counts anew, and cuts everything from here on each time that so many bytes have passed.
    pub fn cut_every(&self, bytes: Option<u64>) {
        let mut state = lock(&self.state);
        (state.passed, state.since_cut_bytes, state.every_bytes) = (Passed::default(), 0, bytes);
    }

    /// From now on each connection waits once it has brought down so many bytes, until this is said anew; none never waits.
    pub fn hold_after(&self, bytes: Option<u64>) {
        lock(&self.state).hold_after_bytes = bytes;
        self.state.changed.notify_all();
    }

    /// What came through since it counts.
    pub fn passed(&self) -> Passed {
        lock(&self.state).passed
    }

    /// Makes whoever reads that file dial here: an agent's `identity.json`, an operator's profile.
    ///
    /// # Errors
    /// Where the file does not name that controller.
    pub fn lead(&self, file: &Path, controller: &str) -> Result<()> {
        let text = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        ensure!(text.contains(controller), "{} does not name {controller}", file.display());
        Ok(std::fs::write(file, text.replace(controller, &self.address))?)
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.stopped = true;
            state.cut();
        }
        self.state.changed.notify_all();
        // Wakes whoever accepts.
        drop(TcpStream::connect(&self.address));
        if let Some(accepting) = self.accepting.take() {
            drop(accepting.join());
        }
    }
}

fn lock(shared: &Shared) -> MutexGuard<'_, State> {
    shared.state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits as long as what a connection brought down is as much as it may for now.
fn wait_where_held(shared: &Shared, era: u64, brought_bytes: u64) {
    let is_held = |state: &mut State| {
        era == state.era && state.hold_after_bytes.is_some_and(|most_bytes| brought_bytes >= most_bytes)
    };
    drop(shared.changed.wait_while(lock(shared), is_held).unwrap_or_else(PoisonError::into_inner));
}

/// Carries bytes between two ends until one of them is gone.
fn join(near: TcpStream, far: TcpStream, state: &Arc<Shared>) -> Result<()> {
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let ends = [near.try_clone()?, far.try_clone()?];
    let era = {
        let mut state = lock(state);
        state.ends.extend(ends);
        state.era
    };
    for (from, to, way) in [(far.try_clone()?, near.try_clone()?, Way::Down), (near, far, Way::Up)] {
        let state = Arc::clone(state);
        std::thread::spawn(move || carry(from, to, (era, way), &state));
    }
    Ok(())
}

fn carry(mut from: TcpStream, mut to: TcpStream, (era, way): (u64, Way), state: &Shared) {
    let mut buffer = vec![0; BUFFER_BYTES];
    let mut brought_bytes = 0;
    while let Ok(read) = from.read(&mut buffer)
        && read > 0
    {
        let passes = lock(state).pass(era, way, read as u64).and_then(|passes| usize::try_from(passes).ok());
        let Some(passing) = passes.and_then(|passes| buffer.get(..passes)) else { break };
        if matches!(way, Way::Down) {
            wait_where_held(state, era, brought_bytes);
            brought_bytes += passing.len() as u64;
        }
        let written = to.write_all(passing);
        lock(state).cut_where_due();
        state.changed.notify_all();
        if written.is_err() {
            break;
        }
    }
    // The other way ends as well: half a connection is none.
    drop((from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_held_alone_until_that_ends() {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Link::to(&far.local_addr().unwrap().to_string()).unwrap();
        link.hold_after(Some(1));
        let connect = || {
            let near = TcpStream::connect(link.address()).unwrap();
            (near, far.accept().unwrap().0)
        };
        let (mut held, mut held_end) = connect();
        let mut came = [0; 4];
        held_end.write_all(b"once").unwrap();
        held.read_exact(&mut came).unwrap();
        held_end.write_all(b"more").unwrap();
        let (mut other, mut other_end) = connect();
        other_end.write_all(b"here").unwrap();
        other.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"here");
        held.set_nonblocking(true).unwrap();
        assert_eq!(held.read(&mut came).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
        held.set_nonblocking(false).unwrap();
        link.hold_after(None);
        held.read_exact(&mut came).unwrap();
        assert_eq!(&came, b"more");
    }

    #[test]
    fn a_link_breaks_at_the_byte_and_counts_what_came_through() {
        let far = TcpListener::bind("127.0.0.1:0").unwrap();
        let link = Link::to(&far.local_addr().unwrap().to_string()).unwrap();
        link.cut_every(Some(70_000));
        for cuts in 1..=3 {
            let mut near = TcpStream::connect(link.address()).unwrap();
            let (mut end, _) = far.accept().unwrap();
            // More than the link lets through; it may break before all is handed over.
            let writing = std::thread::spawn(move || drop(end.write_all(&[7; 200_000])));
            let mut came = Vec::new();
            // Cut off, a connection may be reset: what came before is there all the same.
            drop(near.read_to_end(&mut came));
            writing.join().unwrap();
            assert_eq!(link.passed(), Passed { down_bytes: 70_000 * cuts, up_bytes: 0, cuts });
            assert!(came.len() <= 70_000, "{}", came.len());
        }
    }
}
