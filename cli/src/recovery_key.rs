//! A recovery key, read from the file in which `muster-controller init` left it.
//!
//! Neighbours: `cmd::secret` seals anew with it, `drill` proves with it that secrets open. It stays on the operator's machine.

use std::path::Path;

use muster_proto::secret::Key;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Reads it.
pub(crate) fn read(path: &Path) -> Result<Key, Failure> {
    let shown = path.display();
    let next = "name a file that `muster-controller init --recovery-out` wrote: --recovery-key FILE";
    let text = std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| Failure::usage(format!("{shown} cannot be read"), next).because(&error))?;
    Key::parse(&text)
        .map_err(|error| Failure::usage(format!("{shown} holds no recovery key"), next).because(&error))
}
