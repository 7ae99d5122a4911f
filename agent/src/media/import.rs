//! `muster-agent media import FOLDER`: media that somebody carried to a server that no link is wide enough for.
//!
//! Neighbours: `cache` takes each file in. What a package installs from is decided by its digest alone: importing a file
//! approves nothing.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::cache::Cache;

/// Takes every file of a folder in, but not of those below it; links and names that begin with a dot are left out.
///
/// # Errors
/// Where the folder or a file of it cannot be read, or the disk lacks room; what came before stays.
pub fn import(cache: &Cache, folder: &Path, out: &mut dyn Write) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let entry = entry?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        if entry.file_type()?.is_file() && !hidden {
            files.push(entry.path());
        }
    }
    if files.is_empty() {
        bail!("{} holds no file; name the folder with the installers", folder.display());
    }
    files.sort();
    for file in files {
        let (sha256, new) = cache.copy(&file).with_context(|| format!("{} was not taken", file.display()))?;
        let name = file.file_name().unwrap_or_default().display();
        let already = if new { "" } else { "  (was here)" };
        writeln!(out, "{sha256}  {name}{already}")?;
    }
    Ok(())
}
