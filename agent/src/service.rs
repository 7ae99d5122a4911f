//! `muster-agent service`: the agent as a service of Windows, for the person who installs it.
//!
//! Neighbours: `os::service` speaks to the service manager, `run::Agent` is what runs in it, `log` writes what it says into
//! its folder. The service runs as LocalSystem, starts with Windows and is started again when it ends badly. Never touches
//! another service, and never removes the agent's folder.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use thiserror::Error;
use tokio::sync::watch;

use crate::identity::DataDir;
use crate::os;
use crate::run::Agent;

/// The service's name, and that of the programs that people start by hand.
pub const NAME: &str = "MusterAgent";

/// How the service stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `stopped`, `running` and the two ways between.
    pub state: &'static str,
    /// Its process, where it has one.
    pub pid: Option<u32>,
    /// Why it stopped, where it did not end well.
    pub failure: Option<String>,
}

/// Others may change what the service manager starts as the system.
#[derive(Debug, Error)]
#[error(
    "{path} can be changed by {}, who would be SYSTEM by that; leave it to administrators and SYSTEM alone, or copy this \
     program to %ProgramFiles%\\Muster and type there: muster-agent service install",
    others.join(", ")
)]
struct Exposed {
    /// The program, or a folder that it lies in.
    path: String,
    /// Who they are.
    others: Vec<String>,
}

/// What ties a service to the service manager.
pub struct Lifeline {
    /// Whether it was asked to stop.
    pub stop: watch::Receiver<bool>,
    /// Says that it is up.
    pub up: Box<dyn Fn() -> io::Result<()> + Send>,
}

/// The verbs.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// Make the service, or give the one that is there these folders.
    Install(PlaceArgs),
    /// Stop the service and take it away; the agent's folder stays.
    Uninstall,
    /// Start it and wait until it runs.
    Start,
    /// Stop it and wait until it has stopped and its process is gone; the batch of a script that runs ends first.
    Stop,
    /// Say how it stands; ends with 0 where it runs.
    Status,
    /// Be the service. The service manager alone calls this.
    #[command(hide = true)]
    Run(PlaceArgs),
}

/// Where the agent lives, and what it stands on.
#[derive(Debug, clap::Args)]
pub struct PlaceArgs {
    /// The agent's folder, with its key and its journal; on Windows the standard one where none is named.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The modelled server that it stands on (SIMULATED); without it the Windows server that this runs on.
    #[arg(long, value_name = "DIR")]
    pub(crate) twin: Option<PathBuf>,
}

impl PlaceArgs {
    /// The agent's folder.
    ///
    /// # Errors
    /// Where none is named and there is no standard one, as on Linux.
    pub(crate) fn data(&self) -> anyhow::Result<DataDir> {
        let dir = self.data_dir.clone().or_else(os::service::standard_folder);
        let dir = dir.context("name the agent's folder with --data-dir DIR")?;
        Ok(DataDir::new(&std::path::absolute(dir).context("the agent's folder has no path")?))
    }
}

/// Does what a verb says; gives the exit code.
///
/// # Errors
/// Where the service manager refuses, or this is no Windows.
pub fn run(verb: &Verb, out: &mut dyn Write) -> anyhow::Result<i32> {
    match verb {
        Verb::Install(place) => install(place, out),
        Verb::Uninstall => uninstall(out),
        Verb::Start => start(out),
        Verb::Stop => stop(out),
        Verb::Status => status(out),
        Verb::Run(place) => be_the_service(place),
    }
}

fn install(place: &PlaceArgs, out: &mut dyn Write) -> anyhow::Result<i32> {
    // Before all else: where it is refused, nothing was made.
    check_program()?;
    let data = place.data()?;
    data.create()?;
    data.check_private()?;
    let mut arguments: Vec<OsString> = ["service", "run", "--data-dir"].map(OsString::from).to_vec();
    arguments.push(data.path().into());
    if let Some(twin) = &place.twin {
        let twin = std::path::absolute(twin).context("the twin's folder has no path")?;
        arguments.extend(["--twin".into(), twin.into()]);
    }
    os::service::install(NAME, &arguments).context("the service cannot be installed")?;
    writeln!(out, "Service {NAME} is installed; its folder is {}.", data.path().display())?;
    let next = if data.is_enrolled() {
        "muster-agent service start".to_owned()
    } else {
        format!("muster-agent enroll --data-dir {} --token-file FILE", data.path().display())
    };
    writeln!(out, "Next: {next}")?;
    Ok(0)
}

/// Makes sure that nobody but administrators and the system decides what this program is.
fn check_program() -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program cannot find itself")?;
    let found =
        os::service::who_may_replace(&program).context("it cannot be told who may change this program")?;
    let Some((path, others)) = found else { return Ok(()) };
    Err(Exposed { path: path.display().to_string(), others }.into())
}

fn uninstall(out: &mut dyn Write) -> anyhow::Result<i32> {
    if standing()?.is_none() {
        writeln!(out, "There is no service {NAME}.")?;
        return Ok(0);
    }
    os::service::stop(NAME).context("the service cannot be stopped")?;
    os::service::remove(NAME).context("the service cannot be taken away")?;
    writeln!(
        out,
        "Service {NAME} is gone. The agent's folder is still there: its key and its journal are in it."
    )?;
    Ok(0)
}

fn start(out: &mut dyn Write) -> anyhow::Result<i32> {
    os::service::start(NAME).with_context(|| {
        format!("service {NAME} does not start; see logs\\agent.log in its folder, or type: muster-agent run")
    })?;
    writeln!(out, "Service {NAME} runs.")?;
    Ok(0)
}

fn stop(out: &mut dyn Write) -> anyhow::Result<i32> {
    os::service::stop(NAME).with_context(|| format!("service {NAME} does not stop"))?;
    writeln!(out, "Service {NAME} is stopped.")?;
    Ok(0)
}

fn status(out: &mut dyn Write) -> anyhow::Result<i32> {
    let Some(Standing { state, pid, failure }) = standing()? else {
        writeln!(out, "There is no service {NAME}; type: muster-agent service install")?;
        return Ok(1);
    };
    let pid = pid.map(|pid| format!(", process {pid}")).unwrap_or_default();
    let failure = failure.map(|failure| format!(", because of {failure}")).unwrap_or_default();
    writeln!(out, "Service {NAME} is {state}{pid}{failure}.")?;
    Ok(i32::from(state != "running"))
}

/// Whether there is a service for the agent of this folder, as far as its standard place tells.
pub fn is_for(data_dir: &Path) -> bool {
    let is_standard = os::service::standard_folder().is_some_and(|standard| standard == data_dir);
    is_standard && matches!(os::service::standing(NAME), Ok(Some(_)))
}

fn standing() -> anyhow::Result<Option<Standing>> {
    os::service::standing(NAME).context("the service cannot be looked at")
}

fn be_the_service(place: &PlaceArgs) -> anyhow::Result<i32> {
    let (data, twin) = (place.data()?, place.twin.clone());
    // Before all else: what keeps the agent from writing its own log can be read there and nowhere else.
    crate::log::errors_to_event_log(NAME);
    os::service::run(NAME, move |lifeline| {
        let result = work(&data, twin.as_deref(), lifeline);
        if let Err(error) = &result {
            // Nobody sees the standard error of a service; the event log has it even where there is no file yet.
            tracing::error!(error = format!("{error:#}"), "the service ends");
        }
        result
    })
    .context("only the service manager starts this; type: muster-agent service start")?;
    Ok(0)
}

fn work(data: &DataDir, twin: Option<&Path>, mut lifeline: Lifeline) -> anyhow::Result<()> {
    // Before anything is written there, the log included.
    data.check_private()?;
    crate::log::write_to(&data.logs()).context("the log cannot be written")?;
    check_program()?;
    data.enrolled()?;
    let _lock = data.lock()?;
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let agent = Agent::open(data, twin, &runtime)?;
    (lifeline.up)().context("the service manager does not listen")?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "the service runs");
    let asked = async move {
        match lifeline.stop.wait_for(|stop| *stop).await {
            Ok(_) => Ok("the service manager"),
            Err(_) => bail!("the service manager is gone"),
        }
    };
    runtime.block_on(agent.work_until(asked))
}
