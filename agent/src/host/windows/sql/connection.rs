//! One connection: the client of mssql-tds, which is asynchronous, and a runtime of its own that drives it on this thread.
//!
//! Neighbours: `route` says how the server is reached, `pinned` which certificate it must show, `session` and the port's
//! questions run batches here, one after the other. A connection that breaks stays broken: the client's way of connecting
//! anew by itself is switched off, as it could run a batch twice. There is a limit to connecting and none to a batch: a
//! backup or a script of a vendor's may take hours.

use std::ops::ControlFlow;
use std::pin::pin;
use std::time::Duration;

use mssql_tds::connection::client_context::{ClientContext, TdsAuthenticationMethod};
use mssql_tds::connection::tds_client::{ResultSet as _, StatementResult, TdsClient};
use mssql_tds::connection_provider::tds_connection_provider::TdsConnectionProvider;
use mssql_tds::core::{EncryptionOptions, EncryptionSetting};
use mssql_tds::error::{Error as TdsError, SqlErrorInfo};
use muster_agent_core::tsql::Row;
use muster_model::limits;
use muster_model::manifest::Endpoint;
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use super::pinned::Pinned;
use super::route::Route;
use super::value;
use crate::host::{Error, SqlError, SqlMessage, SqlPassed};
use crate::vault::Secrets;

/// "Changed database context" and "Changed language setting": said after each log-on and each `USE`, and of no use to anybody.
const CONTEXT_CHANGED: [u32; 2] = [5701, 5703];

/// How the client's words begin where 10,000 statements in a row ended and answered nothing: it takes that for an attack.
const SILENT: &str = "Too many Done tokens";
const SILENT_TOLD: &str = "the first 10,000 statements of the batch answered nothing, as in a loop under SET NOCOUNT ON, and the client \
                           for SQL Server gives up then; with a PRINT before them, in a file of its own, it goes through";

/// A connection.
pub(super) struct Connection {
    client: TdsClient,
    /// After the client, which may need it while it goes.
    runtime: Runtime,
}

/// What came of a batch.
pub(super) struct Ran {
    /// The first rows of its first result that has rows, as many as were wanted.
    pub(super) rows: Vec<Row>,
    /// What it printed.
    pub(super) printed: Vec<String>,
}

impl Connection {
    /// Connects and logs on.
    pub(super) fn open(server: &Endpoint, database: &str, secrets: &dyn Secrets) -> Result<Self, Error> {
        let address = server.address.as_str();
        let unreachable = |message: String| Error::Unreachable { what: "SQL Server", message };
        let refused = |message: String| Error::Refused {
            operation: "log on to SQL Server",
            name: address.to_owned(),
            message,
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| unreachable(format!("{address}: {error}")))?;
        let route = Route::to(&server.address);
        let mut context = ClientContext::with_data_source(&route.source);
        context.application_name = "Muster".to_owned();
        database.clone_into(&mut context.database);
        let limit_s = u32::try_from(limits::SQL_CONNECT_LIMIT_SECONDS).unwrap_or(u32::MAX);
        context.connect_timeout = limit_s;
        context.login_timeout = Some(limit_s);
        context.connect_retry_count = 0;
        let limit = Duration::from_secs(limits::SQL_CONNECT_LIMIT_SECONDS);
        // Until the client has compared it.
        let pinned = match &server.authority {
            None => None,
            Some(authority) => Some(Pinned::judged(&runtime, &route, authority, limit).map_err(|error| {
                let advice = route.advice_on(&error).map(|advice| format!("{advice} (")).unwrap_or_default();
                let end = if advice.is_empty() { "" } else { ")" };
                unreachable(format!("{address}: {advice}{error}{end}"))
            })?),
        };
        context.encryption_options = encryption(server, &route, pinned.as_ref());
        context.server_spn.clone_from(&route.service);
        match &server.login {
            None => context.tds_authentication_method = TdsAuthenticationMethod::SSPI,
            Some(login) => {
                let password = secrets.open(&login.password).map_err(|error| refused(error.to_string()))?;
                context.tds_authentication_method = TdsAuthenticationMethod::Password;
                login.name.clone_into(&mut context.user_name);
                password.expose().clone_into(&mut context.password);
            }
        }
        let connecting = route.connect(limit, || {
            let connecting = TdsConnectionProvider {}.create_client(context.clone(), &route.source, None);
            runtime.block_on(connecting)
        });
        let client = connecting.map_err(|error| {
            let advice = route.advice(&error);
            match failure(error) {
                SqlError::Server(message) => refused(message.to_string()),
                SqlError::Lost(message) => unreachable(match advice {
                    None => format!("{address}: {message}"),
                    Some(advice) => format!("{address}: {advice} ({message})"),
                }),
                ended @ SqlError::Ended => unreachable(ended.to_string()),
            }
        })?;
        Ok(Self { client, runtime })
    }

    /// Runs a batch to its end: every result is read, as an error may come with any.
    pub(super) fn run(&mut self, text: &str, rows_wanted: usize) -> Result<Ran, SqlError> {
        let Self { client, runtime } = self;
        let ran = runtime.block_on(run(client, text, rows_wanted));
        if ran.is_err() {
            // The next batch would clear it.
            printed(client)
                .into_iter()
                .for_each(|line| tracing::info!(%line, "printed by a batch that failed"));
        }
        ran.map_err(failure)?
    }

    /// Runs a batch to its end, whatever of it fails.
    pub(super) fn run_past_errors(&mut self, text: &str) -> Result<SqlPassed, SqlError> {
        let Self { client, runtime } = self;
        match runtime.block_on(run(client, text, 0)) {
            Ok(Ok(Ran { printed, .. })) => Ok(SqlPassed { printed, errors: Vec::new() }),
            Ok(Err(error)) => Err(error),
            // The client has read the answer to its end, and gives every error of it.
            Err(TdsError::SqlServerError { diagnostics }) if !diagnostics.errors.is_empty() => {
                let errors = diagnostics.errors.into_iter().map(message).collect();
                Ok(SqlPassed { printed: printed(client), errors })
            }
            Err(error) => Err(failure(error)),
        }
    }

    /// Runs a batch to its end and looks up again and again meanwhile; gives what it printed. `look` is told how many
    /// milliseconds passed since the last one, and gives the batch up with a break: the connection is of no use then.
    pub(super) fn run_watched(
        &mut self,
        text: &str,
        look: &mut dyn FnMut(u64) -> ControlFlow<()>,
    ) -> Result<Vec<String>, SqlError> {
        let Self { client, runtime } = self;
        let mut running = pin!(run(client, text, 0));
        let mut looked = Instant::now();
        loop {
            // The look itself drives another connection, so that it stands outside of this runtime.
            let wait = Duration::from_millis(limits::SQL_PROGRESS_MS);
            let ended = runtime.block_on(async { timeout(wait, running.as_mut()).await });
            if let Ok(ran) = ended {
                return ran.map_err(failure)?.map(|ran| ran.printed);
            }
            let waited_ms = u64::try_from(looked.elapsed().as_millis()).unwrap_or(u64::MAX);
            looked = Instant::now();
            if look(waited_ms).is_break() {
                return Err(SqlError::Lost("it was given up".to_owned()));
            }
        }
    }

    /// Runs a batch of Muster's own; gives all rows of its first result that has rows.
    pub(super) fn ask(&mut self, text: &str) -> Result<Vec<Row>, SqlError> {
        self.run(text, usize::MAX).map(|ran| ran.rows)
    }

    /// The first value of the first row; none for NULL or no row.
    pub(super) fn scalar(&mut self, text: &str) -> Result<Option<String>, SqlError> {
        let first = self.run(text, 1)?.rows.into_iter().next();
        Ok(first.and_then(|row| row.into_iter().next()).flatten())
    }
}

async fn run(
    client: &mut TdsClient,
    text: &str,
    rows_wanted: usize,
) -> Result<Result<Ran, SqlError>, TdsError> {
    let mut rows = Vec::new();
    let mut is_first = true;
    let mut unread = None;
    let mut at = client.execute(text.to_owned(), ()).await?;
    while at != StatementResult::End {
        if at == StatementResult::Rows {
            while let Some(row) = client.next_row().await? {
                if is_first && rows.len() < rows_wanted {
                    match row.iter().map(value::text).collect() {
                        Ok(row) => rows.push(row),
                        // The batch goes on on the server whatever is made of this.
                        Err(problem) => unread = Some(problem),
                    }
                }
            }
            is_first = false;
        }
        at = advance(client).await?;
    }
    let ran = Ran { rows, printed: printed(client) };
    Ok(match unread {
        None => Ok(ran),
        Some(problem) => Err(SqlError::Server(SqlMessage::own(problem))),
    })
}

/// Goes on to the next result, past any number of statements that answer nothing: the client stops between two of them, and has
/// lost nothing where the batch has answered before. Where it has not, the client knows of no batch any more.
async fn advance(client: &mut TdsClient) -> Result<StatementResult, TdsError> {
    loop {
        match client.advance().await {
            Err(TdsError::UsageError(words)) if words.starts_with(SILENT) && client.has_open_batch() => {}
            advanced => return advanced,
        }
    }
}

/// What was printed since the last time that this was asked.
fn printed(client: &mut TdsClient) -> Vec<String> {
    let said = client.take_info_messages().into_iter();
    said.filter(|info| !CONTEXT_CHANGED.contains(&info.number)).map(|info| info.message).collect()
}

/// Never in clear, and whoever signed the server's certificate is asked for unless the site's document says otherwise.
fn encryption(server: &Endpoint, route: &Route, pinned: Option<&Pinned>) -> EncryptionOptions {
    EncryptionOptions {
        mode: EncryptionSetting::On,
        trust_server_certificate: server.trust_certificate && pinned.is_none(),
        // The client takes one or the other; the name in a pinned one was looked at.
        host_name_in_cert: route.certified.clone().filter(|_| pinned.is_none()),
        server_certificate: pinned.map(|pinned| pinned.path().to_owned()),
    }
}

/// What the server said, or that nobody knows what it did.
fn failure(error: TdsError) -> SqlError {
    let text = error.to_string();
    if matches!(&error, TdsError::UsageError(words) if words.starts_with(SILENT)) {
        return SqlError::Lost(SILENT_TOLD.to_owned());
    }
    let TdsError::SqlServerError { diagnostics } = error else { return SqlError::Lost(text) };
    let messages: Vec<SqlMessage> = diagnostics.errors.into_iter().map(message).collect();
    // The first one says why; but what is said of the transaction around it decides, and comes with it.
    let refusal = messages.iter().position(SqlMessage::refuses_transaction);
    let telling =
        refusal.or_else(|| messages.iter().position(SqlMessage::ended_transaction)).unwrap_or_default();
    let first = messages.first().filter(|_| telling > 0).map(ToString::to_string);
    let Some(told) = messages.into_iter().nth(telling) else { return SqlError::Lost(text) };
    SqlError::Server(match first {
        None => told,
        // Before its own words, whose end counts.
        Some(first) => SqlMessage { text: format!("(after {first}) {}", told.text), ..told },
    })
}

fn message(error: SqlErrorInfo) -> SqlMessage {
    SqlMessage {
        number: i32::try_from(error.number).unwrap_or(i32::MAX),
        severity: u8::try_from(error.class).unwrap_or(u8::MAX),
        state: error.state,
        procedure: error.proc_name.filter(|name| !name.is_empty()),
        line: error.line_number.and_then(|line| u32::try_from(line).ok()).unwrap_or(1).max(1),
        text: error.message,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wine's Schannel takes any certificate: that it is refused without a word of the document's is seen on Windows alone.
    #[test]
    fn a_certificate_is_taken_as_it_is_only_where_the_document_says_so() {
        let mut endpoint = Endpoint::new("main".parse().unwrap(), "DUP-SQL01,1433".parse().unwrap());
        let route = Route::to(&endpoint.address);
        let (options, host) = (encryption(&endpoint, &route, None), None::<String>);
        assert_eq!(options.mode, EncryptionSetting::On);
        assert!(!options.trust_server_certificate && options.host_name_in_cert == host);
        endpoint.trust_certificate = true;
        assert!(encryption(&endpoint, &route, None).trust_server_certificate);
    }

    #[test]
    fn what_refuses_a_transaction_is_told_before_what_came_first() {
        let info = |number: u32| SqlErrorInfo {
            message: format!("error {number}"),
            state: 6,
            class: 16,
            number,
            server_name: None,
            proc_name: None,
            line_number: Some(3),
        };
        let SqlError::Server(message) = failure(TdsError::from_sql_errors(vec![info(1), info(226)])) else {
            panic!("it was lost")
        };
        assert_eq!((message.number, message.line, message.severity), (226, 3, 16));
        assert_eq!(
            message.text, "(after Msg 1, Level 16, State 6: error 1) error 226",
            "the cause is not lost"
        );
        let gone = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
        assert!(matches!(failure(TdsError::Io(gone)), SqlError::Lost(_)));
    }
}
