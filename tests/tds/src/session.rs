//! One connection: what comes before the log-on, the log-on, and batch after batch until it ends.
//!
//! A transaction works on databases of its own, which the others see once it is committed; one that the connection leaves
//! open is as if it had never been. Neighbours: `statement` runs a batch, `lib` says what strikes one.

use std::collections::BTreeMap;
use std::io;
use std::net::TcpStream;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::login::{self, Login};
use crate::state::{Database, Entry, State, find};
use crate::token::{Answer, Message, from_utf16};
use crate::wire::{self, Wire};
use crate::{Moment, Shared, Trouble, lock, statement};

/// What a session holds beside the server's state.
pub(crate) struct Session {
    pub(crate) id: u32,
    pub(crate) login: String,
    pub(crate) database: String,
    /// The settings that were set, by name; the values are as they were written.
    pub(crate) settings: BTreeMap<String, String>,
    /// How many transactions are open, and the databases as they are in them.
    pub(crate) open: u32,
    pub(crate) working: Option<BTreeMap<String, Database>>,
    /// The number of the newest transaction.
    pub(crate) descriptor: u64,
}

/// Serves a connection until it ends.
pub(crate) fn serve(stream: TcpStream, shared: &Shared) {
    // That a client is gone concerns nobody.
    let _gone = talk(stream, shared);
}

fn talk(stream: TcpStream, shared: &Shared) -> io::Result<()> {
    let mut wire = Wire::Clear(stream);
    wire.read()?;
    let tls = shared.next_shown();
    wire.write(wire::ANSWER, &login::before(tls.is_some()))?;
    if let Some(config) = &tls {
        wire = wire.secured(config)?;
    }
    let (kind, bytes) = wire.read()?;
    let login = login::read(&bytes).filter(|_| kind == wire::LOGIN7);
    shared.log_ons.fetch_add(1, Ordering::SeqCst);
    let login = login.ok_or_else(|| io::Error::other("no log-on"))?;
    let mut answer = Answer::default();
    let mut session = match admit(&lock(&shared.state), &login) {
        Ok(session) => session,
        Err(messages) => {
            messages.iter().for_each(|message| answer.message(message));
            answer.failed();
            answer.end();
            return wire.write(wire::ANSWER, &answer.into_bytes());
        }
    };
    answer.database(&session.database, "master");
    answer.settings();
    answer.logged_in();
    if login.recovers {
        answer.recovers();
    }
    answer.end();
    wire.write(wire::ANSWER, &answer.into_bytes())?;
    loop {
        let (kind, bytes) = wire.read()?;
        match kind {
            wire::BATCH => batch(&mut wire, shared, &mut session, &batch_text(&bytes))?,
            wire::ATTENTION => {
                let mut answer = Answer::default();
                answer.stopped();
                wire.write(wire::ANSWER, &answer.into_bytes())?;
            }
            other => return Err(io::Error::other(format!("a message of type {other}"))),
        }
    }
}

/// Who gets in, and where to.
fn admit(state: &State, login: &Login) -> Result<Session, Vec<Message>> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let error = |number, state, text: String| Message {
        number,
        severity: 14,
        state,
        line: 1,
        procedure: String::new(),
        text,
    };
    let failed = || error(18456, 1, format!("Login failed for user '{}'.", login.user));
    if login.integrated {
        let text = "Login failed. The login is from an untrusted domain and cannot be used with Windows authentication.";
        return Err(vec![error(18452, 1, text.to_owned())]);
    }
    if state.logins.get(&login.user) != Some(&login.password) {
        return Err(vec![failed()]);
    }
    let database = if login.database.is_empty() { "master" } else { &login.database };
    if find(&state.databases, database).is_none_or(|found| found.status != "ONLINE") {
        let text = format!("Cannot open database \"{database}\" requested by the login. The login failed.");
        return Err(vec![Message { severity: 11, ..error(4060, 1, text) }, failed()]);
    }
    Ok(Session {
        id: NEXT.fetch_add(1, Ordering::SeqCst),
        login: login.user.clone(),
        database: database.to_owned(),
        settings: BTreeMap::new(),
        open: 0,
        working: None,
        descriptor: 0,
    })
}

/// A batch's text, after the headers of its message.
fn batch_text(bytes: &[u8]) -> String {
    let headers = bytes.first_chunk().map_or(0, |length| u32::from_le_bytes(*length));
    from_utf16(bytes.get(usize::try_from(headers).unwrap_or_default()..).unwrap_or_default())
}

fn batch(wire: &mut Wire, shared: &Shared, session: &mut Session, text: &str) -> io::Result<()> {
    let place = {
        let mut state = lock(&shared.state);
        state.journal.push(Entry {
            session: session.id,
            login: session.login.clone(),
            database: session.database.clone(),
            text: text.to_owned(),
            errors: Vec::new(),
            answered: false,
        });
        shared.arrived.notify_all();
        state.journal.len() - 1
    };
    // What takes time is seen by others while it does.
    let command = statement::long(text);
    let percent = lock(&shared.state).percent;
    command.map(|command| lock(&shared.state).requests.insert(session.id, (command, percent)));
    let struck = strike(wire, shared, text, Moment::Before);
    lock(&shared.state).requests.remove(&session.id);
    struck?;
    let answer = {
        let mut state = lock(&shared.state);
        let (answer, errors) = statement::run(&mut state, session, text);
        state.journal[place].errors = errors;
        answer
    };
    strike(wire, shared, text, Moment::After)?;
    wire.write(wire::ANSWER, &answer.into_bytes())?;
    lock(&shared.state).journal[place].answered = true;
    Ok(())
}

fn strike(wire: &Wire, shared: &Shared, text: &str, moment: Moment) -> io::Result<()> {
    let trouble = {
        let mut armed = lock(&shared.armed);
        let first = armed.iter().position(|armed| armed.moment == moment && text.contains(&armed.contains));
        match first {
            Some(place) if armed[place].pass > 0 => {
                armed[place].pass -= 1;
                None
            }
            Some(place) => Some(armed.remove(place).trouble),
            None => None,
        }
    };
    match trouble {
        None => return Ok(()),
        Some(Trouble::Lose) => {}
        Some(Trouble::Pause) => {
            let mut released = lock(&shared.released);
            let before = *released;
            lock(&shared.held).push(text.to_owned());
            shared.changed.notify_all();
            while *released == before {
                released = shared.goes_on.wait(released).unwrap_or_else(PoisonError::into_inner);
            }
            return Ok(());
        }
        Some(Trouble::Hold) => {
            shared.held.lock().unwrap_or_else(PoisonError::into_inner).push(text.to_owned());
            shared.changed.notify_all();
            wire.wait_until_gone();
        }
    }
    Err(io::Error::other("a trouble struck"))
}
