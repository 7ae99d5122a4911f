//! Where there is no service manager of Windows. See [`super`].

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use crate::service::{Lifeline, Standing};

fn unsupported<T>() -> io::Result<T> {
    let message = "this is no Windows; have your own service manager start `muster-agent run`";
    Err(io::Error::new(io::ErrorKind::Unsupported, message))
}

/// None here.
pub fn standard_folder() -> Option<PathBuf> {
    None
}

/// # Errors
/// Always.
pub fn who_may_replace(_program: &Path) -> io::Result<Option<(PathBuf, Vec<String>)>> {
    unsupported()
}

/// # Errors
/// Always.
pub fn install(_name: &str, _arguments: &[OsString]) -> io::Result<()> {
    unsupported()
}

/// # Errors
/// Always.
pub fn remove(_name: &str) -> io::Result<()> {
    unsupported()
}

/// # Errors
/// Always.
pub fn start(_name: &str) -> io::Result<()> {
    unsupported()
}

/// # Errors
/// Always.
pub fn stop(_name: &str) -> io::Result<()> {
    unsupported()
}

/// # Errors
/// Always.
pub fn standing(_name: &str) -> io::Result<Option<Standing>> {
    unsupported()
}

/// # Errors
/// Always.
pub fn report_error(_name: &str, _text: &str) -> io::Result<()> {
    unsupported()
}

/// # Errors
/// Always.
pub fn run(
    _name: &'static str,
    _work: impl FnOnce(Lifeline) -> anyhow::Result<()> + Send + 'static,
) -> io::Result<()> {
    unsupported()
}
