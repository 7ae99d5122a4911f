//! `muster stage SITE`: has the site's agents fetch what their manifests name, and shows how far they are.

use std::collections::BTreeMap;

use muster_model::digest::Digest;
use muster_model::name::{InvalidName, ServerId, Slug};
use muster_proto::v1;
use serde::Serialize;

use super::{Context, site_advice};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::render::media::size;
use crate::render::one_line;
use crate::shape;

/// The shape `muster.stage/1`.
#[derive(Debug, Serialize)]
struct StageRecord<'a> {
    site: &'a Slug,
    media: Vec<&'a MediumRecord>,
}

/// A medium of a server, and how far it is.
#[derive(Debug, Serialize)]
struct MediumRecord {
    server: ServerId,
    sha256: Digest,
    medium: String,
    size_bytes: u64,
    held_bytes: u64,
    whole: bool,
    problem: Option<String>,
    /// Whether it comes by itself once the problem is over.
    waits: bool,
}

impl TryFrom<v1::StageReply> for MediumRecord {
    type Error = InvalidName;
    fn try_from(wire: v1::StageReply) -> Result<Self, InvalidName> {
        let v1::StageReply { server, sha256, medium, size_bytes, held_bytes, whole, problem, waits } = wire;
        let problem = Some(problem).filter(|problem| !problem.is_empty());
        let (server, sha256) = (server.parse()?, sha256.parse()?);
        Ok(Self { server, sha256, medium, size_bytes, held_bytes, whole, problem, waits })
    }
}

impl MediumRecord {
    /// How far it is, for people.
    fn line(&self) -> String {
        let state = match &self.problem {
            Some(problem) if self.waits => format!("waits: {}", one_line(problem)),
            Some(problem) => format!("FAILED: {}", one_line(problem)),
            None if self.whole => format!("is there, {}", size(self.size_bytes)),
            None => format!("fetching, {} % of {}", self.percent(), size(self.size_bytes)),
        };
        format!("{}  {}  {state}", self.server, one_line(&self.medium))
    }

    fn percent(&self) -> u64 {
        self.held_bytes.saturating_mul(100).checked_div(self.size_bytes).unwrap_or_default()
    }

    /// Another text where it is worth a line again: at each end, and at each quarter on the way.
    fn news(&self) -> String {
        let is_under_way = self.problem.is_none() && !self.whole;
        if is_under_way { (self.percent() / 25).to_string() } else { self.line() }
    }
}

pub(super) async fn run(context: &mut Context<'_>, site: &Slug) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    let reply = controller.client.stage_site(v1::SiteRequest { site: site.to_string() }).await;
    let mut replies = controller.answer(reply, &site_advice())?;
    let mut media: BTreeMap<(ServerId, Digest), MediumRecord> = BTreeMap::new();
    let mut shown = BTreeMap::new();
    loop {
        let next = replies.message().await.map_err(|status| {
            let again = format!("the agents go on by themselves; look again: muster stage {site}");
            controller.refused(&status, &[again])
        });
        if next.is_err() {
            context.output.end_progress();
        }
        let Some(wire) = next? else { break };
        let medium = MediumRecord::try_from(wire)
            .map_err(|error| Failure::internal("the controller's answer cannot be read", &error))?;
        let key = (medium.server.clone(), medium.sha256);
        let news = medium.news();
        if shown.insert(key.clone(), news.clone()) != Some(news) && !context.output.is_json() {
            context.output.data(&medium.line())?;
        }
        media.insert(key, medium);
        let mib = |bytes: u64| bytes / (1024 * 1024);
        let (held, all) = media.values().fold((0, 0), |(held, all), medium| {
            (held + mib(medium.held_bytes), all + mib(medium.size_bytes))
        });
        context.output.progress(held, all, "MiB fetched");
    }
    context.output.end_progress();
    let failed = media.values().any(|medium| !medium.whole);
    if context.output.is_json() {
        context.output.json(shape::STAGE, &StageRecord { site, media: media.values().collect() })?;
    } else {
        if media.is_empty() {
            context.output.data(&format!("No package of {site} names a medium; nothing is fetched."))?;
        }
        let again = || format!("look again: muster stage {site}");
        let next = if media.values().any(|medium| medium.problem.is_some() && !medium.waits) {
            vec![
                "see the shelf: muster media list".to_owned(),
                format!("once it is mended, have it tried again at once: muster stage {site}"),
            ]
        } else if failed {
            vec![again()]
        } else {
            vec![format!("muster plan {site}")]
        };
        context.next(&next)?;
    }
    Ok(if failed { Exit::NotDone } else { Exit::Ok })
}
