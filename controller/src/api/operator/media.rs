//! Media: wire to the shelf and back.
//!
//! Neighbours: `crate::media` decides what is taken.

use muster_model::media::Medium;
use muster_model::name::Slug;
use muster_proto::v1;
use tonic::Status;

use super::{Service, parse};
use crate::media::{Piece, Slot};

impl Service {
    pub(super) async fn announce(
        &self,
        by: Slug,
        request: v1::AnnounceMediumRequest,
    ) -> Result<v1::MediumSlot, Status> {
        let v1::AnnounceMediumRequest { sha256, name, size_bytes } = request;
        let (sha256, name) = (parse(&sha256)?, parse(&name)?);
        // The room says when.
        let added_at = self.store.clock().now();
        let medium = Medium { sha256, name, size_bytes, added_by: by, added_at };
        Ok(to_wire(self.media.announce(medium).await?))
    }

    pub(super) async fn put_chunk(&self, request: v1::MediumChunk) -> Result<v1::MediumSlot, Status> {
        let v1::MediumChunk { sha256, offset_bytes, content, content_sha256, size_bytes: _ } = request;
        let (sha256, content_sha256) = (parse(&sha256)?, parse(&content_sha256)?);
        Ok(to_wire(self.media.put(Piece { sha256, offset_bytes, content, content_sha256 }).await?))
    }

    pub(super) async fn remove_medium_of(
        &self,
        by: Slug,
        request: v1::RemoveMediumRequest,
    ) -> Result<String, Status> {
        let v1::RemoveMediumRequest { sha256, force } = request;
        let sha256 = parse(&sha256)?;
        if let Some(need) = self.stage.needed(sha256, force).await? {
            return Err(Status::failed_precondition(need.to_string()));
        }
        let Medium { name, .. } = self.media.remove(sha256).await?;
        tracing::info!(%by, %sha256, %name, force, "a medium was removed");
        Ok(format!("{name} is off the shelf; servers that have it keep it."))
    }
}

fn to_wire(slot: Slot) -> v1::MediumSlot {
    let Slot { held_bytes, whole } = slot;
    v1::MediumSlot { held_bytes, whole }
}
