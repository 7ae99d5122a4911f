//! What a batch does: a few statements, each as SQL Server does it as far as the agent can tell.
//!
//! Neighbours: `parse` cuts them, `question` answers those that ask. A statement that is not known is an error by name:
//! a story must not hold because nothing took place.

use crate::parse::{Statement, Token, statements};
use crate::question::{self, holds};
use crate::session::Session;
use crate::state::{Backup, Database, State, find, find_mut};
use crate::token::{Answer, Message};

/// Whether the batch goes on.
enum Flow {
    On,
    Ends,
}

/// A batch under way.
struct Run<'r> {
    state: &'r mut State,
    session: &'r mut Session,
    answer: Answer,
    errors: Vec<i32>,
}

/// Runs a batch; gives the answer, and the numbers of its errors.
pub(crate) fn run(state: &mut State, session: &mut Session, text: &str) -> (Answer, Vec<i32>) {
    let quoted = session.settings.get("quoted_identifier").is_some_and(|value| value == "on");
    let mut run = Run { state, session, answer: Answer::default(), errors: Vec::new() };
    for statement in statements(text, quoted) {
        if matches!(run.statement(&statement), Flow::Ends) {
            break;
        }
    }
    let Run { mut answer, errors, .. } = run;
    answer.end();
    (answer, errors)
}

/// The command of a batch that takes time, as sys.dm_exec_requests has it.
pub(crate) fn long(text: &str) -> Option<String> {
    let begins = |word: &str| text.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word));
    let known = [("backup database", "BACKUP DATABASE"), ("restore verifyonly", "RESTORE VERIFYONLY")];
    known.into_iter().find(|(word, _)| begins(word)).map(|(_, command)| command.to_owned())
}

pub(crate) fn error(number: i32, token: &Token, text: &str) -> Message {
    Message {
        number,
        severity: 16,
        state: 1,
        line: token.line,
        procedure: String::new(),
        text: text.to_owned(),
    }
}

/// The last part of a name that may have several, and what comes after it. `at` is where it begins.
pub(crate) fn named(tokens: &[Token], at: usize) -> (Vec<&str>, usize) {
    let (mut parts, mut at) = (Vec::new(), at);
    while let Some(name) = tokens.get(at).and_then(Token::name) {
        parts.push(name);
        at += 1;
        if !tokens.get(at).is_some_and(|token| token.is('.')) {
            break;
        }
        at += 1;
    }
    (parts, at)
}

impl Run<'_> {
    fn databases(&mut self) -> &mut std::collections::BTreeMap<String, Database> {
        self.session.working.as_mut().unwrap_or(&mut self.state.databases)
    }

    fn statement(&mut self, statement: &Statement) -> Flow {
        let switched_off = self.session.settings.get("noexec").is_some_and(|value| value == "on");
        match statement {
            Statement::Block(statements) => {
                for statement in statements {
                    if matches!(self.statement(statement), Flow::Ends) {
                        return Flow::Ends;
                    }
                }
                Flow::On
            }
            Statement::If(condition, then, otherwise) => match holds(self.state, self.session, condition) {
                Err(message) => self.fail(&message, true),
                Ok(true) => self.statement(then),
                Ok(false) => otherwise.as_ref().map_or(Flow::On, |otherwise| self.statement(otherwise)),
            },
            Statement::Plain(tokens) if switched_off && tokens[0].word() != "set" => Flow::On,
            Statement::Plain(tokens) => match self.plain(tokens) {
                Ok(()) => Flow::On,
                // What a script raises itself lets it go on; other errors of these statements do not.
                Err(message) => self.fail(&message, tokens[0].word() != "raiserror"),
            },
        }
    }

    fn fail(&mut self, message: &Message, ends: bool) -> Flow {
        self.answer.message(message);
        self.answer.failed();
        self.errors.push(message.number);
        if ends { Flow::Ends } else { Flow::On }
    }

    fn inform(&mut self, number: i32, severity: u8, token: &Token, text: String) {
        self.answer.message(&Message { severity, text, ..error(number, token, "") });
    }

    fn plain(&mut self, tokens: &[Token]) -> Result<(), Message> {
        let words: Vec<String> = tokens.iter().map(Token::word).collect();
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let first = &tokens[0];
        match (word(0), word(1)) {
            ("select", _) => {
                let (columns, rows) = question::ask(self.state, self.session, tokens)?;
                let from = words.iter().position(|word| word == "from").unwrap_or(tokens.len());
                if let [database, _, _] = named(tokens, from + 1).0.as_slice() {
                    self.state.closed.remove(*database);
                }
                let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
                self.answer.rows(&columns, &rows);
                return Ok(());
            }
            ("print", _) => {
                let text = tokens.get(1).and_then(Token::text).unwrap_or_default().to_owned();
                self.inform(0, 0, first, text);
            }
            ("raiserror", _) => {
                let text = tokens.iter().find_map(Token::text).unwrap_or_default().to_owned();
                let severity = words.iter().find_map(|word| word.parse().ok()).unwrap_or(16);
                if severity > 10 {
                    return Err(Message { severity, text, ..error(50_000, first, "") });
                }
                self.inform(50_000, severity, first, text);
            }
            ("throw", _) => {
                let number = word(1).parse().unwrap_or(50_000);
                return Err(error(number, first, tokens.iter().find_map(Token::text).unwrap_or_default()));
            }
            ("use", _) => self.change_database(tokens)?,
            ("set", _) => self.set(&words),
            ("begin" | "commit" | "rollback", _) => self.transaction(first, word(0))?,
            ("create" | "alter" | "drop", "database") => self.database(tokens, &words)?,
            ("backup" | "restore", _) => self.backup(tokens, &words)?,
            ("exec" | "execute", _) => self.execute(tokens)?,
            ("create" | "alter" | "drop", "table") | ("insert" | "delete", _) | ("update", _) => {
                let rows = self.table(tokens, &words)?;
                self.answer.done(rows);
                return Ok(());
            }
            ("create" | "alter" | "grant" | "declare" | "deny" | "revoke", _) => {}
            (other, _) => {
                let text = format!("Incorrect syntax near '{other}': this server does not know it.");
                return Err(Message { severity: 15, ..error(102, first, &text) });
            }
        }
        self.answer.done(None);
        Ok(())
    }

    fn change_database(&mut self, tokens: &[Token]) -> Result<(), Message> {
        let name = tokens.get(1).and_then(Token::name).unwrap_or_default().to_owned();
        if find(self.databases(), &name).is_none() {
            let text =
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly.");
            return Err(error(911, &tokens[0], &text));
        }
        let old = std::mem::replace(&mut self.session.database, name.clone());
        self.answer.database(&name, &old);
        self.inform(5701, 0, &tokens[0], format!("Changed database context to '{name}'."));
        Ok(())
    }

    /// `SET A ON` and `SET A, B ON`.
    fn set(&mut self, words: &[String]) {
        let Some((value, names)) = words[1..].split_last() else { return };
        for name in names.iter().filter(|name| !name.is_empty()) {
            self.session.settings.insert(name.clone(), value.clone());
        }
    }

    fn transaction(&mut self, first: &Token, word: &str) -> Result<(), Message> {
        let session = &mut *self.session;
        match (word, session.open) {
            ("begin", _) => {
                session.open += 1;
                if session.open == 1 {
                    session.working = Some(self.state.databases.clone());
                    session.descriptor += 1;
                    self.answer.transaction(8, session.descriptor);
                }
            }
            (_, 0) => {
                let (number, verb) = if word == "commit" { (3902, "COMMIT") } else { (3903, "ROLLBACK") };
                let text = format!("The {verb} TRANSACTION request has no corresponding BEGIN TRANSACTION.");
                return Err(error(number, first, &text));
            }
            ("commit", 1) => {
                session.open = 0;
                if let Some(working) = session.working.take() {
                    self.state.databases = working;
                }
                self.answer.transaction(9, session.descriptor);
            }
            ("commit", _) => session.open -= 1,
            _ => {
                session.open = 0;
                session.working = None;
                self.answer.transaction(10, session.descriptor);
            }
        }
        Ok(())
    }

    fn database(&mut self, tokens: &[Token], words: &[String]) -> Result<(), Message> {
        let first = &tokens[0];
        let name = tokens.get(2).and_then(Token::name).unwrap_or_default().to_owned();
        if self.session.open > 0 {
            let text = format!(
                "{} DATABASE statement not allowed within multi-statement transaction.",
                words[0].to_uppercase()
            );
            return Err(Message { state: 6, ..error(226, first, &text) });
        }
        let there = find(&self.state.databases, &name).is_some();
        match (words[0].as_str(), there) {
            ("create", true) => {
                let text = format!("Database '{name}' already exists. Choose a different database name.");
                return Err(Message { state: 3, ..error(1801, first, &text) });
            }
            ("create", false) => {
                let mut database = self.state.new_database(&name);
                created(&mut database, tokens, words);
                self.state.databases.insert(name, database);
            }
            (_, false) => {
                let text = format!(
                    "User does not have permission to alter database '{name}', the database does not exist, or the database is not in a state that allows access checks."
                );
                return Err(Message { state: 4, ..error(5011, first, &text) });
            }
            ("drop", true) => {
                self.state.databases.retain(|known, _| !known.eq_ignore_ascii_case(&name));
            }
            (_, true) => {
                let database = find_mut(&mut self.state.databases, &name);
                database.map_or(Ok(()), |database| altered(database, tokens, words))?;
            }
        }
        Ok(())
    }

    fn backup(&mut self, tokens: &[Token], words: &[String]) -> Result<(), Message> {
        let first = &tokens[0];
        let verb = words[0].to_uppercase();
        if self.session.open > 0 {
            let text = "Cannot perform a backup or restore operation within a transaction.";
            return Err(Message { state: 0, ..error(3021, first, text) });
        }
        let file = tokens.iter().find_map(Token::text).unwrap_or_default().to_owned();
        if words[0] == "restore" {
            return self.read_back(tokens, words, &file);
        }
        let name = tokens.get(2).and_then(Token::name).unwrap_or_default().to_owned();
        let Some(database) = find(&self.state.databases, &name) else {
            let text =
                format!("Database '{name}' does not exist. Make sure that the name is entered correctly.");
            return Err(error(911, first, &text));
        };
        let pages = database.data.pages;
        let has = |word: &str| words.iter().any(|known| known == word);
        if has("init") {
            self.state.backups.retain(|backup| backup.file != file);
        }
        let before = self.state.backups.iter().filter(|backup| backup.file == file).count();
        let text = |word: &str| named_text(tokens, words, word);
        let backup = Backup {
            position: i32::try_from(before).unwrap_or_default() + 1,
            name: text("name"),
            description: text("description"),
            copy_only: has("copy_only"),
            checksums: has("checksum"),
            size_bytes: u64::try_from(pages).unwrap_or_default() * 8192,
            damaged: self.state.damages,
            database: name,
            file,
        };
        let step = words.iter().position(|word| word == "stats");
        let step: i32 = step.and_then(|at| words.get(at + 2)?.parse().ok()).unwrap_or(10);
        for percent in (1..=100 / step).map(|part| part * step) {
            self.inform(3211, 0, first, format!("{percent} percent processed."));
        }
        let text =
            format!("{verb} DATABASE successfully processed {pages} pages in 0.100 seconds (80.000 MB/sec).");
        self.inform(3014, 0, first, text);
        self.state.backups.push(backup);
        Ok(())
    }

    /// `RESTORE VERIFYONLY`: nothing is restored.
    fn read_back(&mut self, tokens: &[Token], words: &[String], file: &str) -> Result<(), Message> {
        let first = &tokens[0];
        let has = |word: &str| words.iter().any(|known| known == word);
        let place = words.iter().position(|word| word == "file");
        let place: i32 = place.and_then(|at| words.get(at + 2)?.parse().ok()).unwrap_or(1);
        let mut of_file = self.state.backups.iter().filter(|backup| backup.file == file).peekable();
        if of_file.peek().is_none() {
            let text = format!(
                "Cannot open backup device '{file}'. Operating system error 2(The system cannot find the file specified.)."
            );
            return Err(Message { state: 2, ..error(3201, first, &text) });
        }
        let Some(backup) = of_file.find(|backup| backup.position == place) else {
            let text = format!("Cannot find file ID {place} on device '{file}'.");
            return Err(error(3287, first, &text));
        };
        if has("checksum") && !backup.checksums {
            let text = "RESTORE WITH CHECKSUM cannot be specified because the backup set does not contain checksum information.";
            return Err(error(3187, first, text));
        }
        if backup.damaged {
            return Err(error(3189, first, "Damage to the backup set was detected."));
        }
        self.inform(3262, 0, first, format!("The backup set on file {place} is valid."));
        Ok(())
    }

    /// The procedures of extended properties, of the database that is named before them or of the session's.
    fn execute(&mut self, tokens: &[Token]) -> Result<(), Message> {
        let first = &tokens[0];
        let (parts, _) = named(tokens, 1);
        let procedure = parts.last().copied().unwrap_or_default().to_lowercase();
        let database = if parts.len() == 3 { parts[0].to_owned() } else { self.session.database.clone() };
        let texts: Vec<&str> = tokens.iter().filter_map(Token::text).collect();
        let (["sp_addextendedproperty" | "sp_updateextendedproperty"], [name, value]) =
            ([procedure.as_str()], texts.as_slice())
        else {
            if let Some(said) = find(&self.state.procedures, &procedure) {
                let said = said.clone();
                return self.failing(first, &procedure, &said);
            }
            let text = format!("Could not find stored procedure '{procedure}'.");
            return Err(error(2812, first, &text));
        };
        let there = find_mut(self.databases(), &database);
        let Some(there) = there else { return Err(error(911, first, "Database does not exist.")) };
        let adds = procedure == "sp_addextendedproperty";
        match (there.properties.contains_key(*name), adds) {
            (true, true) => Err(error(
                15233,
                first,
                &format!(
                    "Property cannot be added. Property '{name}' already exists for 'object specified'."
                ),
            )),
            (false, false) => Err(error(
                15217,
                first,
                &format!(
                    "Property cannot be updated or deleted. Property '{name}' does not exist for 'object specified'."
                ),
            )),
            (true, false) | (false, true) => {
                there.properties.insert((*name).to_owned(), (*value).to_owned());
                Ok(())
            }
        }
    }

    /// A procedure of a story's, which does nothing but fail: with each of these in turn, the last of which ends the batch.
    fn failing(
        &mut self,
        first: &Token,
        procedure: &str,
        said: &[(i32, u32, String)],
    ) -> Result<(), Message> {
        let message = |(number, line, text): &(i32, u32, String)| Message {
            line: *line,
            procedure: procedure.to_owned(),
            ..error(*number, first, text)
        };
        let Some((last, before)) = said.split_last() else { return Ok(()) };
        for message in before.iter().map(message) {
            self.fail(&message, false);
        }
        if self.session.open > 0 && last.0 == 266 {
            self.session.open = 0;
            self.session.working = None;
            self.answer.transaction(10, self.session.descriptor);
        }
        Err(message(last))
    }

    fn table(&mut self, tokens: &[Token], words: &[String]) -> Result<Option<usize>, Message> {
        let first = &tokens[0];
        let skip = match words[0].as_str() {
            "update" => 1,
            "insert" | "delete" => 1 + usize::from(matches!(words[1].as_str(), "into" | "from")),
            _ => 2,
        };
        let (parts, _) = named(tokens, skip);
        let name = parts.last().copied().unwrap_or_default().to_owned();
        let current = self.session.database.clone();
        let Some(database) = find_mut(self.databases(), &current) else { return Ok(None) };
        let rows = find_mut(&mut database.tables, &name);
        match (words[0].as_str(), rows) {
            ("create", Some(_)) => {
                let text = format!("There is already an object named '{name}' in the database.");
                Err(Message { state: 6, ..error(2714, first, &text) })
            }
            ("create", None) => {
                database.tables.insert(name, 0);
                Ok(None)
            }
            ("drop", None) => {
                let text = format!(
                    "Cannot drop the table '{name}', because it does not exist or you do not have permission."
                );
                Err(Message { severity: 11, state: 5, ..error(3701, first, &text) })
            }
            (_, None) => Err(error(208, first, &format!("Invalid object name '{name}'."))),
            ("drop", Some(_)) => {
                database.tables.retain(|known, _| !known.eq_ignore_ascii_case(&name));
                Ok(None)
            }
            ("insert", Some(rows)) => {
                *rows += 1;
                Ok(Some(1))
            }
            (_, Some(rows)) => Ok(usize::try_from(*rows).ok()),
        }
    }
}

/// The text behind a word and its equals sign.
fn named_text(tokens: &[Token], words: &[String], word: &str) -> String {
    let at = words.iter().position(|known| known == word);
    at.and_then(|at| tokens.get(at + 2)?.text()).unwrap_or_default().to_owned()
}

/// The megabytes that follow a word, as pages.
fn pages(words: &[String]) -> Option<i32> {
    let at = words.iter().position(|word| word == "size")?;
    words.get(at + 2)?.trim_end_matches("mb").parse::<i32>().ok().map(|size_mb| size_mb * 128)
}

/// `COLLATE`, and what each file is said to be.
fn created(database: &mut Database, tokens: &[Token], words: &[String]) {
    let after = |name: &str| words.iter().position(|word| word == name).map(|at| at + 1);
    if let Some(collation) = after("collate").and_then(|at| tokens.get(at)?.name()) {
        collation.clone_into(&mut database.collation);
    }
    let log = after("log").unwrap_or(tokens.len());
    for (file, part) in [(&mut database.data, 0..log), (&mut database.log, log..tokens.len())] {
        let texts: Vec<&str> = tokens[part.clone()].iter().filter_map(Token::text).collect();
        if let [name, path] = texts.as_slice() {
            (*name).clone_into(&mut file.name);
            (*path).clone_into(&mut file.path);
        }
        if let Some(size) = pages(&words[part]) {
            file.pages = size;
        }
    }
}

/// `SET ONLINE`, `SET RECOVERY` and `MODIFY FILE`.
fn altered(database: &mut Database, tokens: &[Token], words: &[String]) -> Result<(), Message> {
    let last = words.iter().map(String::as_str).rfind(|word| !word.is_empty());
    let word = |at: usize| words.get(at).map_or("", String::as_str);
    match (word(3), word(4)) {
        ("set", "online") => "ONLINE".clone_into(&mut database.status),
        ("set", "offline") => "OFFLINE".clone_into(&mut database.status),
        ("set", "recovery") => database.recovery = last.unwrap_or_default().to_uppercase(),
        ("modify", "file") => {
            let name = tokens.iter().find_map(Token::text).unwrap_or_default();
            let size = pages(words).unwrap_or_default();
            let files = [&mut database.data, &mut database.log];
            let Some(file) = files.into_iter().find(|file| file.name == name) else {
                let text = format!("MODIFY FILE failed. File '{name}' does not exist.");
                return Err(error(5041, &tokens[0], &text));
            };
            if size <= file.pages {
                let text = "MODIFY FILE failed. Specified size is less than or equal to current size.";
                return Err(error(5039, &tokens[0], text));
            }
            file.pages = size;
        }
        _ => {}
    }
    Ok(())
}
