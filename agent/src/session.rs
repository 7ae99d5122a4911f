//! The session: one stream to the controller for as long as there is one, and the wait before the next.
//!
//! Neighbours: `reception` answers what comes in, `outlet` gives what goes out. Never decides anything and keeps nothing:
//! all that must survive a broken stream is in the journal.

use std::sync::Arc;
use std::time::Duration;

use muster_model::limits;
use muster_proto::convert::Invalid;
use muster_proto::dial;
use muster_proto::session::{FromAgent, ToAgent, Welcome};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use thiserror::Error;
use tokio::sync::{mpsc, watch};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Streaming;
use uuid::Uuid;

use crate::crash;
use crate::journal;
use crate::outlet::Outlet;
use crate::reception::Reception;
use crate::renew::Renewal;

/// What a session needs.
pub struct Options {
    /// Where the controller listens, `host:port`.
    pub controller: String,
    /// What the agent proves itself with, and how it gets the next certificate.
    pub renewal: Renewal,
}

/// Why sessions stopped for good.
#[derive(Debug, Error)]
pub enum Error {
    /// The journal did not take a record.
    #[error("the agent cannot go on without its journal")]
    Journal(#[from] journal::Error),
    /// A thread that answers died.
    #[error("the reception died")]
    Reception(#[from] tokio::task::JoinError),
}

/// Why a stream ended or never began. The next try may go better.
#[derive(Debug, Error)]
pub enum Broken {
    /// The controller was not reached.
    #[error(transparent)]
    Dial(#[from] dial::Error),
    /// The controller does not take the stream, or it broke.
    #[error("the stream ended: {0}")]
    Status(String),
    /// A message cannot be read.
    #[error("the controller said what this version cannot read")]
    Invalid(#[from] Invalid),
    /// There was no welcome.
    #[error("the controller did not welcome this agent")]
    NoWelcome,
    /// The controller ended the stream.
    #[error("the controller ended the stream")]
    Ended,
    /// The agent ended it: it comes back with its new certificate.
    #[error("the certificate was renewed")]
    Renewed,
}

impl From<tonic::Status> for Broken {
    /// The controller's own words, or else the innermost ones of the connection: what lies between repeats them.
    fn from(status: tonic::Status) -> Self {
        let mut deepest: &dyn std::error::Error = &status;
        while let Some(source) = deepest.source() {
            deepest = source;
        }
        let is_cut = deepest
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::UnexpectedEof);
        Self::Status(match std::error::Error::source(&status) {
            _ if is_cut => "the connection was cut".to_owned(),
            Some(_) => deepest.to_string(),
            None => status.message().to_owned(),
        })
    }
}

/// An open stream, right after its welcome.
pub struct Stream {
    /// What the controller asks of every agent.
    pub welcome: Welcome,
    from: Streaming<v1::ToAgent>,
    to: mpsc::UnboundedSender<FromAgent>,
}

/// Opens a stream and waits for its welcome.
///
/// # Errors
/// Where the controller is not reached or does not welcome the agent.
pub async fn open(options: &Options, reception: &Reception) -> Result<Stream, Broken> {
    let channel = dial::dial(&options.controller, &options.renewal.credentials()).await?;
    let limit = usize::try_from(limits::MESSAGE_SIZE_BYTES).unwrap_or(usize::MAX);
    let mut client =
        AgentClient::new(channel).max_decoding_message_size(limit).max_encoding_message_size(limit);
    let (to, outgoing) = mpsc::unbounded_channel();
    if to.send(FromAgent::Hello(reception.hello())).is_err() {
        return Err(Broken::Ended);
    }
    let outgoing = UnboundedReceiverStream::new(outgoing).filter_map(|message| {
        v1::FromAgent::try_from(message)
            .inspect_err(|error| {
                tracing::error!(error = error as &dyn std::error::Error, "a message is not sent")
            })
            .ok()
    });
    let greet = async {
        let mut from = client.session(outgoing).await?.into_inner();
        let first = from.message().await?.ok_or(Broken::Ended)?;
        Ok::<_, Broken>((ToAgent::try_from(first)?, from))
    };
    let waited = tokio::time::timeout(Duration::from_millis(limits::WELCOME_MS), greet).await;
    match waited.map_err(|_| Broken::NoWelcome)?? {
        (ToAgent::Welcome(welcome), from) => Ok(Stream { welcome, from, to }),
        _ => Err(Broken::NoWelcome),
    }
}

/// Keeps a session until `stop` is set. `asked` is called whenever a try is over: the welcome was taken in, or there is none.
///
/// # Errors
/// Where the journal fails: the agent must stop.
pub async fn run(
    options: &Options,
    reception: &Arc<Reception>,
    outlet: &Outlet,
    mut stop: watch::Receiver<bool>,
    asked: impl Fn(),
) -> Result<(), Error> {
    let mut wait = Wait { spread_ms: limits::RECONNECT_SPREAD_MS, tries: 0 };
    loop {
        let session = async {
            match open(options, reception).await {
                Ok(stream) => {
                    tracing::info!(controller = %options.controller, epoch = stream.welcome.epoch.number, "connected");
                    wait = Wait { spread_ms: u64::from(stream.welcome.reconnect_spread_ms), tries: 0 };
                    let ended = tokio::select! {
                        ended = converse(stream, reception, outlet, &asked) => ended,
                        () = renewed(&options.renewal, reception) => Ok(Broken::Renewed),
                    };
                    outlet.disconnect();
                    ended
                }
                Err(broken) => {
                    asked();
                    Ok(broken)
                }
            }
        };
        let ended = tokio::select! {
            ended = session => Some(ended?),
            _ = stop.wait_for(|stop| *stop) => None,
        };
        let Some(broken) = ended else { return Ok(()) };
        let pause_ms = crash::hurried(wait.next_ms(Uuid::new_v4().as_u128()));
        tracing::warn!(error = &broken as &dyn std::error::Error, pause_ms, "not connected");
        tokio::select! {
            () = tokio::time::sleep(Duration::from_millis(pause_ms)) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
    }
}

/// Waits until the certificate was renewed. Looks at once and now and then; what fails is tried again at the next look.
async fn renewed(renewal: &Renewal, reception: &Reception) {
    loop {
        if renewal.due(reception.now()) {
            match renewal.renew().await {
                Ok(()) => return,
                Err(error) => {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "the certificate was not renewed"
                    );
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(limits::RENEWAL_LOOK_MS)).await;
    }
}

/// Answers until the stream breaks, and says how it did.
async fn converse(
    stream: Stream,
    reception: &Arc<Reception>,
    outlet: &Outlet,
    asked: &impl Fn(),
) -> Result<Broken, Error> {
    let Stream { welcome, mut from, to } = stream;
    let mut message = ToAgent::Welcome(welcome);
    loop {
        let welcomes = matches!(message, ToAgent::Welcome(_));
        if welcomes {
            // Before the outbox is read, so that an outcome stored in between is sent twice rather than never.
            outlet.connect(to.clone());
        }
        let reception = Arc::clone(reception);
        // The journal blocks; a session that ends here lets it finish, and the reception takes one message at a time.
        let answers = tokio::task::spawn_blocking(move || reception.handle(message)).await??;
        if welcomes {
            asked();
        }
        answers.into_iter().for_each(|answer| outlet.send(answer));
        message = match from.message().await {
            Ok(Some(wire)) => match ToAgent::try_from(wire) {
                Ok(ToAgent::Welcome(_)) => return Ok(Broken::NoWelcome),
                Ok(message) => message,
                Err(invalid) => return Ok(invalid.into()),
            },
            Ok(None) => return Ok(Broken::Ended),
            Err(status) => return Ok(status.into()),
        };
    }
}

/// How long to wait before the next try: at once for a stream that just broke, then spread out, so that a controller that
/// comes back is not met by all agents in one moment. Full jitter.
struct Wait {
    spread_ms: u64,
    tries: u32,
}

impl Wait {
    fn next_ms(&mut self, random: u128) -> u64 {
        let most_ms = if self.tries == 0 { limits::RECONNECT_FIRST_MS } else { self.spread_ms };
        self.tries += 1;
        u64::try_from(random % (u128::from(most_ms) + 1)).unwrap_or(most_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_stream_is_told_in_one_plain_sentence() {
        let eof = std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "peer closed: https://docs.rs/x");
        let said = |status: tonic::Status| Broken::from(status).to_string();
        assert_eq!(
            said(tonic::Status::from_error(Box::new(eof))),
            "the stream ended: the connection was cut"
        );
        let refused = tonic::Status::failed_precondition("this computer is A");
        assert_eq!(said(refused), "the stream ended: this computer is A");
    }

    #[test]
    fn the_first_wait_is_short_and_the_others_are_spread_as_the_controller_says() {
        let mut wait = Wait { spread_ms: 30_000, tries: 0 };
        assert!(wait.next_ms(u128::MAX) <= limits::RECONNECT_FIRST_MS);
        let waits: Vec<u64> = (0..1000).map(|n| wait.next_ms(n * 7_919)).collect();
        assert!(waits.iter().all(|wait_ms| *wait_ms <= 30_000));
        assert!(
            waits.iter().any(|wait_ms| *wait_ms > 20_000) && waits.iter().any(|wait_ms| *wait_ms < 10_000)
        );
    }
}
