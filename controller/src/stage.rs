//! Staging: asks the agents of a site to fetch what their manifests name, and hears how far they are.
//!
//! Neighbours: `media` is the shelf, `session` carries the words, the doors ask. What was asked for is stored until the agent
//! has it, and asked again whenever that agent connects: its restart, or this controller's, loses nothing. An agent fetches
//! from here alone, so that it needs to remember nothing. What it may fetch is what its own newest manifest names, or that of
//! the run that it is in.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::ControlFlow;

use muster_core::record::Record;
use muster_model::digest::Digest;
use muster_model::limits;
use muster_model::manifest::Manifest;
use muster_model::media::{self as model, MediumView};
use muster_model::name::{ServerId, Slug};
use muster_model::plan::PlanHeader;
use muster_proto::session::{StageMedium, Staged, ToAgent};
use thiserror::Error;
use tokio::sync::broadcast;

use crate::intake::catalog::{self, Catalog};
use crate::media::{self, Media};
use crate::planning::manifest;
use crate::session;
use crate::store::{self, Snapshot, Store};

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

/// Why a medium must stay on the shelf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Need {
    /// The newest documents name it for that server.
    Named(ServerId),
    /// The version before does, on that server.
    WayBack(ServerId),
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Named(server) => {
                write!(f, "the newest documents name it for {server}; push some that do not, then remove it")
            }
            Self::WayBack(server) => write!(
                f,
                "the version that {server} had before installs from it, which is its way back; remove it all the same with --force"
            ),
        }
    }
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

impl Wanted {
    /// Whether the shelf has all of it.
    pub fn is_ready(&self) -> bool {
        self.shelf.as_ref().is_some_and(|view| view.whole)
    }
}

impl Stage {
    /// A room over these.
    pub fn new(store: Store, catalog: Catalog, sessions: session::Handle, media: Media) -> Self {
        let kept = usize::try_from(limits::PROGRESS_KEPT).unwrap_or(usize::MAX);
        Self { store, catalog, sessions, media, words: broadcast::Sender::new(kept) }
    }

    /// Passes an agent's word on, where somebody listens; what it has is asked for no more.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn tell(&self, word: Word) -> Result<(), store::Error> {
        if word.staged.whole {
            self.forget(&word.server, vec![word.staged.sha256]).await?;
        }
        let heard_by = self.words.send(word).unwrap_or(0);
        tracing::trace!(heard_by, "staged");
        Ok(())
    }

    /// Stores that an operator wants these media on their servers.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn keep(&self, by: Slug, media: Vec<(ServerId, Digest)>) -> Result<(), Error> {
        if media.is_empty() {
            return Ok(());
        }
        let write = self.store.transaction(move |tx| {
            Box::pin(async move {
                for (server, sha256) in &media {
                    tx.add_staging(server, *sha256, &by).await?;
                }
                Ok::<_, store::Error>(())
            })
        });
        Ok(write.await?)
    }

    /// Asks an agent that connected for what it was asked for before and does not have yet. What no manifest names any more
    /// is forgotten.
    ///
    /// # Errors
    /// Where the store does not answer or the manifests cannot be read.
    pub async fn connected(&self, server: &ServerId) -> Result<(), Error> {
        let asked = self.store.snapshot().await?.stagings(server).await?;
        if asked.is_empty() {
            return Ok(());
        }
        let wanted = self.wanted(&server.site).await?;
        let mut pending = Pending::default();
        let mut named = BTreeSet::new();
        for wanted in wanted.into_iter().filter(|wanted| wanted.server == *server) {
            named.insert(wanted.sha256);
            if asked.contains(&wanted.sha256) && wanted.is_ready() {
                pending.add(wanted);
            }
        }
        let void = asked.into_iter().filter(|sha256| !named.contains(sha256)).collect();
        self.forget(server, void).await?;
        if !pending.is_empty() && !self.ask(server, pending.of(server)) {
            tracing::debug!(%server, "its agent went away before it was asked again for media");
        }
        Ok(())
    }

    async fn forget(&self, server: &ServerId, media: Vec<Digest>) -> Result<(), store::Error> {
        let asked = self.store.snapshot().await?.stagings(server).await?;
        let media: Vec<Digest> = media.into_iter().filter(|sha256| asked.contains(sha256)).collect();
        if media.is_empty() {
            return Ok(());
        }
        let server = server.clone();
        let write = self.store.transaction(move |tx| {
            Box::pin(async move {
                for sha256 in media {
                    tx.remove_staging(&server, sha256).await?;
                }
                Ok::<_, store::Error>(())
            })
        });
        write.await
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

    /// Whether the newest manifest of a server names that medium, or the one that its site's run brings about: what is pushed
    /// meanwhile takes nothing away from a run that was approved.
    ///
    /// # Errors
    /// Where they cannot be read.
    pub async fn may_fetch(&self, server: &ServerId, sha256: Digest) -> Result<bool, Error> {
        let named = self.named(&server.site).await?;
        if named.get(server).is_some_and(|media| media.contains_key(&sha256)) {
            return Ok(true);
        }
        let mut snapshot = self.store.snapshot().await?;
        let Some(plan) = snapshot.running_plan(&server.site).await? else { return Ok(false) };
        let header = Record::<PlanHeader>::read(plan.header).map_err(manifest::Error::Record)?;
        let Some(planned) = header.value().servers.get(&server.role) else { return Ok(false) };
        let Some(stored) = snapshot.manifest(server, planned.generation).await? else { return Ok(false) };
        let approved = Record::<Manifest>::read(stored.bytes).map_err(manifest::Error::Record)?;
        Ok(model::named_by(approved.value()).contains_key(&sha256))
    }

    /// Who needs a medium, where somebody does: a server by the newest documents, or else, unless that is not asked, by the
    /// manifest that it had before its packages came from other media.
    ///
    /// # Errors
    /// Where the manifests cannot be read.
    pub async fn needed(&self, sha256: Digest, but_way_back: bool) -> Result<Option<Need>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        // Before anything was pushed nothing is needed.
        let documents = match self.catalog.newest(&mut snapshot).await {
            Ok((_, documents)) => documents,
            Err(catalog::Error::Empty) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut back = None;
        for outline in catalog::outlines(&documents) {
            for wanted in catalog::resolve(&documents, &outline.site)?.servers {
                let server = wanted.server.clone();
                let current = manifest::current(&mut snapshot, wanted).await?.into_record();
                let current = model::named_by(current.value());
                if current.contains_key(&sha256) {
                    return Ok(Some(Need::Named(server)));
                }
                if back.is_none()
                    && !but_way_back
                    && self.was_named(&mut snapshot, &server, &current, sha256).await?
                {
                    back = Some(Need::WayBack(server));
                }
            }
        }
        Ok(back)
    }

    /// Whether the newest stored manifest of a server that names other media than `current` names this one.
    async fn was_named(
        &self,
        snapshot: &mut Snapshot,
        server: &ServerId,
        current: &BTreeMap<Digest, String>,
        sha256: Digest,
    ) -> Result<bool, Error> {
        let found = snapshot.search_manifests(server, |stored| {
            let record = Record::<Manifest>::read(stored.bytes).map_err(manifest::Error::Record)?;
            let before = model::named_by(record.value());
            let others = !before.keys().eq(current.keys());
            Ok::<_, Error>(if others {
                ControlFlow::Break(before.contains_key(&sha256))
            } else {
                ControlFlow::Continue(())
            })
        });
        Ok(found.await?.unwrap_or(false))
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
