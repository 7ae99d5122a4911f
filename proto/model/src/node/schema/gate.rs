//! The gates: kinds that wait for a person.
//!
//! Neighbours: `schema` says what each column means.

use super::{AttributeType, KindSpec, input};
use crate::node::{Effect, NodeClass, NodeKind};

/// `manual_step`: a person does it and says so (G5, G17).
pub(in crate::node) static MANUAL_STEP: KindSpec = KindSpec {
    kind: NodeKind::ManualStep,
    class: NodeClass::Gate,
    effect: Effect::Convergent,
    name_is: "a name for the step",
    attributes: &[
        input("instructions", AttributeType::Text, true, "what to do, in words for the person who does it"),
        input("done_by", AttributeType::OneOf(&["operator", "client", "dba"]), false, "who does it"),
        input("type_these", AttributeType::LineList, false, super::TYPE_THESE),
        input(
            "end_date_of",
            AttributeType::Line,
            false,
            "what has an end date that the person gives with `done --ends`, as in licences (G23); once it has passed, the \
             next plan asks again",
        ),
    ],
};
