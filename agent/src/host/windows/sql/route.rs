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
use muster_model::sql_address::{PipeInstance, SqlAddress, SqlWay};
use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_BAD_NET_NAME, ERROR_BAD_NETPATH, ERROR_FILE_NOT_FOUND, ERROR_LOGON_FAILURE,
};

use super::super::facts::full_computer_name;

const NO_PIPE: &str = "there is no such pipe; see that SQL Server runs, its instance's name, and Protocols, Named Pipes in SQL Server Configuration \
     Manager (restart SQL Server after a change), or use HOST,PORT";
const BUSY: &str = "every instance of the pipe was in use and none came free; see who is connected \
     (sys.dm_exec_connections), then resume, or use HOST,PORT";
const NOT_LET_IN: &str = "Windows there opens no pipe to the agent's account, which must be able to log on there over the network, \
     even where SQL Server is given a login; let it in, or use HOST,PORT";
const NOT_FOUND: &str = "no computer of that name answers file sharing, through which pipes of another computer go; see its name, \
     and that TCP 445 is open from here to there, or use HOST,PORT";

/// How one server is reached.
pub(super) struct Route {
    /// As the client names it.
    pub(super) source: String,
    /// The name that its certificate must bear, where that is not the one in `source`.
    pub(super) certified: Option<String>,
    /// What Kerberos calls it, where the client would guess another name.
    pub(super) service: Option<String>,
    is_pipe: bool,
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
        let plain = |source| Self { source, certified: None, service: None, is_pipe: false };
        match address.way() {
            SqlWay::Instance { .. } => plain(address.to_string()),
            // With a port SQL Server Browser is not asked.
            SqlWay::Port { .. } => plain(format!("tcp:{address}")),
            SqlWay::Pipe { host, path, .. } if is_own(host.as_str()) => Self {
                source: format!(r"\\.\pipe\{path}"),
                certified: Some(host.to_string()),
                service: None,
                is_pipe: true,
            },
            SqlWay::Pipe { host, instance, path } => Self {
                source: format!(r"\\{host}\pipe\{path}"),
                certified: None,
                service: service(&full(host.as_str()), instance),
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
        let TdsError::Io(error) = error else { return None };
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
