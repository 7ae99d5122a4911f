//! What may be typed: the verbs here, what follows each in a file for its kind.
//!
//! Neighbours: `cmd` carries it out. Names are checked here, so that a wrong one is a usage error before anything is sent.

mod access;
mod documents;
mod media;
mod plans;
mod secrets;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand};
use muster_model::name::Slug;

pub use self::access::{
    ConfirmRecoveryArgs, EnrollOperatorArgs, InviteArgs, InviteOperatorArgs, OperatorArgs, OperatorVerb,
    RecoverVerb, RevokeArgs, ServerArgs, ServerVerb,
};
pub use self::documents::{
    ExplainArgs, FilesArgs, HandoutArgs, InspectArgs, PreflightArgs, PushArgs, SchemaArgs, Whom,
};
pub use self::media::{MediaAddArgs, MediaRemoveArgs, MediaVerb};
pub use self::plans::{
    ApproveArgs, CancelArgs, DoneArgs, EventsArgs, PlanArgs, PlanIdArgs, PlanOrStep, PlanVerb, ResumeArgs,
    RunArgs, StatusArgs, StepsArgs,
};
pub use self::secrets::{DrillArgs, ResealArgs, SecretSetArgs, SecretVerb};
use crate::exit::Exit;
use crate::output::Format;

/// Keeps one business application as its documents say, at many client sites.
#[derive(Debug, Parser)]
#[command(name = "muster", version, propagate_version = true, max_term_width = 110)]
#[command(after_help = help())]
pub struct Args {
    /// The operator's profile [env: MUSTER_PROFILE] [default: ~/.config/muster/profile.json]
    #[arg(long, global = true, env = "MUSTER_PROFILE", value_name = "FILE", hide_env = true)]
    pub profile: Option<PathBuf>,
    /// How data is printed on stdout: table or json
    #[arg(
        long,
        global = true,
        value_enum,
        value_name = "FORMAT",
        default_value_t,
        hide_possible_values = true
    )]
    pub output: Format,
    /// What to do
    #[command(subcommand)]
    pub verb: Verb,
}

/// What `--help` says of exit codes.
fn help() -> String {
    let codes: Vec<String> =
        Exit::ALL.into_iter().map(|exit| format!("  {}  {}", exit.code(), exit.meaning())).collect();
    format!("Exit codes:\n{}\n\nThe JSON shapes are described in deploy/docs/cli.md.", codes.join("\n"))
}

/// The verbs, in the order in which one needs them.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Check documents on this machine; nothing is sent
    Validate(FilesArgs),
    /// Show which sites' plans would change; nothing is stored
    Diff(FilesArgs),
    /// Store documents as a new revision; no server is changed
    Push(PushArgs),
    /// Show what each server of a site should be
    Render(SiteArgs),
    /// Show why a parameter of a site has its value
    Explain(ExplainArgs),
    /// Look at everything that must be so before a site can be installed
    Preflight(PreflightArgs),
    /// Compare a site with its documents and show what would change
    Plan(PlanArgs),
    /// Consent to a plan, exactly as it was shown
    Approve(ApproveArgs),
    /// Carry out an approved plan
    Run(RunArgs),
    /// Let a stopped run go on
    Resume(ResumeArgs),
    /// Ask a run to stop before its next step
    Cancel(CancelArgs),
    /// Show the steps of a plan, or one step whole
    Steps(StepsArgs),
    /// Say that a step is done which a person did
    Done(DoneArgs),
    /// Show where the sites stand
    Status(StatusArgs),
    /// Show why a site stands where it does, and what to do
    Why(SiteArgs),
    /// Show what happened
    Events(EventsArgs),
    /// Invite, list, show and revoke servers
    #[command(subcommand)]
    Server(ServerVerb),
    /// Print what somebody else is asked for before a site can be installed
    Handout(HandoutArgs),
    /// Look into an installer and draft its node; nothing is run or sent
    Inspect(InspectArgs),
    /// Print JSON Schema of the documents, for editors
    Schema(SchemaArgs),
    /// Invite, enrol, list and revoke operators
    #[command(subcommand)]
    Operator(OperatorVerb),
    /// Bring a restored controller back to work
    #[command(subcommand)]
    Recover(RecoverVerb),
    /// Set, list, reseal and try secrets; a value is never shown
    #[command(subcommand)]
    Secret(SecretVerb),
    /// Bring installers to the controller, and list them
    #[command(subcommand)]
    Media(MediaVerb),
    /// Have a site's servers fetch the installers that they need
    Stage(SiteArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
}

/// A verb about one site.
#[derive(Debug, ClapArgs)]
pub struct SiteArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
}

/// `muster completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Args::command().debug_assert();
    }
}
