//! A batch as words, names, texts and signs, without comments: as much as can be known of T-SQL without its grammar.
//!
//! Neighbours: `transaction` and `settings` look for statements in it. Words are compared as T-SQL compares them, without case.

/// One of them, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'b>(pub(super) &'b str);

impl<'b> Token<'b> {
    /// Whether it is that word, or that sign.
    pub(super) fn is(self, word: &str) -> bool {
        self.0.eq_ignore_ascii_case(word)
    }

    /// Whether it is one of these words.
    pub(super) fn is_one_of(self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// What it names, in brackets or bare: a variable and a text name nothing.
    pub(super) fn name(self) -> Option<&'b str> {
        match self.0.chars().next() {
            Some('[') => Some(self.0.trim_start_matches('[').trim_end_matches(']')),
            Some('"') => Some(self.0.trim_matches('"')),
            Some(first) if first != '@' && is_of_word(first) && !self.is_text() => Some(self.0),
            _ => None,
        }
    }

    /// Whether it is a text in quotation marks.
    pub(super) fn is_text(self) -> bool {
        self.0.starts_with('\'') || self.0.starts_with("N'") || self.0.starts_with("n'")
    }
}

/// Goes through a batch.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'b> {
    rest: &'b str,
}

/// The tokens of a batch.
pub(super) fn tokens(batch: &str) -> Tokens<'_> {
    Tokens { rest: batch }
}

impl<'b> Tokens<'b> {
    /// The token that comes so many after the next one, which stays the next one.
    pub(super) fn ahead(&self, by: usize) -> Token<'b> {
        self.clone().nth(by).unwrap_or(Token(""))
    }
}

impl<'b> Iterator for Tokens<'b> {
    type Item = Token<'b>;

    fn next(&mut self) -> Option<Token<'b>> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            let length = match first {
                '\'' | '"' => quoted(self.rest, first),
                '[' => quoted(self.rest, ']'),
                'N' | 'n' if self.rest.get(1..2) == Some("'") => {
                    1 + quoted(self.rest.get(1..).unwrap_or_default(), '\'')
                }
                _ if is_of_word(first) => self.rest.find(|c| !is_of_word(c)).unwrap_or(self.rest.len()),
                _ if self.rest.starts_with("--") => {
                    self.take(self.rest.find('\n').unwrap_or(self.rest.len()));
                    continue;
                }
                _ if self.rest.starts_with("/*") => {
                    self.take(comment(self.rest));
                    continue;
                }
                sign => sign.len_utf8(),
            };
            return Some(Token(self.take(length)));
        }
    }
}

impl<'b> Tokens<'b> {
    fn take(&mut self, length: usize) -> &'b str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        taken
    }
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || "_@#$".contains(character)
}

/// The length of what begins with a quotation mark or bracket: up to its end, which is written twice where it is meant itself.
fn quoted(text: &str, end: char) -> usize {
    let mut characters = text.char_indices().skip(1).peekable();
    while let Some((place, character)) = characters.next() {
        if character == end && characters.next_if(|(_, next)| *next == end).is_none() {
            return place + end.len_utf8();
        }
    }
    text.len()
}

/// The length of a comment, with those within it.
fn comment(text: &str) -> usize {
    let (mut depth, mut characters) = (0_u32, text.char_indices().peekable());
    while let Some((place, character)) = characters.next() {
        let next = characters.peek().map(|(_, next)| *next);
        match (character, next) {
            ('/', Some('*')) => depth = depth.saturating_add(1),
            ('*', Some('/')) => depth = depth.saturating_sub(1),
            _ => continue,
        }
        characters.next();
        if depth == 0 {
            return place + 2;
        }
    }
    text.len()
}

/// Whether a batch only makes a procedure, trigger, function or view, and carries nothing out of what is written in it.
pub(super) fn makes_module(batch: &str) -> bool {
    let tokens = tokens(batch);
    let after = if tokens.ahead(1).is("or") { 3 } else { 1 };
    let modules = ["procedure", "proc", "trigger", "function", "view"];
    tokens.ahead(0).is_one_of(&["create", "alter"]) && tokens.ahead(after).is_one_of(&modules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_and_comments_end_where_the_server_ends_them() {
        let found = |batch| tokens(batch).map(|token| token.0).collect::<Vec<_>>();
        assert_eq!(
            found("SET a,[b]]c] /* x /* y */ 'z */ = N'it''s'-- é\r\n\"q\"\"\"(#t)"),
            ["SET", "a", ",", "[b]]c]", "=", "N'it''s'", "\"q\"\"\"", "(", "#t", ")"]
        );
        assert_eq!(found("a/b-c 'open"), ["a", "/", "b", "-", "c", "'open"]);
        assert_eq!(found("/* open"), Vec::<&str>::new());
        assert_eq!(found("é日\u{a0}n"), ["é日", "n"]);
    }

    #[test]
    fn a_name_is_the_same_in_brackets_and_bare() {
        let name = |text| Token(text).name();
        assert_eq!([name("[a b]"), name("\"a\""), name("#t")], [Some("a b"), Some("a"), Some("#t")]);
        assert_eq!([name("@x"), name("'a'"), name("N'a'"), name("=")], [None; 4]);
        assert!(makes_module("/* a */ create or alter\nproc p as") && makes_module("ALTER VIEW v AS"));
        assert!(!makes_module("CREATE TABLE procedure_log (Id int)"));
    }
}
