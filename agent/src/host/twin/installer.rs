//! The process that plays an installer: it takes its time, makes its effects, and exits with Windows Installer's codes.
//!
//! It is started by a supervisor or by hand, knows nothing of the agent and outlives it. One runs at a time on a
//! machine, as with Windows Installer. Neighbours: `catalogue` says what it makes, `store` how that lasts. Never waits
//! for anybody, asks nothing, and never ends because its starter ended.

use std::fs::{OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use muster_model::name::Version;

use super::Error;
use super::catalogue::Effects;
use super::fault::{Moment, Operation, Strike};
use super::ledger::{Action, Deed};
use super::state::find;
use super::store::{Store, Struck};
use crate::durable;
use crate::host::exit_code;
use crate::host::process::Process;

/// Set by a supervisor for whatever it starts: the step's run, `KEY.PHASE`.
pub const RUN_VARIABLE: &str = "MUSTER_RUN";
/// Set by a supervisor for whatever it starts: itself, so that a twin's reboot ends it too. JSON of [`Process`].
pub const SUPERVISOR_VARIABLE: &str = "MUSTER_SUPERVISOR";
/// Set by a supervisor for whatever it starts: where to say the whole exit code. Outside Windows a process can only
/// exit with eight bits, and 3010 would become 194.
pub const EXIT_CODE_VARIABLE: &str = "MUSTER_EXIT_CODE_FILE";

/// `muster-agent twin-installer`.
#[derive(Debug, clap::Args)]
pub struct InstallerArgs {
    /// The twin's folder.
    #[arg(long)]
    dir: PathBuf,
    /// The package.
    #[arg(long)]
    package: String,
    /// Its version.
    #[arg(long)]
    version: Version,
    /// Whether to put it on or take it off.
    #[arg(long)]
    action: Action,
    /// On whose behalf; the ledger shows it.
    #[arg(long, env = RUN_VARIABLE, default_value = "by hand")]
    run: String,
    /// How many of the last arguments are secrets, which the ledger does not show.
    #[arg(long, default_value_t = 0)]
    secret_arguments: usize,
    /// Arguments of the installer.
    #[arg(last = true)]
    arguments: Vec<String>,
}

impl InstallerArgs {
    /// As a person starts it.
    pub(super) fn by_hand(dir: &Path, package: &str, version: &Version, action: Action) -> Self {
        Self {
            dir: dir.to_owned(),
            package: package.to_owned(),
            version: version.clone(),
            action,
            run: "by hand".to_owned(),
            secret_arguments: 0,
            arguments: Vec::new(),
        }
    }

    /// What it was told, without the secrets.
    fn shown(&self) -> Vec<String> {
        let open = self.arguments.len().saturating_sub(self.secret_arguments);
        let shown =
            self.arguments.iter().enumerate().map(|(index, argument)| {
                if index < open { argument.clone() } else { "(a secret)".to_owned() }
            });
        shown.collect()
    }

    /// What a careless installer writes into its log: all that it was told, and what a file holds that an argument ends with.
    fn chatter(&self, out: &mut dyn Write) -> std::io::Result<()> {
        for argument in &self.arguments {
            writeln!(out, "told: {argument}")?;
            let mut paths = argument.match_indices('/').map(|(at, _)| &argument[at..]);
            if let Some(answers) = paths.find_map(|path| std::fs::read_to_string(path).ok()) {
                writeln!(out, "answers: {answers}")?;
            }
        }
        Ok(())
    }
}

/// What an installer comes to: its code, and why in words.
type Exit = (i32, String);

/// Runs the installer and gives its exit code; its log goes to `out`.
pub fn run(args: &InstallerArgs, out: &mut dyn Write) -> Result<i32, Error> {
    let store = Store::open(&args.dir, &format!("installer {}", args.run))?;
    let (package, action) = (args.package.clone(), args.action);
    let path = store.path("installer.lock");
    let fails = |action, source| Error::Io { action, path: path.clone(), source };
    let open = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
    let busy = open.map_err(|source| fails("open", source))?;
    let (code, reason) = match busy.try_lock() {
        Ok(()) => {
            let me = Process::current().map_err(|source| fails("lock", source))?;
            let deed = Deed::InstallerStarted {
                package: package.clone(),
                version: args.version.clone(),
                action,
                arguments: args.shown(),
                pid: me.pid,
            };
            args.chatter(out).map_err(|source| fails("write the log beside", source))?;
            store.lock()?.note(deed)?;
            move_in(&store, me)?;
            work(&store, args)?
        }
        Err(TryLockError::WouldBlock) => {
            (exit_code::INSTALL_ALREADY_RUNNING, "another installation is in progress".to_owned())
        }
        Err(TryLockError::Error(source)) => return Err(fails("lock", source)),
    };
    let line = format!("SIMULATED {action:?} of {package} {}: exit code {code}, {reason}", args.version);
    store.lock()?.note(Deed::InstallerEnded { package, action, code, reason })?;
    writeln!(out, "{line}").map_err(|source| fails("write the log beside", source))?;
    say(code)?;
    Ok(code)
}

/// Counts this process and the supervisor that started it among those that a reboot of the twin ends.
fn move_in(store: &Store, me: Process) -> Result<(), Error> {
    store.move_in("installer", me)?;
    let supervisor = std::env::var(SUPERVISOR_VARIABLE).ok();
    match supervisor.and_then(|text| serde_json::from_str::<Process>(&text).ok()) {
        Some(supervisor) => store.move_in("supervisor", supervisor),
        None => Ok(()),
    }
}

fn say(code: i32) -> Result<(), Error> {
    match std::env::var_os(EXIT_CODE_VARIABLE) {
        Some(path) => durable::replace(Path::new(&path), code.to_string().as_bytes())
            .map_err(|source| Error::Io { action: "write", path: path.into(), source }),
        None => Ok(()),
    }
}

fn work(store: &Store, args: &InstallerArgs) -> Result<Exit, Error> {
    let operation = match args.action {
        Action::Install => Operation::PackageInstall,
        Action::Uninstall => Operation::PackageUninstall,
    };
    let mut success = None;
    match store.strike(operation, &args.package, Moment::Before)? {
        Struck::Fail(message) => return Ok((exit_code::INSTALL_FAILURE, message)),
        Struck::GoOn(Some(Strike::ExitCode(code))) if is_success(code) => success = Some(code),
        Struck::GoOn(Some(Strike::ExitCode(code))) => return Ok((code, "as its fault says".to_owned())),
        Struck::GoOn(_) => {}
    }
    let catalogue = store.catalogue()?;
    let versions = find(&catalogue.packages, &args.package);
    let Some(effects) = versions.and_then(|versions| versions.get(&args.version)) else {
        return Ok((exit_code::PACKAGE_OPEN_FAILED, "the catalogue does not know this version".to_owned()));
    };
    let (code, reason) = match args.action {
        Action::Install => install(store, args, effects)?,
        Action::Uninstall => uninstall(store, args, effects)?,
    };
    if !is_success(code) {
        return Ok((code, reason));
    }
    match store.strike(operation, &args.package, Moment::After)? {
        Struck::Fail(message) => Ok((exit_code::INSTALL_FAILURE, message)),
        Struck::GoOn(_) => Ok((success.unwrap_or(code), reason)),
    }
}

fn is_success(code: i32) -> bool {
    matches!(code, exit_code::SUCCESS | exit_code::REBOOT_INITIATED | exit_code::REBOOT_REQUIRED)
}

fn install(store: &Store, args: &InstallerArgs, effects: &Effects) -> Result<Exit, Error> {
    let present = find(&store.lock()?.state().packages, &args.package).cloned();
    if present.is_some_and(|present| present != args.version) {
        return Ok((exit_code::PRODUCT_VERSION, "another version is installed".to_owned()));
    }
    let pieces = effects.pieces(&args.package, &args.version);
    let installed = Deed::PackageInstalled { package: args.package.clone(), version: args.version.clone() };
    let done = Ok((effects.exit_code, "done".to_owned()));
    if !effects.staged {
        pass(effects.install_ms);
        store.lock()?.commit(installed, |state| pieces.into_iter().for_each(|(_, make)| make(state)))?;
        return done;
    }
    let count = pieces.len();
    for (index, (piece, make)) in pieces.into_iter().enumerate() {
        pass(effects.install_ms / count.max(1) as u64);
        let piece = Deed::PieceMade { package: args.package.clone(), piece };
        let deed = if index + 1 == count { installed.clone() } else { piece };
        store.lock()?.commit(deed, make)?;
    }
    done
}

fn uninstall(store: &Store, args: &InstallerArgs, effects: &Effects) -> Result<Exit, Error> {
    if find(&store.lock()?.state().packages, &args.package).is_none() {
        return Ok((exit_code::UNKNOWN_PRODUCT, "it is not installed".to_owned()));
    }
    pass(effects.uninstall_ms);
    let removed = Deed::PackageRemoved { package: args.package.clone(), version: args.version.clone() };
    store.lock()?.commit(removed, |state| state.remove_made_by(&args.package))?;
    Ok((exit_code::SUCCESS, "done".to_owned()))
}

fn pass(duration_ms: u64) {
    std::thread::sleep(Duration::from_millis(duration_ms));
}
