//! Revisions and their documents, as they were written.
//!
//! Neighbours: intake adds a revision, compiling reads the newest one. A document that a push does not name stays: its
//! newest text is what holds.

use std::collections::BTreeMap;

use jiff::Timestamp;
use muster_model::digest::Digest;
use muster_model::event::EventBody;
use muster_model::name::Revision;
use sqlx::Row as _;
use sqlx::sqlite::SqliteRow;

use super::row::{int, moment, nat, nat32};
use super::{Error, Snapshot, Tx};

/// A document, as an operator wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// Its kind, name and, for a product, version: `Site dupont-prod`, `Product sxa 2022-r2`. Two documents with one key
    /// are two texts of one document.
    pub key: String,
    /// Where the operator had it, for messages.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A push that was checked.
#[derive(Debug, Clone)]
pub struct NewRevision {
    /// The operator.
    pub by: String,
    /// The change ticket, if one was given.
    pub ticket: Option<String>,
    /// Why, in the operator's words, if they were given.
    pub reason: Option<String>,
    /// The documents of the push, changed or not.
    pub documents: Vec<Document>,
}

/// What came of a push.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pushed {
    /// The revision that now holds the documents.
    pub revision: Revision,
    /// How many of them differ from what was stored before.
    pub changed: u32,
}

/// A revision, without its documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionRecord {
    /// Its number.
    pub revision: Revision,
    /// The operator who pushed it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// The change ticket, if one was given.
    pub ticket: Option<String>,
    /// How many documents differ from the revision before.
    pub changed: u32,
}

fn read(row: &SqliteRow) -> Result<RevisionRecord, Error> {
    Ok(RevisionRecord {
        revision: Revision(nat("revision", row.try_get("revision")?)?),
        by: row.try_get("pushed_by")?,
        at: moment(row.try_get("pushed_ms")?)?,
        ticket: row.try_get("ticket")?,
        changed: nat32("count", row.try_get("changed")?)?,
    })
}

fn read_document(row: &SqliteRow) -> Result<Document, Error> {
    Ok(Document { key: row.try_get("document")?, path: row.try_get("path")?, text: row.try_get("source")? })
}

impl Snapshot {
    /// The newest revision; none before the first push.
    pub async fn newest_revision(&mut self) -> Result<Option<RevisionRecord>, Error> {
        sqlx::query("SELECT * FROM revisions ORDER BY revision DESC LIMIT 1")
            .fetch_optional(self.connection().await?)
            .await?
            .as_ref()
            .map(read)
            .transpose()
    }

    /// Every document as it was at a revision, by key.
    pub async fn documents(&mut self, revision: Revision) -> Result<Vec<Document>, Error> {
        sqlx::query(
            "SELECT document, path, source FROM documents AS held
             WHERE revision = (SELECT MAX(revision) FROM documents
                               WHERE document = held.document AND revision <= $1)
             ORDER BY document",
        )
        .bind(int(revision.0)?)
        .fetch_all(self.connection().await?)
        .await?
        .iter()
        .map(read_document)
        .collect()
    }

    /// One document as it was at a revision.
    pub async fn document(&mut self, key: &str, revision: Revision) -> Result<Option<Document>, Error> {
        let row = sqlx::query(
            "SELECT document, path, source FROM documents WHERE document = $1 AND revision <= $2
             ORDER BY revision DESC LIMIT 1",
        )
        .bind(key)
        .bind(int(revision.0)?)
        .fetch_optional(self.connection().await?)
        .await?;
        row.as_ref().map(read_document).transpose()
    }

    /// At which revision each document last changed, by its key.
    pub async fn documents_last_changed(&mut self) -> Result<BTreeMap<String, Revision>, Error> {
        sqlx::query("SELECT document, MAX(revision) AS revision FROM documents GROUP BY document")
            .fetch_all(self.connection().await?)
            .await?
            .iter()
            .map(|row| Ok((row.try_get("document")?, Revision(nat("revision", row.try_get("revision")?)?))))
            .collect()
    }

    /// The keys of the documents that changed after a revision: what a push from there has not seen.
    pub async fn documents_changed_since(&mut self, base: Revision) -> Result<Vec<String>, Error> {
        Ok(sqlx::query_scalar(
            "SELECT DISTINCT document FROM documents WHERE revision > $1 ORDER BY document",
        )
        .bind(int(base.0)?)
        .fetch_all(self.connection().await?)
        .await?)
    }
}

impl Tx {
    /// Lays the documents over those that are stored. Where none differs there is no new revision and no event. Whether
    /// the push's base is the newest revision is asked first, in the same transaction, by the caller.
    pub async fn add_revision(&mut self, new: NewRevision) -> Result<Pushed, Error> {
        let newest = self.newest_revision().await?.map_or(Revision(0), |newest| newest.revision);
        let mut differing = Vec::new();
        for document in &new.documents {
            let digest = Digest::of(document.text.as_bytes()).to_string();
            let held: Option<String> = sqlx::query_scalar(
                "SELECT digest FROM documents WHERE document = $1 ORDER BY revision DESC LIMIT 1",
            )
            .bind(&document.key)
            .fetch_optional(self.connection().await?)
            .await?;
            if held.as_ref() != Some(&digest) {
                differing.push((document, digest));
            }
        }
        if differing.is_empty() {
            return Ok(Pushed { revision: newest, changed: 0 });
        }
        let revision = Revision(self.highest_revision().await?.0 + 1);
        let changed = u32::try_from(differing.len()).unwrap_or(u32::MAX);
        let at = self.at().as_millisecond();
        sqlx::query(
            "INSERT INTO revisions (revision, pushed_by, pushed_ms, ticket, changed) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(int(revision.0)?)
        .bind(&new.by)
        .bind(at)
        .bind(&new.ticket)
        .bind(i64::from(changed))
        .execute(self.connection().await?)
        .await?;
        for (document, digest) in differing {
            sqlx::query(
                "INSERT INTO documents (document, revision, path, source, digest) VALUES ($1, $2, $3, $4, $5)",
            )
            .bind(&document.key)
            .bind(int(revision.0)?)
            .bind(&document.path)
            .bind(&document.text)
            .bind(digest)
            .execute(self.connection().await?)
            .await?;
        }
        let body = EventBody::RevisionPushed {
            revision,
            by: new.by,
            ticket: new.ticket,
            changed,
            reason: new.reason,
        };
        self.append(None, body).await?;
        Ok(Pushed { revision, changed })
    }
}
