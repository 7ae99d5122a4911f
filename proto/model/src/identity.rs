//! Who a certificate says its holder is.
//!
//! Neighbours: the controller writes it into certificates and reads it back at every call; agents and the CLI check that
//! they reached a controller. Identity comes from here alone, never from a message.

use std::fmt;
use std::str::FromStr;

use crate::name::{InvalidName, ServerId, Slug};

/// The DNS name in every controller's certificate, and in no other: what a client asks TLS to verify, whatever address it
/// dialled. The authority is private, so the name needs no DNS.
pub const CONTROLLER_NAME: &str = "controller.muster.internal";

/// The holder of a certificate, written as its URI subject alternative name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Identity {
    /// `muster://operator/NAME`
    Operator(Slug),
    /// `muster://agent/SITE/ROLE`
    Agent(ServerId),
    /// `muster://controller`
    Controller,
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operator(name) => write!(f, "muster://operator/{name}"),
            Self::Agent(server) => write!(f, "muster://agent/{server}"),
            Self::Controller => f.write_str("muster://controller"),
        }
    }
}

impl FromStr for Identity {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text == "muster://controller" {
            return Ok(Self::Controller);
        }
        if let Some(name) = text.strip_prefix("muster://operator/") {
            return name.parse().map(Self::Operator);
        }
        if let Some(server) = text.strip_prefix("muster://agent/") {
            return server.parse().map(Self::Agent);
        }
        Err(InvalidName {
            what: "identity",
            rule: "muster://operator/NAME or muster://agent/SITE/ROLE",
            text: text.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_read_back_as_it_was_written() {
        for text in ["muster://controller", "muster://operator/anne", "muster://agent/dupont-prod/web"] {
            assert_eq!(text.parse::<Identity>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn nothing_else_is_an_identity() {
        for text in [
            "",
            "muster://",
            "muster://operator/",
            "muster://agent/dupont-prod",
            "muster://agent/a/b/c",
            "http://operator/anne",
            "muster://operator/Anne",
        ] {
            assert!(text.parse::<Identity>().is_err(), "{text}");
        }
    }
}
