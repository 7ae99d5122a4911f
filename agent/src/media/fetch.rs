//! Fetches what the controller or the engine asked for, one medium for each lane at a time, over as many connections as it takes.
//!
//! A broken link costs a piece at most: the next connection goes on at what is held. Neighbours: `desk` says what is asked for,
//! `cache` holds, `outlet` says how far it is.

use std::sync::Arc;
use std::time::{Duration, Instant};

use muster_model::causes::with_causes;
use muster_model::digest::Digest;
use muster_model::limits;
use muster_proto::dial;
use muster_proto::session::{FromAgent, StageMedium, Staged};
use muster_proto::v1;
use muster_proto::v1::agent_client::AgentClient;
use thiserror::Error;
use tokio::task::JoinError;
use tonic::{Code, Status, Streaming};

use super::cache::{self, Cache, Held};
use super::desk::{Desk, Lane, Request, Stager};
use crate::engine::media::Far;
use crate::outlet::Outlet;
use crate::session::Options;

/// What carries out what was asked for.
#[derive(Debug)]
pub struct Fetcher {
    cache: Cache,
    desk: Arc<Desk>,
}

/// Why a medium does not come.
#[derive(Debug, Error)]
enum Error {
    #[error("the controller was not reached")]
    Dial(#[from] dial::Error),
    #[error("{}", .0.message())]
    Refused(Status),
    #[error("the controller has less of it than it said")]
    Short,
    #[error(transparent)]
    Cache(#[from] cache::Error),
    #[error("the agent stops")]
    Stopped(#[from] JoinError),
}

impl Error {
    /// Whether another try may go better.
    fn passes(&self) -> bool {
        match self {
            Self::Dial(_) | Self::Cache(cache::Error::Changed) => true,
            // A status with a source was made on this side, by a connection that broke.
            Self::Refused(status) => {
                std::error::Error::source(status).is_some() || status.code() == Code::Unavailable
            }
            Self::Short | Self::Cache(_) | Self::Stopped(_) => false,
        }
    }

    /// What to do about it, where it does not say so itself.
    fn advice(&self) -> Option<&'static str> {
        match self {
            Self::Dial(_) => Some("see why this server does not reach the controller"),
            Self::Refused(_) | Self::Short | Self::Cache(cache::Error::Other) => {
                Some("see what the shelf has, and bring it there: `muster media add FILE`")
            }
            Self::Cache(cache::Error::Disk(_)) => {
                Some("see its disk and who may write to the folder `media` in the agent's data folder")
            }
            Self::Cache(cache::Error::Room { .. } | cache::Error::Changed) | Self::Stopped(_) => None,
        }
    }
}

impl Fetcher {
    /// A way in, and what carries out what comes through it.
    pub fn new(cache: Cache) -> (Stager, Self) {
        let desk = Arc::<Desk>::default();
        (Stager::new(Arc::clone(&desk)), Self { cache, desk })
    }

    /// Fetches for as long as the agent lives; never ends by itself.
    pub async fn run<T>(&self, options: &Options, outlet: &Outlet) -> T {
        tokio::select! {
            never = self.carry_out(Lane::Run, options, outlet) => never,
            never = self.carry_out(Lane::Staging, options, outlet) => never,
        }
    }

    async fn carry_out<T>(&self, lane: Lane, options: &Options, outlet: &Outlet) -> T {
        loop {
            let request = self.desk.next(lane).await;
            let sha256 = request.sha256;
            let fetched = self.fetch(request, options, outlet).await;
            self.cache.ends(sha256);
            let Err(error) = fetched else {
                self.desk.ends(sha256, Far::Here);
                continue;
            };
            tracing::error!(%sha256, ?lane, error = &error as &dyn std::error::Error, "a medium was not fetched");
            if let Some(staged) = self.failed(sha256, &error) {
                outlet.send(FromAgent::Staged(staged));
            }
        }
    }

    /// What is said of a try that failed; nothing to the controller where somebody asked again meanwhile: it is tried again at
    /// once, and whoever asked would take this failure for the end of that.
    fn failed(&self, sha256: Digest, error: &Error) -> Option<Staged> {
        let why = with_causes(error);
        let problem = match error.advice() {
            None => why,
            Some(advice) => format!("{why}; {advice}"),
        };
        let is_last = self.desk.ends(sha256, Far::Ended { problem: problem.clone(), passes: error.passes() });
        is_last.then_some(Staged { sha256, held_bytes: 0, whole: false, problem: Some(problem) })
    }

    async fn fetch(&self, request: Request, options: &Options, outlet: &Outlet) -> Result<(), Error> {
        let Request { sha256, size_bytes } = request;
        let size_bytes = match size_bytes {
            Some(size_bytes) => size_bytes,
            None => self.size_bytes(sha256, options).await?,
        };
        let medium = StageMedium { sha256, size_bytes };
        let patience = Duration::from_millis(limits::MEDIA_LOST_MS);
        let mut held = self.held(move |cache| cache.begin(sha256, size_bytes)).await?;
        let mut moved = Instant::now();
        loop {
            let before = held.bytes;
            let ended = self.fetch_over(medium, options, outlet, &mut held).await;
            if held.bytes > before {
                moved = Instant::now();
            }
            match ended {
                Ok(()) => return Ok(()),
                Err(error) if !error.passes() || moved.elapsed() > patience => return Err(error),
                // Of a link that drops and comes back, no moment is lost.
                Err(error) if held.bytes > before => {
                    tracing::info!(%sha256, error = &error as &dyn std::error::Error, "a medium goes on over another link");
                }
                Err(error) => {
                    self.lost(sha256, held.bytes, Some(size_bytes), &error).await;
                    // Somebody may have carried it here meanwhile, or have made room.
                    held = self.held(move |cache| cache.begin(sha256, size_bytes)).await?;
                }
            }
        }
    }

    /// How large a medium is, by the controller, once it is reached.
    async fn size_bytes(&self, sha256: Digest, options: &Options) -> Result<u64, Error> {
        let (began, patience) = (Instant::now(), Duration::from_millis(limits::MEDIA_LOST_MS));
        loop {
            match ask_size(sha256, options).await {
                Err(error) if error.passes() && began.elapsed() <= patience => {
                    self.lost(sha256, 0, None, &error).await;
                }
                size_bytes => return size_bytes,
            }
        }
    }

    /// Waits a little for a link that is gone, and says why.
    async fn lost(&self, sha256: Digest, held_bytes: u64, size_bytes: Option<u64>, error: &Error) {
        tracing::warn!(%sha256, error = error as &dyn std::error::Error, "a medium waits for the link");
        self.desk.comes(sha256, held_bytes, size_bytes, Some(with_causes(error)));
        tokio::time::sleep(Duration::from_millis(limits::WATCH_RETRY_MS)).await;
    }

    /// Fetches what is missing over one connection.
    async fn fetch_over(
        &self,
        medium: StageMedium,
        options: &Options,
        outlet: &Outlet,
        held: &mut Held,
    ) -> Result<(), Error> {
        let StageMedium { sha256, size_bytes } = medium;
        let say = |held: Held| {
            let Held { bytes: held_bytes, whole } = held;
            self.desk.comes(sha256, held_bytes, Some(size_bytes), None);
            outlet.send(FromAgent::Staged(Staged { sha256, held_bytes, whole, problem: None }));
        };
        say(*held);
        if held.whole {
            return Ok(());
        }
        let channel = dial::dial(&options.controller, &options.renewal.credentials()).await?;
        let request = v1::FetchMediumRequest { sha256: sha256.to_string(), offset_bytes: held.bytes };
        let reply = AgentClient::new(channel).fetch_medium(request).await.map_err(Error::Refused)?;
        let mut pieces = reply.into_inner();
        while !held.whole {
            let mut came = Vec::new();
            let ended = gather(&mut pieces, size_bytes - held.bytes, &mut came).await;
            if !came.is_empty() {
                // What came before the link broke came for good.
                let offset_bytes = held.bytes;
                *held = self.held(move |cache| cache.append(sha256, size_bytes, offset_bytes, &came)).await?;
                say(*held);
            }
            ended?;
        }
        tracing::info!(%sha256, size_bytes, "a medium is here");
        Ok(())
    }

    /// Asks the cache, on a thread that may block.
    async fn held(
        &self,
        ask: impl FnOnce(&Cache) -> Result<Held, cache::Error> + Send + 'static,
    ) -> Result<Held, Error> {
        let cache = self.cache.clone();
        Ok(tokio::task::spawn_blocking(move || ask(&cache)).await??)
    }
}

async fn ask_size(sha256: Digest, options: &Options) -> Result<u64, Error> {
    let channel = dial::dial(&options.controller, &options.renewal.credentials()).await?;
    let request = v1::ShowMediumRequest { sha256: sha256.to_string() };
    let reply = AgentClient::new(channel).show_medium(request).await.map_err(Error::Refused)?;
    Ok(reply.into_inner().size_bytes)
}

/// Takes pieces until there is enough for the disk, or all that is left; those before a break are kept.
async fn gather(
    pieces: &mut Streaming<v1::MediumPiece>,
    left_bytes: u64,
    came: &mut Vec<u8>,
) -> Result<(), Error> {
    let enough_bytes = left_bytes.min(limits::MEDIUM_CHUNK_BYTES);
    while (came.len() as u64) < enough_bytes {
        let piece = pieces.message().await.map_err(Error::Refused)?.ok_or(Error::Short)?;
        came.extend_from_slice(&compared(piece)?);
    }
    Ok(())
}

/// The content of a piece that is what it says.
fn compared(piece: v1::MediumPiece) -> Result<Vec<u8>, cache::Error> {
    let v1::MediumPiece { content, content_sha256 } = piece;
    if Digest::of(&content).as_bytes()[..] == content_sha256 {
        Ok(content)
    } else {
        Err(cache::Error::Changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_not_told_to_who_asked_again_before_it() {
        let (stager, fetcher) = Fetcher::new(Cache::new("nowhere".into()));
        let (sha256, error) = (Digest::of(b"one"), Error::Short);
        let told = fetcher.failed(sha256, &error).unwrap().problem.unwrap();
        assert!(told.contains("less of it than it said; ") && told.contains("muster media add"), "{told}");
        stager.stage(StageMedium { sha256, size_bytes: 1 });
        assert_eq!(fetcher.failed(sha256, &error), None, "the next try says how it ended");
    }

    #[test]
    fn a_piece_that_changed_on_its_way_is_not_taken() {
        let content_sha256 = Digest::of(b"right").as_bytes().to_vec();
        let piece = |content: &[u8]| v1::MediumPiece {
            content: content.to_vec(),
            content_sha256: content_sha256.clone(),
        };
        assert_eq!(compared(piece(b"right")).unwrap(), b"right");
        assert!(matches!(compared(piece(b"wrong")), Err(cache::Error::Changed)));
    }
}
