//! How a SQL Server is reached: what its address is to the client, and what a named pipe makes different.
//!
//! A pipe of this computer is opened under its local name: under the computer's it would go through file sharing, which may
//! refuse a computer its own pipes. Through a pipe TLS stands inside of TDS as through TCP. Neighbours: `connection` dials.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use mssql_tds::error::Error as TdsError;
use mssql_tds::security::{canonicalize_hostname, is_loopback_address};
use muster_model::limits;
use muster_model::name::HostName;
use muster_model::sql_address::{PipeInstance, SqlAddress, SqlWay};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_NET_NAME, ERROR_BAD_NETPATH, ERROR_FILE_NOT_FOUND, ERROR_LOGON_FAILURE,
};

use super::super::facts::full_computer_name;
use crate::host::sql_certificate;

const NO_PIPE: &str = "there is no such pipe; see that SQL Server runs, its instance's name, and Protocols, Named Pipes in SQL Server Configuration \
     Manager (restart SQL Server after a change), or use HOST,PORT";
const BUSY: &str = "every instance of the pipe was in use and none came free; see who is connected \
     (sys.dm_exec_connections), then resume, or use HOST,PORT";
const NOT_LET_IN: &str = "Windows there opens no pipe to the agent's account, which must be able to log on there over the network, \
     even where SQL Server is given a login; let it in, or use HOST,PORT";
const NOT_FOUND: &str = "no computer of that name answers file sharing, through which pipes of another computer go; see its name, \
     and that TCP 445 is open from here to there, or use HOST,PORT";

const UNTRUSTED: &str = "this computer trusts nobody who signed its certificate; write the authority that did under certificate_authority of its \
     endpoint, or put it into Trusted Root Certification Authorities of this computer (certlm.msc); whoever answers may be somebody else";
const OTHER_NAME: &str = "its certificate is for another computer; write the endpoint's address with a name that it bears, or give SQL \
     Server a certificate for this one; whoever answers may be somebody else";
const ENDED: &str = "its certificate is not valid at this time; renew it, or set the clock of this computer";
const ANOTHER_CERTIFICATE: &str = "it showed another certificate than a moment ago, when the authority's was seen; two servers answer there, \
     or it was renewed just now: look, then try anew";
/// What Schannel calls each, as the client names it.
const SCHANNEL: [(&str, &str); 4] = [
    ("SEC_E_UNTRUSTED_ROOT", UNTRUSTED),
    ("SEC_E_CERT_UNKNOWN", UNTRUSTED),
    ("SEC_E_WRONG_PRINCIPAL", OTHER_NAME),
    ("SEC_E_CERT_EXPIRED", ENDED),
];

/// How one server is reached.
pub(super) struct Route {
    /// As the client names it.
    pub(super) source: String,
    /// The name that its certificate must bear, where that is not the one in `source`.
    pub(super) certified: Option<String>,
    /// What Kerberos calls it, where the client would guess another name.
    pub(super) service: Option<String>,
    /// The name that its certificate must bear.
    pub(super) host: String,
    /// Its port, where that is the one way to it; a pipe is `source` itself.
    pub(super) port: Option<u16>,
    pub(super) is_pipe: bool,
}

impl Route {
    /// The one to that address from this computer.
    pub(super) fn to(address: &SqlAddress) -> Self {
        let is_own = |host: &str| {
            let full = full_computer_name();
            is_loopback_address(host) || full.is_ok_and(|full| full.eq_ignore_ascii_case(host))
        };
        Self::from(address, is_own, canonicalize_hostname)
    }

    /// The same, where `is_own` knows this computer and `full` a computer's name with its domain.
    fn from(address: &SqlAddress, is_own: impl Fn(&str) -> bool, full: impl Fn(&str) -> String) -> Self {
        let plain = |source, host: &HostName, port| {
            let host = host.to_string();
            Self { source, certified: None, service: None, host, port, is_pipe: false }
        };
        match address.way() {
            SqlWay::Instance { host, .. } => plain(address.to_string(), host, None),
            // With a port SQL Server Browser is not asked.
            SqlWay::Port { host, port } => plain(format!("tcp:{address}"), host, Some(*port)),
            SqlWay::Pipe { host, path, .. } if is_own(host.as_str()) => Self {
                source: format!(r"\\.\pipe\{path}"),
                certified: Some(host.to_string()),
                service: None,
                host: host.to_string(),
                port: None,
                is_pipe: true,
            },
            SqlWay::Pipe { host, instance, path } => Self {
                source: format!(r"\\{host}\pipe\{path}"),
                certified: None,
                service: service(&full(host.as_str()), instance),
                host: host.to_string(),
                port: None,
                is_pipe: true,
            },
        }
    }

    /// Connects, and again while a pipe is in use, for as long as connecting may take. Nothing was sent before.
    pub(super) fn connect<T>(
        &self,
        limit: Duration,
        mut connect: impl FnMut() -> Result<T, TdsError>,
    ) -> Result<T, TdsError> {
        let begun = Instant::now();
        loop {
            match connect() {
                Err(TdsError::Io(error)) if self.is_pipe && is_busy(&error) && begun.elapsed() < limit => {
                    thread::sleep(Duration::from_millis(limits::SQL_PIPE_PAUSE_MS));
                }
                ended => return ended,
            }
        }
    }

    /// What to do about that error, where it is one of pipes.
    pub(super) fn advice(&self, error: &TdsError) -> Option<&'static str> {
        if let TdsError::Io(error) = error {
            return self.advice_on_io(error);
        }
        if matches!(error, TdsError::CertificateMismatch) {
            return Some(ANOTHER_CERTIFICATE);
        }
        // The client has Schannel's answer in words alone.
        let told = error.to_string();
        let known = SCHANNEL.iter().find(|(name, _)| told.contains(name));
        known.map(|(_, advice)| *advice)
    }

    /// The same of the connection on which its certificate is judged.
    pub(super) fn advice_on(&self, error: &sql_certificate::Error) -> Option<&'static str> {
        let sql_certificate::Error::Io(error) = error else { return None };
        self.advice_on_io(error)
    }

    fn advice_on_io(&self, error: &io::Error) -> Option<&'static str> {
        if !self.is_pipe {
            return None;
        }
        if is_busy(error) {
            return Some(BUSY);
        }
        match error.raw_os_error()?.unsigned_abs() {
            ERROR_FILE_NOT_FOUND => Some(NO_PIPE),
            ERROR_BAD_NETPATH | ERROR_BAD_NET_NAME => Some(NOT_FOUND),
            ERROR_ACCESS_DENIED | ERROR_LOGON_FAILURE => Some(NOT_LET_IN),
            _ => None,
        }
    }
}

/// The name under which an instance is in a domain when it is not reached through TCP (Microsoft, "Register a service
/// principal name for Kerberos connections").
fn service(full: &str, instance: &PipeInstance) -> Option<String> {
    match instance {
        PipeInstance::Default => Some(format!("MSSQLSvc/{full}")),
        PipeInstance::Named(name) => Some(format!("MSSQLSvc/{full}:{name}")),
        PipeInstance::Unknown => None,
    }
}

/// Whether the client waited in vain for an instance of a pipe (231, `WaitNamedPipe`). It gives up after 5 s.
fn is_busy(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::TimedOut
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(address: &str) -> Route {
        let full = |host: &str| format!("{}.dupont.local", host.to_lowercase());
        Route::from(&address.parse().unwrap(), |host| host == "DUP-WEB01", full)
    }

    #[test]
    fn each_address_has_the_one_way_that_it_names() {
        assert_eq!(route("DUP-SQL01,1433").source, "tcp:DUP-SQL01,1433");
        assert_eq!(route(r"DUP-SQL01\TRESO").source, r"DUP-SQL01\TRESO");
        assert_eq!(route("np:DUP-SQL01").source, r"\\DUP-SQL01\pipe\sql\query");
        assert_eq!(route(r"np:DUP-SQL01\TRESO").source, r"\\DUP-SQL01\pipe\MSSQL$TRESO\sql\query");
        assert_eq!(route(r"\\DUP-SQL01\pipe\own").source, r"\\DUP-SQL01\pipe\own");
    }

    #[test]
    fn a_pipe_of_this_computer_has_its_local_name_and_the_computer_s_certificate() {
        let own = route(r"np:DUP-WEB01\TRESO");
        assert_eq!(own.source, r"\\.\pipe\MSSQL$TRESO\sql\query");
        assert_eq!((own.certified.as_deref(), own.service), (Some("DUP-WEB01"), None));
        assert_eq!(route("np:DUP-SQL01").certified, None);
        assert_eq!(Route::to(&"np:localhost".parse().unwrap()).source, r"\\.\pipe\sql\query");
        let full = full_computer_name().unwrap();
        assert_eq!(Route::to(&format!("np:{full}").parse().unwrap()).source, r"\\.\pipe\sql\query");
    }

    #[test]
    fn a_pipe_s_instance_is_known_to_a_domain_by_its_name() {
        let service = |address: &str| route(address).service;
        assert_eq!(service("np:DUP-SQL01").as_deref(), Some("MSSQLSvc/dup-sql01.dupont.local"));
        assert_eq!(service(r"np:DUP-SQL01\TRESO").as_deref(), Some("MSSQLSvc/dup-sql01.dupont.local:TRESO"));
        assert_eq!(service(r"\\DUP-SQL01\pipe\own"), None);
        assert_eq!(service("DUP-SQL01,1433"), None, "the client knows it by its port");
    }

    #[test]
    fn each_error_of_a_pipe_says_what_to_do_and_others_do_not() {
        let advice = |address: &str, code: i32| {
            route(address).advice(&TdsError::Io(io::Error::from_raw_os_error(code)))
        };
        for (code, wanted) in [(2, NO_PIPE), (5, NOT_LET_IN), (1326, NOT_LET_IN), (53, NOT_FOUND)] {
            assert_eq!(advice("np:DUP-SQL01", code), Some(wanted), "{code}");
            assert_eq!(advice("DUP-SQL01,1433", code), None, "{code}");
        }
        assert_eq!(advice("np:DUP-SQL01", 233), None);
        let busy = TdsError::Io(io::ErrorKind::TimedOut.into());
        assert_eq!(route("np:DUP-SQL01").advice(&busy), Some(BUSY));
    }

    #[test]
    fn a_certificate_that_schannel_refuses_is_told_with_what_to_do() {
        let told = |words: &str| {
            let error =
                TdsError::ImplementationError(format!("Schannel TLS handshake failed: step: {words}"));
            route("DUP-SQL01,1433").advice(&error)
        };
        assert_eq!(told("SEC_E_UNTRUSTED_ROOT (status=0x80090325)"), Some(UNTRUSTED));
        assert_eq!(told("SEC_E_WRONG_PRINCIPAL (status=0x80090322)"), Some(OTHER_NAME));
        assert_eq!(told("SEC_E_CERT_EXPIRED (status=0x80090328)"), Some(ENDED));
        assert_eq!(told("SEC_E_INVALID_TOKEN (status=0x80090308)"), None);
        assert_eq!(route("np:DUP-SQL01").advice(&TdsError::CertificateMismatch), Some(ANOTHER_CERTIFICATE));
    }

    #[test]
    fn a_pipe_in_use_is_asked_for_again_and_nothing_else_is() {
        let mut asked = 0;
        let mut ask = |address: &str, limit_s, kind: io::ErrorKind| {
            asked = 0;
            let connected = route(address).connect(Duration::from_secs(limit_s), || {
                asked += 1;
                if asked < 3 { Err(TdsError::Io(kind.into())) } else { Ok(()) }
            });
            (connected.is_ok(), asked)
        };
        assert_eq!(ask("np:DUP-SQL01", 600, io::ErrorKind::TimedOut), (true, 3));
        assert_eq!(ask("np:DUP-SQL01", 0, io::ErrorKind::TimedOut), (false, 1), "its time is over");
        assert_eq!(ask("np:DUP-SQL01", 600, io::ErrorKind::NotFound), (false, 1), "there is no such pipe");
        assert_eq!(ask("DUP-SQL01,1433", 600, io::ErrorKind::TimedOut), (false, 1), "it is no pipe");
    }
}
