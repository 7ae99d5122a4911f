//! `muster-agent media list` and `media remove`: what a server holds ahead of time, and how its disk gets room again.
//!
//! Neighbours: `cache` keeps the files. Nothing goes by itself: the installer of a version that was replaced is its way back. On
//! Windows one that an installer runs from cannot be removed until that ends.

use std::io::Write;

use anyhow::{Context as _, bail};
use muster_model::digest::Digest;

use super::cache::Cache;

/// Lists all that is held, a line each: digest, bytes, and whether that is a part only.
///
/// # Errors
/// Where the folder cannot be read.
pub fn list(cache: &Cache, out: &mut dyn Write) -> anyhow::Result<()> {
    let all = cache.all().context("the cache of media cannot be read")?;
    if all.is_empty() {
        writeln!(out, "No medium is held here.")?;
    }
    for (sha256, held) in all {
        let part = if held.whole { "" } else { "  (a part)" };
        writeln!(out, "{sha256}  {} bytes{part}", held.bytes)?;
    }
    Ok(())
}

/// Removes one, or the part of one.
///
/// # Errors
/// Where none is held, or Windows keeps it for whoever uses it.
pub fn remove(cache: &Cache, sha256: Digest, out: &mut dyn Write) -> anyhow::Result<()> {
    if !cache.remove(sha256).with_context(|| format!("{sha256} cannot be removed"))? {
        bail!("{sha256} is not held here; see what is: muster-agent media list");
    }
    writeln!(out, "{sha256} is gone; a package that wants it has it fetched again: muster stage SITE")?;
    Ok(())
}
