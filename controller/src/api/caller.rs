//! Who calls: the identity that the certificate gave, never a field of a message.
//!
//! Neighbours: `access` puts it into the request's extensions after it let the caller in.

use muster_model::identity::Identity;
use muster_model::name::{ServerId, Slug};
use tonic::{Request, Status};

use crate::tls::Peer;

/// The operator who calls.
pub(super) fn operator<T>(request: &Request<T>) -> Result<Slug, Status> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Operator(name)) => Ok(name.clone()),
        Some(Identity::Agent(_) | Identity::Controller) | None => {
            Err(Status::permission_denied("this call needs an operator's certificate"))
        }
    }
}

/// The serial number of the caller's certificate.
pub(super) fn serial<T>(request: &Request<T>) -> Result<String, Status> {
    let holder = request.extensions().get::<Peer>().and_then(|peer| peer.holder.as_ref());
    let holder = holder.ok_or_else(|| Status::unauthenticated("this call needs a certificate"))?;
    Ok(holder.serial.clone())
}

/// The server whose agent calls.
pub(super) fn agent<T>(request: &Request<T>) -> Result<ServerId, Status> {
    match request.extensions().get::<Identity>() {
        Some(Identity::Agent(server)) => Ok(server.clone()),
        Some(Identity::Operator(_) | Identity::Controller) | None => {
            Err(Status::permission_denied("this call needs an agent's certificate"))
        }
    }
}
