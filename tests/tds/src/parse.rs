//! T-SQL cut into statements, as far as this server needs it.
//!
//! Neighbours: `statement` runs what is cut here. A statement ends at a semicolon, or where a line begins with a word that
//! begins one. Knows no expressions.

use std::iter::Peekable;
use std::str::Chars;

/// A word, a name in brackets, a text in quotation marks, or a sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    Word(String),
    Name(String),
    Text(String),
    Sign(char),
}

/// One of them, with its line from 1 and whether it begins that line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) line: u32,
    first: bool,
}

/// A statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Statement {
    /// One of one kind of words.
    Plain(Vec<Token>),
    /// `IF`, with `ELSE` or without.
    If(Vec<Token>, Box<Statement>, Option<Box<Statement>>),
    /// `BEGIN` and `END`.
    Block(Vec<Statement>),
}

const STARTS: [&str; 26] = [
    "alter",
    "backup",
    "begin",
    "commit",
    "create",
    "declare",
    "delete",
    "deny",
    "drop",
    "exec",
    "execute",
    "grant",
    "if",
    "insert",
    "print",
    "raiserror",
    "restore",
    "revoke",
    "rollback",
    "save",
    "select",
    "set",
    "throw",
    "update",
    "use",
    "waitfor",
];

impl Token {
    /// The word in small letters; nothing for anything else.
    pub(crate) fn word(&self) -> String {
        match &self.kind {
            Kind::Word(word) => word.to_lowercase(),
            Kind::Name(_) | Kind::Text(_) | Kind::Sign(_) => String::new(),
        }
    }

    /// What it names: a word or a name.
    pub(crate) fn name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Word(name) | Kind::Name(name) => Some(name),
            Kind::Text(_) | Kind::Sign(_) => None,
        }
    }

    /// The text that it is.
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::Word(_) | Kind::Name(_) | Kind::Sign(_) => None,
        }
    }

    pub(crate) fn is(&self, sign: char) -> bool {
        self.kind == Kind::Sign(sign)
    }

    fn starts(&self) -> bool {
        STARTS.contains(&self.word().as_str())
    }
}

/// The statements of a batch.
pub(crate) fn statements(batch: &str, quoted_identifier: bool) -> Vec<Statement> {
    let tokens = tokens(batch, quoted_identifier);
    let (mut at, mut found) = (0, Vec::new());
    while at < tokens.len() {
        found.extend(statement(&tokens, &mut at));
    }
    found
}

fn statement(tokens: &[Token], at: &mut usize) -> Option<Statement> {
    let first = tokens.get(*at)?;
    if first.is(';') {
        *at += 1;
        return None;
    }
    match first.word().as_str() {
        "if" => {
            let start = *at + 1;
            *at = start;
            let mut depth = 0;
            while let Some(token) = tokens.get(*at) {
                depth += i32::from(token.is('(')) - i32::from(token.is(')'));
                if depth == 0 && token.starts() {
                    break;
                }
                *at += 1;
            }
            let condition = tokens[start..*at].to_vec();
            let then = Box::new(statement(tokens, at)?);
            let otherwise = tokens.get(*at).is_some_and(|token| token.word() == "else");
            *at += usize::from(otherwise);
            let otherwise = if otherwise { statement(tokens, at).map(Box::new) } else { None };
            Some(Statement::If(condition, then, otherwise))
        }
        "begin" if !tokens.get(*at + 1).is_some_and(|next| next.word().starts_with("tran")) => {
            *at += 1;
            let mut block = Vec::new();
            while tokens.get(*at).is_some_and(|token| token.word() != "end") {
                block.extend(statement(tokens, at));
            }
            *at += 1;
            Some(Statement::Block(block))
        }
        _ => Some(Statement::Plain(plain(tokens, at))),
    }
}

fn plain(tokens: &[Token], at: &mut usize) -> Vec<Token> {
    let start = *at;
    let first = tokens[start].word();
    let second = tokens.get(start + 1).map(Token::word).unwrap_or_default();
    let is_module = ["procedure", "proc", "view", "trigger", "function"].contains(&second.as_str());
    let mut depth = 0;
    *at += 1;
    while let Some(token) = tokens.get(*at) {
        depth += i32::from(token.is('(')) - i32::from(token.is(')'));
        // `INSERT ... SELECT`, `UPDATE ... SET` and `ALTER DATABASE ... SET` go on in the next line.
        let goes_on = matches!(
            (first.as_str(), token.word().as_str()),
            ("insert", "select")
                | ("update" | "alter", "set")
                | ("declare" | "grant" | "deny" | "revoke", "select")
        );
        let ends = depth == 0 && (["else", "end"].contains(&token.word().as_str()) || token.is(';'));
        let next = depth == 0 && token.first && token.starts() && !goes_on;
        if !is_module && (ends || next) {
            break;
        }
        *at += 1;
    }
    tokens[start..*at].to_vec()
}

/// The tokens of a batch, without comments.
pub(crate) fn tokens(batch: &str, quoted_identifier: bool) -> Vec<Token> {
    let mut characters = batch.chars().peekable();
    let (mut line, mut first, mut found) = (1, true, Vec::new());
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        let start = line;
        let kind = match character {
            '\n' => {
                line += 1;
                first = true;
                continue;
            }
            '-' if next == Some('-') => {
                while characters.next_if(|c| *c != '\n').is_some() {}
                continue;
            }
            '/' if next == Some('*') => {
                comment(&mut characters, &mut line);
                continue;
            }
            'N' | 'n' if next == Some('\'') => {
                characters.next();
                Kind::Text(until(&mut characters, '\'', &mut line))
            }
            '\'' => Kind::Text(until(&mut characters, '\'', &mut line)),
            '"' if quoted_identifier => Kind::Name(until(&mut characters, '"', &mut line)),
            '"' => Kind::Text(until(&mut characters, '"', &mut line)),
            '[' => Kind::Name(until(&mut characters, ']', &mut line)),
            other if other.is_whitespace() => continue,
            other if is_of_word(other) => {
                let mut word = String::from(other);
                while let Some(more) = characters.next_if(|c| is_of_word(*c)) {
                    word.push(more);
                }
                Kind::Word(word)
            }
            sign => Kind::Sign(sign),
        };
        found.push(Token { kind, line: start, first });
        first = false;
    }
    found
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "_@#$".contains(character)
}

/// What stands before the end, which is written twice where it is meant itself.
fn until(characters: &mut Peekable<Chars<'_>>, end: char, line: &mut u32) -> String {
    let mut text = String::new();
    while let Some(character) = characters.next() {
        if character == end && characters.next_if_eq(&end).is_none() {
            break;
        }
        *line += u32::from(character == '\n');
        text.push(character);
    }
    text
}

/// Skips a comment and those in it.
fn comment(characters: &mut Peekable<Chars<'_>>, line: &mut u32) {
    let mut depth = 1;
    characters.next();
    while let Some(character) = characters.next() {
        *line += u32::from(character == '\n');
        match (character, characters.peek()) {
            ('/', Some('*')) => depth += 1,
            ('*', Some('/')) => depth -= 1,
            _ => continue,
        }
        characters.next();
        if depth == 0 {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn firsts(batch: &str) -> Vec<String> {
        let first = |statement: &Statement| match statement {
            Statement::Plain(tokens) => tokens[0].word(),
            Statement::If(..) => "if".to_owned(),
            Statement::Block(_) => "block".to_owned(),
        };
        statements(batch, false).iter().map(first).collect()
    }

    #[test]
    fn a_batch_is_cut_where_statements_begin() {
        assert_eq!(
            firsts("PRINT 'a; b'; SET NOCOUNT ON\nINSERT INTO T\nSELECT 1\nUPDATE T\nSET A = 1"),
            ["print", "set", "insert", "update"]
        );
        assert_eq!(
            firsts("IF EXISTS (SELECT 1) EXEC a ELSE EXEC b\nBEGIN TRAN\nBEGIN\nPRINT 'x'\nEND"),
            ["if", "begin", "block"]
        );
        assert_eq!(firsts("CREATE PROCEDURE p AS\nSELECT 1\nSELECT 2"), ["create"]);
    }

    #[test]
    fn names_and_texts_are_what_they_mean_and_lines_count() {
        let found = tokens("/* a /* b */ \n */ SELECT [a]]b], N'it''s' -- c\n, \"q\"", false);
        assert_eq!(found[1].kind, Kind::Name("a]b".to_owned()));
        assert_eq!(found[3].text(), Some("it's"));
        assert_eq!((found[0].line, found[4].line), (2, 3));
        assert_eq!(found[5].text(), Some("q"));
        assert_eq!(tokens("\"q\"", true)[0].kind, Kind::Name("q".to_owned()));
    }
}
