//! The operations of the ports that a fault can strike, in one list: name, words, and what a failure there says.
//!
//! Neighbours: `fault` names them in `faults.json`, each port says which one it does.

use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A name that no operation has.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0:?} is no operation; use one of {names}", names = names())]
pub struct UnknownOperation(String);

fn names() -> String {
    let names: Vec<&str> = Operation::ALL.iter().map(|operation| operation.name()).collect();
    names.join(", ")
}

/// The operations from one list: the enum and its words cannot come apart.
macro_rules! operations {
    ($($(#[doc = $doc:literal])+ $operation:ident = $name:literal, $words:literal, $message:expr;)+) => {
        /// An operation of a port that a fault can strike.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub enum Operation {
            $($(#[doc = $doc])+ $operation,)+
        }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$operation),+];

            /// Its name in `faults.json`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$operation => $name),+ }
            }

            /// What an error calls it.
            pub fn words(self) -> &'static str {
                match self { $(Self::$operation => $words),+ }
            }

            /// What a failure there says unless the fault has words of its own.
            pub fn default_message(self) -> &'static str {
                match self { $(Self::$operation => $message),+ }
            }
        }
    };
}

operations! {
    /// Reading which packages are installed.
    PackageGet = "package.get", "read package", ACCESS_DENIED;
    /// An installer that puts a package on.
    PackageInstall = "package.install", "install package", FATAL;
    /// An installer that takes a package off.
    PackageUninstall = "package.uninstall", "uninstall package", FATAL;
    /// Reading a service.
    ServiceGet = "service.get", "read service", ACCESS_DENIED;
    /// Making a service.
    ServiceCreate = "service.create", "make service", ACCESS_DENIED;
    /// Taking a service away.
    ServiceRemove = "service.remove", "remove service", ACCESS_DENIED;
    /// Setting what Windows starts for a service.
    ServiceSetCommandLine = "service.set_command_line", "set command line of service", ACCESS_DENIED;
    /// Starting a service.
    ServiceStart = "service.start", "start service", NO_RESPONSE;
    /// Stopping a service.
    ServiceStop = "service.stop", "stop service", NO_RESPONSE;
    /// Setting a service's start mode.
    ServiceSetStart = "service.set_start", "set start mode of service", ACCESS_DENIED;
    /// Setting a service's account and password.
    ServiceSetLogon = "service.set_logon", "set account of service", BAD_LOGON;
    /// Setting what is done when a service fails.
    ServiceSetRecovery = "service.set_recovery", "set recovery of service", ACCESS_DENIED;
    /// Reading a pool.
    AppPoolGet = "app_pool.get", "read application pool", ACCESS_DENIED;
    /// Making a pool.
    AppPoolCreate = "app_pool.create", "create application pool", ACCESS_DENIED;
    /// Removing a pool.
    AppPoolRemove = "app_pool.remove", "remove application pool", ACCESS_DENIED;
    /// Setting a pool.
    AppPoolSet = "app_pool.set", "set application pool", ACCESS_DENIED;
    /// Reading a site, or the bindings of all.
    SiteGet = "site.get", "read site", ACCESS_DENIED;
    /// Making a site.
    SiteCreate = "site.create", "create site", CONFIG_CHANGED;
    /// Setting a site.
    SiteSet = "site.set", "set site", CONFIG_CHANGED;
    /// Removing a site.
    SiteRemove = "site.remove", "remove site", CONFIG_CHANGED;
    /// Starting a site.
    SiteStart = "site.start", "start site", ACCESS_DENIED;
    /// Stopping a site.
    SiteStop = "site.stop", "stop site", ACCESS_DENIED;
    /// Reading a record of HTTP.SYS.
    HttpSysGet = "http_sys.get", "read HTTP.SYS record", ACCESS_DENIED;
    /// Setting a record of HTTP.SYS.
    HttpSysSet = "http_sys.set", "set HTTP.SYS record", ACCESS_DENIED;
    /// Removing a record of HTTP.SYS.
    HttpSysRemove = "http_sys.remove", "remove HTTP.SYS record", ACCESS_DENIED;
    /// Reading certificates and the rights on their keys.
    CertificateGet = "certificate.get", "read certificate", ACCESS_DENIED;
    /// Importing a certificate.
    CertificateImport = "certificate.import", "import certificate", ACCESS_DENIED;
    /// Giving access to a private key.
    KeyGrant = "key.grant", "grant access to the key of", ACCESS_DENIED;
    /// Taking access to a private key away.
    KeyRevoke = "key.revoke", "revoke access to the key of", ACCESS_DENIED;
    /// Reading a folder.
    FolderGet = "folder.get", "read folder", ACCESS_DENIED;
    /// Making a folder.
    FolderCreate = "folder.create", "create folder", ACCESS_DENIED;
    /// Removing a folder.
    FolderRemove = "folder.remove", "remove folder", ACCESS_DENIED;
    /// Giving access to a folder.
    FolderGrant = "folder.grant", "grant access to folder", ACCESS_DENIED;
    /// Taking access to a folder away.
    FolderRevoke = "folder.revoke", "revoke access to folder", ACCESS_DENIED;
    /// Reading a file.
    FileGet = "file.get", "read file", SHARING;
    /// Writing a file.
    FileWrite = "file.write", "write file", SHARING;
    /// Removing a file.
    FileRemove = "file.remove", "remove file", SHARING;
    /// Giving access.
    FileGrant = "file.grant", "grant access to", ACCESS_DENIED;
    /// Taking access away.
    FileRevoke = "file.revoke", "revoke access to", ACCESS_DENIED;
    /// Reading a registry value.
    RegistryGet = "registry.get", "read registry value", ACCESS_DENIED;
    /// Setting a registry value.
    RegistrySet = "registry.set", "set registry value", ACCESS_DENIED;
    /// Removing a registry value.
    RegistryRemove = "registry.remove", "remove registry value", ACCESS_DENIED;
    /// Reading a feature.
    FeatureGet = "feature.get", "read feature", SERVICING;
    /// Installing or removing a feature.
    FeatureSet = "feature.set", "set feature", SERVICING;
    /// An HTTP request.
    HttpGet = "http.get", "open", CONNECTION_RESET;
    /// Reading what the computer is and what goes on there; the target is windows, iis, memory, disk, sessions and so on.
    InventoryGet = "inventory.get", "look at", ACCESS_DENIED;
    /// Reading which start of the computer it is.
    MachineGet = "machine.get", "read the start of computer", ACCESS_DENIED;
    /// Starting the computer again.
    MachineReboot = "machine.reboot", "restart computer", SHUTDOWN;
    /// Recycling a pool.
    AppPoolRecycle = "app_pool.recycle", "recycle application pool", ACCESS_DENIED;
    /// Stopping a pool.
    AppPoolStop = "app_pool.stop", "stop application pool", ACCESS_DENIED;
    /// Starting a pool.
    AppPoolStart = "app_pool.start", "start application pool", ACCESS_DENIED;
    /// Reading a database.
    SqlGet = "sql.get", "read database", NO_SERVER;
    /// Making a database.
    SqlCreate = "sql.create", "create database", NO_DISK;
    /// Changing a database.
    SqlAlter = "sql.alter", "change database", NO_DISK;
    /// Opening a session; the target is the server's address.
    SqlConnect = "sql.connect", "connect to SQL Server", NO_SERVER;
    /// Running a batch; the target is `FILE#NUMBER`.
    SqlExecute = "sql.execute", "run batch", LOG_FULL;
    /// Making a backup; the target is the database.
    SqlBackUp = "sql.backup", "back up database", NO_SPACE;
    /// Reading a backup back; the target is its database.
    SqlVerify = "sql.verify", "read backup", DAMAGED;
    /// Asking for a value; the target is the database, `msdb` for the history of backups.
    SqlQuery = "sql.query", "ask database", TIMED_OUT;
}

impl Operation {
    pub(super) fn is_installer(self) -> bool {
        matches!(self, Self::PackageInstall | Self::PackageUninstall)
    }
}

const ACCESS_DENIED: &str = "error 5: access is denied";
const CONFIG_CHANGED: &str = "error 0x80070020: applicationHost.config is used by another process";
const BAD_LOGON: &str = "error 1057: the account name is invalid, does not exist, or the password is wrong";
const SHARING: &str = "error 32: the file is used by another process";
const NO_RESPONSE: &str = "error 1053: the service did not respond in time";
const FATAL: &str = "error 1603: a fatal error occurred during the installation";
const SHUTDOWN: &str = "error 1115: a system shutdown is in progress";
const SERVICING: &str = "error 0x800f0816: the servicing of Windows is busy";
const NO_SERVER: &str = "error 10060: no answer came within 15 s";
const NO_DISK: &str = "Msg 5149, Level 16, State 3: operating system error 112 (there is not enough space)";
const LOG_FULL: &str = "Msg 9002, Level 17, State 2, Line 1: the transaction log for the database is full";
const NO_SPACE: &str =
    "Msg 3202, Level 16, State 1, Line 1: operating system error 112 (there is not enough space)";
const DAMAGED: &str = "Msg 3189, Level 16, State 1, Line 1: damage to the backup set was detected";
const TIMED_OUT: &str = "Msg 1222, Level 16, State 51, Line 1: lock request time out period exceeded";
const CONNECTION_RESET: &str = "error 10054: the connection was closed by the other side";

impl FromStr for Operation {
    type Err = UnknownOperation;
    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        let found = Self::ALL.iter().copied().find(|operation| operation.name() == text);
        found.ok_or_else(|| UnknownOperation(text.to_owned()))
    }
}

impl TryFrom<String> for Operation {
    type Error = UnknownOperation;
    fn try_from(text: String) -> Result<Self, UnknownOperation> {
        text.parse()
    }
}

impl From<Operation> for String {
    fn from(operation: Operation) -> Self {
        operation.name().to_owned()
    }
}
