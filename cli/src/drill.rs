//! `muster secret drill`: proves from a controller's backup and one recovery key that every secret opens. No controller is
//! asked: this is what will be left when there is none.
//!
//! Neighbours: `muster_model::backup` says what a backup holds, `recovery_key` reads the key, `render` prints. No value is
//! shown or kept.

use std::path::Path;

use muster_model::backup::{Backup, Drill, RECORD_FILE, SECRETS_PART, SecretLine, Tried};
use muster_model::digest::Digest;
use muster_proto::secret;

use crate::args::DrillArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;
use crate::{recovery_key, render, shape};

/// Carries the drill out.
pub(crate) fn run(output: &mut Output, args: &DrillArgs) -> Result<Exit, Failure> {
    let key = recovery_key::read(&args.recovery_key)?;
    let mut secrets = Vec::new();
    for line in lines(&args.backup)? {
        let SecretLine { secret: place, needed_by, sealed } = line;
        let problem = match sealed {
            None => Some("it was never set".to_owned()),
            Some(sealed) => secret::open(sealed.bytes(), &key, &place).err().map(|error| error.to_string()),
        };
        let (site, secret, version) = (place.site, place.secret, place.version);
        secrets.push(Tried { site, secret, version, needed_by, problem });
    }
    let ok = secrets.iter().all(|tried| tried.problem.is_none());
    let drill = Drill { ok, secrets };
    if output.is_json() {
        output.json(shape::DRILL, &drill)?;
    } else {
        output.data(&render::secrets::drill(&drill))?;
    }
    if ok {
        return Ok(Exit::Ok);
    }
    let next =
        "try the other recovery key; a secret that neither opens is set anew: muster secret set SITE NAME";
    Err(Failure::new(Exit::NotDone, "not every secret opens from this backup with this key", next))
}

/// The backup's list of secrets, whole and as its record says.
fn lines(folder: &Path) -> Result<Vec<SecretLine>, Failure> {
    let next = "name a folder that `muster-controller backup --to` made: --backup DIR";
    let cannot = |what: String| Failure::usage(what, next);
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read(&path)
            .map_err(|error| cannot(format!("{} cannot be read", path.display())).because(&error))
    };
    let shown = folder.display();
    let record = Backup::read(&read(RECORD_FILE)?)
        .map_err(|error| cannot(format!("{shown} is no backup")).because(&error))?;
    let part = record.part(SECRETS_PART);
    let part = part.ok_or_else(|| cannot(format!("{shown} was made by a version that lists no secrets")))?;
    let bytes = read(SECRETS_PART)?;
    if Digest::of(&bytes) != part.sha256 {
        return Err(cannot(format!("{SECRETS_PART} of {shown} was altered since it was made")));
    }
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines = lines.map(serde_json::from_slice).collect::<Result<Vec<SecretLine>, _>>();
    lines.map_err(|error| cannot(format!("{SECRETS_PART} of {shown} is damaged")).because(&error))
}
