//! What may be typed after the verbs about who is let in: servers, operators, and a controller that came back.
//!
//! Neighbours: `cmd` carries them out.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Subcommand};
use muster_model::name::{ServerId, Slug};

/// `muster server ...`.
#[derive(Debug, Subcommand)]
pub enum ServerVerb {
    /// Make a one-time token with which a server's agent enrols
    Invite(InviteArgs),
    /// List every server of every site
    List,
    /// Show one server
    Show(ServerArgs),
    /// Revoke a server's certificates and cut its connection
    Revoke(RevokeArgs),
}

/// `muster server revoke`.
#[derive(Debug, ClapArgs)]
pub struct RevokeArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
    /// Why, for those who read it later
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A verb about one server.
#[derive(Debug, ClapArgs)]
pub struct ServerArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
}

/// `muster server invite`.
#[derive(Debug, ClapArgs)]
pub struct InviteArgs {
    /// The server, as in dupont-prod/web
    #[arg(value_name = "SITE/ROLE")]
    pub server: ServerId,
    /// The file to write the token to; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `muster operator ...`.
#[derive(Debug, Subcommand)]
pub enum OperatorVerb {
    /// Make a one-time token with which an operator gets a profile
    Invite(InviteOperatorArgs),
    /// Spend a token for a profile of your own
    Enroll(EnrollOperatorArgs),
    /// List the operators
    List,
    /// Revoke an operator's certificates and cut his connections
    Revoke(OperatorArgs),
}

/// `muster operator invite`.
#[derive(Debug, ClapArgs)]
pub struct InviteOperatorArgs {
    /// The operator's name: lower-case letters, digits and hyphens
    #[arg(value_name = "NAME")]
    pub operator: Slug,
    /// The file to write the token to; it must not exist
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// `muster operator enroll`.
#[derive(Debug, ClapArgs)]
pub struct EnrollOperatorArgs {
    /// The token, from `muster operator invite`
    #[arg(long, value_name = "FILE")]
    pub token_file: PathBuf,
    /// The profile to write; it must not exist
    #[arg(long, value_name = "FILE")]
    pub profile_out: PathBuf,
}

/// A verb about one operator.
#[derive(Debug, ClapArgs)]
pub struct OperatorArgs {
    /// The operator's name
    #[arg(value_name = "NAME")]
    pub operator: Slug,
}

/// `muster recover ...`.
#[derive(Debug, Subcommand)]
pub enum RecoverVerb {
    /// Show what the agents know and the restored controller does not
    Status,
    /// Let work begin again, above every number that an agent knows
    Confirm(ConfirmRecoveryArgs),
}

/// `muster recover confirm`.
#[derive(Debug, ClapArgs)]
pub struct ConfirmRecoveryArgs {
    /// Begin although servers were not read; nothing is sent to them until they are
    #[arg(long)]
    pub leave_unread: bool,
}
