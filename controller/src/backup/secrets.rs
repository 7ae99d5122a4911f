//! Whether the secrets that servers need open with the key that a backup is restored with (G25).
//!
//! Neighbours: `make` names the versions in the record, `restore` asks before anything is made. A value is opened and dropped.

use std::collections::BTreeMap;

use muster_model::backup::SecretLine;
use muster_model::secret::{Sealed, SecretRef};
use muster_proto::secret::{self, Key};

/// The versions that servers need and that were set.
pub(super) fn needed(lines: &[SecretLine]) -> Vec<SecretRef> {
    let needed = lines.iter().filter(|line| !line.needed_by.is_empty() && line.sealed.is_some());
    needed.map(|line| line.secret.clone()).collect()
}

/// Why some of these do not open, one sentence each; empty where all do.
pub(super) fn closed(needed: &[SecretRef], lines: Vec<SecretLine>, key: &Key) -> Vec<String> {
    let sealed: BTreeMap<SecretRef, Sealed> =
        lines.into_iter().filter_map(|line| Some((line.secret, line.sealed?))).collect();
    let mut closed = Vec::new();
    for secret in needed {
        let problem = match sealed.get(secret) {
            Some(sealed) => secret::open(sealed.bytes(), key, secret).err().map(|error| error.to_string()),
            None => Some(format!("{} of {} is not in the backup", secret.version, secret.secret)),
        };
        closed.extend(problem.map(|problem| format!("{}: {problem}", secret.site)));
    }
    closed
}
