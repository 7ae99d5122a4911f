//! What a self-test lays out beside the ports, and takes away again: services to steer, keys to empty.
//!
//! Neighbours: `selftest` alone asks for it; the engine never sees it. Names are the self-test's own, by its prefix: an
//! implementation makes and removes what it is named, and nothing beside it.

use std::any::Any;

use muster_proto::secret::SecretValue;

use super::{Error, Host};

/// What not every machine can show. A promise that needs one is marked where it is missing, and never passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Access lists of files and folders as Windows keeps them.
    Rights,
    /// The registry's view of 32-bit programs.
    View32,
    /// IIS.
    Iis,
    /// The servicing of Windows' features.
    Features,
    /// Access lists of private keys.
    KeyRights,
    /// Accounts of the computer, and the right to log on as a service.
    LogOnRight,
    /// A word for a PFX that another password opens.
    LockedPfx,
    /// A list of programs in the registry, as installers write it.
    ProgramList,
    /// What is done when a service fails, kept as Windows keeps it.
    Recovery,
    /// Local groups and who is in them.
    Groups,
    /// Automatic starts of services that are put off.
    DelayedStart,
    /// What services depend on, heeded when one is started or stopped.
    Dependents,
}

/// Whose functions a private key wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A key of the older kind.
    Capi,
    /// A key of the newer kind (CNG).
    Cng,
}

/// Something that answers HTTP requests on this machine alone, until the value goes.
pub struct Answering {
    /// Where.
    pub url: String,
    /// On which port.
    pub port: u16,
    /// Ends it.
    pub end: Hold,
}

/// The machine is this self-test's alone until the value goes, also when its process is killed.
pub type Hold = Box<dyn Any>;

/// A process that is watched: whether it still runs.
pub type Process = Box<dyn Fn() -> Result<bool, Error>>;

/// Who a record of HTTP.SYS belongs to that is the self-test's, and not IIS's.
pub const SELFTEST_APP_ID: &str = "{6d757374-6572-4000-8000-73656c667465}";

/// The props of a machine.
pub trait Props {
    /// What the machine is, for the head of a report: its kind and version, and no name.
    fn machine_words(&self) -> Result<String, Error>;
    /// Why it cannot show that, in words; none where it can.
    fn lacks(&self, capability: Capability) -> Result<Option<String>, Error>;
    /// Keeps other self-tests off this machine; none where one is under way.
    fn hold(&self) -> Result<Option<Hold>, Error>;
    /// A folder of the computer in which nobody but an administrator makes anything, as in `C:\Program Files`: what lies at
    /// a name below it was not laid there for us by another.
    fn guarded_folder(&self) -> Result<String, Error>;
    /// Answers every request on a free port of loopback with that status.
    fn answer(&self, status: u16) -> Result<Answering, Error>;
    /// Makes a service of that name, stopped and started by hand, which runs until it is stopped.
    fn make_service(&self, name: &str) -> Result<(), Error>;
    /// The same, of a service that depends on one that is there.
    fn make_dependent(&self, name: &str, on: &str) -> Result<(), Error>;
    /// Stops and removes a service that [`make_service`](Self::make_service) made; returns when it is gone. Nothing where
    /// there is none; an error where it is another's.
    fn remove_service(&self, name: &str) -> Result<(), Error>;
    /// The process of a service that runs, alone in it, to be watched past the service's end; none where there is none.
    fn process_of(&self, service: &str) -> Result<Option<Process>, Error>;
    /// Whether a pool that is there is started, and not stopped.
    fn pool_runs(&self, name: &str) -> Result<bool, Error>;
    /// Makes a record of HTTP.SYS with that certificate of the computer's own store, as another program than IIS has one.
    fn make_foreign_record(&self, endpoint: &str, thumbprint: &str) -> Result<(), Error>;
    /// Removes a record that [`make_foreign_record`](Self::make_foreign_record) made. Nothing where there is none such.
    fn remove_foreign_record(&self, endpoint: &str) -> Result<(), Error>;
    /// Makes an account of the computer of that name, with a password that nobody knows, and gives its name as a service has
    /// it and the password. It may not log on as a service yet.
    fn make_account(&self, name: &str) -> Result<(String, SecretValue), Error>;
    /// Whether that account was given the right to log on as a service.
    fn may_log_on_as_service(&self, account: &str) -> Result<bool, Error>;
    /// Removes an account that [`make_account`](Self::make_account) made, with every right that it was given. Nothing where
    /// there is none; an error where it is another's.
    fn remove_account(&self, name: &str) -> Result<(), Error>;
    /// The account that is an administrator of every Windows from its beginning, and cannot cease to be one. None where the
    /// computer has no accounts of its own.
    fn first_administrator(&self) -> Result<Option<String>, Error>;
    /// Makes a certificate of that common name, and of nothing else, with its key of that kind, in the computer's own store;
    /// gives its thumbprint. Nobody is made to trust it.
    fn make_certificate(&self, name: &str, key: KeyKind) -> Result<String, Error>;
    /// Removes certificates of exactly that common name from the store, and their keys. Nothing where there are none.
    fn remove_certificates(&self, name: &str) -> Result<(), Error>;
    /// A PFX file with the certificate and the password of [`throwaway`](crate::selftest::throwaway), as this machine reads one.
    fn pfx(&self) -> Result<Vec<u8>, Error>;
    /// A file with that certificate alone, as this machine reads one.
    fn cer(&self) -> Result<Vec<u8>, Error>;
    /// Removes the certificate of those files from the computer's own store, with its key, and from that of intermediate
    /// authorities, by its thumbprint. Nothing where it is not there.
    fn remove_imported(&self) -> Result<(), Error>;
    /// Removes a key below HKEY_LOCAL_MACHINE, in one view. Nothing where there is none; an error where it is not empty.
    fn remove_key(&self, key: &str, is_32bit: bool) -> Result<(), Error>;
}

/// A machine that a self-test can be run on.
pub trait Provable: Host + Props {}

impl<T: Host + Props> Provable for T {}
