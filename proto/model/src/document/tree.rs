//! One document's text as a tree with a place at every value.
//!
//! Neighbours: `source` cuts the text, `shape` and the kinds read the tree. The tree keeps scalars as they were written,
//! quoted or not; what a scalar means is decided where it is known what is wanted. Depth and size are bounded while the
//! tree grows, with aliases counted as what they stand for.

use std::collections::{BTreeMap, BTreeSet};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput};

use super::Place;
use super::source::count;
use crate::diagnostic::Report;
use crate::limits::{DOCUMENT_DEPTH, DOCUMENT_NODES};

/// A value and where it begins.
#[derive(Debug, Clone)]
pub(crate) struct Yaml {
    pub(crate) place: Place,
    pub(crate) data: Data,
}

/// What a value is.
#[derive(Debug, Clone)]
pub(crate) enum Data {
    /// A scalar; `plain` is one without quotes and not a block.
    Scalar { text: String, plain: bool },
    /// A list.
    List(Vec<Yaml>),
    /// A map, in the order of the file.
    Map(Vec<Entry>),
    /// Something that was already reported; readers pass over it in silence.
    Broken,
}

/// A key and its value.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) place: Place,
    pub(crate) value: Yaml,
}

/// Nothing more can be made of the document; the reason is in the report.
struct Stop;

/// The one document in this text, or nothing where it cannot be read as YAML at all.
pub(super) fn parse(text: &str, report: &mut Report<'_>) -> Option<Yaml> {
    let mut builder =
        Builder { text, report, frames: Vec::new(), anchors: BTreeMap::new(), nodes: 0, root: None };
    let mut parser = Parser::new_from_str(text);
    builder.run(&mut parser).ok()?;
    builder.root
}

/// The commonest slip with expressions; whatever the parser stumbles over after it comes from it.
const UNQUOTED_EXPRESSION: &str = "unquoted-expression";

/// A list or map that is not finished.
struct Frame {
    place: Place,
    anchor: usize,
    nodes_before: u64,
    content: Content,
}

enum Content {
    List(Vec<Yaml>),
    Map { entries: Vec<Entry>, keys: BTreeSet<String>, key: Option<(String, Place)>, broken: bool },
}

/// A value that an alias may stand for.
struct Anchored {
    value: Yaml,
    nodes: u64,
    depth: u64,
}

struct Builder<'t, 'r, 's> {
    text: &'t str,
    report: &'r mut Report<'s>,
    frames: Vec<Frame>,
    anchors: BTreeMap<usize, Anchored>,
    nodes: u64,
    root: Option<Yaml>,
}

impl Builder<'_, '_, '_> {
    fn run(&mut self, parser: &mut Parser<'_, StrInput<'_>>) -> Result<(), Stop> {
        while let Some(next) = parser.next_event() {
            match next {
                Ok((event, span)) => self.event(event, span)?,
                Err(error) => return Err(self.not_yaml(&error)),
            }
        }
        Ok(())
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Stop> {
        let place = place(span.start);
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => Ok(()),
            Event::DocumentStart(_) if self.root.is_some() => {
                self.report.push(
                    place,
                    "document-separator",
                    "a second document begins here without a line `---` before it",
                    "write a line `---` between two documents",
                );
                Err(Stop)
            }
            Event::DocumentStart(_) => Ok(()),
            Event::Alias(anchor) => self.alias(anchor, place),
            Event::Scalar(text, style, anchor, tag) => {
                self.no_tag(tag.is_some(), place)?;
                self.grow(place, 1, 0)?;
                let plain = style == ScalarStyle::Plain;
                self.done(Yaml { place, data: Data::Scalar { text: text.into_owned(), plain } }, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.open(Content::List(Vec::new()), place, anchor, tag.is_some())
            }
            Event::MappingStart(anchor, tag) => {
                let content =
                    Content::Map { entries: Vec::new(), keys: BTreeSet::new(), key: None, broken: false };
                self.open(content, place, anchor, tag.is_some())
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(),
        }
    }

    fn open(&mut self, content: Content, place: Place, anchor: usize, tagged: bool) -> Result<(), Stop> {
        self.no_tag(tagged, place)?;
        let nodes_before = self.nodes;
        self.grow(place, 1, 1)?;
        self.frames.push(Frame { place, anchor, nodes_before, content });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Stop> {
        let Some(Frame { place, anchor, nodes_before, content }) = self.frames.pop() else {
            return Ok(());
        };
        let data = match content {
            Content::List(values) => Data::List(values),
            Content::Map { broken: true, .. } => Data::Broken,
            Content::Map { entries, .. } => Data::Map(entries),
        };
        let nodes = self.nodes - nodes_before;
        self.done(Yaml { place, data }, anchor, nodes)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), Stop> {
        let Some(Anchored { value, nodes, depth }) = self.anchors.get(&anchor) else {
            self.report.push(
                place,
                "recursive-alias",
                "this alias stands inside the value that it repeats",
                "write the value out instead of the alias",
            );
            return Err(Stop);
        };
        let (nodes, depth) = (*nodes, *depth);
        let value = Yaml { place, data: value.data.clone() };
        self.grow(place, nodes, depth)?;
        self.done(value, 0, nodes)
    }

    /// Puts a finished value where it belongs.
    fn done(&mut self, value: Yaml, anchor: usize, nodes: u64) -> Result<(), Stop> {
        if anchor > 0 {
            let depth = depth(&value);
            self.anchors.insert(anchor, Anchored { value: value.clone(), nodes, depth });
        }
        match self.frames.last_mut().map(|frame| &mut frame.content) {
            None => self.root = Some(value),
            Some(Content::List(values)) => values.push(value),
            Some(Content::Map { entries, keys, key, broken }) => match (key.take(), value.data) {
                (None, Data::Scalar { text, .. }) => *key = Some((text, value.place)),
                (None, data) => {
                    *key = Some((String::new(), value.place));
                    if !*broken {
                        *broken = true;
                        self.key_is_no_text(value.place, matches!(data, Data::List(_)));
                    }
                }
                (Some((key, place)), data) => {
                    let value = Yaml { place: value.place, data };
                    if keys.insert(key.clone()) {
                        entries.push(Entry { key, place, value });
                    } else {
                        self.duplicate_key(&key, place);
                    }
                }
            },
        }
        Ok(())
    }

    /// Counts nodes, and refuses what grows too large or too deep before it is built.
    fn grow(&mut self, place: Place, nodes: u64, depth: u64) -> Result<(), Stop> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > DOCUMENT_NODES {
            self.report.push(
                place,
                "too-many-values",
                format!(
                    "the document has more than {DOCUMENT_NODES} values, aliases counted as what they repeat"
                ),
                "split the document, or write values out instead of repeating them by aliases",
            );
            return Err(Stop);
        }
        if self.frames.len() as u64 + depth > DOCUMENT_DEPTH {
            self.report.push(
                place,
                "too-deep",
                format!("lists and maps are nested more than {DOCUMENT_DEPTH} deep"),
                "check the indentation and the brackets",
            );
            return Err(Stop);
        }
        Ok(())
    }

    fn no_tag(&mut self, tagged: bool, place: Place) -> Result<(), Stop> {
        if tagged {
            self.report.push(
                place,
                "yaml-tag",
                "YAML tags (words that begin with `!`) are not used here",
                "remove the tag; put quotes round a value that is text",
            );
            return Err(Stop);
        }
        Ok(())
    }

    fn duplicate_key(&mut self, key: &str, place: Place) {
        self.report.push(
            place,
            "duplicate-key",
            format!("the key `{key}` is here a second time"),
            "keep one of the two",
        );
    }

    /// A map whose key is a map is nearly always an expression without quotes.
    fn key_is_no_text(&mut self, place: Place, list: bool) {
        let rest = self.rest_of_line(place.line, place.column.saturating_sub(1));
        if !list && rest.starts_with("{{") {
            let close = rest.rfind("}}").map_or(rest.len(), |close| close + 2);
            let end = rest[close..].find([',', '}', ']', '#']).map_or(rest.len(), |end| close + end);
            unquoted_expression(
                self.report,
                Place { column: place.column.saturating_sub(1), ..place },
                rest[..end].trim_end(),
            );
        } else {
            self.report.push(place, "key-not-text", "the key of a map must be text", "write `key: value`");
        }
    }

    fn rest_of_line(&self, line: u32, column: u32) -> String {
        let line = self.text.lines().nth(line.saturating_sub(1) as usize).unwrap_or_default();
        line.chars().skip(column.saturating_sub(1) as usize).collect()
    }

    /// The parser's own refusal, or the likely reason for it.
    fn not_yaml(&mut self, error: &ScanError) -> Stop {
        if self.report.has(UNQUOTED_EXPRESSION) {
            return Stop;
        }
        let place = place(*error.marker());
        for back in 0..=1 {
            let number = place.line.saturating_sub(back);
            let line = self.rest_of_line(number, 1);
            if let Some((before, value)) = expression_value(&line) {
                let place = Place { line: number, column: count(before.chars().count() + 1) };
                unquoted_expression(self.report, place, value);
                return Stop;
            }
        }
        let tab = self.rest_of_line(place.line, 1).trim_start_matches(' ').starts_with('\t');
        let (rule, advice) = if error.info().contains("recursion") {
            ("too-deep", "check the brackets: too many are open at once")
        } else if tab {
            ("tab-indentation", "indent with spaces; YAML refuses tabs there")
        } else if error.info().contains("%") || self.rest_of_line(1, 1).starts_with('%') {
            ("yaml-directive", "remove the line that begins with `%`")
        } else {
            (
                "not-yaml",
                "check the indentation, the quotes and the brackets on this line and the one before it",
            )
        };
        self.report.push(place, rule, format!("this is not YAML: {}", error.info()), advice);
        Stop
    }
}

/// Where a line's value begins with `{{` and has no quotes: what stands before it, and the value.
fn expression_value(line: &str) -> Option<(&str, &str)> {
    let start = [": {{", "- {{"].into_iter().filter_map(|mark| line.find(mark)).min()? + 2;
    Some((&line[..start], line[start..].trim_end()))
}

fn unquoted_expression(report: &mut Report<'_>, place: Place, value: &str) {
    report.push(
        place,
        UNQUOTED_EXPRESSION,
        "a value that begins with `{{` and has no quotes is read as a map, not as an expression",
        format!("put quotes round the whole value: \"{}\"", value.replace('"', "'")),
    );
}

fn place(marker: Marker) -> Place {
    Place { line: count(marker.line()), column: count(marker.col() + 1) }
}

fn depth(value: &Yaml) -> u64 {
    let deepest = match &value.data {
        Data::Scalar { .. } | Data::Broken => return 0,
        Data::List(values) => values.iter().map(depth).max(),
        Data::Map(entries) => entries.iter().map(|entry| depth(&entry.value)).max(),
    };
    1 + deepest.unwrap_or(0)
}
