//! `muster preflight SITE`: everything that is missing before a site can be installed, at once.
//!
//! Neighbours: `render::preflight` is the table, `render::page` the page to send. Nothing is stored, no server is changed.

use std::path::Path;

use muster_model::limits;
use muster_model::preflight::PreflightView;
use muster_proto::v1;

use super::Context;
use crate::args::PreflightArgs;
use crate::connect::read_view;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::{render, shape};

pub(super) async fn run(context: &mut Context<'_>, args: &PreflightArgs) -> Result<Exit, Failure> {
    let mut controller = context.connect().await?;
    context.output.spin("asking the servers to look");
    let mut request = tonic::Request::new(v1::SiteRequest { site: args.site.to_string() });
    // The controller bounds the look; this only ends a wait for a controller that is stuck.
    request.set_timeout(std::time::Duration::from_millis(2 * limits::OBSERVE_MS));
    let reply = controller.client.preflight(request).await;
    context.output.end_progress();
    let view = controller.answer(reply, &super::site_advice())?;
    let preflight: PreflightView = read_view(&view, shape::PREFLIGHT)?;
    if let Some(path) = &args.html {
        write(path, &render::page::html(&preflight))?;
    }
    if context.output.is_json() {
        context.output.json(shape::PREFLIGHT, &preflight)?;
    } else {
        context.output.data(&render::preflight::text(&preflight, context.output))?;
    }
    if let Some(path) = &args.html {
        context.output.note(&format!("{} is written", path.display()))?;
    }
    Ok(if preflight.passed { Exit::Ok } else { Exit::Missing })
}

/// The page tells nothing that is secret, and the newest one is the one to send.
fn write(path: &Path, page: &str) -> Result<(), Failure> {
    std::fs::write(path, page).map_err(|error| {
        let message = format!("{} cannot be written", path.display());
        Failure::usage(message, "name a file in a folder of yours").because(&error)
    })
}
