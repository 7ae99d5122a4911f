//! `muster-agent twin`: makes a twin, shows it, breaks it, and changes it behind Muster's back.
//!
//! Neighbours: the agent's command line embeds [`TwinArgs`]. Shows what `store` holds and calls no port, so that a fault
//! set for the agent never strikes a person who looks.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use muster_model::name::Version;
use thiserror::Error;

use super::fault::{Fault, InvalidFault, Moment, Operation, Strike};
use super::installer::InstallerArgs;
use super::ledger::Action;
use super::sql::store::SqlStore;
use super::state::find;
use super::store::{self, Store};
use super::{hand, installer, ledger, yaml};
use crate::host::exit_code;

/// `muster-agent twin`.
#[derive(Debug, Args)]
pub struct TwinArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a twin from a declaration.
    Init {
        /// The folder to make it in.
        #[arg(long)]
        dir: PathBuf,
        /// The declaration, as in deploy/examples/sxa/twin-dup-web01.yaml.
        #[arg(long)]
        from: PathBuf,
    },
    /// Show what the twin is.
    Show {
        /// The twin's folder.
        #[arg(long)]
        dir: PathBuf,
        /// Show what really happened on it instead, oldest first.
        #[arg(long)]
        ledger: bool,
    },
    /// Change the twin by hand, as a person on the server would: drift.
    #[command(after_help = hand::HELP)]
    Set {
        /// The twin's folder.
        #[arg(long)]
        dir: PathBuf,
        /// app_pool, defaults, site, http_sys, certificate, service, package, folder, file, registry, feature, http, clock,
        /// computer, drive, administrator, session, listener or sql_server.
        thing: String,
        /// Its name.
        name: String,
        /// ATTRIBUTE=VALUE, or the one word `absent`.
        #[arg(required = true)]
        changes: Vec<String>,
    },
    /// Install a package by hand, as a person does in the vendor's own dialogs.
    Install {
        /// The twin's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The package.
        package: String,
        /// The version, of those that the declaration has.
        version: Version,
    },
    /// Uninstall a package by hand.
    Uninstall {
        /// The twin's folder.
        #[arg(long)]
        dir: PathBuf,
        /// The package.
        package: String,
    },
    /// Make things go wrong.
    Fault {
        /// The twin's folder.
        #[arg(long)]
        dir: PathBuf,
        #[command(subcommand)]
        command: FaultCommand,
    },
}

#[derive(Debug, Subcommand)]
enum FaultCommand {
    /// Set a fault; it strikes once unless said.
    Add {
        /// Where: service.start, package.install, app_pool.set, file.write, http.get and others.
        operation: Operation,
        /// On what: a name, a path, an address; `*` is any.
        target: String,
        /// fail, fail=WORDS, slow=MS, hang, reboot, disk-full, exit-code=N, dies=MS or answer=STATUS.
        strike: Strike,
        /// How often it strikes.
        #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
        times: u32,
        /// It strikes every time.
        #[arg(long, conflicts_with = "times")]
        always: bool,
        /// It strikes after the effect instead of before.
        #[arg(long)]
        after: bool,
    },
    /// Take all faults away; what hangs goes on.
    Clear,
    /// List the faults.
    List,
}

/// Why a command on a twin failed.
#[derive(Debug, Error)]
pub enum Error {
    /// The twin could not be used.
    #[error(transparent)]
    Twin(#[from] store::Error),
    /// The declaration is wrong.
    #[error("{path} is not a twin's declaration", path = .path.display())]
    Declaration {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        source: yaml::Error,
    },
    /// A file could not be read.
    #[error("cannot read {path}", path = .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The fault makes no sense.
    #[error(transparent)]
    Fault(#[from] InvalidFault),
    /// The change makes no sense.
    #[error(transparent)]
    Hand(#[from] hand::Error),
    /// There is nothing to uninstall.
    #[error("package {0} is not installed")]
    NotInstalled(String),
    /// The installer did not do its work; it has said why.
    #[error("the installer ended with {0}")]
    Installer(i32),
    /// The answer could not be written.
    #[error("cannot write the answer")]
    Write(#[from] io::Error),
}

/// Runs the command; its answer goes to `out`.
pub fn run(args: &TwinArgs, out: &mut dyn Write) -> Result<(), Error> {
    match &args.command {
        Command::Init { dir, from } => init(dir, from, out),
        Command::Show { dir, ledger: false } => show(&Store::open(dir, "hand")?, out),
        Command::Show { dir, ledger: true } => show_ledger(&Store::open(dir, "hand")?, out),
        Command::Set { dir, thing, name, changes } => {
            hand::set(&Store::open(dir, "hand")?, thing, name, changes)?;
            Ok(writeln!(out, "SIMULATED {thing} {name}: {}", changes.join(", "))?)
        }
        Command::Install { dir, package, version } => {
            by_hand(InstallerArgs::by_hand(dir, package, version, Action::Install), out)
        }
        Command::Uninstall { dir, package } => {
            let installed = find(&Store::open(dir, "hand")?.lock()?.state().packages, package).cloned();
            let version = installed.ok_or_else(|| Error::NotInstalled(package.clone()))?;
            by_hand(InstallerArgs::by_hand(dir, package, &version, Action::Uninstall), out)
        }
        Command::Fault { dir, command } => fault(&Store::open(dir, "hand")?, command, out),
    }
}

/// An installer's process without a supervisor: this one.
fn by_hand(args: InstallerArgs, out: &mut dyn Write) -> Result<(), Error> {
    match installer::run(&args, out)? {
        exit_code::SUCCESS | exit_code::REBOOT_INITIATED | exit_code::REBOOT_REQUIRED => Ok(()),
        code => Err(Error::Installer(code)),
    }
}

fn init(dir: &Path, from: &Path, out: &mut dyn Write) -> Result<(), Error> {
    let text = fs::read_to_string(from).map_err(|source| Error::Read { path: from.to_owned(), source })?;
    let declaration =
        yaml::read(&text).map_err(|source| Error::Declaration { path: from.to_owned(), source })?;
    let declared = declaration.sql_servers.clone();
    let (state, catalogue) = declaration.split();
    // Before the twin itself, which is there only once all of it is.
    for (address, folder) in &catalogue.sql_servers {
        if let Some(declared) = declared.get(address) {
            SqlStore::create(&dir.join(folder), &declared.state())?;
        }
    }
    Store::create(dir, &state, &catalogue)?;
    writeln!(out, "SIMULATED {} made in {}", state.host_name, dir.display())?;
    Ok(writeln!(out, "Next: muster-agent enroll --data-dir DIR --token-file FILE --twin {}", dir.display())?)
}

fn show(store: &Store, out: &mut dyn Write) -> Result<(), Error> {
    let section = store.lock()?;
    hand::show(section.state(), out)?;
    for (address, folder) in &store.catalogue()?.sql_servers {
        let server = SqlStore::open(&store.dir().join(folder))?;
        hand::show_sql(address, server.lock()?.state(), out)?;
    }
    Ok(show_faults(&section.faults()?, out)?)
}

fn show_faults(faults: &[Fault], out: &mut dyn Write) -> io::Result<()> {
    for fault in faults {
        let target = fault.target.as_deref().unwrap_or("*");
        let times = fault.times.map_or_else(|| "always".to_owned(), |times| format!("{times} more"));
        let moment = if fault.moment == Moment::After { " after" } else { "" };
        writeln!(out, "fault      {} {target} {}{moment} ({times})", fault.operation.name(), fault.strike)?;
    }
    Ok(())
}

fn show_ledger(store: &Store, out: &mut dyn Write) -> Result<(), Error> {
    // Locked once, so that what a killed process left half done is settled before it is shown.
    let section = store.lock()?;
    let path = store.path(ledger::LEDGER);
    let entries = ledger::read(store.dir()).map_err(|source| Error::Read { path, source })?;
    drop(section);
    for entry in entries {
        let line = serde_json::to_string(&entry).map_err(io::Error::from)?;
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn fault(store: &Store, command: &FaultCommand, out: &mut dyn Write) -> Result<(), Error> {
    let mut section = store.lock()?;
    match command {
        FaultCommand::Add { operation, target, strike, times, always, after } => {
            let fault = Fault {
                operation: *operation,
                target: (target != "*").then(|| target.clone()),
                strike: strike.clone(),
                moment: if *after { Moment::After } else { Moment::Before },
                times: (!always).then_some(*times),
            };
            fault.check()?;
            let mut faults = section.faults()?;
            faults.push(fault);
            section.set_faults(&faults)?;
            Ok(show_faults(&faults, out)?)
        }
        FaultCommand::Clear => {
            section.set_faults(&[])?;
            Ok(writeln!(out, "no faults")?)
        }
        FaultCommand::List => Ok(show_faults(&section.faults()?, out)?),
    }
}
