//! What this operator's CLI has seen: the newest revision that it pushed, and the digests of plans that it showed.
//!
//! Neighbours: `push` takes its base from here, `approve` compares digests with it. A small file beside the profile, bound
//! to one authority; where it is lost, a push asks for `--base` and an approval compares nothing. A revision that was only
//! listed is not seen: whoever pushes says on which documents the change was made.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use muster_model::digest::Digest;
use muster_model::name::{PlanId, Revision};
use serde::{Deserialize, Serialize};

use crate::connect::Controller;
use crate::failure::Failure;

/// How many plans are remembered; older ones are no longer valid anyway.
const PLANS: usize = 200;

/// The file's content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    format: u32,
    /// Of the authority's certificate: another controller's numbers mean something else.
    authority: Digest,
    revision: Revision,
    plans: BTreeMap<u64, Digest>,
}

/// The memory of one profile.
#[derive(Debug)]
pub(crate) struct Known {
    path: PathBuf,
    content: Content,
}

impl Known {
    /// Reads the memory beside the profile; a missing one, or one of another authority, is empty.
    pub(crate) fn read(controller: &Controller) -> Result<Self, Failure> {
        let path = controller.path.with_extension("known.json");
        let authority = Digest::of(controller.profile.ca_pem.as_bytes());
        let empty = Content { format: 1, authority, revision: Revision(0), plans: BTreeMap::new() };
        let content = match std::fs::read(&path) {
            Ok(bytes) => parse(&bytes, &path)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => empty.clone(),
            Err(error) => return Err(unusable(&path).because(&error)),
        };
        let content = if content.authority == authority { content } else { empty };
        Ok(Self { path, content })
    }

    /// The newest revision that this operator pushed or named as base; 0 is none.
    pub(crate) fn revision(&self) -> Revision {
        self.content.revision
    }

    /// The digest of that plan as it was last shown.
    pub(crate) fn plan(&self, plan: PlanId) -> Option<Digest> {
        self.content.plans.get(&plan.0).copied()
    }

    /// Remembers a revision; an older one is no news.
    pub(crate) fn saw_revision(&mut self, revision: Revision) -> Result<(), Failure> {
        if revision <= self.content.revision {
            return Ok(());
        }
        self.content.revision = revision;
        self.write()
    }

    /// Remembers what a plan's digest was when it was shown.
    pub(crate) fn saw_plan(&mut self, plan: PlanId, digest: Digest) -> Result<(), Failure> {
        if self.content.plans.insert(plan.0, digest) == Some(digest) {
            return Ok(());
        }
        while self.content.plans.len() > PLANS {
            self.content.plans.pop_first();
        }
        self.write()
    }

    /// Replaces the file whole, so that a reader sees the old or the new.
    fn write(&self) -> Result<(), Failure> {
        let failed = |error: &dyn std::error::Error| unusable(&self.path).because(error);
        let text = serde_json::to_string_pretty(&self.content)?;
        let beside = self.path.with_extension(format!("known.{}.tmp", std::process::id()));
        let mut file = std::fs::File::create(&beside).map_err(|error| failed(&error))?;
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(|error| failed(&error))?;
        std::fs::rename(&beside, &self.path).map_err(|error| failed(&error))
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<Content, Failure> {
    let content: Content = serde_json::from_slice(bytes).map_err(|error| unusable(path).because(&error))?;
    if content.format == 1 { Ok(content) } else { Err(unusable(path)) }
}

fn unusable(path: &Path) -> Failure {
    Failure::new(
        crate::exit::Exit::Internal,
        format!("{} cannot be used; it remembers the newest revision that you pushed", path.display()),
        "make its folder writable, or delete the file and name the revision once: muster push -f PATH --base N",
    )
}
