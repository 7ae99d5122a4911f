//! Staging: asks the agents of a site to fetch what their manifests name, and hears how far they are.
//!
//! Neighbours: `media` is the shelf, `session` carries the words, the doors ask. Stored nowhere: an agent goes on by itself,
//! and asking again costs nothing. What an agent may fetch is what its own newest manifest names.

use std::collections::{BTreeMap, BTreeSet};

use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::media::{self as model, MediumView};
use muster_model::name::{ServerId, Slug};
use muster_proto::session::{StageMedium, Staged, ToAgent};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::intake::catalog::{self, Catalog};
use crate::media::{self, Media};
use crate::planning::manifest;
use crate::session;
use crate::store::{self, Store};

/// Why nobody was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the state cannot be read")]
    Store(#[from] store::Error),
    /// The documents do not name the site, or cannot be read.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// A manifest cannot be compiled.
    #[error("a manifest cannot be read")]
    Manifest(#[from] manifest::Error),
    /// The shelf does not answer.
    #[error(transparent)]
    Media(#[from] media::Error),
}

/// A server's medium, and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The server.
    pub server: ServerId,
    /// How far.
    pub staged: Staged,
}

/// A medium of a server of the site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The server.
    pub server: ServerId,
    /// Which.
    pub sha256: Digest,
    /// As the manifest names it.
    pub path: String,
    /// What the shelf holds of it; none where it was never announced.
    pub shelf: Option<MediumView>,
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    store: Store,
    catalog: Catalog,
    sessions: session::Handle,
    media: Media,
    words: broadcast::Sender<Word>,
}

impl Stage {
    /// A room over these.
    pub fn new(store: Store, catalog: Catalog, sessions: session::Handle, media: Media) -> Self {
        let kept = usize::try_from(limits::PROGRESS_KEPT).unwrap_or(usize::MAX);
        Self { store, catalog, sessions, media, words: broadcast::Sender::new(kept) }
    }

    /// Passes an agent's word on, where somebody listens.
    pub fn tell(&self, word: Word) {
        let heard_by = self.words.send(word).unwrap_or(0);
        tracing::trace!(heard_by, "staged");
    }

    /// All that agents say from now on.
    pub fn listen(&self) -> broadcast::Receiver<Word> {
        self.words.subscribe()
    }

    /// Whether a server's agent is there to be asked.
    pub fn is_connected(&self, server: &ServerId) -> bool {
        self.sessions.is_connected(server)
    }

    /// What the newest manifests of a site name.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn wanted(&self, site: &Slug) -> Result<Vec<Wanted>, Error> {
        let named = self.named(site).await?;
        let shelf = self.media.list().await?.media;
        let on_shelf = |sha256| shelf.iter().find(|view| view.medium.sha256 == sha256).cloned();
        let mut wanted = Vec::new();
        for (server, media) in named {
            for (sha256, path) in media {
                wanted.push(Wanted { server: server.clone(), sha256, path, shelf: on_shelf(sha256) });
            }
        }
        Ok(wanted)
    }

    /// Asks a server's agent for these media; false where it is not there.
    pub fn ask(&self, server: &ServerId, media: Vec<StageMedium>) -> bool {
        self.sessions.send(server, ToAgent::Stage(media))
    }

    /// Whether the newest manifest of a server names that medium.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub async fn may_fetch(&self, server: &ServerId, sha256: Digest) -> Result<bool, Error> {
        let named = self.named(&server.site).await?;
        Ok(named.get(server).is_some_and(|media| media.contains_key(&sha256)))
    }

    async fn named(&self, site: &Slug) -> Result<BTreeMap<ServerId, BTreeMap<Digest, String>>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let (_, documents) = self.catalog.newest(&mut snapshot).await?;
        let mut named = BTreeMap::new();
        for wanted in catalog::resolve(&documents, site)?.servers {
            let server = wanted.server.clone();
            let current = manifest::current(&mut snapshot, wanted).await?.into_record();
            named.insert(server, model::named_by(current.value()));
        }
        Ok(named)
    }
}

/// The media of a site that are on their way, and to whom.
#[derive(Debug, Default)]
pub struct Pending(BTreeMap<ServerId, BTreeMap<Digest, Wanted>>);

impl Pending {
    /// One more.
    pub fn add(&mut self, wanted: Wanted) {
        self.0.entry(wanted.server.clone()).or_default().insert(wanted.sha256, wanted);
    }

    /// Whether nothing is on its way any more.
    pub fn is_empty(&self) -> bool {
        self.0.values().all(BTreeMap::is_empty)
    }

    /// The servers that something is on its way to.
    pub fn servers(&self) -> BTreeSet<ServerId> {
        self.0.iter().filter(|(_, media)| !media.is_empty()).map(|(server, _)| server.clone()).collect()
    }

    /// What is on its way to a server.
    pub fn of(&self, server: &ServerId) -> Vec<StageMedium> {
        let media = self.0.get(server).into_iter().flat_map(BTreeMap::values);
        let sized = media.filter_map(|wanted| {
            let size_bytes = wanted.shelf.as_ref()?.medium.size_bytes;
            Some(StageMedium { sha256: wanted.sha256, size_bytes })
        });
        sized.collect()
    }

    /// Which one a word is about; it is on its way no more where the word is the last.
    pub fn heard(&mut self, word: &Word) -> Option<Wanted> {
        let media = self.0.get_mut(&word.server)?;
        let last = word.staged.whole || word.staged.problem.is_some();
        if last { media.remove(&word.staged.sha256) } else { media.get(&word.staged.sha256).cloned() }
    }

    /// Gives up a server.
    pub fn give_up(&mut self, server: &ServerId) -> Vec<Wanted> {
        self.0.remove(server).into_iter().flat_map(BTreeMap::into_values).collect()
    }
}
