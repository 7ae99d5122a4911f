//! Why somebody was not let in, or a certificate not made.
//!
//! Neighbours: `api::enrollment` and the operator's door turn it into statuses. No message holds a secret.

use jiff::Timestamp;
use muster_model::name::{HostName, ServerId, Slug};
use thiserror::Error;

use crate::store;

/// What the authority answers when it does not do what was asked.
#[derive(Debug, Error)]
pub enum Error {
    /// The token was spent, has ended, was replaced by a newer one, or never was. Deliberately not said which.
    #[error("the token is not valid; make a new one with `muster server invite`")]
    Token,
    /// The computer is not the one that the documents name.
    #[error(
        "this computer is {host}, the documents name {named} for {server}; correct the site's document or enrol that computer"
    )]
    OtherHost {
        /// The server of the token.
        server: ServerId,
        /// What the documents say.
        named: HostName,
        /// What the agent says.
        host: HostName,
    },
    /// The signing request cannot be read, or its signature is not by its key.
    #[error("the signing request is not valid")]
    Request(#[source] rcgen::Error),
    /// The request has a kind of key that is not accepted.
    #[error("the signing request's key must be ECDSA P-256, ECDSA P-384 or Ed25519")]
    KeyKind,
    /// No document names the server.
    #[error(
        "no site's document names the server {0}; see `muster server list`, or push one with `muster push -f PATH` first"
    )]
    UnknownServer(ServerId),
    /// The server has no certificate and no token.
    #[error("the server {0} was never invited")]
    NeverInvited(ServerId),
    /// A lifetime goes past the end of time.
    #[error("the lifetime is too long")]
    Lifetime,
    /// A certificate could not be made or read.
    #[error("a certificate could not be made")]
    Certificate(#[from] rcgen::Error),
    /// A file does not hold what it should.
    #[error("the {0} is not PEM")]
    Pem(&'static str),
    /// The certificate is too young to be renewed.
    #[error("the certificate is good until {0}; it is renewed once less than half of its life is left")]
    Early(Timestamp),
    /// Nobody else could speak to the controller.
    #[error("{0} is the last operator; invite another one first: `muster operator invite NAME --out FILE`")]
    LastOperator(Slug),
    /// There is no such operator.
    #[error("no operator is called {0}; see `muster operator list`")]
    NoOperator(Slug),
    /// An operator's token was spent, has ended, was replaced by a newer one, or never was. Deliberately not said which.
    #[error("the token is not valid; ask for a new one: `muster operator invite NAME --out FILE`")]
    OperatorToken,
    /// The authority's certificate and key are not of one authority.
    #[error("the authority's key is not that of its certificate")]
    Pair,
    /// A file cannot be read or written.
    #[error("the file {0} cannot be used")]
    File(String, #[source] std::io::Error),
    /// The machine gives no random bytes.
    #[error("the machine gives no random bytes")]
    Random,
    /// The work was interrupted; whether it holds is shown by `muster server show`.
    #[error("the controller was interrupted; look at `muster server list` before trying again")]
    Interrupted,
    /// The store does not answer as it should.
    #[error("the store does not answer")]
    Store(#[from] store::Error),
}
