//! The journal that all agents of the load share: records of many agents go to the disk together, with one fsync.
//!
//! Neighbours: `agent` appends through the agent's own port and says nothing before [`Group::durable`] came back; that is
//! the one difference to the port's promise, and it lets thousands of agents wait without a thread each. Written, never
//! read: the load keeps what its agents know in memory.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use muster_agent::journal::store::{Error, Store};
use muster_agent_core::journal::Sealed;
use muster_agent_core::ledger::Change;
use tokio::sync::watch;

/// The shared journal. Cheap to clone.
#[derive(Clone)]
pub struct Group {
    waiting: Arc<Mutex<Waiting>>,
    wake: Sender<()>,
    written: watch::Receiver<u64>,
}

/// Records that are not on the disk yet.
#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// How many records were ever handed in.
    handed: u64,
}

/// One agent's door to it.
pub struct Member {
    group: Group,
}

impl Group {
    /// A new journal in that file, and the thread that writes it.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn create(path: &Path) -> Result<Self> {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        let waiting = Arc::new(Mutex::new(Waiting::default()));
        let (wake, woken) = channel();
        let (written_in, written) = watch::channel(0);
        let shared = Arc::clone(&waiting);
        std::thread::spawn(move || write(file, &shared, &woken, &written_in));
        Ok(Self { waiting, wake, written })
    }

    /// A door for one agent.
    pub fn member(&self) -> Member {
        Member { group: self.clone() }
    }

    /// Waits until everything that was handed in before this call is on the disk.
    ///
    /// # Errors
    /// Where it was not written and never will be.
    pub async fn durable(&self) -> Result<()> {
        let handed = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).handed;
        let mut written = self.written.clone();
        written.wait_for(|written| *written >= handed).await.context("the journal was given up")?;
        Ok(())
    }
}

fn write(mut file: File, waiting: &Mutex<Waiting>, woken: &Receiver<()>, written: &watch::Sender<u64>) {
    while woken.recv().is_ok() {
        while woken.try_recv().is_ok() {}
        let (bytes, handed) = {
            let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
            (std::mem::take(&mut waiting.bytes), waiting.handed)
        };
        // A journal that cannot be written ends here: whoever waits for it is told that by the closed channel.
        if file.write_all(&bytes).and_then(|()| file.sync_data()).is_err() {
            return;
        }
        written.send_replace(handed);
    }
}

impl Store for Member {
    fn records(&mut self) -> Result<Vec<Sealed>, Error> {
        Ok(Vec::new())
    }

    fn ownership(&mut self) -> Result<Vec<Change>, Error> {
        Ok(Vec::new())
    }

    fn append(&mut self, sealed: &Sealed, _: &[Change]) -> Result<(), Error> {
        let mut waiting = self.group.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.bytes.extend_from_slice(&sealed.bytes);
        waiting.bytes.push(b'\n');
        waiting.handed += 1;
        drop(waiting);
        self.group.wake.send(()).map_err(|_| Error::Row {
            path: "the load's journal".to_owned(),
            table: "records",
            problem: "it was given up".to_owned(),
        })
    }
}
