//! Who may call what: a table with a row for every RPC, and the layer that holds every request to it.
//!
//! Neighbours: `tls` says who the peer is, the handlers behind find its [`Identity`] in the request's extensions. Deny is
//! the default: a path without a row reaches no handler, and a new RPC does not compile until it has one.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use muster_model::identity::Identity;
use muster_proto::Method;
use tonic::Status;
use tonic::body::Body;
use tower::Service;

use crate::authority::Revocations;
use crate::clock::Clock;
use crate::tls::Peer;

/// A kind of caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Somebody without a certificate.
    Stranger,
    /// The holder of an agent's certificate.
    Agent,
    /// The holder of an operator's certificate.
    Operator,
}

/// The table: which kinds of caller an RPC answers.
pub fn allowed(method: Method) -> &'static [Caller] {
    match method {
        // A server that lost its key enrols anew; what it presents is the token.
        Method::EnrollmentEnroll | Method::EnrollmentEnrollOperator => {
            &[Caller::Stranger, Caller::Agent, Caller::Operator]
        }
        Method::AgentSession
        | Method::AgentRenew
        | Method::AgentShowSecrets
        | Method::AgentSecretsShown
        | Method::AgentShowMedium
        | Method::AgentFetchMedium => &[Caller::Agent],
        Method::OperatorPush
        | Method::OperatorDiff
        | Method::OperatorRender
        | Method::OperatorExplain
        | Method::OperatorPreflight
        | Method::OperatorCreatePlan
        | Method::OperatorGetPlan
        | Method::OperatorApprovePlan
        | Method::OperatorStartRun
        | Method::OperatorResumeRun
        | Method::OperatorCancelRun
        | Method::OperatorListSteps
        | Method::OperatorConfirmStep
        | Method::OperatorGetStatus
        | Method::OperatorWhy
        | Method::OperatorWatch
        | Method::OperatorInviteServer
        | Method::OperatorListServers
        | Method::OperatorRevokeServer
        | Method::OperatorInviteOperator
        | Method::OperatorListOperators
        | Method::OperatorRevokeOperator
        | Method::OperatorGetRecovery
        | Method::OperatorConfirmRecovery
        | Method::OperatorDescribeSecret
        | Method::OperatorPutSecret
        | Method::OperatorListSecrets
        | Method::OperatorFetchSecrets
        | Method::OperatorAnnounceMedium
        | Method::OperatorPutMediumChunk
        | Method::OperatorListMedia
        | Method::OperatorRemoveMedium
        | Method::OperatorStageSite => &[Caller::Operator],
    }
}

static METHODS: LazyLock<HashMap<&'static str, Method>> =
    LazyLock::new(|| Method::ALL.into_iter().map(|method| (method.path(), method)).collect());

/// What the layer needs to judge a request.
#[derive(Debug, Clone)]
pub struct Guard {
    revocations: Revocations,
    clock: Clock,
}

impl Guard {
    /// A guard that asks this set and this clock.
    pub fn new(revocations: Revocations, clock: Clock) -> Self {
        Self { revocations, clock }
    }

    /// Who is calling, where the call is allowed.
    fn admit(&self, path: &str, peer: Option<&Peer>) -> Result<Option<Identity>, Status> {
        let Some(method) = METHODS.get(path) else {
            return Err(Status::unimplemented("this controller has no such call"));
        };
        let holder = peer.and_then(|peer| peer.holder.as_ref());
        let caller = match holder {
            None => Caller::Stranger,
            Some(holder) => {
                if self.revocations.contains(&holder.serial) {
                    return Err(Status::unauthenticated("this certificate was revoked"));
                }
                if holder.expires_at <= self.clock.now() {
                    return Err(Status::unauthenticated("this certificate has expired"));
                }
                match holder.identity {
                    Identity::Operator(_) => Caller::Operator,
                    Identity::Agent(_) => Caller::Agent,
                    Identity::Controller => {
                        return Err(Status::permission_denied("a controller's certificate calls nothing"));
                    }
                }
            }
        };
        if allowed(*method).contains(&caller) {
            return Ok(holder.map(|holder| holder.identity.clone()));
        }
        Err(match caller {
            Caller::Stranger => Status::unauthenticated("this call needs a certificate"),
            Caller::Agent => Status::permission_denied("an agent's certificate does not allow this call"),
            Caller::Operator => {
                Status::permission_denied("an operator's certificate does not allow this call")
            }
        })
    }
}

/// Puts the guard before every service of a server.
#[derive(Debug, Clone)]
pub struct Layer {
    guard: Arc<Guard>,
}

impl Layer {
    /// A layer with that guard.
    pub fn new(guard: Guard) -> Self {
        Self { guard: Arc::new(guard) }
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Guarded<S>;
    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { guard: Arc::clone(&self.guard), inner }
    }
}

/// A service behind the guard.
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    guard: Arc<Guard>,
    inner: S,
}

impl<S> Service<Request<Body>> for Guarded<S>
where
    S: Service<Request<Body>, Response = Response<Body>>,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = Either<S::Future, Ready<Result<Response<Body>, S::Error>>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        match self.guard.admit(request.uri().path(), request.extensions().get::<Peer>()) {
            Ok(identity) => {
                // Whatever was there before is not from this table.
                request.extensions_mut().remove::<Identity>();
                if let Some(identity) = identity {
                    request.extensions_mut().insert(identity);
                }
                Either::Left(self.inner.call(request))
            }
            Err(status) => {
                tracing::warn!(path = request.uri().path(), %status, "a call was refused");
                Either::Right(ready(Ok(status.into_http())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::tls::Holder;

    fn peer(expires_at: Timestamp) -> Peer {
        let holder = Holder {
            identity: "muster://operator/anne".parse().unwrap(),
            serial: "40aa".to_owned(),
            expires_at,
        };
        Peer { address: "127.0.0.1:1".parse().unwrap(), holder: Some(holder) }
    }

    /// The acceptor cuts such a connection; a call that is faster is refused all the same.
    #[test]
    fn a_call_on_an_open_connection_is_refused_once_its_certificate_is_revoked_or_over() {
        let now = Timestamp::from_second(1_000).unwrap();
        let revocations = Revocations::new([]);
        let guard = Guard::new(revocations.clone(), Clock::from_fn(move || now));
        let path = Method::OperatorGetStatus.path();
        let (valid, over) = (peer(Timestamp::from_second(1_001).unwrap()), peer(now));
        assert!(guard.admit(path, Some(&valid)).is_ok());
        assert_eq!(guard.admit(path, Some(&over)).unwrap_err().code(), tonic::Code::Unauthenticated);
        revocations.add(["40aa".to_owned()]);
        assert_eq!(guard.admit(path, Some(&valid)).unwrap_err().code(), tonic::Code::Unauthenticated);
    }

    #[test]
    fn a_request_without_a_peer_is_a_strangers() {
        let guard = Guard::new(Revocations::new([]), Clock::system());
        assert!(guard.admit(Method::EnrollmentEnroll.path(), None).unwrap().is_none());
        assert_eq!(
            guard.admit(Method::AgentSession.path(), None).unwrap_err().code(),
            tonic::Code::Unauthenticated
        );
    }
}
