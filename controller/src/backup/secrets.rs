//! Whether the secrets of a backup open with the key that it is restored with (G25).
//!
//! Neighbours: `make` names the versions in the record, `restore` asks before anything is made. A value is opened and dropped.

use std::collections::BTreeMap;

use muster_model::backup::SecretLine;
use muster_model::secret::{Sealed, SecretRef};
use muster_proto::secret::{self, Key};

/// Every version that was set. Not those alone that are wanted now: until its run, a server's data stand on the version before, and
/// an older backup of the data on an older one.
pub(super) fn held(lines: &[SecretLine]) -> Vec<SecretRef> {
    lines.iter().filter(|line| line.sealed.is_some()).map(|line| line.secret.clone()).collect()
}

/// Why some of these do not open, one sentence each; empty where all do.
pub(super) fn closed(held: &[SecretRef], lines: Vec<SecretLine>, key: &Key) -> Vec<String> {
    let sealed: BTreeMap<SecretRef, Sealed> =
        lines.into_iter().filter_map(|line| Some((line.secret, line.sealed?))).collect();
    let mut closed = Vec::new();
    for secret in held {
        let problem = match sealed.get(secret) {
            Some(sealed) => secret::open(sealed.bytes(), key, secret).err().map(|error| error.to_string()),
            None => Some(format!("{} of {} is not in the backup", secret.version, secret.secret)),
        };
        closed.extend(problem.map(|problem| format!("{}: {problem}", secret.site)));
    }
    closed
}
