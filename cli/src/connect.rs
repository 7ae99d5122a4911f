//! A connection to the controller, as the operator of a profile.
//!
//! Neighbours: `muster_proto::{profile, dial}` do the work; every command but `validate` and `completions` starts here.

use std::path::{Path, PathBuf};

use muster_model::limits;
use muster_proto::dial::dial;
use muster_proto::profile::Profile;
use muster_proto::v1;
use muster_proto::v1::operator_client::OperatorClient;
use serde::de::DeserializeOwned;
use tonic::transport::Channel;
use tonic::{Response, Status};

use crate::exit::Exit;
use crate::failure::Failure;

/// The controller, and whom one is to it.
pub struct Controller {
    /// The calls.
    pub client: OperatorClient<Channel>,
    /// `host:port`, for messages.
    pub address: String,
    /// The profile.
    pub profile: Profile,
    /// Where the profile lies; the CLI's own memory lies beside it.
    pub path: PathBuf,
}

impl Controller {
    /// Connects with the profile that was named, or with the usual one.
    ///
    /// # Errors
    /// Where there is no profile, or nobody answers.
    pub async fn connect(named: Option<&Path>) -> Result<Self, Failure> {
        let path = profile_path(named)?;
        let profile = Profile::read(&path)?;
        let channel = dial(&profile.controller, &profile.credentials()).await?;
        let largest = usize::try_from(limits::MESSAGE_SIZE_BYTES)
            .map_err(|error| Failure::internal("a limit does not fit this machine", &error))?;
        let client = OperatorClient::new(channel)
            .max_decoding_message_size(largest)
            .max_encoding_message_size(largest);
        Ok(Self { client, address: profile.controller.clone(), profile, path })
    }

    /// The message of an answer, or the failure that the status means. `next` helps with this verb's refusals.
    pub fn answer<T>(&self, reply: Result<Response<T>, Status>, next: &[String]) -> Result<T, Failure> {
        reply.map(Response::into_inner).map_err(|status| self.refused(&status, next))
    }

    /// The failure that this status means.
    pub fn refused(&self, status: &Status, next: &[String]) -> Failure {
        Failure::from_status(status, &self.address, next)
    }
}

/// The usual place is `~/.config/muster/profile.json`.
fn profile_path(named: Option<&Path>) -> Result<PathBuf, Failure> {
    if let Some(path) = named {
        return Ok(path.to_owned());
    }
    let folder =
        |variable: &str| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = folder("HOME").or_else(|| folder("USERPROFILE")).map(|home| home.join(".config"));
    folder("XDG_CONFIG_HOME").or(home).map(|config| config.join("muster").join("profile.json")).ok_or_else(
        || Failure::usage("this account has no home folder", "name the profile: muster --profile FILE ..."),
    )
}

/// Reads a view in the shape that is expected.
///
/// # Errors
/// Where the controller sent another shape, or bytes that are not JSON of that shape.
pub fn read_view<T: DeserializeOwned>(view: &v1::View, shape: &str) -> Result<T, Failure> {
    if view.shape != shape {
        return Err(version_gap(format!(
            "the controller answered {}, this version reads {shape}",
            view.shape
        )));
    }
    read_record(&view.json, shape)
}

/// Reads a JSON record that the controller sent.
///
/// # Errors
/// Where the bytes are not JSON of that type.
pub fn read_record<T: DeserializeOwned>(json: &[u8], what: &str) -> Result<T, Failure> {
    serde_json::from_slice(json)
        .map_err(|error| version_gap(format!("the controller's {what} cannot be read")).because(&error))
}

fn version_gap(message: String) -> Failure {
    Failure::new(Exit::Internal, message, "bring controller and CLI to one version: muster --version")
}
