//! The strangers' door: spends a token for a certificate.
//!
//! Neighbours: `authority` decides and stores. The caller has no identity yet; what it presents is the token, and nothing
//! that it says chooses the name in the certificate.

use muster_model::limits;
use muster_model::name::{HostName, InvalidName, Recipient};
use muster_proto::v1;
use muster_proto::v1::enrollment_server::{Enrollment, EnrollmentServer};
use tonic::{Request, Response, Status};

use crate::authority::{Authority, Error};

/// The service behind `muster.fleet.v1.Enrollment`.
#[derive(Clone)]
pub struct Service {
    authority: Authority,
}

impl Service {
    /// A door to this authority, for a tonic server.
    pub fn server(authority: Authority) -> EnrollmentServer<Self> {
        let limit = usize::try_from(limits::ENROLLMENT_SIZE_BYTES).unwrap_or(usize::MAX);
        EnrollmentServer::new(Self { authority }).max_decoding_message_size(limit)
    }
}

#[tonic::async_trait]
impl Enrollment for Service {
    async fn enroll(&self, request: Request<v1::EnrollRequest>) -> Result<Response<v1::EnrollReply>, Status> {
        let v1::EnrollRequest { token, csr_pem, host, age_recipient } = request.into_inner();
        let invalid = |error: InvalidName| Status::invalid_argument(error.to_string());
        let host: HostName = host.parse().map_err(invalid)?;
        let recipient: Recipient = age_recipient.parse().map_err(invalid)?;
        match self.authority.enroll(&token, &csr_pem, recipient, host).await {
            Ok(enrolled) => {
                tracing::info!(server = %enrolled.server, "enrolled");
                Ok(Response::new(v1::EnrollReply {
                    certificate_pem: enrolled.certificate_pem,
                    ca_pem: enrolled.ca_pem,
                    server: enrolled.server.to_string(),
                }))
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an enrolment was refused");
                Err(status(&error))
            }
        }
    }

    async fn enroll_operator(
        &self,
        request: Request<v1::EnrollOperatorRequest>,
    ) -> Result<Response<v1::EnrollOperatorReply>, Status> {
        let v1::EnrollOperatorRequest { token, csr_pem } = request.into_inner();
        match self.authority.enroll_operator(&token, &csr_pem).await {
            Ok(enrolled) => {
                tracing::info!(operator = %enrolled.operator, "enrolled");
                Ok(Response::new(v1::EnrollOperatorReply {
                    certificate_pem: enrolled.certificate_pem,
                    ca_pem: enrolled.ca_pem,
                    operator: enrolled.operator.into(),
                }))
            }
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an enrolment was refused");
                Err(status(&error))
            }
        }
    }
}

fn status(error: &Error) -> Status {
    match error {
        Error::Token | Error::OperatorToken => Status::permission_denied(error.to_string()),
        Error::OtherHost { .. } => Status::failed_precondition(error.to_string()),
        Error::Request(_) | Error::KeyKind => Status::invalid_argument(error.to_string()),
        Error::Store(_) | Error::Interrupted => Status::unavailable(error.to_string()),
        Error::UnknownServer(_)
        | Error::NeverInvited(_)
        | Error::Early(_)
        | Error::LastOperator(_)
        | Error::NoOperator(_)
        | Error::Lifetime
        | Error::Certificate(_)
        | Error::Pem(_)
        | Error::Pair
        | Error::File(..)
        | Error::Random => Status::internal(error.to_string()),
    }
}
