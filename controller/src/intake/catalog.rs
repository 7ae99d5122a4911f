//! The documents of a revision, read: which sites there are, and what each server should be.
//!
//! Neighbours: the store has the texts, the model reads and resolves them. A revision never changes, so that its documents
//! are read once and kept until there is a newer one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use muster_core::compile::Wanted;
use muster_model::diagnostic::Diagnostic;
use muster_model::document::{self, DocumentKey, Documents, Site, Source};
use muster_model::name::{HostName, ParameterName, ProductId, Recipient, Revision, Role, ServerId, Slug};
use muster_model::parameter::Parameter;
use muster_model::resolve;
use thiserror::Error;

use crate::authority::HostOf;
use crate::store::{self, Snapshot};

/// Why the documents do not say what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The store does not answer.
    #[error("the documents cannot be read from the store")]
    Store(#[from] store::Error),
    /// Nothing was ever pushed.
    #[error("nothing was pushed yet; push a folder of documents: `muster push -f PATH`")]
    Empty,
    /// No document is of that site.
    #[error("there is no site {site}{}; `muster status` lists all", near_words(.near))]
    NoSite {
        /// What was asked for.
        site: Slug,
        /// Sites whose names are near.
        near: Vec<String>,
    },
    /// Stored documents do not pass the checks of this version.
    #[error("the stored documents do not pass this version's checks; correct and push them: {0}")]
    Unsound(String),
}

impl Error {
    /// The first of these mistakes stands for all: the push of the same file shows the others.
    fn unsound(mistakes: &[Diagnostic]) -> Self {
        Self::Unsound(mistakes.first().map(ToString::to_string).unwrap_or_default())
    }
}

/// What a site's document names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The site.
    pub site: Slug,
    /// Its product.
    pub product: ProductId,
    /// Its servers, by role.
    pub servers: Vec<(Role, HostName)>,
}

/// What a site's servers should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    /// Its product.
    pub product: ProductId,
    /// Each server.
    pub servers: Vec<Wanted>,
    /// What the product recommends and the site does otherwise.
    pub warnings: Vec<Diagnostic>,
}

/// A revision and its documents.
type Held = (Revision, Arc<Documents>);

/// The newest revision's documents. Cheap to clone; clones share what was read.
#[derive(Clone, Default)]
pub struct Catalog {
    newest: Arc<Mutex<Option<Held>>>,
}

impl Catalog {
    /// The newest revision of this snapshot and its documents.
    ///
    /// # Errors
    /// Where there is none, or its texts cannot be read.
    pub async fn newest(&self, snapshot: &mut Snapshot) -> Result<(Revision, Arc<Documents>), Error> {
        let newest = snapshot.newest_revision().await?.ok_or(Error::Empty)?;
        let documents = self.at(snapshot, newest.revision).await?;
        Ok((newest.revision, documents))
    }

    /// The documents of a revision; of revision 0, none.
    pub(super) async fn at(
        &self,
        snapshot: &mut Snapshot,
        revision: Revision,
    ) -> Result<Arc<Documents>, Error> {
        if let Some((held, documents)) = self.held()
            && held == revision
        {
            return Ok(documents);
        }
        let stored = snapshot.documents(revision).await?;
        let sources = stored
            .into_iter()
            .map(|document| Source { path: document.path, content: document.text.into_bytes() });
        let sources: Vec<Source> = sources.collect();
        let documents: Documents =
            document::read_all(&sources).map_err(|mistakes| Error::unsound(&mistakes))?.into_iter().collect();
        let documents = Arc::new(documents);
        self.hold(revision, Arc::clone(&documents));
        Ok(documents)
    }

    /// The documents that a site was made from at a revision: its own and those that it names.
    pub(super) async fn of_site(
        snapshot: &mut Snapshot,
        site: &Slug,
        revision: Revision,
    ) -> Result<Documents, Error> {
        let mut documents = Documents::default();
        let mut keys = vec![DocumentKey::Site(site.clone())];
        while let Some(key) = keys.pop() {
            let Some(stored) = snapshot.document(&key.to_string(), revision).await? else {
                continue;
            };
            let source = Source { path: stored.path, content: stored.text.into_bytes() };
            let read = document::read_all(&[source]).map_err(|mistakes| Error::unsound(&mistakes))?;
            documents.overlay(read);
            if let DocumentKey::Site(_) = key {
                keys.extend(documents.site(site).into_iter().flat_map(|(_, site)| named(site)));
            }
        }
        Ok(documents)
    }

    fn held(&self) -> Option<Held> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn hold(&self, revision: Revision, documents: Arc<Documents>) {
        let mut held = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        if held.as_ref().is_none_or(|(held, _)| *held < revision) {
            *held = Some((revision, documents));
        }
    }
}

/// The documents that a site names.
pub(crate) fn named(site: &Site) -> Vec<DocumentKey> {
    let ring = site.ring.iter().map(|ring| DocumentKey::Ring(ring.value.clone()));
    let client = DocumentKey::Client(site.client.value.clone());
    ring.chain([client, DocumentKey::Product(site.product.value.clone())]).collect()
}

/// Every site, by name.
pub fn outlines(documents: &Documents) -> Vec<Outline> {
    documents.sites().filter_map(|name| documents.site(name)).map(|(_, site)| outline_of(site)).collect()
}

fn outline_of(site: &Site) -> Outline {
    let servers = site.servers.iter().map(|(role, server)| (role.clone(), server.host.value.clone()));
    Outline { site: site.name.clone(), product: site.product.value.clone(), servers: servers.collect() }
}

/// One site.
///
/// # Errors
/// Where no document is of that name.
pub fn outline(documents: &Documents, site: &Slug) -> Result<Outline, Error> {
    if let Some((_, site)) = documents.site(site) {
        return Ok(outline_of(site));
    }
    let near = near(site.as_str(), &documents.sites().map(Slug::as_str).collect::<Vec<_>>());
    Err(Error::NoSite { site: site.clone(), near })
}

/// The parameters of a site's product; none where the site or its product is not there.
pub(crate) fn parameters(documents: &Documents, site: &Slug) -> BTreeMap<ParameterName, Parameter> {
    let product = documents.site(site).and_then(|(_, site)| documents.product(&site.product.value));
    product.map(|(_, product)| product.parameters.clone()).unwrap_or_default()
}

/// The client's own age key, from the site's document or else the client's, with whose it is.
pub(crate) fn client_recipient(documents: &Documents, site: &Slug) -> Option<(Recipient, String)> {
    let (_, site) = documents.site(site)?;
    let client = &site.client.value;
    let of_client = || documents.client(client).and_then(|(_, client)| client.secret_recipient.clone());
    let recipient = site.secret_recipient.clone().or_else(of_client)?;
    Some((recipient, format!("client {client}")))
}

/// Looks up the computer that the newest documents name for a server.
pub fn host_of(catalog: Catalog) -> HostOf {
    Arc::new(move |snapshot, server| {
        let catalog = catalog.clone();
        Box::pin(async move {
            let documents = match catalog.newest(snapshot).await {
                Ok((_, documents)) => documents,
                Err(Error::Store(error)) => return Err(error),
                Err(Error::Empty | Error::NoSite { .. } | Error::Unsound(_)) => return Ok(None),
            };
            let site = documents.site(&server.site);
            Ok(site.and_then(|(_, site)| Some(site.servers.get(&server.role)?.host.value.clone())))
        })
    })
}

/// What each server of a site should be.
///
/// # Errors
/// Where the site is not known, or cannot be settled.
pub fn resolve(documents: &Documents, site: &Slug) -> Result<Resolved, Error> {
    outline(documents, site)?;
    let resolved = resolve::resolve(documents, site).map_err(|mistakes| Error::unsound(&mistakes))?;
    let product = resolved.product;
    let servers = resolved.servers.into_iter().map(|server| Wanted {
        server: ServerId { site: site.clone(), role: server.role },
        host: server.host,
        product: product.clone(),
        nodes: server.nodes,
    });
    Ok(Resolved { servers: servers.collect(), product, warnings: resolved.warnings })
}

fn near_words(near: &[String]) -> String {
    if near.is_empty() { String::new() } else { format!(" (did you mean {}?)", near.join(" or ")) }
}

/// At most three names that a person may have meant, nearest first: mistyped, or only their beginning.
fn near<S: AsRef<str>>(wanted: &str, names: &[S]) -> Vec<String> {
    let most = 1 + wanted.len() / 4;
    let mut scored: Vec<(usize, &str)> = names
        .iter()
        .map(AsRef::as_ref)
        .map(|name: &str| {
            let beginning = name.get(..wanted.len()).map_or(usize::MAX, |start| distance(wanted, start) + 1);
            (distance(wanted, name).min(beginning), name)
        })
        .filter(|(distance, _)| *distance <= most)
        .collect();
    scored.sort_unstable();
    scored.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

/// How many letters must be put in, taken out or exchanged to make one word of another.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, letter) in one.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, other) in other.bytes().enumerate() {
            let exchanged = diagonal + usize::from(letter != other);
            diagonal = row[column + 1];
            row[column + 1] = exchanged.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_name_brings_the_one_that_was_meant() {
        let sites = ["dupont-prod", "dupont-test", "martin-prod"];
        assert_eq!(near("dupond-prod", &sites), ["dupont-prod"]);
        assert_eq!(near("dupont", &sites), ["dupont-prod", "dupont-test"]);
        assert_eq!(near("dupond", &sites), ["dupont-prod", "dupont-test"]);
        assert!(near("nord", &sites).is_empty());
    }
}
