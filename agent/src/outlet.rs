//! The way to the controller, while there is one.
//!
//! Neighbours: `engine` and `reception` speak into it, `session` connects it. What is said while nobody listens is gone; what
//! must arrive stays in the journal's outbox and is said again at the next connection.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muster_proto::session::FromAgent;
use tokio::sync::mpsc;

use crate::crash;

/// Where to speak. Cheap to clone; all clones speak to the same controller.
#[derive(Clone, Default)]
pub struct Outlet {
    to: Arc<Mutex<Option<mpsc::UnboundedSender<FromAgent>>>>,
}

impl Outlet {
    /// Says it, where someone listens.
    pub fn send(&self, message: FromAgent) {
        crash::point("session.before_send");
        let Some(to) = self.lock().clone() else { return };
        if to.send(message).is_err() {
            tracing::debug!("the session ended; what must arrive is sent again at the next one");
        }
        crash::point("session.after_send");
    }

    /// From now on this one listens, instead of any before.
    pub fn connect(&self, to: mpsc::UnboundedSender<FromAgent>) {
        *self.lock() = Some(to);
    }

    /// From now on nobody listens.
    pub fn disconnect(&self) {
        *self.lock() = None;
    }

    fn lock(&self) -> MutexGuard<'_, Option<mpsc::UnboundedSender<FromAgent>>> {
        self.to.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
