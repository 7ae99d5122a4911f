//! Status and events.
//!
//! Neighbours: `crate::views` and `crate::watch`.

use futures_util::StreamExt as _;
use muster_model::name::{PlanId, Sequence, Slug};
use muster_proto::v1;
use tonic::Status;

use super::{Answer, Service, parse, view};
use crate::progress::StepProgress;
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
        let v1::WatchRequest { from, follow, site, plan, progress } = request;
        let site: Option<Slug> = if site.is_empty() { None } else { Some(parse(&site)?) };
        let filter = EventFilter { site: site.clone(), plan: (plan != 0).then_some(PlanId(plan)) };
        let progress = site.filter(|_| progress).map(|site| (site, self.progress.listen()));
        let options = watch::Options { from: Sequence(from), follow, filter, progress };
        let events = watch::events(self.store.clone(), options, self.drain.clone());
        Ok(Box::pin(events.map(|event| match event {
            Ok(shown) => Ok(v1::WatchReply { what: Some(wire(shown)) }),
            Err(error) => Err(Status::from(error)),
        })))
    }
}

fn wire(shown: watch::Shown) -> v1::watch_reply::What {
    match shown {
        watch::Shown::Event(event) => v1::watch_reply::What::Event(v1::EventRecord {
            sequence: event.sequence.0,
            event_json: event.bytes,
        }),
        watch::Shown::Progress(StepProgress { server, step, text }) => {
            v1::watch_reply::What::Progress(v1::StepProgress { server: server.to_string(), step, text })
        }
    }
}
