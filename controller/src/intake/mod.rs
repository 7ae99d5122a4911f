//! Pushed files become a revision, or every mistake in them is told at once.
//!
//! `catalog` reads what is stored. Neighbours: the model reads, overlays and checks documents, `store` keeps revisions,
//! `planning` compiles the newest. Nothing is stored of a push that is refused, and no push changes a server.

pub mod catalog;
mod diff;
mod fixed;

use std::sync::Arc;

use muster_model::check;
use muster_model::diagnostic::Diagnostic;
use muster_model::document::{self, DocumentKey, Documents, Source};
use muster_model::name::{Revision, Slug};
use muster_model::view::DiffView;
use thiserror::Error;

use crate::planning::manifest;
use crate::store::{self, Document, NewRevision, Pushed, RevisionRecord, Snapshot, Store, Tx};
use catalog::Catalog;

/// Why a push could not be answered.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the push could not be stored")]
    Store(#[from] store::Error),
    /// What is stored cannot be read.
    #[error(transparent)]
    Catalog(#[from] catalog::Error),
    /// A manifest cannot be compiled, or a stored one is damaged.
    #[error("the manifests that the push would change cannot be told")]
    Manifest(#[from] manifest::Error),
    /// The check of the documents ended in a defect.
    #[error("the documents could not be checked")]
    Check(#[from] tokio::task::JoinError),
}

/// What an operator pushes.
#[derive(Debug, Clone)]
pub struct Push {
    /// The operator.
    pub by: String,
    /// The files.
    pub files: Vec<Source>,
    /// The revision that they started from; none for whatever is the newest.
    pub base: Option<Revision>,
    /// The change ticket, if one was given.
    pub ticket: Option<String>,
    /// Why, in the operator's words, if they were given.
    pub reason: Option<String>,
    /// Whether nothing is to be stored.
    pub dry_run: bool,
}

/// What came of a push.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The documents hold.
    Pushed {
        /// The revision that holds them; of a dry run, the newest.
        revision: Revision,
        /// How many documents the push has.
        documents: u32,
        /// How many of them differ from what was stored.
        changed: u32,
        /// Sites whose manifests differ from their newest ones.
        sites: Vec<Slug>,
        /// What the products recommend and the sites of the push do otherwise.
        warnings: Vec<Diagnostic>,
    },
    /// Every mistake of every file; nothing was stored.
    Rejected(Vec<Diagnostic>),
    /// Somebody pushed in between; nothing was stored.
    Stale(Stale),
}

/// Who pushed in between.
#[derive(Debug, Clone)]
pub struct Stale {
    /// What the push started from.
    pub base: Revision,
    /// The newest revision, with who, when and for which ticket; none where nothing was ever pushed.
    pub newest: Option<RevisionRecord>,
    /// The documents that changed since the base.
    pub documents: Vec<String>,
}

/// The room. Cheap to clone.
#[derive(Clone)]
pub struct Intake {
    store: Store,
    catalog: Catalog,
}

/// What the transaction of a push found.
enum Stored {
    Pushed(Pushed),
    Stale(Stale),
    /// A push in between, and this one takes any base, or a first installation: to be checked anew.
    Moved,
}

impl Intake {
    /// A room over this store.
    pub fn new(store: Store, catalog: Catalog) -> Self {
        Self { store, catalog }
    }

    /// Takes a push, all or nothing.
    ///
    /// # Errors
    /// Where the store does not answer; what is wrong with the push itself is an [`Answer`].
    pub async fn push(&self, push: Push) -> Result<Answer, Error> {
        if push.files.is_empty() {
            let advice = "name a folder with .yaml files: `muster push -f PATH`";
            let nothing = Diagnostic::of_file("", "empty-push", "the push has no files", advice);
            return Ok(Answer::Rejected(vec![nothing]));
        }
        loop {
            let mut snapshot = self.store.snapshot().await?;
            let newest = snapshot.newest_revision().await?.map_or(Revision(0), |newest| newest.revision);
            if push.base.is_some_and(|base| base != newest) {
                return Ok(Answer::Stale(stale(&mut snapshot, push.base.unwrap_or(newest)).await?));
            }
            let held = self.catalog.at(&mut snapshot, newest).await?;
            let files = push.files.clone();
            let checked = tokio::task::spawn_blocking({
                let held = Arc::clone(&held);
                move || check(&held, &files)
            })
            .await?;
            let Checked { all, pushed: documents, keys, warnings } = match checked {
                Ok(checked) => checked,
                Err(mistakes) => return Ok(Answer::Rejected(mistakes)),
            };
            let before = fixed::installed(&mut snapshot, &all, &keys).await?;
            let mistakes = fixed::changed(&mut snapshot, &held, &all, &before).await?;
            if !mistakes.is_empty() {
                return Ok(Answer::Rejected(mistakes));
            }
            let count = u32::try_from(documents.len()).unwrap_or(u32::MAX);
            drop(snapshot);
            let pushed = if push.dry_run {
                Pushed { revision: newest, changed: u32::try_from(keys.len()).unwrap_or(u32::MAX) }
            } else {
                match self.store(&push, newest, documents, before).await? {
                    Stored::Pushed(pushed) => pushed,
                    Stored::Stale(stale) => return Ok(Answer::Stale(stale)),
                    Stored::Moved => continue,
                }
            };
            let sites = self.changed_sites(&all).await?;
            let Pushed { revision, changed } = pushed;
            return Ok(Answer::Pushed { revision, documents: count, changed, sites, warnings });
        }
    }

    /// What a push of these files would change of what servers should be, or every mistake in them; nothing is stored.
    ///
    /// # Errors
    /// Where the store does not answer.
    pub async fn diff(&self, files: Vec<Source>) -> Result<Result<DiffView, Vec<Diagnostic>>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let revision = snapshot.newest_revision().await?.map_or(Revision(0), |newest| newest.revision);
        let held = self.catalog.at(&mut snapshot, revision).await?;
        drop(snapshot);
        let work = move || match check(&held, &files) {
            Ok(Checked { all, .. }) => diff::view(revision, &held, &all).map(Ok),
            Err(mistakes) => Ok(Err(mistakes)),
        };
        Ok(tokio::task::spawn_blocking(work).await??)
    }

    async fn store(
        &self,
        push: &Push,
        checked_on: Revision,
        documents: Vec<Document>,
        before: Vec<fixed::Before>,
    ) -> Result<Stored, store::Error> {
        let new = NewRevision {
            by: push.by.clone(),
            ticket: push.ticket.clone(),
            reason: push.reason.clone(),
            documents,
        };
        let base = push.base;
        let write = self.store.transaction(move |tx: &mut Tx| {
            Box::pin(async move {
                let newest = tx.newest_revision().await?.map_or(Revision(0), |newest| newest.revision);
                match base {
                    // A first step that was done in between may have fixed what the push changes.
                    _ if newest == checked_on && fixed::has_moved(tx, &before).await? => Ok(Stored::Moved),
                    _ if newest == checked_on => Ok(Stored::Pushed(tx.add_revision(new).await?)),
                    Some(base) => Ok(Stored::Stale(stale(tx, base).await?)),
                    None => Ok(Stored::Moved),
                }
            })
        });
        write.await
    }

    /// The sites whose manifests these documents would change.
    async fn changed_sites(&self, documents: &Documents) -> Result<Vec<Slug>, Error> {
        let mut snapshot = self.store.snapshot().await?;
        let mut sites = Vec::new();
        for outline in catalog::outlines(documents) {
            let mut changed = false;
            for wanted in catalog::resolve(documents, &outline.site)?.servers {
                changed |= manifest::current(&mut snapshot, wanted).await?.is_new();
            }
            if changed {
                sites.push(outline.site);
            }
        }
        Ok(sites)
    }
}

/// What a push comes to, once every file was read and everything was checked together.
struct Checked {
    /// The documents as they are after the push.
    all: Documents,
    /// Those of the push.
    pushed: Vec<Document>,
    /// Those that differ from what was held.
    keys: Vec<DocumentKey>,
    /// What products recommend and the sites of the push do otherwise.
    warnings: Vec<Diagnostic>,
}

/// Lays a push over what is held and checks all of it; or every mistake.
fn check(held: &Documents, files: &[Source]) -> Result<Checked, Vec<Diagnostic>> {
    let documents = document::read(files)?;
    let pushed = documents.iter().map(|document| {
        let source = document.source();
        // Only UTF-8 was read.
        let text = String::from_utf8_lossy(&source.content).into_owned();
        Document { key: document.key().to_string(), path: source.path.clone(), text }
    });
    let pushed = pushed.collect();
    let mut all = held.clone();
    let keys = all.overlay(documents);
    let looked = check::look(&all);
    let warnings = looked.warnings(&all, |site| fixed::is_touched(&all, site, &keys));
    let mistakes = looked.mistakes;
    if mistakes.is_empty() { Ok(Checked { all, pushed, keys, warnings }) } else { Err(mistakes) }
}

async fn stale(snapshot: &mut Snapshot, base: Revision) -> Result<Stale, store::Error> {
    let newest = snapshot.newest_revision().await?;
    let documents = snapshot.documents_changed_since(base).await?;
    Ok(Stale { base, newest, documents })
}
