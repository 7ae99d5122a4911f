//! Whether a push would change a `fixed` parameter of a site that was installed.
//!
//! Neighbours: the store knows what was done, `catalog` reads the documents of that time, the model compares. Only sites
//! whose documents the push changes are looked at.

use muster_model::diagnostic::Diagnostic;
use muster_model::document::{DocumentKey, Documents};
use muster_model::name::Slug;
use muster_model::resolve;

use super::Error;
use super::catalog::{self, Catalog};
use crate::store::{self, Installed, Snapshot};

/// A site that the push touches, and its installation as it was when the push was checked.
#[derive(Debug, Clone)]
pub(super) struct Before {
    site: Slug,
    installed: Option<Installed>,
}

/// The sites that depend on a changed document, each with its installation.
pub(super) async fn installed(
    snapshot: &mut Snapshot,
    all: &Documents,
    changed: &[DocumentKey],
) -> Result<Vec<Before>, store::Error> {
    let mut before = Vec::new();
    for name in all.sites() {
        if is_touched(all, name, changed) {
            before.push(Before { site: name.clone(), installed: snapshot.installed(name).await? });
        }
    }
    Ok(before)
}

/// Whether a site depends on a changed document.
pub(super) fn is_touched(all: &Documents, site: &Slug, changed: &[DocumentKey]) -> bool {
    all.site(site).is_some_and(|(document, site)| {
        changed.contains(document.key()) || catalog::named(site).iter().any(|key| changed.contains(key))
    })
}

/// Whether a site was installed since.
pub(super) async fn has_moved(snapshot: &mut Snapshot, before: &[Before]) -> Result<bool, store::Error> {
    for before in before {
        if snapshot.installed(&before.site).await?.map(|now| now.plan)
            != before.installed.as_ref().map(|then| then.plan)
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Every fixed parameter that the push would change, with who installed it and when.
pub(super) async fn changed(
    snapshot: &mut Snapshot,
    held: &Documents,
    all: &Documents,
    before: &[Before],
) -> Result<Vec<Diagnostic>, Error> {
    let mut found = Vec::new();
    for Before { site, installed } in before {
        let Some(installed) = installed else {
            continue;
        };
        let documents = Catalog::of_site(snapshot, site, installed.revision).await?;
        let Installed { plan, revision, by, at } = installed;
        let when = format!("by {by} on {} ({plan}, revision {revision})", at.strftime("%Y-%m-%d %H:%M UTC"));
        found.extend(resolve::changed_fixed(&documents, held, all, site, &when));
    }
    Ok(found)
}
