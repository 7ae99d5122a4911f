//! What may be typed after the verbs about plans, runs and where sites stand.
//!
//! Neighbours: `cmd` carries them out.

use std::str::FromStr;

use clap::{Args as ClapArgs, Subcommand};
use jiff::civil::Date;
use muster_model::name::{InvalidName, PlanId, Slug, StepName};

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
