//! The operators' pages as text: their fences, and what in them is to be typed.
//!
//! Neighbours: `desk` types the lines, the stories `manual` and `pages` say which page is typed how. A fence's sort is what
//! stands after its backticks: `console` is typed, `console windows` belongs to Windows, the others are read.

use std::path::{Path, PathBuf};

use crate::programs::root;

/// The sort of a fence that is typed.
pub const CONSOLE: &str = "console";
/// The sort of a fence that can be typed on Windows alone.
pub const WINDOWS: &str = "console windows";

/// A fenced block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    /// What stands after the backticks.
    pub sort: String,
    /// Its lines.
    pub lines: Vec<String>,
}

/// A line to be typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The computer before the prompt, as in `DUP-WEB01> `; none after a dollar, which is the operator's or the controller's.
    pub computer: Option<String>,
    /// What is typed, without the remark after it.
    pub typed: String,
    /// The lines after it, which the page says it answers.
    pub answer: Vec<String>,
    /// Whether it can be typed on Windows alone.
    pub windows: bool,
}

/// The README and every page of `deploy/docs`, as paths from the root.
///
/// # Panics
/// Where the folder cannot be read.
pub fn all() -> Vec<PathBuf> {
    let folder = root().join("deploy/docs");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut pages: Vec<PathBuf> =
        entries.flatten().map(|entry| Path::new("deploy/docs").join(entry.file_name())).collect();
    pages.sort();
    pages.insert(0, PathBuf::from("README.md"));
    pages
}

/// The text of a page, named from the root.
///
/// # Panics
/// Where there is none.
pub fn text(page: impl AsRef<Path>) -> String {
    let path = root().join(page);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The fences of a text, and the lines outside of them.
pub fn parts(text: &str) -> (Vec<Fence>, Vec<String>) {
    let (mut fences, mut outside, mut open) = (Vec::new(), Vec::new(), None::<Fence>);
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (Some(_), Some("")) => fences.extend(open.take()),
            (Some(fence), _) => fence.lines.push(line.to_owned()),
            (None, Some(sort)) => open = Some(Fence { sort: sort.to_owned(), lines: Vec::new() }),
            (None, None) => outside.push(line.to_owned()),
        }
    }
    assert!(open.is_none(), "a fence is not closed");
    (fences, outside)
}

/// The fences of one sort, each as one text.
pub fn blocks(text: &str, sort: &str) -> Vec<String> {
    let fences = parts(text).0.into_iter().filter(|fence| fence.sort == sort);
    fences.map(|fence| fence.lines.join("\n") + "\n").collect()
}

/// What a page shows to be typed, from its top to its end.
///
/// # Panics
/// Where a fence begins with something else than a prompt.
pub fn lines(text: &str) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    for fence in parts(text).0.into_iter().filter(|fence| [CONSOLE, WINDOWS].contains(&&*fence.sort)) {
        let first = lines.len();
        for text in &fence.lines {
            match prompt(text) {
                Some((computer, typed)) => lines.push(Line {
                    computer,
                    typed: typed.split("  #").next().unwrap_or_default().trim_end().to_owned(),
                    answer: Vec::new(),
                    windows: fence.sort == WINDOWS,
                }),
                None => {
                    let before = lines.get_mut(first..).and_then(|typed| typed.last_mut());
                    let line =
                        before.unwrap_or_else(|| panic!("a fence begins with what nobody types: {text}"));
                    line.answer.push(text.clone());
                }
            }
        }
    }
    lines
}

/// `$ typed` or `COMPUTER> typed`.
fn prompt(line: &str) -> Option<(Option<String>, &str)> {
    if let Some(typed) = line.strip_prefix("$ ") {
        return Some((None, typed));
    }
    let (computer, typed) = line.trim_start().split_once("> ")?;
    let named = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'-';
    let is_name = !computer.is_empty() && computer.bytes().all(named);
    is_name.then(|| (Some(computer.to_owned()), typed))
}

/// Words as a shell cuts them, as far as the pages need it: single quotes.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// The code spans of the lines outside of fences that begin with a program and a blank.
pub fn spans(text: &str) -> Vec<String> {
    let outside = parts(text).1.join(" ");
    let spans = outside.split('`').skip(1).step_by(2).map(str::to_owned);
    spans.filter(|span| PROGRAMS.iter().any(|program| span.starts_with(&format!("{program} ")))).collect()
}

/// What the product's programs are called.
pub const PROGRAMS: [&str; 3] = ["muster", "muster-agent", "muster-controller"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_remarks_and_answers_are_told_apart() {
        let text = "a\n```console\n$ muster why x   # at any time\n  WEB-1> muster-agent run\nhello > you\n```\n\
                    ```console windows\nPS> muster-agent service stop\n```\n```yaml\na: b\n```\nend\n";
        let read = lines(text);
        let typed: Vec<_> = read.iter().map(|line| (line.computer.as_deref(), &*line.typed)).collect();
        assert_eq!(
            typed,
            [
                (None, "muster why x"),
                (Some("WEB-1"), "muster-agent run"),
                (Some("PS"), "muster-agent service stop")
            ]
        );
        assert_eq!(read[1].answer, ["hello > you"]);
        assert!(read[2].windows && !read[1].windows);
        assert_eq!(parts(text).1, ["a", "end"]);
        assert_eq!(blocks(text, "yaml"), ["a: b\n"]);
    }

    #[test]
    fn words_are_cut_as_a_shell_does() {
        assert_eq!(words("muster schema 'shop 1.2.0' -f x"), ["muster", "schema", "shop 1.2.0", "-f", "x"]);
    }
}
