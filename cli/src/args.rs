//! What may be typed.
//!
//! Neighbours: `cmd` carries it out. Names are checked here, so that a wrong one is a usage error before anything is sent.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use jiff::civil::Date;
use muster_model::name::{InvalidName, ParameterName, PlanId, ProductId, Revision, ServerId, Slug, StepName};

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

/// Documents on this machine.
#[derive(Debug, ClapArgs)]
pub struct FilesArgs {
    /// A file, or a folder with *.yaml and *.yml files; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,
}

/// `muster handout`.
#[derive(Debug, ClapArgs)]
pub struct HandoutArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// Who is asked
    #[arg(long = "for", value_enum, value_name = "WHOM")]
    pub whom: Whom,
    /// The Windows domain of the site's servers, whose accounts connect
    #[arg(long, value_name = "NAME", default_value = "DOMAIN")]
    pub domain: String,
}

/// Who is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Whom {
    /// Whoever looks after the SQL Server
    Dba,
}

/// `muster inspect`.
#[derive(Debug, ClapArgs)]
pub struct InspectArgs {
    /// The installer: a package of Windows Installer (.msi), or a program (.exe) that may hold one
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `muster schema`.
#[derive(Debug, ClapArgs)]
pub struct SchemaArgs {
    /// Complete this product's parameters in sites, as in 'sxa 2022-r2'
    #[arg(value_name = "PRODUCT", requires = "paths")]
    pub product: Option<ProductId>,
    /// A file, or a folder with *.yaml and *.yml files, that holds the product; may be given more than once
    #[arg(short = 'f', long = "file", value_name = "PATH", requires = "product")]
    pub paths: Vec<PathBuf>,
}

/// `muster push`.
#[derive(Debug, ClapArgs)]
pub struct PushArgs {
    /// The documents
    #[command(flatten)]
    pub files: FilesArgs,
    /// The change ticket
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// The revision that these files started from [default: the newest one that you pushed]
    #[arg(long, value_name = "N", conflicts_with = "any_base")]
    pub base: Option<Revision>,
    /// Push whatever the newest revision is, even one that you have not seen
    #[arg(long)]
    pub any_base: bool,
    /// Check on the controller, store nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// A verb about one site.
#[derive(Debug, ClapArgs)]
pub struct SiteArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
}

/// `muster explain`.
#[derive(Debug, ClapArgs)]
pub struct ExplainArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// The parameter's name
    #[arg(value_name = "PARAMETER")]
    pub parameter: ParameterName,
}

/// `muster preflight`.
#[derive(Debug, ClapArgs)]
pub struct PreflightArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// Also write one page to print or to send, of HTML without scripts; replaces the file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

/// `muster plan SITE` and `muster plan show PLAN`.
#[derive(Debug, ClapArgs)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct PlanArgs {
    /// Show a plan that was made before
    #[command(subcommand)]
    pub show: Option<PlanVerb>,
    /// The site to compare
    #[arg(value_name = "SITE", required = true)]
    pub site: Option<Slug>,
}

/// `muster plan show`.
#[derive(Debug, Subcommand)]
pub enum PlanVerb {
    /// Show a plan that was made before
    Show(PlanIdArgs),
}

/// A verb about one plan.
#[derive(Debug, ClapArgs)]
pub struct PlanIdArgs {
    /// The plan, as in P-204
    #[arg(value_name = "PLAN")]
    pub plan: PlanId,
}

/// `muster approve`.
#[derive(Debug, ClapArgs)]
pub struct ApproveArgs {
    /// The plan, as in P-204
    #[arg(value_name = "PLAN")]
    pub plan: PlanId,
    /// The change ticket
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<String>,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `muster run`.
#[derive(Debug, ClapArgs)]
pub struct RunArgs {
    /// The plan, as in P-204
    #[arg(value_name = "PLAN")]
    pub plan: PlanId,
    /// Show each step as it moves, until the run ends or waits for a person
    #[arg(long)]
    pub watch: bool,
}

/// `muster cancel`.
#[derive(Debug, ClapArgs)]
pub struct CancelArgs {
    /// The plan, as in P-204
    #[arg(value_name = "PLAN")]
    pub plan: PlanId,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `muster resume`.
#[derive(Debug, ClapArgs)]
pub struct ResumeArgs {
    /// The plan, as in P-204
    #[arg(value_name = "PLAN")]
    pub plan: PlanId,
    /// Start this step anew, whose outcome is unknown; may be given more than once
    #[arg(long, value_name = "STEP", value_parser = clap::value_parser!(u32).range(1..))]
    pub restart: Vec<u32>,
    /// Show each step as it moves, until the run ends or waits for a person
    #[arg(long)]
    pub watch: bool,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `muster steps`.
#[derive(Debug, ClapArgs)]
pub struct StepsArgs {
    /// The plan, as in P-204, or one step of it, as in P-204/18
    #[arg(value_name = "PLAN[/STEP]")]
    pub which: PlanOrStep,
}

/// `muster done`.
#[derive(Debug, ClapArgs)]
pub struct DoneArgs {
    /// The step, as in P-204/18
    #[arg(value_name = "PLAN/STEP")]
    pub step: StepName,
    /// What was done, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
    /// The last day of what the step asks about, as in 2027-03-31
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub ends: Option<Date>,
    /// Show each step as it moves, until the run ends or waits for a person
    #[arg(long)]
    pub watch: bool,
}

/// `muster status`.
#[derive(Debug, ClapArgs)]
pub struct StatusArgs {
    /// Only this site
    #[arg(value_name = "SITE")]
    pub site: Option<Slug>,
    /// Only sites that are not in sync and not under way
    #[arg(long, conflicts_with = "site")]
    pub problems: bool,
}

/// `muster events`.
#[derive(Debug, ClapArgs)]
pub struct EventsArgs {
    /// The first event to show, by its number
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub from: u64,
    /// Go on with events as they happen
    #[arg(long)]
    pub follow: bool,
    /// Only events of this site
    #[arg(long, value_name = "SITE")]
    pub site: Option<Slug>,
    /// Only events of this plan
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<PlanId>,
}

/// `muster server ...`.
#[derive(Debug, Subcommand)]
pub enum ServerVerb {
    /// Make a one-time token with which a server's agent enrols
    Invite(InviteArgs),
    /// List every server of every site
    List,
    /// Show one server
    Show(ServerArgs),
    /// Revoke a server's certificates and cut its connection
    Revoke(RevokeArgs),
}

/// `muster server revoke`.
#[derive(Debug, ClapArgs)]
pub struct RevokeArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// `muster operator ...`.
#[derive(Debug, Subcommand)]
pub enum OperatorVerb {
    /// Make a one-time token with which an operator gets a profile
    Invite(InviteOperatorArgs),
    /// Spend a token for a profile of your own
    Enroll(EnrollOperatorArgs),
    /// List the operators
    List,
    /// Revoke an operator's certificates and cut his connections
    Revoke(OperatorArgs),
}

/// `muster operator invite`.
#[derive(Debug, ClapArgs)]
pub struct InviteOperatorArgs {
    /// The operator's name: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub operator: Slug,
    /// The file to write the token to; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `muster operator enroll`.
#[derive(Debug, ClapArgs)]
pub struct EnrollOperatorArgs {
    /// The token, from `muster operator invite`
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The profile to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub profile_out: PathBuf,
}

/// A verb about one operator.
#[derive(Debug, ClapArgs)]
pub struct OperatorArgs {
    /// The operator's name
    #[arg(value_name = "NAME")]
    pub operator: Slug,
}

/// `muster recover ...`.
#[derive(Debug, Subcommand)]
pub enum RecoverVerb {
    /// Show what the agents know and the restored controller does not
    Status,
    /// Let work begin again, above every number that an agent knows
    Confirm(ConfirmRecoveryArgs),
}

/// `muster recover confirm`.
#[derive(Debug, ClapArgs)]
pub struct ConfirmRecoveryArgs {
    /// Begin although servers were not read; nothing is sent to them until they are
    #[arg(long)]
    pub leave_unread: bool,
}

/// A verb about one server.
#[derive(Debug, ClapArgs)]
pub struct ServerArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
}

/// `muster server invite`.
#[derive(Debug, ClapArgs)]
pub struct InviteArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
    /// The file to write the token to; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `muster secret ...`.
#[derive(Debug, Subcommand)]
pub enum SecretVerb {
    /// Set a new value: typed twice without echo, or read from stdin
    Set(SecretSetArgs),
    /// List a site's secrets, their versions and who can read them
    List(SiteArgs),
    /// Seal every secret of a site anew to those who are to read it now
    Reseal(ResealArgs),
    /// Prove from a backup and one recovery key that every secret opens
    Drill(DrillArgs),
}

/// `muster media`.
#[derive(Debug, Subcommand)]
pub enum MediaVerb {
    /// Bring a file to the controller's shelf, or go on with one
    Add(MediaAddArgs),
    /// List what is on the shelf and what is on its way
    List,
    /// Take a medium off the shelf
    Remove(MediaRemoveArgs),
}

/// `muster media add`.
#[derive(Debug, ClapArgs)]
pub struct MediaAddArgs {
    /// The file: an installer, or a set of scripts
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// `muster media remove`.
#[derive(Debug, ClapArgs)]
pub struct MediaRemoveArgs {
    /// Its name or its SHA-256, as `media list` shows them
    #[arg(value_name = "MEDIUM")]
    pub medium: String,
    /// Although a server's way back needs it
    #[arg(long)]
    pub force: bool,
}

/// `muster secret set`.
#[derive(Debug, ClapArgs)]
pub struct SecretSetArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// The secret's name: a parameter of type secret
    #[arg(value_name = "NAME")]
    pub secret: ParameterName,
    /// Read the value from this file instead, one line
    #[arg(long, value_name = "FILE")]
    pub from_file: Option<PathBuf>,
}

/// `muster secret reseal`.
#[derive(Debug, ClapArgs)]
pub struct ResealArgs {
    /// The site's name
    #[arg(value_name = "SITE")]
    pub site: Slug,
    /// A recovery key, which never leaves this machine
    #[arg(long, value_name = "FILE")]
    pub recovery_key: PathBuf,
}

/// `muster secret drill`.
#[derive(Debug, ClapArgs)]
pub struct DrillArgs {
    /// A folder that `muster-controller backup` made
    #[arg(long, value_name = "DIR")]
    pub backup: PathBuf,
    /// A recovery key, which never leaves this machine
    #[arg(long, value_name = "FILE")]
    pub recovery_key: PathBuf,
}

/// `muster completions`.
#[derive(Debug, ClapArgs)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    pub shell: clap_complete::Shell,
}

/// A plan, or one step of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlanOrStep {
    /// All its steps.
    Plan(PlanId),
    /// One of them.
    Step(StepName),
}

impl FromStr for PlanOrStep {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.contains('/') { text.parse().map(Self::Step) } else { text.parse().map(Self::Plan) }
    }
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
