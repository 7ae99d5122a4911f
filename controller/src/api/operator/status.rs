//! Status and events.
//!
//! Neighbours: `crate::views` and `crate::watch`.

use futures_util::StreamExt as _;
use muster_model::name::{PlanId, Sequence};
use muster_proto::v1;
use tonic::Status;

use super::{Answer, Service, parse, view};
use crate::store::EventFilter;
use crate::watch;

impl Service {
    pub(super) async fn status(&self, request: v1::StatusRequest) -> Answer<v1::View> {
        let v1::StatusRequest { site } = request;
        let site = if site.is_empty() { None } else { Some(parse(&site)?) };
        view("muster.status/1", &self.views.status(site.as_ref()).await?)
    }

    pub(super) fn events(
        &self,
        request: v1::WatchRequest,
    ) -> Result<<Self as v1::operator_server::Operator>::WatchStream, Status> {
        let v1::WatchRequest { from, follow, site, plan } = request;
        let filter = EventFilter {
            site: if site.is_empty() { None } else { Some(parse(&site)?) },
            plan: (plan != 0).then_some(PlanId(plan)),
        };
        let options = watch::Options { from: Sequence(from), follow, filter };
        let events = watch::events(self.store.clone(), options, self.drain.clone());
        Ok(Box::pin(events.map(|event| match event {
            Ok(event) => Ok(v1::EventRecord { sequence: event.sequence.0, event_json: event.bytes }),
            Err(error) => Err(Status::from(error)),
        })))
    }
}
