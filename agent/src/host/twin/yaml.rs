//! Reads a declaration: YAML text into [`Declaration`], each error with its place.
//!
//! A small part of YAML is enough and the rest is refused: one document, no anchors, no tags. `true` and `false` are
//! booleans and whole numbers numbers; everything else is text, so that a version such as `6.0` keeps its form.
//! Neighbours: `cli` calls it. Never used for the documents that are pushed: those are read by `muster-model`.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};
use thiserror::Error;

use super::catalogue::Declaration;

/// Nesting of a declaration; a real one has six levels.
const DEPTH: usize = 16;

/// What is wrong with a declaration, and where.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line}, column {column}: {message}")]
pub struct Error {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

fn error(span: Span, message: impl Into<String>) -> Error {
    Error { line: span.start.line(), column: span.start.col() + 1, message: message.into() }
}

/// Reads a declaration.
pub fn read(text: &str) -> Result<Declaration, Error> {
    let mut reader = Reader { parser: Parser::new_from_str(text), places: BTreeMap::new(), path: Vec::new() };
    let value = reader.document()?;
    let places = reader.places;
    let top = || places.get("").copied().unwrap_or_default();
    check_parts(&value, &places)?;
    serde_json::from_value(value).map_err(|wrong| error(top(), wrong.to_string()))
}

/// Tries each part on its own first, so that an error can name the line of its part and not of the whole.
fn check_parts(value: &Value, places: &BTreeMap<String, Span>) -> Result<(), Error> {
    use super::catalogue::{Effects, ServiceMade};
    fn check<T: serde::de::DeserializeOwned>(part: &Value, place: Span, what: &str) -> Result<(), Error> {
        match serde_json::from_value::<T>(part.clone()) {
            Ok(_) => Ok(()),
            Err(wrong) => Err(error(place, format!("{what}: {wrong}"))),
        }
    }
    let members = |path: &str| -> Vec<(String, Value)> {
        let map = value.pointer(path).and_then(Value::as_object);
        map.into_iter().flatten().map(|(key, part)| (key.clone(), part.clone())).collect()
    };
    let place = |path: &str| places.get(path).copied().unwrap_or_default();
    for (name, part) in members("/services") {
        check::<ServiceMade>(&part, place(&pointer(&["services", &name])), &format!("service {name}"))?;
    }
    for (package, _) in members("/packages") {
        let path = pointer(&["packages", &package]);
        for (version, part) in members(&path) {
            let path = pointer(&["packages", &package, &version]);
            for (service, part) in part.get("services").and_then(Value::as_object).into_iter().flatten() {
                let path = format!("{path}{}", pointer(&["services", service]));
                check::<ServiceMade>(part, place(&path), &format!("service {service}"))?;
            }
            check::<Effects>(&part, place(&path), &format!("package {package} {version}"))?;
        }
    }
    Ok(())
}

/// A JSON pointer (RFC 6901).
fn pointer(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}

struct Reader<'text> {
    parser: Parser<'text, StrInput<'text>>,
    /// Where the value at each JSON pointer begins.
    places: BTreeMap<String, Span>,
    path: Vec<String>,
}

impl<'text> Reader<'text> {
    fn next(&mut self) -> Result<(Event<'text>, Span), Error> {
        match self.parser.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(wrong)) => Err(Error {
                line: wrong.marker().line(),
                column: wrong.marker().col() + 1,
                message: wrong.info().to_owned(),
            }),
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn document(&mut self) -> Result<Value, Error> {
        loop {
            match self.next()? {
                (Event::StreamStart | Event::DocumentStart(_) | Event::Nothing, _) => {}
                (Event::StreamEnd, span) => return Err(error(span, "there is nothing in this file")),
                (event, span) => {
                    let value = self.value(event, span)?;
                    return match (self.next()?, self.next()?) {
                        ((Event::DocumentEnd, _), (Event::StreamEnd, _)) => Ok(value),
                        (_, (_, span)) => Err(error(span, "one file holds one declaration")),
                    };
                }
            }
        }
    }

    fn value(&mut self, event: Event<'text>, span: Span) -> Result<Value, Error> {
        if self.path.len() > DEPTH {
            return Err(error(span, format!("more than {DEPTH} levels")));
        }
        let keys: Vec<&str> = self.path.iter().map(String::as_str).collect();
        self.places.insert(pointer(&keys), span);
        let anchored = "anchors, aliases and tags are not used in a declaration: write the value out";
        match event {
            Event::Scalar(text, style, 0, None) => Ok(scalar(&text, style)),
            Event::SequenceStart(0, None) => self.sequence(),
            Event::MappingStart(0, None) => self.mapping(),
            Event::Scalar(..) | Event::SequenceStart(..) | Event::MappingStart(..) | Event::Alias(_) => {
                Err(error(span, anchored))
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => Err(error(span, "a value is missing")),
        }
    }

    fn sequence(&mut self) -> Result<Value, Error> {
        let mut values = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::Array(values)),
                (event, span) => {
                    self.path.push(values.len().to_string());
                    values.push(self.value(event, span)?);
                    self.path.pop();
                }
            }
        }
    }

    fn mapping(&mut self) -> Result<Value, Error> {
        let mut map = Map::new();
        loop {
            let (key, span) = match self.next()? {
                (Event::MappingEnd, _) => return Ok(Value::Object(map)),
                (Event::Scalar(text, _, 0, None), span) => (text.into_owned(), span),
                (_, span) => return Err(error(span, "a key must be a word")),
            };
            if map.contains_key(&key) {
                return Err(error(span, format!("{key} is there twice")));
            }
            self.path.push(key.clone());
            let (event, span) = self.next()?;
            let value = self.value(event, span)?;
            self.path.pop();
            map.insert(key, value);
        }
    }
}

fn scalar(text: &str, style: ScalarStyle) -> Value {
    if style != ScalarStyle::Plain {
        return Value::String(text.to_owned());
    }
    match text {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        // An empty mapping is often written as nothing at all.
        "" | "~" | "null" => Value::Null,
        _ => text.parse::<i64>().map_or_else(|_| Value::String(text.to_owned()), Value::from),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SMALL: &str = "\
kind: Twin
host_name: DUP-WEB01
packages:
  common-services:
    6.0:
      install_ms: 10
      uninstall_ms: 10
      services:
        SCPSServer: {start: manual, start_delay_ms: 5}
";

    fn fails_at(text: &str, line: usize, words: &str) {
        let error = read(text).unwrap_err();
        assert_eq!(error.line, line, "{error}");
        assert!(error.message.contains(words), "{error}");
    }

    #[test]
    fn a_version_keeps_the_form_in_which_it_was_written() {
        let declaration = read(SMALL).unwrap();
        let versions: Vec<String> =
            declaration.packages["common-services"].keys().map(ToString::to_string).collect();
        assert_eq!(versions, ["6.0"]);
    }

    #[test]
    fn an_error_names_its_line_and_what_was_expected() {
        fails_at(&SMALL.replace("start: manual", "start: sometimes"), 9, "sometimes");
        fails_at(&SMALL.replace("install_ms: 10\n      un", "instal_ms: 10\n      un"), 6, "instal_ms");
        fails_at(&SMALL.replace("kind: Twin", "kind: Site"), 1, "Site");
        fails_at(&format!("{SMALL}host_name: B\n"), 10, "twice");
        fails_at(&SMALL.replace("manual", "&a manual"), 9, "anchors");
        fails_at("", 1, "nothing");
        fails_at(&format!("{SMALL}---\nkind: Twin\n"), 10, "one declaration");
        fails_at(&format!("kind: {}", "[".repeat(40)), 1, "levels");
    }

    #[test]
    fn the_example_is_a_declaration() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/examples/sxa/twin-dup-web01.yaml");
        let declaration = read(&std::fs::read_to_string(path).unwrap()).unwrap();
        let packages: Vec<&String> = declaration.packages.keys().collect();
        assert_eq!(packages, ["advanced", "bank-format-library", "common-services", "treasury"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "[-a-z:{}\\[\\]&*!#'\"| \n\t0-9.]{0,200}") {
            let _answer = read(&text);
        }
    }
}
