//! `muster media add|list|remove`.
//!
//! A file travels in pieces, each with its digest. Where the link breaks, the controller is dialled again and asked how much it
//! holds; typed again after any end, the verb goes on from there.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::{Duration, Instant};

use muster_model::digest::{Digest, Hasher};
use muster_model::limits;
use muster_model::media::{MediaView, MediumName};
use muster_proto::v1;
use serde::Serialize;
use tonic::Code;

use super::Context;
use crate::args::{MediaAddArgs, MediaRemoveArgs, MediaVerb};
use crate::connect::{Controller, read_view};
use crate::exit::Exit;
use crate::failure::{Failure, is_unreachable};
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, verb: MediaVerb) -> Result<Exit, Failure> {
    match verb {
        MediaVerb::Add(args) => add(context, &args).await,
        MediaVerb::List => list(context).await,
        MediaVerb::Remove(args) => remove(context, &args).await,
    }
}

/// The shape `muster.medium/1`.
#[derive(Debug, Serialize)]
struct MediumRecord<'a> {
    sha256: Digest,
    name: &'a MediumName,
    size_bytes: u64,
}

/// A file that is about to travel.
struct Cargo {
    file: File,
    sha256: Digest,
    name: MediumName,
    size_bytes: u64,
}

impl Cargo {
    /// Reads the file whole for its digest.
    fn open(path: &Path, mut seen: impl FnMut(u64, u64)) -> Result<Self, Failure> {
        let unread = |error: io::Error| {
            let problem = format!("the file {} cannot be read", path.display());
            Failure::usage(problem, "name an installer that you can read").because(&error)
        };
        let mut file = File::open(path).map_err(unread)?;
        let about = file.metadata().map_err(unread)?;
        if !about.is_file() {
            return Err(unread(io::Error::other("it is no file")));
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name: MediumName = name.parse().map_err(|error: muster_model::name::InvalidName| {
            Failure::usage(error.to_string(), "give the file another name")
        })?;
        let (mut hash, mut size_bytes) = (Hasher::default(), 0);
        let mut buffer = vec![0; chunk_bytes()?];
        loop {
            let read = file.read(&mut buffer).map_err(unread)?;
            if read == 0 {
                break;
            }
            hash.update(&buffer[..read]);
            size_bytes += read as u64;
            seen(size_bytes, about.len());
        }
        Ok(Self { file, sha256: hash.finish(), name, size_bytes })
    }

    /// The piece at that place.
    fn piece(&mut self, offset_bytes: u64) -> Result<v1::MediumChunk, Failure> {
        let unread = |error: io::Error| {
            Failure::usage(
                "the file cannot be read any more",
                "see that it is there, then type the command again",
            )
            .because(&error)
        };
        let mut content = Vec::new();
        self.file.seek(SeekFrom::Start(offset_bytes)).map_err(unread)?;
        (&self.file).take(limits::MEDIUM_CHUNK_BYTES).read_to_end(&mut content).map_err(unread)?;
        Ok(v1::MediumChunk {
            sha256: self.sha256.to_string(),
            offset_bytes,
            content_sha256: Digest::of(&content).to_string(),
            content,
            size_bytes: self.size_bytes,
        })
    }

    fn announcement(&self) -> v1::AnnounceMediumRequest {
        v1::AnnounceMediumRequest {
            sha256: self.sha256.to_string(),
            name: self.name.to_string(),
            size_bytes: self.size_bytes,
        }
    }
}

async fn add(context: &mut Context<'_>, args: &MediaAddArgs) -> Result<Exit, Failure> {
    // Before the file is read whole: without a controller it is no use.
    let controller = context.connect().await?;
    let output = &mut *context.output;
    let cargo = Cargo::open(&args.file, |done, all| output.progress(mib(done), mib(all), "MiB read"));
    context.output.end_progress();
    let mut cargo = cargo?;
    let sent = send(context, controller, &mut cargo).await;
    context.output.end_progress();
    sent?;
    let Cargo { sha256, ref name, size_bytes, .. } = cargo;
    if context.output.is_json() {
        context.output.json(shape::MEDIUM, &MediumRecord { sha256, name, size_bytes })?;
        return Ok(Exit::Ok);
    }
    let size = render::media::size(size_bytes);
    context.output.data(&format!("{name} is on the shelf, {size}.\nSHA-256 {sha256}"))?;
    context.next(&["see the shelf: muster media list".to_owned()])?;
    Ok(Exit::Ok)
}

/// The waits before a controller that was lost is dialled again: each twice as long as the one before.
struct Pause {
    next_ms: u64,
}

impl Default for Pause {
    fn default() -> Self {
        Self { next_ms: limits::MEDIA_RETRY_FIRST_MS }
    }
}

impl Pause {
    fn next(&mut self) -> Duration {
        let next = Duration::from_millis(self.next_ms);
        self.next_ms = (self.next_ms * 2).min(limits::MEDIA_RETRY_MOST_MS);
        next
    }
}

/// Sends what is missing, over as many connections as it takes.
async fn send(
    context: &mut Context<'_>,
    mut controller: Controller,
    cargo: &mut Cargo,
) -> Result<(), Failure> {
    let patience = Duration::from_millis(limits::MEDIA_LOST_MS);
    let (mut held_bytes, mut moved) = (0, Instant::now());
    let mut pause = Pause::default();
    loop {
        let before_bytes = held_bytes;
        let lost = match send_over(context, &mut controller, cargo, &mut held_bytes, &mut moved).await {
            Ok(()) => return Ok(()),
            Err(failure) if failure.exit != Exit::Unreachable || moved.elapsed() > patience => {
                return Err(failure);
            }
            Err(failure) => failure,
        };
        context.output.note(&format!("{}: trying again", lost.message))?;
        if held_bytes > before_bytes {
            pause = Pause::default();
        }
        tokio::time::sleep(pause.next()).await;
        // One that cannot be dialled yet is tried again by the next turn, which has no connection either.
        if let Ok(again) = context.connect().await {
            controller = again;
        }
    }
}

/// Sends what is missing over one connection.
async fn send_over(
    context: &mut Context<'_>,
    controller: &mut Controller,
    cargo: &mut Cargo,
    held_bytes: &mut u64,
    moved: &mut Instant,
) -> Result<(), Failure> {
    let told = controller.client.announce_medium(cargo.announcement()).await;
    let mut slot = controller.answer(told, &advice())?;
    while !slot.whole {
        if slot.held_bytes > *held_bytes {
            (*held_bytes, *moved) = (slot.held_bytes, Instant::now());
        }
        context.output.progress(mib(slot.held_bytes), mib(cargo.size_bytes), "MiB sent");
        let told = controller.client.put_medium_chunk(cargo.piece(slot.held_bytes)?).await;
        match told {
            // It changed on its way: the same again.
            Err(status) if status.code() == Code::Aborted && !is_unreachable(&status) => {}
            told => slot = controller.answer(told, &advice())?,
        }
    }
    Ok(())
}

async fn list(context: &mut Context<'_>) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.list_media(v1::ListMediaRequest {}).await;
    let media: MediaView = read_view(&controller.answer(reply, &advice())?, shape::MEDIA)?;
    if context.output.is_json() {
        context.output.json(shape::MEDIA, &media)?;
    } else {
        let text = render::media::table(&media, context.output);
        context.output.data(&text)?;
    }
    Ok(Exit::Ok)
}

async fn remove(context: &mut Context<'_>, args: &MediaRemoveArgs) -> Result<Exit, Failure> {
    let MediaRemoveArgs { medium, force } = args;
    let mut controller = context.connect().await?;
    let sha256 = match medium.parse::<Digest>() {
        Ok(sha256) => sha256,
        Err(_) => {
            let reply = controller.client.list_media(v1::ListMediaRequest {}).await;
            let shelf: MediaView = read_view(&controller.answer(reply, &advice())?, shape::MEDIA)?;
            one_of_name(&shelf, medium)?
        }
    };
    let request = v1::RemoveMediumRequest { sha256: sha256.to_string(), force: *force };
    let done = controller.client.remove_medium(request).await;
    let done = controller.answer(done, &advice())?;
    context.done(&done, &advice())?;
    Ok(Exit::Ok)
}

/// The one medium that has that name.
fn one_of_name(shelf: &MediaView, name: &str) -> Result<Digest, Failure> {
    let mut named = shelf.media.iter().filter(|view| view.medium.name.as_str() == name);
    match (named.next(), named.next()) {
        (Some(view), None) => Ok(view.medium.sha256),
        (Some(_), Some(_)) => {
            let problem = format!("several media have the name {name:?}");
            Err(Failure::usage(problem, "name it by its SHA-256: muster media list"))
        }
        (None, _) => {
            let problem = format!("no medium on the shelf has the name or SHA-256 {name:?}");
            Err(Failure::usage(problem, "see the shelf: muster media list"))
        }
    }
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}

fn chunk_bytes() -> Result<usize, Failure> {
    usize::try_from(limits::MEDIUM_CHUNK_BYTES)
        .map_err(|error| Failure::internal("a limit does not fit this machine", &error))
}

fn advice() -> Vec<String> {
    vec!["see the shelf: muster media list".to_owned()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_drops_costs_little_and_a_controller_that_is_down_is_left_in_peace() {
        let mut pause = Pause::default();
        let waits: Vec<u128> = std::iter::repeat_with(|| pause.next().as_millis()).take(9).collect();
        assert_eq!(waits, [50, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    }
}
