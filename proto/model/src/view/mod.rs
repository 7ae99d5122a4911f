//! Views: what the controller shows of its state, each with a versioned shape for scripts.
//!
//! Neighbours: `muster-core` makes them from folds, `muster --output json` prints them as they are, its tables render
//! them. Fields may be added within a shape's version; a change of meaning raises it.

mod explained;
mod operators;
mod recovery;
mod secrets;
mod servers;
mod sites;
mod steps;
mod wanted;

pub use self::explained::{ExplainView, ExplainedValue, LayerName, LayerValue, NamedValue};
pub use self::operators::{OperatorState, OperatorView, OperatorsView};
pub use self::recovery::{RecoveryServer, RecoveryState, RecoveryView};
pub use self::secrets::{SecretVersionView, SecretView, SecretsView};
pub use self::servers::{ServerState, ServerView, ServersView};
pub use self::sites::{EndDate, SiteState, SiteView, StatusView, WhyView};
pub use self::steps::{RunView, StepState, StepView, StepsView};
pub use self::wanted::{DiffView, NodeChange, RenderView, ServerDiff, SiteDiff};
