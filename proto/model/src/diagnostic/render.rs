//! Diagnostics as text for a person: the line, a mark under the place, and what to do.
//!
//! Neighbours: `muster push` and `muster validate` print it. It reads nothing but the diagnostic itself, so that a
//! diagnostic which came over the wire looks the same as one that was made here.

use std::ops::Range;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use super::Diagnostic;

/// How the text is dressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Letters only, for files and pipes.
    Plain,
    /// ANSI colours, for terminals.
    Colour,
}

/// The mistakes as text, one block each, with an empty line between them and a line feed at the end.
pub fn render(diagnostics: &[Diagnostic], style: Style) -> String {
    blocks(&Level::ERROR, diagnostics, style)
}

/// As [`render`], for what is allowed and yet worth a look.
pub fn render_warnings(diagnostics: &[Diagnostic], style: Style) -> String {
    blocks(&Level::WARNING, diagnostics, style)
}

fn blocks(level: &Level<'static>, diagnostics: &[Diagnostic], style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Colour => Renderer::styled(),
    }
    .decor_style(DecorStyle::Ascii);
    let blocks: Vec<String> =
        diagnostics.iter().map(|diagnostic| block(&renderer, level, diagnostic)).collect();
    if blocks.is_empty() { String::new() } else { blocks.join("\n\n") + "\n" }
}

fn block(renderer: &Renderer, level: &Level<'static>, diagnostic: &Diagnostic) -> String {
    let title = level.clone().primary_title(visible(&diagnostic.problem)).id(diagnostic.rule.clone());
    let advice = Level::HELP.message(visible(&diagnostic.advice));
    let path = visible(&diagnostic.path);
    let source = visible(&diagnostic.source);
    let group = if diagnostic.line == 0 {
        title.element(Origin::path(path))
    } else {
        title.element(
            Snippet::source(source.clone())
                .line_start(diagnostic.line as usize)
                .path(path)
                .annotation(AnnotationKind::Primary.span(mark(&source, diagnostic.column))),
        )
    };
    let report: [Group<'_>; 1] = [group.element(advice)];
    renderer.render(&report)
}

/// The text with control characters made visible: a document must not steer the terminal that shows its mistakes.
fn visible(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .filter(|c| !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'))
        .collect()
}

/// The bytes under which the mark stands: the value at the column, with its quotes or braces.
fn mark(source: &str, column: u32) -> Range<usize> {
    let skip = column.saturating_sub(1) as usize;
    let start = source.char_indices().nth(skip).map_or(source.len(), |(index, _)| index);
    let rest = &source[start..];
    let closed = |close: &str| rest[1..].find(close).map_or(rest.len(), |index| 1 + index + close.len());
    let end = match rest.chars().next() {
        None => 0,
        Some('"') => closed("\""),
        Some('\'') => closed("'"),
        Some('{') if rest.starts_with("{{") => closed("}}"),
        Some(first) => word(rest).max(first.len_utf8()),
    };
    start..start + end
}

/// The length of a word, which a colon ends only where YAML would end it there.
fn word(text: &str) -> usize {
    let is_end = |(index, c): &(usize, char)| {
        c.is_whitespace()
            || ",]}".contains(*c)
            || (*c == ':' && text[index + 1..].chars().next().is_none_or(char::is_whitespace))
    };
    text.char_indices().find(is_end).map_or(text.len(), |(index, _)| index)
}
