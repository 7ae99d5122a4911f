//! The status rows of sites, made anew from their events: after an update that changed what is in them.
//!
//! Neighbours: `change` and `planning` write the row of a site with each event of its plan, so that at any other start
//! nothing is missing. [`differing`] is the proof of that; the stories of the tests end with it.

use muster_model::name::{PlanId, Slug};

use super::{Error, load};
use crate::store::{Snapshot, Store};

/// Makes the rows that are missing or of another format. A plan that cannot be loaded is logged and left alone.
///
/// # Errors
/// Where the store does not answer.
pub(super) async fn refold(store: &Store) -> Result<(), Error> {
    let plans = store.snapshot().await?.plans_without_status().await?;
    if !plans.is_empty() {
        tracing::info!(sites = plans.len(), "the status of sites is made anew from their events");
    }
    for plan in plans {
        match refold_one(store, plan).await {
            Ok(()) => {}
            Err(Error::Store(error)) => return Err(Error::Store(error)),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(%plan, error, "the status of a site cannot be made anew");
            }
        }
    }
    Ok(())
}

async fn refold_one(store: &Store, plan: PlanId) -> Result<(), Error> {
    let write = store.transaction(move |tx| {
        Box::pin(async move {
            let loaded = load::load(tx, plan).await?;
            tx.set_site_status(&loaded.status())?;
            Ok(())
        })
    });
    write.await
}

/// The sites whose rows are not what the events of their newest plans come to; none, whatever happened before.
///
/// # Errors
/// Where the store does not answer, or a plan cannot be loaded.
pub async fn differing(snapshot: &mut Snapshot, sites: &[Slug]) -> Result<Vec<Slug>, Error> {
    let mut differing = Vec::new();
    for site in sites {
        let folded = match snapshot.newest_plan(site).await? {
            Some(newest) => Some(load::load(snapshot, newest.plan).await?.status()),
            None => None,
        };
        if snapshot.site_status(site).await? != folded {
            differing.push(site.clone());
        }
    }
    Ok(differing)
}
