//! The doors: one file per gRPC service. Decode, ask the rooms, encode.
//!
//! Neighbours: `access` has let the caller in before; who it is stands in the request's extensions (`caller`). `status`
//! turns errors into gRPC codes. No SQL here, and no decision about what a server should be.

pub mod agent;
mod caller;
pub mod enrollment;
pub mod operator;
mod status;

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use muster_model::limits;
use muster_proto::v1::agent_server::AgentServer;
use muster_proto::v1::enrollment_server::EnrollmentServer;
use muster_proto::v1::operator_server::OperatorServer;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

/// Every service of the controller, behind one listener.
#[derive(Clone)]
pub struct Doors {
    /// The strangers' door.
    pub enrollment: EnrollmentServer<enrollment::Service>,
    /// The operators' door.
    pub operator: OperatorServer<operator::Service>,
    /// The agents' door.
    pub agent: AgentServer<agent::Service>,
}

impl Doors {
    /// The doors to these services, with the limits of their messages.
    pub fn new(
        enrollment: EnrollmentServer<enrollment::Service>,
        operator: operator::Service,
        agent: agent::Service,
    ) -> Self {
        let limit = usize::try_from(limits::MESSAGE_SIZE_BYTES).unwrap_or(usize::MAX);
        let operator = OperatorServer::new(operator).max_decoding_message_size(limit);
        let agent = AgentServer::new(agent).max_decoding_message_size(limit);
        Self { enrollment, operator, agent }
    }
}

impl Service<Request<Body>> for Doors {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The generated services are always ready.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let service = request.uri().path().trim_start_matches('/').split('/').next().unwrap_or_default();
        match service {
            EnrollmentServer::<enrollment::Service>::NAME => self.enrollment.call(request),
            OperatorServer::<operator::Service>::NAME => self.operator.call(request),
            AgentServer::<agent::Service>::NAME => self.agent.call(request),
            _ => Box::pin(ready(Ok(Status::unimplemented("this controller has no such call").into_http()))),
        }
    }
}
