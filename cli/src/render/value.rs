//! Values and changes on one line; what is too long as sizes and differing lines.
//!
//! Neighbours: `plan`, `steps` and `manifest` show rows with it.

use muster_model::name::NodeId;
use muster_model::plan::{New, Old, Row};
use muster_model::value::Value;

/// Longer values are shortened; a row must fit beside its node's name.
const LINE_CHARACTERS: usize = 60;
/// Differing lines shown of one text.
const DIFF_LINES: usize = 12;
/// Longer texts are not compared line by line: the table of a comparison grows with the square.
const COMPARED_LINES: usize = 600;

/// A value on one line.
pub(crate) fn short(value: &Value) -> String {
    let text = value.to_string();
    let characters = text.chars().count();
    let lines = text.lines().count();
    if text.is_empty() {
        "\"\"".to_owned()
    } else if text.contains('\n') {
        format!("text of {}, {} bytes", super::count(lines, "line"), text.len())
    } else if characters > LINE_CHARACTERS {
        let head: String = text.chars().take(LINE_CHARACTERS - 20).collect();
        format!("{head}... ({characters} characters)")
    } else {
        text
    }
}

/// `old -> new`. `number` says which step of the plan a node is.
pub(crate) fn change(row: &Row, number: impl Fn(&NodeId) -> Option<u32>) -> String {
    let old = match &row.old {
        Old::Exact(value) => short(value),
        Old::Absent => "(absent)".to_owned(),
        Old::KnownAfter(node) => match number(node) {
            Some(number) => format!("(known after {number})"),
            None => format!("(known after {})", super::node(node)),
        },
    };
    match &row.new {
        New::Exact(value) => format!("{old} -> {}", short(value)),
        New::Absent => format!("{old} -> (absent)"),
        New::Confirmed => "done by hand, confirmed by a person".to_owned(),
        New::Ran(_) => match &row.old {
            Old::Exact(value) => format!("({}) -> run", short(value)),
            Old::Absent | Old::KnownAfter(_) => "run".to_owned(),
        },
    }
}

/// `+` appears, `~` changes, `-` goes away, `!` by hand, `>` runs.
pub(crate) fn mark(row: &Row) -> char {
    match (&row.old, &row.new) {
        (_, New::Confirmed) => '!',
        (_, New::Ran(_)) => '>',
        (_, New::Absent) => '-',
        (Old::Absent, New::Exact(_)) => '+',
        (Old::Exact(_) | Old::KnownAfter(_), New::Exact(_)) => '~',
    }
}

/// The differing lines of a changed text; nothing for other changes.
pub(crate) fn line_diff(row: &Row) -> Vec<String> {
    let (Old::Exact(Value::Text(old)), New::Exact(Value::Text(new))) = (&row.old, &row.new) else {
        return Vec::new();
    };
    let several = old.contains('\n') || new.contains('\n');
    let (old, new): (Vec<&str>, Vec<&str>) = (old.lines().collect(), new.lines().collect());
    if !several || old.len().max(new.len()) > COMPARED_LINES {
        return Vec::new();
    }
    let mut lines = differences(&old, &new);
    if lines.is_empty() {
        lines.push("only line ends differ".to_owned());
    }
    if lines.len() > DIFF_LINES {
        let more = lines.len() - DIFF_LINES;
        lines.truncate(DIFF_LINES);
        lines.push(format!("... {more} more"));
    }
    lines
}

/// By the longest common subsequence; each line with its number in the text that has it.
fn differences(old: &[&str], new: &[&str]) -> Vec<String> {
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = if old[i] == new[j] {
                common[(i + 1) * width + j + 1] + 1
            } else {
                common[(i + 1) * width + j].max(common[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len()
            || (i < old.len() && common[(i + 1) * width + j] >= common[i * width + j + 1])
        {
            lines.push(format!("- {:>4}  {}", i + 1, cut(old[i])));
            i += 1;
        } else {
            lines.push(format!("+ {:>4}  {}", j + 1, cut(new[j])));
            j += 1;
        }
    }
    lines
}

/// A line of a text, cut where a terminal would wrap it.
fn cut(line: &str) -> String {
    let clean = super::clean(line);
    if clean.chars().count() <= 100 { clean } else { clean.chars().take(97).chain("...".chars()).collect() }
}

#[cfg(test)]
mod tests {
    use muster_model::plan::{AttributePath, Reason};

    use super::*;

    fn row(old: Old, new: New) -> Row {
        Row {
            node: r"file/C:\Sites\web.config".parse().unwrap(),
            attribute: AttributePath { name: "content".to_owned(), member: None },
            old,
            new,
            reason: Reason::Drift,
        }
    }

    #[test]
    fn a_long_text_is_shown_by_its_size_and_its_differing_lines() {
        let old = Old::Exact(Value::from("a\nb\nc\n"));
        let new = New::Exact(Value::from("a\nB\nc\nd\n"));
        let row = row(old, new);
        assert_eq!(change(&row, |_| None), "text of 3 lines, 6 bytes -> text of 4 lines, 8 bytes");
        assert_eq!(line_diff(&row), ["-    2  b", "+    2  B", "+    4  d"]);
    }

    /// Every pair of texts of up to four lines out of three: the marked lines turn the old one into the new one.
    #[test]
    fn the_differing_lines_are_exactly_what_turns_old_into_new() {
        let mut texts: Vec<Vec<&str>> = vec![Vec::new()];
        for length in 0..4 {
            let longer: Vec<Vec<&str>> = texts
                .iter()
                .filter(|text| text.len() == length)
                .flat_map(|text| ["a", "b", "c"].map(|line| [text.as_slice(), &[line]].concat()))
                .collect();
            texts.extend(longer);
        }
        for old in &texts {
            for new in &texts {
                let marked = |mark: &str| -> Vec<(usize, String)> {
                    let lines = differences(old, new).into_iter().filter_map(|line| {
                        let rest = line.strip_prefix(mark)?.trim_start().to_owned();
                        let (number, text) = rest.split_once("  ")?;
                        Some((number.parse().unwrap(), text.to_owned()))
                    });
                    lines.collect()
                };
                let mut turned: Vec<String> = old.iter().map(|line| (*line).to_owned()).collect();
                for (number, line) in marked("-").into_iter().rev() {
                    assert_eq!(turned.remove(number - 1), line);
                }
                for (number, line) in marked("+") {
                    turned.insert(number - 1, line);
                }
                assert_eq!(turned, *new, "{old:?}");
            }
        }
    }

    #[test]
    fn line_ends_alone_are_named() {
        let row = row(Old::Exact(Value::from("a\r\nb\r\n")), New::Exact(Value::from("a\nb\n")));
        assert_eq!(line_diff(&row), ["only line ends differ"]);
    }

    #[test]
    fn a_value_never_takes_more_than_its_place() {
        assert_eq!(short(&Value::from("")), "\"\"");
        assert_eq!(short(&Value::from(&*"x".repeat(60))).len(), 60);
        let long = short(&Value::from(&*"x".repeat(400)));
        assert!(long.ends_with("... (400 characters)") && long.len() <= 60, "{long}");
    }
}
