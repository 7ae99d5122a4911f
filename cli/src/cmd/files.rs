//! Collects documents from files and folders.
//!
//! Neighbours: `push` and `validate`. Reads no more of a file than shows that it is too large, so that the one rule about
//! size stays with `muster-model`. Never follows a link to a folder.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use muster_model::document::Source;
use muster_model::limits;

use crate::failure::Failure;

/// Documents as they lie on this machine.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// Path as the operator named it, and bytes; sorted by path.
    pub(super) files: Vec<Source>,
    /// Files and folders that were not read; sorted.
    pub(super) skipped: Vec<String>,
}

/// One line on what was left out, or none.
pub(super) fn skipped_line(skipped: &[String]) -> Option<String> {
    const NAMED: usize = 5;
    let names = skipped.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match skipped.len() {
        0 => None,
        count if count <= NAMED => Some(format!("skipped, not *.yaml or *.yml: {names}")),
        count => Some(format!("skipped, not *.yaml or *.yml: {names} and {} more", count - NAMED)),
    }
}

/// The command that works on the same paths.
pub(super) fn command(verb: &str, paths: &[PathBuf]) -> String {
    let paths: Vec<String> = paths
        .iter()
        .map(|path| path.display().to_string())
        .map(|path| if path.contains(' ') { format!(" -f \"{path}\"") } else { format!(" -f {path}") })
        .collect();
    format!("muster {verb}{}", paths.concat())
}

/// Reads every document below these paths.
///
/// # Errors
/// Where a path cannot be read, there is no document, or there are more than a push may hold.
pub(super) fn collect(paths: &[PathBuf]) -> Result<Collected, Failure> {
    let mut found = Vec::new();
    let mut collected = Collected::default();
    for path in paths {
        let meta = std::fs::metadata(path).map_err(|error| unreadable(path).because(&error))?;
        if meta.is_dir() {
            walk(path, &mut found, &mut collected.skipped)?;
        } else {
            found.push(path.clone());
        }
        if found.len() as u64 > limits::PUSH_FILES {
            return Err(too_much(path, &format!("more than {} YAML files", limits::PUSH_FILES)));
        }
    }
    found.sort();
    found.dedup();
    collected.skipped.sort();
    let mut size_bytes = 0;
    for path in found {
        let content = read(&path)?;
        size_bytes += content.len() as u64;
        if size_bytes > limits::PUSH_SIZE_BYTES {
            let limit = limits::PUSH_SIZE_BYTES / (1024 * 1024);
            return Err(too_much(&path, &format!("more than {limit} MiB of YAML files")));
        }
        collected.files.push(Source { path: shown(&path), content });
    }
    if collected.files.is_empty() {
        let names: Vec<String> = paths.iter().map(|path| shown(path)).collect();
        let message = format!("there is no *.yaml or *.yml file below {}", names.join(", "));
        return Err(Failure::usage(message, "name the folder or the file with your documents: -f PATH"));
    }
    Ok(collected)
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>, skipped: &mut Vec<String>) -> Result<(), Failure> {
    // One more than a push may hold is enough to refuse it: a wrong folder is not read to its end.
    if found.len() as u64 > limits::PUSH_FILES {
        return Ok(());
    }
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder).because(&error))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(entry.map_err(|error| unreadable(folder).because(&error))?.path());
    }
    paths.sort();
    for path in paths {
        let link = std::fs::symlink_metadata(&path).map_err(|error| unreadable(&path).because(&error))?;
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if hidden || (link.is_symlink() && path.is_dir()) {
            skipped.push(shown(&path));
        } else if link.is_dir() {
            walk(&path, found, skipped)?;
        } else if is_yaml(&path) {
            found.push(path);
        } else {
            skipped.push(shown(&path));
        }
    }
    Ok(())
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("yaml") || end.eq_ignore_ascii_case("yml"))
}

/// At most one byte more than a document may have.
fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |error: std::io::Error| unreadable(path).because(&error);
    let mut content = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    file.take(limits::DOCUMENT_SIZE_BYTES + 1).read_to_end(&mut content).map_err(failed)?;
    Ok(content)
}

/// The path as it was named, with one kind of slash, so that a revision reads alike from every machine.
fn shown(path: &Path) -> String {
    path.display().to_string().replace(std::path::MAIN_SEPARATOR, "/")
}

fn unreadable(path: &Path) -> Failure {
    Failure::usage(
        format!("{} cannot be read", path.display()),
        "name a file or folder that you may read: -f PATH",
    )
}

fn too_much(path: &Path, what: &str) -> Failure {
    Failure::usage(
        format!("there are {what} up to {}", path.display()),
        "see that it is the right folder; if it is, push it in parts: -f PATH",
    )
}
