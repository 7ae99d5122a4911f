//! Enrolment tokens: what an operator hands to a server's installer or to another operator, once.
//!
//! Neighbours: the controller makes it and stores only the digest of its secret; the agent reads it and spends it. It has
//! no `Display`: it is written by [`Token::to_line`], on purpose and in one place.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::digest::Digest;
use crate::name::{ServerId, Slug};

/// A one-time token, bound to one server.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Where the controller listens, `host:port`.
    pub controller: String,
    /// The server that may use it.
    pub server: ServerId,
    /// SHA-256 of the authority's certificate (DER): the agent trusts no other, from the first byte on.
    pub ca_pin: Digest,
    /// 32 random bytes in hexadecimal. The controller knows only their digest.
    pub secret: String,
}

/// A one-time token for an operator.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OperatorToken {
    /// Where the controller listens, `host:port`.
    pub controller: String,
    /// The operator who may use it.
    pub operator: Slug,
    /// SHA-256 of the authority's certificate (DER).
    pub ca_pin: Digest,
    /// 32 random bytes in hexadecimal. The controller knows only their digest.
    pub secret: String,
}

/// A token file that cannot be used.
#[derive(Debug, Error)]
pub enum InvalidToken {
    /// It does not begin with the word that tokens begin with.
    #[error("this is not a token file: it does not begin with {0:?}; make one with `{1} invite`")]
    Prefix(&'static str, &'static str),
    /// The rest is not a token.
    #[error("the token is damaged; make a new one with `{1} invite`")]
    Damaged(#[source] serde_json::Error, &'static str),
}

const PREFIX: &str = "muster-token-1 ";
const OPERATOR_PREFIX: &str = "muster-operator-token-1 ";
const SERVER_VERB: &str = "muster server";
const OPERATOR_VERB: &str = "muster operator";

impl Token {
    /// The one line of a token file.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{PREFIX}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a token file.
    ///
    /// # Errors
    /// Where the text is not a whole token.
    pub fn from_line(text: &str) -> Result<Self, InvalidToken> {
        let json = rest(text, PREFIX).ok_or(InvalidToken::Prefix(PREFIX, SERVER_VERB))?;
        serde_json::from_str(json).map_err(|error| InvalidToken::Damaged(error, SERVER_VERB))
    }
}

impl OperatorToken {
    /// The one line of a token file.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        Ok(format!("{OPERATOR_PREFIX}{}\n", serde_json::to_string(self)?))
    }

    /// Reads a token file.
    ///
    /// # Errors
    /// Where the text is not a whole token.
    pub fn from_line(text: &str) -> Result<Self, InvalidToken> {
        let json = rest(text, OPERATOR_PREFIX).ok_or(InvalidToken::Prefix(OPERATOR_PREFIX, OPERATOR_VERB))?;
        serde_json::from_str(json).map_err(|error| InvalidToken::Damaged(error, OPERATOR_VERB))
    }
}

/// What follows the word with which a token file begins.
fn rest<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    text.trim_start_matches('\u{feff}').trim().strip_prefix(prefix)
}

impl fmt::Debug for OperatorToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token for {}", self.operator)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token for {}", self.server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> Token {
        Token {
            controller: "127.0.0.1:7400".to_owned(),
            server: "dupont-prod/web".parse().unwrap(),
            ca_pin: Digest::of(b"ca"),
            secret: "5ecret".to_owned(),
        }
    }

    #[test]
    fn a_token_survives_its_file() {
        let line = token().to_line().unwrap();
        assert_eq!(Token::from_line(&line).unwrap(), token());
        assert_eq!(Token::from_line(&format!("\u{feff}{}\r\n", line.trim())).unwrap(), token());
    }

    #[test]
    fn its_secret_is_not_shown() {
        assert!(!format!("{:?}", token()).contains("5ecret"));
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let line = token().to_line().unwrap();
        assert!(
            Token::from_line(&line[..line.len() - 9])
                .unwrap_err()
                .to_string()
                .contains("muster server invite")
        );
        assert!(matches!(Token::from_line("hello"), Err(InvalidToken::Prefix(..))));
        // The two kinds are not taken for each other.
        let error = OperatorToken::from_line(&line).unwrap_err();
        assert!(error.to_string().contains("muster operator invite"), "{error}");
    }
}
