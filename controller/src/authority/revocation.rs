//! The revoked serial numbers, in memory: asked after every handshake and at every call, awaited by open connections.
//!
//! Neighbours: `authority` adds to it after the commit that revokes, `tls` and `access` ask it. Filled from the store when
//! a controller starts. Nothing is ever taken out: a revoked certificate stays so.

use std::collections::HashSet;

use tokio::sync::watch;

/// The set. Cheap to clone; all clones are one set.
#[derive(Debug, Clone)]
pub struct Revocations {
    serials: watch::Sender<HashSet<String>>,
}

impl Revocations {
    /// A set of these serial numbers.
    pub fn new(serials: impl IntoIterator<Item = String>) -> Self {
        Self { serials: watch::Sender::new(serials.into_iter().collect()) }
    }

    /// Whether that certificate was revoked.
    pub fn contains(&self, serial: &str) -> bool {
        self.serials.borrow().contains(serial)
    }

    /// Adds certificates, and wakes whoever waits for one of them.
    pub fn add(&self, serials: impl IntoIterator<Item = String>) {
        let mut serials = serials.into_iter().peekable();
        if serials.peek().is_some() {
            self.serials.send_modify(|set| set.extend(serials));
        }
    }

    /// Waits until that certificate is revoked.
    pub async fn revoked(&self, serial: &str) {
        let mut serials = self.serials.subscribe();
        if serials.wait_for(|set| set.contains(serial)).await.is_err() {
            // No set is left that could ever hold it.
            std::future::pending::<()>().await;
        }
    }
}
