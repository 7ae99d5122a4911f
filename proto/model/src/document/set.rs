//! Documents by their identity, as a revision holds them.
//!
//! Neighbours: the controller overlays a push on what it has stored, `resolve` and `check` look documents up. Nothing is
//! ever deleted here: a document that is missing from a folder stays.

use std::collections::BTreeMap;
use std::fmt;

use super::{Body, Client, Document, Product, Ring, Site};
use crate::name::{ProductId, Slug};

/// The identity of a document: its kind and name, for a Product with the version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentKey {
    /// `Product sxa 2022-r2`
    Product(ProductId),
    /// `Ring pilot`
    Ring(Slug),
    /// `Client dupont`
    Client(Slug),
    /// `Site dupont-prod`
    Site(Slug),
}

impl DocumentKey {
    /// The word for the kind, as documents write it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Product(_) => "Product",
            Self::Ring(_) => "Ring",
            Self::Client(_) => "Client",
            Self::Site(_) => "Site",
        }
    }

    /// The name; for a Product with the version.
    pub fn name(&self) -> String {
        match self {
            Self::Product(id) => id.to_string(),
            Self::Ring(name) | Self::Client(name) | Self::Site(name) => name.to_string(),
        }
    }
}

impl fmt::Display for DocumentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

/// Documents, one per identity.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Documents(BTreeMap<DocumentKey, Document>);

impl Documents {
    /// Lays documents over these: each replaces the one of its identity whole. Returns the identities of those whose text
    /// is new or differs, in order.
    pub fn overlay(&mut self, documents: Vec<Document>) -> Vec<DocumentKey> {
        let mut changed = Vec::new();
        for document in documents {
            let key = document.key().clone();
            let before = self.0.get(&key).map(Document::digest);
            if before != Some(document.digest()) {
                changed.push(key.clone());
            }
            self.0.insert(key, document);
        }
        changed.sort();
        changed
    }

    /// The document of that identity.
    pub fn get(&self, key: &DocumentKey) -> Option<&Document> {
        self.0.get(key)
    }

    /// Every document, in order of identity.
    pub fn iter(&self) -> impl Iterator<Item = &Document> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names of all sites, in order.
    pub fn sites(&self) -> impl Iterator<Item = &Slug> {
        self.0.keys().filter_map(|key| match key {
            DocumentKey::Site(name) => Some(name),
            DocumentKey::Product(_) | DocumentKey::Ring(_) | DocumentKey::Client(_) => None,
        })
    }

    /// A site and its document.
    pub fn site(&self, name: &Slug) -> Option<(&Document, &Site)> {
        let document = self.get(&DocumentKey::Site(name.clone()))?;
        match document.body() {
            Body::Site(site) => Some((document, site)),
            Body::Product(_) | Body::Ring(_) | Body::Client(_) => None,
        }
    }

    /// A ring and its document.
    pub fn ring(&self, name: &Slug) -> Option<(&Document, &Ring)> {
        let document = self.get(&DocumentKey::Ring(name.clone()))?;
        match document.body() {
            Body::Ring(ring) => Some((document, ring)),
            Body::Product(_) | Body::Client(_) | Body::Site(_) => None,
        }
    }

    /// A client and its document.
    pub fn client(&self, name: &Slug) -> Option<(&Document, &Client)> {
        let document = self.get(&DocumentKey::Client(name.clone()))?;
        match document.body() {
            Body::Client(client) => Some((document, client)),
            Body::Product(_) | Body::Ring(_) | Body::Site(_) => None,
        }
    }

    /// Every product, by name and version.
    pub fn products(&self) -> impl Iterator<Item = &ProductId> {
        self.0.keys().filter_map(|key| match key {
            DocumentKey::Product(id) => Some(id),
            DocumentKey::Ring(_) | DocumentKey::Client(_) | DocumentKey::Site(_) => None,
        })
    }

    /// A product and its document.
    pub fn product(&self, id: &ProductId) -> Option<(&Document, &Product)> {
        let document = self.get(&DocumentKey::Product(id.clone()))?;
        match document.body() {
            Body::Product(product) => Some((document, product)),
            Body::Ring(_) | Body::Client(_) | Body::Site(_) => None,
        }
    }
}

impl FromIterator<Document> for Documents {
    fn from_iter<I: IntoIterator<Item = Document>>(documents: I) -> Self {
        let mut set = Self::default();
        set.overlay(documents.into_iter().collect());
        set
    }
}
