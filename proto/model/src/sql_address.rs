//! Where a SQL Server is, as a site's document writes it: an instance, a port of TCP, or a named pipe.
//!
//! Neighbours: a site's `endpoints` are read by it, `claims` asks whether two are one instance, the agent's `host/windows/sql`
//! goes the way that it says. Never looks a name up: whether anybody is there is the agent's to find.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::name::{HostName, InvalidName};

const WHAT: &str = "SQL Server address";
const RULE: &str = r"HOST, HOST\INSTANCE or HOST,PORT, or np: before one of the first two for its named pipe, as in 'DUP-SQL01\TRESO', 'DUP-SQL01,1433' or 'np:DUP-SQL01\TRESO'";
const NO_SHARED_MEMORY: &str =
    r"HOST or HOST\INSTANCE without lpc: (an agent on that computer itself tries shared memory first)";
const NO_DOT: &str = "the computer's own name in the place of the dot (an agent that stands on it finds its pipe there, and every other knows which computer is meant)";
const NO_PORT_OF_A_PIPE: &str = "either HOST,PORT for TCP or np: without a port";
const DEFAULT_HAS_NO_NAME: &str = "HOST alone (MSSQLSERVER is what Windows calls the default instance)";

/// The pipe of a default instance, behind `\\HOST\pipe\`.
const DEFAULT_PIPE: &str = r"sql\query";
/// What Windows takes of a pipe's whole name (Microsoft, CreateNamedPipe).
const PIPE_CHARACTERS: usize = 256;

/// Where a SQL Server is. It is shown as it was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SqlAddress {
    text: String,
    way: SqlWay,
}

/// How a SQL Server is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SqlWay {
    /// `HOST` or `HOST\INSTANCE`: by whatever the client tries. An instance's port is SQL Server Browser's to say.
    Instance {
        /// The computer.
        host: HostName,
        /// The instance; none for the default one.
        instance: Option<String>,
    },
    /// `HOST,PORT`: TCP and nothing else.
    Port {
        /// The computer.
        host: HostName,
        /// Above 0.
        port: u16,
    },
    /// `np:HOST`, `np:HOST\INSTANCE`, `np:\\HOST\pipe\PATH`, or the last without `np:`: a named pipe and nothing else.
    Pipe {
        /// The computer.
        host: HostName,
        /// The instance whose pipe it is by its name.
        instance: PipeInstance,
        /// What stands behind `\\HOST\pipe\`.
        path: String,
    },
}

/// Whose pipe it is, as far as its name tells.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PipeInstance {
    /// `sql\query`.
    Default,
    /// `MSSQL$NAME\sql\query`.
    Named(String),
    /// A DBA gave it another name.
    Unknown,
}

impl SqlAddress {
    /// The text, as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// How it is reached.
    pub fn way(&self) -> &SqlWay {
        &self.way
    }

    /// One spelling for an instance, however it is reached: letters do not count, and 1433 is where one without a name or a
    /// port listens.
    pub fn instance(&self) -> String {
        let spelled = match &self.way {
            SqlWay::Instance { host, instance: None }
            | SqlWay::Port { host, port: 1433 }
            | SqlWay::Pipe { host, instance: PipeInstance::Default, .. } => host.to_string(),
            SqlWay::Instance { host, instance: Some(instance) }
            | SqlWay::Pipe { host, instance: PipeInstance::Named(instance), .. } => {
                format!(r"{host}\{instance}")
            }
            SqlWay::Port { host, port } => format!("{host},{port}"),
            SqlWay::Pipe { host, instance: PipeInstance::Unknown, path } => format!(r"\\{host}\pipe\{path}"),
        };
        spelled.to_lowercase()
    }
}

impl TryFrom<String> for SqlAddress {
    type Error = InvalidName;
    fn try_from(text: String) -> Result<Self, InvalidName> {
        match way(&text) {
            Ok(way) => Ok(Self { text, way }),
            Err(rule) => Err(InvalidName { what: WHAT, rule, text }),
        }
    }
}

impl FromStr for SqlAddress {
    type Err = InvalidName;
    fn from_str(text: &str) -> Result<Self, InvalidName> {
        Self::try_from(text.to_owned())
    }
}

impl From<SqlAddress> for String {
    fn from(address: SqlAddress) -> String {
        address.text
    }
}

impl fmt::Display for SqlAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// How it is reached, or the rule that it breaks.
fn way(text: &str) -> Result<SqlWay, &'static str> {
    if has_prefix(text, "lpc:") {
        return Err(NO_SHARED_MEMORY);
    }
    let piped = has_prefix(text, "np:");
    let rest = if piped { &text["np:".len()..] } else { text };
    if let Some(unc) = rest.strip_prefix(r"\\") {
        return pipe(unc);
    }
    if let Some((computer, port)) = rest.split_once(',') {
        return match (piped, port.parse()) {
            (true, _) => Err(NO_PORT_OF_A_PIPE),
            (false, Ok(port)) if port > 0 => Ok(SqlWay::Port { host: host(computer)?, port }),
            (false, _) => Err(RULE),
        };
    }
    let (host, instance) = match rest.split_once('\\') {
        None => (host(rest)?, None),
        Some((computer, name)) => (host(computer)?, Some(instance(name)?)),
    };
    Ok(match (piped, instance) {
        (false, instance) => SqlWay::Instance { host, instance },
        (true, None) => SqlWay::Pipe { host, instance: PipeInstance::Default, path: DEFAULT_PIPE.to_owned() },
        (true, Some(name)) => {
            let path = format!(r"MSSQL${name}\{DEFAULT_PIPE}");
            SqlWay::Pipe { host, instance: PipeInstance::Named(name), path }
        }
    })
}

/// `HOST\pipe\PATH`, which `\\` stood before.
fn pipe(unc: &str) -> Result<SqlWay, &'static str> {
    let mut parts = unc.splitn(3, '\\');
    let (Some(computer), Some(device), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(RULE);
    };
    let host = host(computer)?;
    let is_part = |part: &str| {
        !part.is_empty()
            && part != "."
            && part != ".."
            && part.bytes().all(|b| b.is_ascii_graphic() && !br#"/:*?"<>|"#.contains(&b))
    };
    let is_pipe = device.eq_ignore_ascii_case("pipe") && path.split('\\').all(is_part);
    if !is_pipe || unc.len() + 2 > PIPE_CHARACTERS {
        return Err(RULE);
    }
    let folded = path.to_ascii_lowercase();
    let named = folded.strip_prefix("mssql$").and_then(|rest| rest.strip_suffix(r"\sql\query"));
    let instance = match named {
        None if folded == DEFAULT_PIPE => PipeInstance::Default,
        Some(name) if is_instance(name) => {
            PipeInstance::Named(path["mssql$".len()..][..name.len()].to_owned())
        }
        Some(_) | None => PipeInstance::Unknown,
    };
    Ok(SqlWay::Pipe { host, instance, path: path.to_owned() })
}

fn host(text: &str) -> Result<HostName, &'static str> {
    if matches!(text, "." | "(local)") {
        return Err(NO_DOT);
    }
    text.parse().map_err(|_| RULE)
}

fn instance(text: &str) -> Result<String, &'static str> {
    if text.eq_ignore_ascii_case("MSSQLSERVER") {
        return Err(DEFAULT_HAS_NO_NAME);
    }
    if is_instance(text) { Ok(text.to_owned()) } else { Err(RULE) }
}

fn is_instance(text: &str) -> bool {
    (1..=16).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_$".contains(&b))
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> SqlAddress {
        let address: SqlAddress = text.parse().unwrap();
        assert_eq!(address.to_string(), text, "shown as it was written");
        address
    }

    #[track_caller]
    fn refused(text: &str) -> &'static str {
        text.parse::<SqlAddress>().expect_err(text).rule
    }

    #[test]
    fn a_pipe_is_known_by_its_instance_or_by_its_whole_name() {
        let path = |text: &str| match read(text).way {
            SqlWay::Pipe { host, path, .. } => (host.to_string(), path),
            other @ (SqlWay::Instance { .. } | SqlWay::Port { .. }) => panic!("{text} is {other:?}"),
        };
        let sql01 = |path: &str| ("DUP-SQL01".to_owned(), path.to_owned());
        assert_eq!(path("np:DUP-SQL01"), sql01(r"sql\query"));
        assert_eq!(path(r"NP:DUP-SQL01\TRESO"), sql01(r"MSSQL$TRESO\sql\query"));
        assert_eq!(path(r"np:\\DUP-SQL01\pipe\sql\query"), sql01(r"sql\query"));
        assert_eq!(path(r"\\DUP-SQL01\PIPE\MSSQL$TRESO\sql\query"), sql01(r"MSSQL$TRESO\sql\query"));
        assert_eq!(path(r"\\DUP-SQL01\pipe\treso-own"), sql01("treso-own"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        assert_eq!(refused(r"lpc:DUP-SQL01\TRESO"), NO_SHARED_MEMORY);
        assert_eq!(refused("LPC:."), NO_SHARED_MEMORY);
        for dot in [".", r".\TRESO", "(local)", "np:.", r"\\.\pipe\sql\query", r"np:\\.\pipe\sql\query"] {
            assert_eq!(refused(dot), NO_DOT, "{dot}");
        }
        for port in ["np:DUP-SQL01,1433", r"np:DUP-SQL01\TRESO,1433"] {
            assert_eq!(refused(port), NO_PORT_OF_A_PIPE, "{port}");
        }
        assert_eq!(refused(r"np:DUP-SQL01\mssqlserver"), DEFAULT_HAS_NO_NAME);
        let others = [
            "",
            "np:",
            "np: DUP-SQL01",
            r"np:\DUP-SQL01\pipe\sql\query",
            r"\\DUP-SQL01",
            r"\\DUP-SQL01\pipe",
            r"\\DUP-SQL01\pipe\",
            r"\\DUP-SQL01\share\sql\query",
            r"\\DUP-SQL01\pipe\sql\\query",
            r"\\DUP-SQL01\pipe\..\query",
            r"\\DUP-SQL01\pipe\sql query",
            r"\\DUP-SQL01\pipe\séq",
            r"DUP-SQL01\",
            "DUP-SQL01,0",
            "DUP-SQL01,",
            "admin:DUP-SQL01",
            "tcp:DUP-SQL01",
        ];
        for text in others {
            assert_eq!(refused(text), RULE, "{text}");
        }
        assert_eq!(refused(&format!(r"\\DUP-SQL01\pipe\{}", "x".repeat(256))), RULE);
    }

    #[test]
    fn one_instance_has_one_spelling_however_it_is_reached() {
        let same = |texts: &[&str], spelled: &str| {
            for text in texts {
                assert_eq!(read(text).instance(), spelled, "{text}");
            }
        };
        same(&["SQL01", "sql01,1433", "np:Sql01", r"\\SQL01\pipe\sql\query"], "sql01");
        same(&[r"SQL01\TRESO", r"np:sql01\treso", r"np:\\sql01\pipe\mssql$Treso\sql\query"], r"sql01\treso");
        same(&["SQL01,1533"], "sql01,1533");
        same(&[r"\\SQL01\pipe\Own"], r"\\sql01\pipe\own");
    }
}
