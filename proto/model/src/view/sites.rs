//! Views of where sites stand, and why.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{ServerView, StepView};
use crate::event::RunEnd;
use crate::name::{PlanId, ProductId, Revision, Role, Slug};

/// The shape `muster.status/1`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusView {
    /// The newest revision, once there is one.
    pub revision: Option<Revision>,
    /// The sites that were asked for, by name.
    pub sites: Vec<SiteView>,
}

/// One site, as it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SiteView {
    /// Its name.
    pub site: Slug,
    /// The product that its document names.
    pub product: ProductId,
    /// Where it stands.
    pub state: SiteState,
    /// The same in a sentence, with what it waits for.
    pub detail: String,
    /// The newest plan.
    pub plan: Option<PlanId>,
    /// Steps of that plan that are done, and all of them.
    pub progress: Option<(u32, u32)>,
    /// When the state last moved.
    pub since: Option<Timestamp>,
    /// Its servers, by role.
    pub servers: Vec<ServerView>,
    /// What ends some day, as a person said when confirming a gate (G23); the nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ends: Vec<EndDate>,
    /// Commands that make sense now, most useful first.
    pub next: Vec<String>,
}

/// Something that ends some day, as licences do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EndDate {
    /// Its last day.
    pub ends: Date,
    /// What it is, in the product's words.
    pub what: String,
    /// The server's role.
    pub role: Role,
    /// Days until then; below 0 where it has passed.
    pub days: i64,
}

/// Where a site stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SiteState {
    /// It was pushed and never planned.
    New,
    /// Its newest plan has rows and waits for approval.
    Planned,
    /// Its newest plan is approved and was not started.
    Approved,
    /// A run is under way.
    Running,
    /// A run waits for a person.
    Waiting,
    /// A run waits for a server that is not connected.
    Offline,
    /// The newest comparison found no row.
    InSync,
    /// The newest run ended otherwise.
    Stopped(RunEnd),
}

/// The shape `muster.why/1`: why a site stands where it does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhyView {
    /// The site, as status shows it.
    pub site: SiteView,
    /// The steps that explain it: failed, blocked, unknown, waiting, and those skipped because of them.
    pub steps: Vec<StepView>,
    /// Why the agents refused commands, in words.
    pub refusals: Vec<String>,
    /// Findings that forbid the newest plan's approval, in words, each with what to do.
    pub findings: Vec<String>,
}
