//! Operators: invite and revoke.
//!
//! Neighbours: `crate::authority` makes tokens and revokes certificates.

use muster_model::name::Slug;
use muster_proto::v1;
use tonic::Status;

use super::{Service, parse};

impl Service {
    pub(super) async fn invite_colleague(
        &self,
        by: Slug,
        request: v1::InviteOperatorRequest,
    ) -> Result<v1::InviteReply, Status> {
        let v1::InviteOperatorRequest { operator, lifetime_ms } = request;
        let invited = self.authority.invite_operator(parse(&operator)?, by.into(), lifetime_ms).await?;
        let token = invited
            .token
            .to_line()
            .map_err(|error| Status::internal(format!("the token cannot be written: {error}")))?;
        Ok(v1::InviteReply { token, expires_at_ms: invited.expires_at.as_millisecond() })
    }

    pub(super) async fn revoke_colleague(
        &self,
        by: Slug,
        request: v1::OperatorRequest,
    ) -> Result<String, Status> {
        let v1::OperatorRequest { operator } = request;
        let operator: Slug = parse(&operator)?;
        self.authority.revoke_operator(operator.clone(), by.into()).await?;
        Ok(format!(
            "{operator} is revoked and cut off; let him in again: `muster operator invite {operator} --out FILE`"
        ))
    }
}
