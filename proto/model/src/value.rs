//! Values of parameters and attributes, and how a row prints them.
//!
//! Neighbours: `parameter` makes them, `manifest` and `plan` hold them. Never a secret: only which one, at which version.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::secret::SecretRef;

/// A value, as a document gives it and as a server has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text of one or more lines.
    Text(String),
    /// An ordered list that is compared whole.
    List(Vec<Value>),
    /// Where the value of a secret goes: which secret, at which version.
    Secret(SecretRef),
    /// A set with a declared key: each member is a row of its own, foreign members are left alone.
    Members(BTreeMap<String, String>),
}

impl Value {
    /// The text, where this is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The secret, where this stands for one.
    pub fn as_secret(&self) -> Option<&SecretRef> {
        if let Self::Secret(secret) = self { Some(secret) } else { None }
    }

    /// Every secret in it.
    pub fn secrets(&self) -> Vec<&SecretRef> {
        match self {
            Self::Secret(secret) => vec![secret],
            Self::List(values) => values.iter().flat_map(Self::secrets).collect(),
            Self::Boolean(_) | Self::Integer(_) | Self::Text(_) | Self::Members(_) => Vec::new(),
        }
    }

    /// The number, where this is one.
    pub fn as_integer(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The truth value, where this is one.
    pub fn as_boolean(&self) -> Option<bool> {
        if let Self::Boolean(truth) = self { Some(*truth) } else { None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(truth: bool) -> Self {
        Self::Boolean(truth)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Text(text) => f.write_str(text),
            Self::Secret(secret) => secret.fmt(f),
            Self::List(values) => {
                let texts: Vec<String> = values.iter().map(Self::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Self::Members(members) => {
                let texts: Vec<String> =
                    members.iter().map(|(key, value)| format!("{key}: {value}")).collect();
                write!(f, "{{{}}}", texts.join(", "))
            }
        }
    }
}
