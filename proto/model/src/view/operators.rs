//! Views of operators and whether they may speak.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::name::Slug;

/// The shape `muster.operators/1`: who may speak to the controller.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorsView {
    /// The operators, by name.
    pub operators: Vec<OperatorView>,
}

/// One operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OperatorView {
    /// The name.
    pub operator: Slug,
    /// Whether he may speak.
    pub state: OperatorState,
    /// The end of his certificate, or of the token that is out.
    pub until: Option<Timestamp>,
    /// The serial number of his newest certificate.
    pub serial: Option<String>,
}

/// Whether an operator may speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperatorState {
    /// A token was made and not yet used.
    Invited,
    /// He has a certificate.
    Active,
    /// His certificate ended.
    Expired,
    /// His certificates were revoked.
    Revoked,
}
