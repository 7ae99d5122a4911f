//! What an installer is handed in secret: opened from what the command brought, anew at each look.
//!
//! An agent that adopts an installer opens the same values again, so that its logs are scrubbed whoever started it.
//! Neighbours: `package` starts and settles, `muster_model::package` says which secrets, `supervise::confidential` carries
//! them. Nothing here shows a value.

use muster_model::outcome::StepKey;
use muster_model::package::{self, Package, Piece};
use muster_proto::secret::SecretValue;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{Engine, Task};
use crate::host;
use crate::resource;
use crate::supervise::confidential::Confidential;
use crate::supervise::{self, Phase};
use crate::vault::{self, Secrets};

/// Why an installer cannot be handed its secrets.
#[derive(Debug, Error)]
pub(super) enum Unhanded {
    /// What the node says of the package does not go together.
    #[error(transparent)]
    Package(#[from] host::Error),
    /// One does not open.
    #[error(transparent)]
    Secret(#[from] vault::Error),
    /// One cannot stand in a command line, whatever it is put into.
    #[error("the secret {0} has a quote or ends with a backslash, which a command line cannot hold for sure")]
    Quote(String),
}

impl Engine {
    /// What that phase's installer is handed. Whoever takes the old version off is told nothing.
    pub(super) fn confidential(&self, task: &Task, phase: Phase) -> Result<Confidential, Unhanded> {
        let mut confidential = Confidential { values: self.values(task)?, ..Confidential::default() };
        if phase == Phase::Uninstall {
            return Ok(confidential);
        }
        let package = resource::package::read(&task.node)?;
        let secrets = self.vault.opener(&task.secrets);
        if let Some(pieces) = &package.response_file {
            confidential.answers = Some(answers(pieces, &secrets)?);
        }
        for (name, secret) in &package.secret_arguments {
            let value = secrets.open(secret)?;
            if value.expose().contains('"') || value.expose().ends_with('\\') {
                return Err(Unhanded::Quote(secret.secret.to_string()));
            }
            confidential.arguments.push(argument(&package, name, &value));
        }
        Ok(confidential)
    }

    /// Every value that the installer of this step may have written down.
    fn values(&self, task: &Task) -> Result<Vec<SecretValue>, vault::Error> {
        // No command brings them for a package that is taken off, whose installer was never told them in this step.
        let handed = if task.node.is_taken_off() { Vec::new() } else { package::handed(&task.node) };
        let secrets = self.vault.opener(&task.secrets);
        handed.iter().map(|(_, secret)| secrets.open(secret)).collect()
    }

    /// Leaves nothing of what that installer was handed; what may be left, in words.
    pub(super) fn tidy(&self, task: &Task, key: &StepKey, phase: Phase) -> Option<String> {
        let (values, problem) = match self.values(task) {
            Ok(values) => (values, None),
            Err(error) => (Vec::new(), Some(error.to_string())),
        };
        let confidential = Confidential { values, ..Confidential::default() };
        let own_log = self.host.packages().log(task.node.id.name.as_str(), &phase.to_string());
        let tidied = self.installers.tidy(key, phase, &confidential, own_log.as_deref());
        let problem = problem.or_else(|| tidied.err().as_ref().map(shown));
        problem.map(|problem| format!("its log may hold secrets, keep it from others: {problem}"))
    }
}

fn shown(error: &supervise::Error) -> String {
    match error {
        supervise::Error::Io { source, .. } => format!("{error}: {source}"),
        supervise::Error::AlreadyStarted { .. } | supervise::Error::NotStarted { .. } => error.to_string(),
    }
}

/// The whole of a file of answers, with the ends of lines that programs of Windows read.
fn answers(pieces: &[Piece], secrets: &dyn Secrets) -> Result<Zeroizing<String>, vault::Error> {
    let opened = pieces.iter().map(|piece| match piece {
        Piece::Text(text) => Ok(Zeroizing::new(text.replace("\r\n", "\n").replace('\n', "\r\n"))),
        Piece::Secret(secret) => Ok(Zeroizing::new(secrets.open(secret)?.expose().to_owned())),
    });
    let opened = opened.collect::<Result<Vec<_>, vault::Error>>()?;
    // Measured first: a text that grows leaves copies behind.
    let mut whole = Zeroizing::new(String::with_capacity(opened.iter().map(|piece| piece.len()).sum()));
    opened.iter().for_each(|piece| whole.push_str(piece));
    Ok(whole)
}

/// One argument. In a command line that is read by an installer's own rules the value stands in quotes.
fn argument(package: &Package, name: &str, value: &SecretValue) -> Zeroizing<String> {
    let (before, quote) = (package.before_secret(name), if package.medium.is_some() { "\"" } else { "" });
    let length = before.len() + value.expose().len() + 2 * quote.len();
    let mut argument = Zeroizing::new(String::with_capacity(length));
    for part in [&before, quote, value.expose(), quote] {
        argument.push_str(part);
    }
    argument
}
