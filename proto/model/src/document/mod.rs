//! Documents: what an operator writes, read with every mistake of every file at once.
//!
//! The way of a document: `source` (bytes to text), `tree` (text to values with places), `table` and `shape` (maps by
//! their tables of keys), then its kind (`product`, `site`). Neighbours: the CLI reads a folder's files and the
//! controller a push's with [`read`]; `resolve` and `check` go on from [`Documents`]. No file is opened here.

mod fit;
mod node;
mod place;
mod product;
mod raw;
mod rule;
mod scalar;
pub(crate) mod script;
mod set;
pub(crate) mod shape;
mod site;
mod source;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod tree;

pub use node::NodeTemplate;
pub(crate) use node::check_name;
pub use place::{Place, Placed};
pub use product::Product;
pub(crate) use product::SECRET_IN_DOCUMENT;
pub(crate) use product::collect;
pub use raw::Raw;
pub(crate) use raw::{UNCLEAR_NUMBER, UNCLEAR_TIME};
pub use rule::Rule;
pub use set::{DocumentKey, Documents};
pub use site::{Client, Given, Ring, Site, SiteEndpoint, SiteServer, Values};
pub(crate) use site::{START, same_host};
pub use source::Source;

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Report, diagnostic, listed};
use crate::digest::Digest;
use crate::limits::{PUSH_FILES, PUSH_SIZE_BYTES};
use crate::near::did_you_mean;

/// What a document says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A product.
    Product(Product),
    /// A ring.
    Ring(Ring),
    /// A client.
    Client(Client),
    /// A site.
    Site(Site),
}

/// One document that was read and is whole. Compares by what it says, not by how it is written.
#[derive(Debug, Clone)]
pub struct Document {
    key: DocumentKey,
    body: Body,
    source: Source,
    lines_before: u32,
}

impl PartialEq for Document {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key && self.body == other.body
    }
}

impl Eq for Document {}

impl Document {
    /// Its identity.
    pub fn key(&self) -> &DocumentKey {
        &self.key
    }

    /// What it says.
    pub fn body(&self) -> &Body {
        &self.body
    }

    /// Its own text and the path of its file: reading this again gives an equal document. Where a file holds several
    /// documents, it is this one's part of the file.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The digest of its text.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.source.content)
    }

    /// The line of its file, from 1, at which a place of it stands.
    pub(crate) fn line(&self, place: Place) -> u32 {
        self.lines_before + place.line
    }

    /// A mistake at a place of this document.
    pub(crate) fn diagnostic(
        &self,
        place: Place,
        rule: &str,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Diagnostic {
        diagnostic(&self.source, self.lines_before, place, rule, problem.into(), advice.into())
    }
}

/// Reads files, each with one or more documents. A declaration of a twin (`kind: Twin`) is passed over.
///
/// # Errors
/// Every mistake of every file, in order of file and line. Nothing is half read: one mistake refuses all.
pub fn read(sources: &[Source]) -> Result<Vec<Document>, Vec<Diagnostic>> {
    within_limits(sources)?;
    read_all(sources)
}

/// The same for what was taken in before, by many pushes: all of it may be more than one push may hold.
///
/// # Errors
/// Every mistake of every file, in order of file and line.
pub fn read_all(sources: &[Source]) -> Result<Vec<Document>, Vec<Diagnostic>> {
    let mut documents: Vec<Document> = Vec::new();
    let mut firsts: BTreeMap<DocumentKey, usize> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for file in sources {
        match source::parts(file) {
            Err(diagnostic) => diagnostics.push(*diagnostic),
            Ok(parts) => {
                for part in parts {
                    match read_part(part) {
                        Err(found) => diagnostics.extend(found),
                        Ok(None) => {}
                        Ok(Some(document)) => match firsts.get(document.key()) {
                            Some(first) => diagnostics.push(duplicate(&documents[*first], &document)),
                            None => {
                                firsts.insert(document.key().clone(), documents.len());
                                documents.push(document);
                            }
                        },
                    }
                }
            }
        }
    }
    if diagnostics.is_empty() { Ok(documents) } else { Err(listed(diagnostics)) }
}

/// Refuses a wrong folder before it is read whole.
fn within_limits(sources: &[Source]) -> Result<(), Vec<Diagnostic>> {
    let bytes: u64 = sources.iter().map(|source| source.content.len() as u64).sum();
    let problem = if sources.len() as u64 > PUSH_FILES {
        format!("{} files were given; one push may hold {PUSH_FILES}", sources.len())
    } else if bytes > PUSH_SIZE_BYTES && sources.len() > 1 {
        format!("the files have {bytes} bytes together; one push may hold {PUSH_SIZE_BYTES}")
    } else {
        return Ok(());
    };
    let path = sources.first().map_or("", |source| source.path.as_str());
    Err(vec![Diagnostic::of_file(
        path,
        "push-too-large",
        problem,
        "check that this is the right folder, or push it in parts",
    )])
}

/// The document, or nothing where it is meant for somebody else.
fn read_part(part: source::Part) -> Result<Option<Document>, Vec<Diagnostic>> {
    let source::Part { source, lines_before } = part;
    let mut report = Report::new(&source, lines_before);
    let text = String::from_utf8_lossy(&source.content);
    let yaml = tree::parse(&text, &mut report);
    if yaml.as_ref().is_some_and(is_twin) {
        return Ok(None);
    }
    let read = yaml.and_then(|yaml| body(&yaml, &mut report));
    let mistakes = report.finish();
    match read {
        Some((key, body)) if mistakes.is_empty() => Ok(Some(Document { key, body, source, lines_before })),
        Some(_) | None => Err(mistakes),
    }
}

/// The kinds of document.
const KINDS: [&str; 4] = ["Product", "Ring", "Client", "Site"];

/// The declaration of a twin may lie beside the documents of the site that it plays; only the agent reads it.
fn is_twin(yaml: &tree::Yaml) -> bool {
    matches!(&yaml.data, tree::Data::Map(entries) if entries.iter().any(|entry| {
        entry.key == "kind" && matches!(&entry.value.data, tree::Data::Scalar { text, .. } if text == "Twin")
    }))
}

fn body(yaml: &tree::Yaml, report: &mut Report<'_>) -> Option<(DocumentKey, Body)> {
    let entries = shape::entries(yaml, "a document", report)?;
    let Some(kind) = entries.iter().find(|entry| entry.key == "kind") else {
        let advice = "begin it with `kind: Product`, `kind: Ring`, `kind: Client` or `kind: Site`";
        report.push(yaml.place, "missing-key", "the document has no `kind`", advice);
        return None;
    };
    let word = raw::text(&kind.value, "`kind`", report)?;
    match word.value.as_str() {
        "Product" => product::read(yaml, report)
            .map(|product| (DocumentKey::Product(product.id.clone()), Body::Product(product))),
        "Ring" => {
            site::read_ring(yaml, report).map(|ring| (DocumentKey::Ring(ring.name.clone()), Body::Ring(ring)))
        }
        "Client" => site::read_client(yaml, report)
            .map(|client| (DocumentKey::Client(client.name.clone()), Body::Client(client))),
        "Site" => {
            site::read_site(yaml, report).map(|site| (DocumentKey::Site(site.name.clone()), Body::Site(site)))
        }
        other => {
            let problem = format!("there is no kind of document `{other}`");
            report.push(word.place, "unknown-document-kind", problem, did_you_mean(other, KINDS));
            None
        }
    }
}

/// A second document of the same identity in one push: which of the two is meant is not guessed.
fn duplicate(first: &Document, document: &Document) -> Diagnostic {
    let line = first.lines_before + 1;
    document.diagnostic(
        START,
        "duplicate-document",
        format!("{} is also in {} from line {line} on", document.key, first.source.path),
        "keep one of the two, or give one another name",
    )
}
