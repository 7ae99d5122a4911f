//! Whether a settled value fits the type of its attribute.
//!
//! Neighbours: `node` asks for values that are written out, `resolve` for those that expressions gave. Never converts: a
//! number is no text.

use crate::limits::WANTED_GIB;
use crate::name::Version;
use crate::node::AttributeType;
use crate::parameter::{is_line, is_windows_path};
use crate::value::Value;

/// Nothing where the value fits; else what is wanted.
pub(super) fn check(ty: AttributeType, value: &Value) -> Result<(), String> {
    let (fits, wanted) = match ty {
        AttributeType::Line => (value.as_text().is_some_and(is_line), "one line of text".to_owned()),
        AttributeType::Filled => {
            let fits = |item: &Value| item.as_text().is_some() || item.as_secret().is_some();
            (fits(value) || items(value).is_some_and(|items| items.iter().all(fits)), "text".to_owned())
        }
        AttributeType::Secrets => (
            items(value).is_some_and(|items| !items.is_empty()),
            "one `NAME: \"{{ secret }}\"` or more, each a secret parameter".to_owned(),
        ),
        AttributeType::Text => (value.as_text().is_some(), "text".to_owned()),
        AttributeType::Version => (
            value.as_text().is_some_and(|text| text.parse::<Version>().is_ok()),
            "a version of letters, digits and . _ + -, in quotes where it looks like a number".to_owned(),
        ),
        AttributeType::Boolean => (value.as_boolean().is_some(), "true or false, without quotes".to_owned()),
        AttributeType::Integer(low, high) => {
            (is_within(value, low, high), format!("a whole number from {low} to {high}, without quotes"))
        }
        AttributeType::IntegerOr(low, high, word) => (
            is_within(value, low, high) || value.as_text() == Some(word),
            format!("a whole number from {low} to {high}, without quotes, or {word}"),
        ),
        AttributeType::OneOf(words) => (
            value.as_text().is_some_and(|text| words.contains(&text)),
            format!("one of {}", words.join(", ")),
        ),
        AttributeType::LineList => (
            items(value).is_some_and(|items| items.iter().all(|item| item.as_text().is_some_and(is_line))),
            "a list of texts of one line each".to_owned(),
        ),
        // What is wrong with each file is `script`'s to say, at its place.
        AttributeType::Scripts => (
            items(value).is_some_and(|items| !items.is_empty()),
            r"a list of {file: 'C:\Folder\name.sql', sha256: its 64 hexadecimal digits}, one for each script"
                .to_owned(),
        ),
        AttributeType::IntegerList(low, high) => (
            items(value).is_some_and(|items| {
                !items.is_empty() && items.iter().all(|item| is_within(item, low, high))
            }),
            format!("a list of at least one whole number from {low} to {high}"),
        ),
        AttributeType::Secret(_) => (
            value.as_secret().is_some(),
            "the name of a secret parameter, as in \"{{ batch_password }}\"".to_owned(),
        ),
        AttributeType::Members(words) => (
            matches!(value, Value::Members(members) if members.iter().all(|(key, word)| is_line(key) && words.contains(&word.as_str()))),
            format!("one `account: right` per account; the rights are {}", words.join(", ")),
        ),
        AttributeType::Sizes => (
            matches!(value, Value::Members(members) if members.iter().all(|(place, size)| is_drive_or_path(place) && is_size(size))),
            format!(
                r"one `C: GIB` or `'C:\Folder': GIB` on each line; a size is a whole number from 1 to {WANTED_GIB}"
            ),
        ),
        AttributeType::Entries => (
            matches!(value, Value::Members(members) if members.iter().all(|(key, line)| key.len() > 1 && key.starts_with('/') && is_line(key) && is_line(line))),
            "one `/path: text` on each line; each path begins with a slash".to_owned(),
        ),
    };
    if fits { Ok(()) } else { Err(wanted) }
}

fn is_within(value: &Value, low: i64, high: i64) -> bool {
    value.as_integer().is_some_and(|number| (low..=high).contains(&number))
}

fn items(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(items) => Some(items),
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) | Value::Members(_) => None,
    }
}

fn is_drive_or_path(text: &str) -> bool {
    let drive = text.strip_suffix(':').unwrap_or(text);
    (drive.len() == 1 && drive.as_bytes()[0].is_ascii_alphabetic()) || is_windows_path(text)
}

fn is_size(text: &str) -> bool {
    text.parse::<u64>().is_ok_and(|gib| (1..=WANTED_GIB).contains(&gib))
}
