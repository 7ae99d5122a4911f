//! The doors: one file per gRPC service. Decode, ask the rooms, encode.
//!
//! Neighbours: `access` has let the caller in before; who it is stands in the request's extensions. No SQL here, and no
//! decision about what a server should be.

pub mod enrollment;

use std::convert::Infallible;
use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use muster_proto::v1::enrollment_server::EnrollmentServer;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

/// Every service of the controller, behind one listener.
#[derive(Clone)]
pub struct Doors {
    /// The strangers' door.
    pub enrollment: EnrollmentServer<enrollment::Service>,
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
            _ => Box::pin(ready(Ok(Status::unimplemented("this controller has no such call").into_http()))),
        }
    }
}
