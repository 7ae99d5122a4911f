//! Why a command failed, and what to type next.
//!
//! Neighbours: every room of the CLI returns it, `run` prints it once, at the edge. A gRPC status becomes one here. No
//! failure is made without advice.

use std::error::Error;

use muster_proto::{dial, profile};
use tonic::{Code, Status};

use crate::exit::Exit;
use crate::output::Output;
use crate::render::{clean, style};

/// A failure, as it is shown: `error: ...`, its causes, then `Next: ...`.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub exit: Exit,
    /// What is wrong and where, lower case, without a full stop.
    pub message: String,
    /// The chain of causes, outermost first.
    pub causes: Vec<String>,
    /// What to do or type, most useful first. Only a reader that went away has none.
    pub next: Vec<String>,
}

impl Failure {
    /// A failure with one piece of advice.
    pub fn new(exit: Exit, message: impl Into<String>, next: impl Into<String>) -> Self {
        Self { exit, message: message.into(), causes: Vec::new(), next: vec![next.into()] }
    }

    /// A wrong command line or file; nothing was sent.
    pub fn usage(message: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message, next)
    }

    /// Something that should not happen.
    pub fn internal(message: impl Into<String>, cause: &dyn Error) -> Self {
        Self::new(Exit::Internal, message, "try again; if it happens again, report it with this message")
            .because(cause)
    }

    /// Adds an error and all its sources as causes.
    #[must_use]
    pub fn because(mut self, cause: &dyn Error) -> Self {
        let mut link = Some(cause);
        while let Some(error) = link {
            let text = error.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            link = error.source();
        }
        self
    }

    /// Adds a further choice of what to type.
    #[must_use]
    pub fn or(mut self, next: impl Into<String>) -> Self {
        self.next.push(next.into());
        self
    }

    /// Writes it to stderr and returns its exit code.
    pub(crate) fn report(&self, output: &mut Output) -> Exit {
        if self.message.is_empty() {
            return self.exit;
        }
        let mut text = format!("{} {}", style::bad("error:"), output.prose(&clean(&self.message)));
        for cause in &self.causes {
            text.push_str(&format!("\n  because: {}", clean(cause).replace('\n', "\n           ")));
        }
        text.push('\n');
        text.push_str(&crate::render::next(&self.next));
        match output.note(&text) {
            Ok(()) => self.exit,
            // Stderr is gone too: the exit code is all that is left to say.
            Err(_) => self.exit,
        }
    }

    /// A status that the controller answered, or the want of an answer. `next` is what helps this verb's refusals.
    pub fn from_status(status: &Status, address: &str, next: &[String]) -> Self {
        if is_unreachable(status) {
            return unreachable(address).because(status_cause(status));
        }
        let message = status.message().trim_end_matches('.').to_owned();
        match status.code() {
            Code::Unauthenticated | Code::PermissionDenied => Self::new(
                Exit::Refused,
                format!("the controller does not let this profile do that: {message}"),
                "use another profile: muster --profile FILE ..., or ask whoever ran `muster-controller init`",
            ),
            Code::Unimplemented => Self::new(
                Exit::Refused,
                format!("the controller does not know this command: {message}"),
                "bring controller and CLI to one version: muster --version",
            ),
            Code::Internal | Code::DataLoss | Code::Unknown | Code::Ok => Self::new(
                Exit::Internal,
                format!("the controller failed: {message}"),
                "look in the controller's log, then type the command again",
            ),
            Code::InvalidArgument
            | Code::NotFound
            | Code::AlreadyExists
            | Code::ResourceExhausted
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Unavailable => {
                let mut failure = Self::new(Exit::Refused, message, "");
                let named = commands(&failure.message);
                failure.next = if named.is_empty() { next.to_vec() } else { named };
                failure
            }
        }
    }
}

/// The commands that the controller's sentence names between back-quotes: it knows best what helps.
fn commands(message: &str) -> Vec<String> {
    message
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|text| text.starts_with("muster "))
        .map(str::to_owned)
        .collect()
}

/// Whether the answer never came: the connection was made by nobody, or was lost.
pub fn is_unreachable(status: &Status) -> bool {
    // A status with a source was made on this side of the wire, by the transport; the controller's own has none.
    let local = Error::source(status).is_some();
    match status.code() {
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled => true,
        Code::Unknown | Code::Internal | Code::ResourceExhausted => local,
        Code::Ok
        | Code::InvalidArgument
        | Code::NotFound
        | Code::AlreadyExists
        | Code::PermissionDenied
        | Code::FailedPrecondition
        | Code::Aborted
        | Code::OutOfRange
        | Code::Unimplemented
        | Code::DataLoss
        | Code::Unauthenticated => false,
    }
}

/// The innermost words: a transport's chain repeats itself on the way out.
fn status_cause(status: &Status) -> &(dyn Error + 'static) {
    let mut deepest: &(dyn Error + 'static) = status;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest
}

fn unreachable(address: &str) -> Failure {
    Failure::new(
        Exit::Unreachable,
        format!("the controller at {address} cannot be reached"),
        "see that `muster-controller serve` runs there and that a firewall lets you through, then type the command again",
    )
}

impl From<dial::Error> for Failure {
    fn from(error: dial::Error) -> Self {
        match &error {
            dial::Error::Connect(address, source) => {
                let mut deepest: &dyn Error = source;
                while let Some(cause) = deepest.source() {
                    deepest = cause;
                }
                unreachable(address).because(deepest)
            }
            dial::Error::Credentials(..) | dial::Error::Address(..) => Self::usage(
                "the profile cannot be used",
                "take the profile that `muster-controller init` wrote: muster --profile FILE ...",
            )
            .because(&error),
        }
    }
}

impl From<profile::Error> for Failure {
    fn from(error: profile::Error) -> Self {
        Self::usage(
            "there is no profile to work with",
            "name the file that `muster-controller init --profile-out FILE` wrote: muster --profile FILE ..., \
             or set MUSTER_PROFILE",
        )
        .because(&error)
    }
}

impl From<std::io::Error> for Failure {
    /// Only for stdout and stderr: a reader that went away wants no more words.
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self { exit: Exit::Ok, message: String::new(), causes: Vec::new(), next: Vec::new() };
        }
        Self::internal("the output cannot be written", &error)
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::internal("a record cannot be written as JSON", &error)
    }
}
