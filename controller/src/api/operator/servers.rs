//! Servers: invite and revoke.
//!
//! Neighbours: `crate::authority` makes tokens and revokes certificates; the streams of a revoked server end with its
//! connections.

use muster_model::name::{ServerId, Slug};
use muster_proto::v1;
use tonic::Status;

use super::{Service, optional, parse};

impl Service {
    pub(super) async fn invite(
        &self,
        by: Slug,
        request: v1::InviteRequest,
    ) -> Result<v1::InviteReply, Status> {
        let v1::InviteRequest { server, lifetime_ms } = request;
        let server: ServerId = parse(&server)?;
        let invited = self.authority.invite(server, by.into(), lifetime_ms).await?;
        let token = invited
            .token
            .to_line()
            .map_err(|error| Status::internal(format!("the token cannot be written: {error}")))?;
        Ok(v1::InviteReply { token, expires_at_ms: invited.expires_at.as_millisecond() })
    }

    pub(super) async fn revoke(&self, by: Slug, request: v1::RevokeServerRequest) -> Result<String, Status> {
        let v1::RevokeServerRequest { server, reason } = request;
        let server: ServerId = parse(&server)?;
        let (this, revoked) = (self.clone(), server.clone());
        // In a task of its own: an operator who goes away in between must not leave a site waiting for the server.
        let whole = tokio::spawn(async move {
            this.authority.revoke(revoked.clone(), by.into(), optional(reason)).await?;
            this.sessions.cut(&revoked);
            Ok::<(), Status>(this.planning.revoked(&revoked).await?)
        });
        whole.await.map_err(|_| Status::unavailable("the controller stops"))??;
        Ok(format!(
            "{server} is revoked and cut off; let it in again: `muster server invite {server} --out FILE`"
        ))
    }
}
