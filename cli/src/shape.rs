//! The JSON shapes that `--output json` prints: an interface for scripts, versioned one by one.
//!
//! Neighbours: `muster_model::view` and the records define the fields, `deploy/docs/cli.md` describes each shape and a
//! test compares the two. A field may be added within a version; a change of meaning raises the number.

/// `muster status`.
pub const STATUS: &str = "muster.status/1";
/// `muster why`.
pub const WHY: &str = "muster.why/1";
/// `muster steps PLAN`.
pub const STEPS: &str = "muster.steps/1";
/// `muster steps PLAN/STEP`.
pub const STEP: &str = "muster.step/1";
/// `muster render`.
pub const RENDER: &str = "muster.render/1";
/// `muster diff`.
pub const DIFF: &str = "muster.diff/1";
/// `muster handout`.
pub const HANDOUT: &str = "muster.handout/1";
/// `muster explain`.
pub const EXPLAIN: &str = "muster.explain/1";
/// `muster preflight`.
pub const PREFLIGHT: &str = "muster.preflight/1";
/// `muster plan`, `muster plan show`.
pub const PLAN: &str = "muster.plan/1";
/// `muster push`.
pub const PUSH: &str = "muster.push/1";
/// `muster validate`.
pub const VALIDATE: &str = "muster.validate/1";
/// `muster events`, and each event of `--watch`; one record a line.
pub const EVENT: &str = "muster.event/1";
/// The last line of `--watch`: how the run stands.
pub const RUN: &str = "muster.run/1";
/// Verbs that change something: what now holds, in a sentence.
pub const DONE: &str = "muster.done/1";
/// `muster server list`.
pub const SERVERS: &str = "muster.servers/1";
/// `muster server show`.
pub const SERVER: &str = "muster.server/1";
/// `muster server invite`.
pub const INVITE: &str = "muster.invite/1";
/// `muster recover status`.
pub const RECOVERY: &str = "muster.recovery/1";

/// `muster inspect`.
pub const INSPECT: &str = "muster.inspect/1";
/// `muster secret list`.
pub const SECRETS: &str = "muster.secrets/1";
/// `muster secret drill`.
pub const DRILL: &str = "muster.drill/1";
/// `muster operator list`.
pub const OPERATORS: &str = "muster.operators/1";
/// `muster operator invite`.
pub const INVITE_OPERATOR: &str = "muster.invite_operator/1";

/// `muster media list`.
pub const MEDIA: &str = "muster.media/1";
/// `muster media add`.
pub const MEDIUM: &str = "muster.medium/1";

/// `muster stage`.
pub const STAGE: &str = "muster.stage/1";

/// Every shape, in the order of the reference.
pub const ALL: [&str; 27] = [
    PUSH,
    VALIDATE,
    DIFF,
    RENDER,
    EXPLAIN,
    HANDOUT,
    INSPECT,
    PREFLIGHT,
    PLAN,
    DONE,
    RUN,
    EVENT,
    STEPS,
    STEP,
    STATUS,
    WHY,
    SERVERS,
    SERVER,
    INVITE,
    RECOVERY,
    OPERATORS,
    INVITE_OPERATOR,
    SECRETS,
    DRILL,
    MEDIA,
    MEDIUM,
    STAGE,
];
