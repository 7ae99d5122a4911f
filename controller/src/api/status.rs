//! Errors of the rooms as gRPC statuses: one code per kind of trouble, the same everywhere.
//!
//! NOT_FOUND: there is no such thing. INVALID_ARGUMENT: the request is not in its form. FAILED_PRECONDITION: it is, and
//! things do not stand so; the message says what to type next. RESOURCE_EXHAUSTED: no room. ABORTED: send that again.
//! UNAVAILABLE: try again. INTERNAL: a defect or damage, logged here with its causes. Neighbours: the doors return these;
//! the CLI prints the message as it is.

use muster_core::run::IllegalMove;
use muster_model::causes::with_causes;
use muster_model::resolve::ExplainError;
use tonic::Status;

use crate::authority;
use crate::dispatch::{self, load};
use crate::intake::{self, catalog};
use crate::{media, planning, recovery, secrets, stage, store, views};

fn internal(error: &(dyn std::error::Error + 'static)) -> Status {
    tracing::error!(error, "a call failed");
    Status::internal(with_causes(error))
}

impl From<store::Error> for Status {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::RunActive(_) => Self::failed_precondition(error.to_string()),
            store::Error::Stopped(_) => Self::unavailable(error.to_string()),
            store::Error::Database(_)
            | store::Error::Migration(_)
            | store::Error::Damaged { .. }
            | store::Error::Corrupt(_)
            | store::Error::Encode(_)
            | store::Error::TooLarge(_)
            | store::Error::Undone(_)
            | store::Error::NeverIssued(_)
            | store::Error::AlreadyEnded(_)
            | store::Error::IllegalForPlan(_)
            | store::Error::Generation { .. } => internal(&error),
        }
    }
}

impl From<catalog::Error> for Status {
    fn from(error: catalog::Error) -> Self {
        match error {
            catalog::Error::Store(error) => error.into(),
            catalog::Error::Empty | catalog::Error::Unsound(_) => {
                Self::failed_precondition(error.to_string())
            }
            catalog::Error::NoSite { .. } => Self::not_found(error.to_string()),
        }
    }
}

impl From<load::Error> for Status {
    fn from(error: load::Error) -> Self {
        match error {
            load::Error::Store(error) => error.into(),
            load::Error::NoPlan(_) => Self::not_found(error.to_string()),
            load::Error::Record(..)
            | load::Error::Missing { .. }
            | load::Error::Structure { .. }
            | load::Error::Fold { .. } => internal(&error),
        }
    }
}

impl From<dispatch::Error> for Status {
    fn from(error: dispatch::Error) -> Self {
        match error {
            dispatch::Error::Store(error) => error.into(),
            dispatch::Error::Load(error) => error.into(),
            dispatch::Error::Illegal(IllegalMove::NoStep { .. }) => Self::not_found(error.to_string()),
            dispatch::Error::Illegal(_) => Self::failed_precondition(error.to_string()),
            dispatch::Error::Interrupted(_) => Self::unavailable(error.to_string()),
        }
    }
}

impl From<planning::Error> for Status {
    fn from(error: planning::Error) -> Self {
        match error {
            planning::Error::Store(error) => error.into(),
            planning::Error::Catalog(error) => error.into(),
            planning::Error::Dispatch(error) => error.into(),
            planning::Error::Active { .. }
            | planning::Error::Overtaken(_)
            | planning::Error::Void { .. }
            | planning::Error::Restored { .. }
            | planning::Error::Outdated { .. }
            | planning::Error::Seen { .. }
            | planning::Error::EndDateMissing { .. }
            | planning::Error::EndDatePassed { .. }
            | planning::Error::NoEndDate { .. }
            | planning::Error::Assemble(_) => Self::failed_precondition(with_causes(&error)),
            planning::Error::Manifest(_) | planning::Error::Record(_) | planning::Error::NoGate { .. } => {
                internal(&error)
            }
        }
    }
}

impl From<intake::Error> for Status {
    fn from(error: intake::Error) -> Self {
        match error {
            intake::Error::Store(error) => error.into(),
            intake::Error::Catalog(error) => error.into(),
            intake::Error::Manifest(_) | intake::Error::Check(_) => internal(&error),
        }
    }
}

impl From<views::Error> for Status {
    fn from(error: views::Error) -> Self {
        match error {
            views::Error::Store(error) => error.into(),
            views::Error::Load(error) => error.into(),
            views::Error::Catalog(error) => error.into(),
            views::Error::Explain(ExplainError::UnknownParameter { .. }) => {
                Self::not_found(error.to_string())
            }
            views::Error::Explain(ExplainError::Unsettled(_) | ExplainError::Secret { .. }) => {
                Self::failed_precondition(error.to_string())
            }
            views::Error::Manifest(_) | views::Error::Record(_) => internal(&error),
        }
    }
}

impl From<recovery::Error> for Status {
    fn from(error: recovery::Error) -> Self {
        match error {
            recovery::Error::Store(error) => error.into(),
            recovery::Error::Dispatch(error) => error.into(),
            recovery::Error::Recovering
            | recovery::Error::NotRestored
            | recovery::Error::Confirmed { .. }
            | recovery::Error::Unread(_) => Self::failed_precondition(error.to_string()),
            recovery::Error::Interrupted => Self::unavailable(error.to_string()),
        }
    }
}

impl From<secrets::Error> for Status {
    fn from(error: secrets::Error) -> Self {
        match error {
            secrets::Error::Store(error) => error.into(),
            secrets::Error::Catalog(error) => error.into(),
            secrets::Error::Dispatch(error) => error.into(),
            secrets::Error::Unknown { .. } => Self::not_found(error.to_string()),
            secrets::Error::NotSealed(_) => Self::invalid_argument(error.to_string()),
            secrets::Error::Fixed { .. }
            | secrets::Error::Version { .. }
            | secrets::Error::NotSealedTo { .. }
            | secrets::Error::NotHere { .. }
            | secrets::Error::NotSet(_) => Self::failed_precondition(error.to_string()),
            secrets::Error::Recovery(_) => internal(&error),
        }
    }
}

impl From<media::Error> for Status {
    fn from(error: media::Error) -> Self {
        match error {
            media::Error::Room { .. } => Self::resource_exhausted(error.to_string()),
            media::Error::Size { .. } | media::Error::Piece { .. } => {
                Self::invalid_argument(error.to_string())
            }
            media::Error::OtherSize { .. } | media::Error::Other(_) | media::Error::Unknown(_) => {
                Self::failed_precondition(error.to_string())
            }
            media::Error::Changed(_) => Self::aborted(error.to_string()),
            media::Error::Interrupted => Self::unavailable(error.to_string()),
            media::Error::Disk(_) | media::Error::Record(_) => internal(&error),
        }
    }
}

impl From<stage::Error> for Status {
    fn from(error: stage::Error) -> Self {
        match error {
            stage::Error::Store(error) => error.into(),
            stage::Error::Catalog(error) => error.into(),
            stage::Error::Media(error) => error.into(),
            stage::Error::Manifest(_) => internal(&error),
        }
    }
}

impl From<authority::Error> for Status {
    fn from(error: authority::Error) -> Self {
        match error {
            authority::Error::Store(error) => error.into(),
            authority::Error::UnknownServer(_)
            | authority::Error::NeverInvited(_)
            | authority::Error::NoOperator(_) => Self::not_found(error.to_string()),
            authority::Error::Early(_) | authority::Error::LastOperator(_) => {
                Self::failed_precondition(error.to_string())
            }
            authority::Error::Request(_) | authority::Error::KeyKind => {
                Self::invalid_argument(error.to_string())
            }
            authority::Error::Lifetime => Self::invalid_argument(error.to_string()),
            authority::Error::Interrupted => Self::unavailable(error.to_string()),
            authority::Error::Token
            | authority::Error::OtherHost { .. }
            | authority::Error::OperatorToken
            | authority::Error::Certificate(_)
            | authority::Error::Pem(_)
            | authority::Error::Pair
            | authority::Error::File(..)
            | authority::Error::Random => internal(&error),
        }
    }
}
