//! The end of a recovery, as an operator asks for it.
//!
//! Neighbours: `crate::recovery` decides.

use muster_model::name::Slug;
use muster_proto::v1;
use tonic::Status;

use super::Service;

impl Service {
    pub(super) async fn confirm_recovery_by(
        &self,
        by: Slug,
        request: v1::ConfirmRecoveryRequest,
    ) -> Result<String, Status> {
        let v1::ConfirmRecoveryRequest { leave_unread } = request;
        let (recovery, dispatch) = (self.recovery.clone(), self.dispatch.clone());
        // In a task of its own: half a confirmation must not be left to a caller who goes away.
        let whole = tokio::spawn(async move { recovery.confirm(by.into(), leave_unread, &dispatch).await });
        let ended = whole.await.map_err(|_| Status::unavailable("the controller stops"))??;
        let unread = match ended.unread.len() {
            0 => String::new(),
            1 => format!("; {} is not read yet and gets nothing until it is", ended.unread[0]),
            more => format!("; {more} servers are not read yet and get nothing until they are"),
        };
        Ok(format!(
            "work may begin again under epoch {}: every plan up to {} is void, new ones follow it{unread}; push the newest documents, then plan each site: `muster status`",
            ended.epoch, ended.plan
        ))
    }
}
