//! The tokens of an answer, as bytes (MS-TDS 2.2.7).
//!
//! Neighbours: `login` and `session` put answers together of them. Texts are UTF-16, little end first.

/// A value in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Cell {
    /// A `nvarchar`.
    Text(String),
    /// An `int`.
    Int(i32),
    /// A `sql_variant` with a `nvarchar` in it, as `SERVERPROPERTY` answers.
    Variant(String),
    /// No value, in a column of `nvarchar`.
    Null,
}

/// What a statement says on the side: an information, or above severity 10 an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) number: i32,
    pub(crate) severity: u8,
    pub(crate) state: u8,
    pub(crate) line: u32,
    /// The procedure that said it; empty where it is the batch.
    pub(crate) procedure: String,
    pub(crate) text: String,
}

/// More follows.
const MORE: u16 = 0x01;
const ERROR: u16 = 0x02;
const COUNT: u16 = 0x10;
/// A request to stop was heard.
const ATTENTION: u16 = 0x20;
/// `SQL_Latin1_General_CP1_CI_AS`.
const COLLATION: [u8; 5] = [0x09, 0x04, 0xD0, 0x00, 0x34];
const SERVER: &str = "MUSTER-TDS";

/// The bytes of an answer.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    bytes: Vec<u8>,
    /// Where the status of the newest DONE is.
    last_done: Option<usize>,
}

impl Answer {
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The log-on took place. Version 15.0.
    pub(crate) fn logged_in(&mut self) {
        let mut body = vec![1, 0x74, 0, 0, 4];
        short(&mut body, "Microsoft SQL Server");
        body.extend([15, 0, 0x11, 0x03]);
        self.token(0xAD, &body);
    }

    /// A client may connect anew by itself; there is nothing that it must know for that.
    pub(crate) fn recovers(&mut self) {
        self.bytes.extend([0xAE, 1, 0, 0, 0, 0, 0xFF]);
    }

    /// The session's database is another.
    pub(crate) fn database(&mut self, new: &str, old: &str) {
        let mut body = vec![1];
        short(&mut body, new);
        short(&mut body, old);
        self.token(0xE3, &body);
    }

    /// How large packets are, and how texts are sorted.
    pub(crate) fn settings(&mut self) {
        let mut size = vec![4];
        short(&mut size, "4096");
        short(&mut size, "4096");
        self.token(0xE3, &size);
        let collation = [&[7, 5], COLLATION.as_slice(), &[0]].concat();
        self.token(0xE3, &collation);
    }

    /// A transaction began (8), was committed (9) or rolled back (10).
    pub(crate) fn transaction(&mut self, what: u8, descriptor: u64) {
        let id = descriptor.to_le_bytes();
        let body = if what == 8 {
            [&[what, 8], id.as_slice(), &[0]].concat()
        } else {
            [&[what, 0, 8], id.as_slice()].concat()
        };
        self.token(0xE3, &body);
    }

    /// A message.
    pub(crate) fn message(&mut self, message: &Message) {
        let mut body = message.number.to_le_bytes().to_vec();
        body.extend([message.state, message.severity]);
        long(&mut body, &message.text);
        short(&mut body, SERVER);
        short(&mut body, &message.procedure);
        body.extend(message.line.to_le_bytes());
        self.token(if message.severity > 10 { 0xAA } else { 0xAB }, &body);
    }

    /// A result set; the columns' types are those of the first row.
    pub(crate) fn rows(&mut self, columns: &[&str], rows: &[Vec<Cell>]) {
        self.bytes.push(0x81);
        self.bytes.extend(length(columns.len()));
        for (index, name) in columns.iter().enumerate() {
            self.bytes.extend([0, 0, 0, 0, 0x09, 0]);
            let first = rows.first().and_then(|row| row.get(index));
            match first.unwrap_or(&Cell::Null) {
                Cell::Int(_) => self.bytes.extend([0x26, 4]),
                Cell::Variant(_) => self.bytes.extend([0x62, 0x49, 0x1F, 0, 0]),
                Cell::Text(_) | Cell::Null => {
                    self.bytes.extend([0xE7, 0x40, 0x1F]);
                    self.bytes.extend(COLLATION);
                }
            }
            short(&mut self.bytes, name);
        }
        for row in rows {
            self.bytes.push(0xD1);
            row.iter().for_each(|cell| self.cell(cell));
        }
        self.done(Some(rows.len()));
    }

    fn cell(&mut self, cell: &Cell) {
        match cell {
            Cell::Null => self.bytes.extend([0xFF, 0xFF]),
            Cell::Int(value) => {
                self.bytes.push(4);
                self.bytes.extend(value.to_le_bytes());
            }
            Cell::Text(text) => {
                let text = utf16(text);
                self.bytes.extend(length(text.len()));
                self.bytes.extend(text);
            }
            Cell::Variant(text) => {
                let text = utf16(text);
                // The type that is in it, with its properties: collation and longest length.
                let whole = u32::try_from(text.len() + 9).unwrap_or(u32::MAX);
                self.bytes.extend(whole.to_le_bytes());
                self.bytes.extend([0xE7, 7]);
                self.bytes.extend(COLLATION);
                self.bytes.extend([0x40, 0x1F]);
                self.bytes.extend(text);
            }
        }
    }

    /// A statement ended, with how many rows it was about.
    pub(crate) fn done(&mut self, rows: Option<usize>) {
        let status = MORE | if rows.is_some() { COUNT } else { 0 };
        self.status(status, rows.unwrap_or_default());
    }

    /// A statement failed.
    pub(crate) fn failed(&mut self) {
        self.status(MORE | ERROR, 0);
    }

    /// A request to stop was heard.
    pub(crate) fn stopped(&mut self) {
        self.status(ATTENTION, 0);
    }

    /// Nothing follows.
    pub(crate) fn end(&mut self) {
        if self.last_done.is_none() {
            self.done(None);
        }
        if let Some(at) = self.last_done {
            self.bytes[at] &= !1;
        }
    }

    fn status(&mut self, status: u16, rows: usize) {
        self.bytes.push(0xFD);
        self.last_done = Some(self.bytes.len());
        self.bytes.extend(status.to_le_bytes());
        self.bytes.extend([0, 0]);
        self.bytes.extend((rows as u64).to_le_bytes());
    }

    fn token(&mut self, kind: u8, body: &[u8]) {
        self.bytes.push(kind);
        self.bytes.extend(length(body.len()));
        self.bytes.extend_from_slice(body);
    }
}

/// A text as the wire has it.
pub(crate) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A text of the wire.
pub(crate) fn from_utf16(bytes: &[u8]) -> String {
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    String::from_utf16_lossy(&units)
}

fn length(length: usize) -> [u8; 2] {
    u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes()
}

/// A text after its length in one byte.
fn short(to: &mut Vec<u8>, text: &str) {
    let text = utf16(text);
    to.push(u8::try_from(text.len() / 2).unwrap_or(u8::MAX));
    to.extend(text);
}

/// A text after its length in two bytes.
fn long(to: &mut Vec<u8>, text: &str) {
    let text = utf16(text);
    to.extend(length(text.len() / 2));
    to.extend(text);
}
