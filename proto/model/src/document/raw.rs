//! Values as a document gives them: checked for their shape, with expressions still in their texts.
//!
//! Neighbours: `expression` settles them, `scalar` says what a word without quotes means. Never guesses a type: what could
//! be two things is refused with both ways to write it.

use super::scalar::{Reading, reading};
use super::tree::{Data, Entry, Yaml};
use super::{Place, Placed, SECRET_IN_DOCUMENT};
use crate::diagnostic::Report;
use crate::expression::{Template, is_expression};
use crate::name::ParameterName;
use crate::node::AttributeType;
use crate::variable;

/// A value with its expressions not yet settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Raw {
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Text, perhaps with expressions.
    Text(String),
    /// A list.
    List(Vec<Placed<Raw>>),
    /// A set of members with a key, in the order of the file.
    Members(Vec<(Placed<String>, Placed<String>)>),
}

/// What a scalar should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Text, a version or a name.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// Any of these; the type is checked elsewhere.
    Any,
}

/// A parameter's value: the type is known only once the product is.
pub(crate) fn value(yaml: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    match &yaml.data {
        Data::List(items) => list(yaml.place, items, Wanted::Any, what, report),
        Data::Scalar { .. } | Data::Map(_) | Data::Broken => scalar(yaml, Wanted::Any, what, report),
    }
}

/// An attribute's value, of the shape that its type has.
pub(crate) fn attribute(
    yaml: &Yaml,
    ty: AttributeType,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Placed<Raw>> {
    match (ty, &yaml.data) {
        (AttributeType::LineList, Data::List(items)) => list(yaml.place, items, Wanted::Text, what, report),
        (AttributeType::IntegerList(..), Data::List(items)) => {
            list(yaml.place, items, Wanted::Integer, what, report)
        }
        (AttributeType::Members(_) | AttributeType::Entries, Data::Map(entries)) => {
            members(yaml.place, entries, what, report)
        }
        (AttributeType::Secrets, Data::Map(entries)) => secrets(yaml.place, entries, what, report),
        (AttributeType::Sizes, Data::Map(entries)) => sizes(yaml.place, entries, what, report),
        (AttributeType::Scripts, Data::List(items)) => {
            let read: Vec<_> = items.iter().map(|item| script(item, what, report)).collect();
            let items: Option<Vec<_>> = read.into_iter().collect();
            items.map(|items| Placed::new(Raw::List(items.concat()), yaml.place))
        }
        (AttributeType::Boolean, _) => scalar(yaml, Wanted::Boolean, what, report),
        (AttributeType::Integer(..), _) => scalar(yaml, Wanted::Integer, what, report),
        // The type's own check refuses a truth value.
        (AttributeType::IntegerOr(..), _) => scalar(yaml, Wanted::Any, what, report),
        (AttributeType::Secret(_), _) => secret(yaml, what, report),
        (
            AttributeType::Line
            | AttributeType::Text
            | AttributeType::Filled
            | AttributeType::Version
            | AttributeType::OneOf(_),
            _,
        ) => scalar(yaml, Wanted::Text, what, report),
        (
            AttributeType::LineList
            | AttributeType::IntegerList(..)
            | AttributeType::Scripts
            | AttributeType::Members(_)
            | AttributeType::Entries
            | AttributeType::Secrets
            | AttributeType::Sizes,
            data,
        ) => other(yaml.place, data, ty, what, report),
    }
}

/// A script of a list: a map of its own, with its variables as `$(NAME)`, and behind it the list of what it takes in, where it has one.
fn script(item: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Vec<Placed<Raw>>> {
    let entries = file(item, what, report)?;
    let is_own = |entry: &&Entry| !["includes", "variables"].contains(&entry.key.as_str());
    let mut own: Vec<Entry> = entries.iter().filter(is_own).cloned().collect();
    own.extend(variables(entries, what, report)?);
    let script = members(item.place, &own, what, report);
    let Some(includes) = entries.iter().find(|entry| entry.key == "includes") else {
        return Some(vec![script?]);
    };
    let what = format!("`includes` of {what}");
    let includes = match &includes.value.data {
        Data::List(items) => {
            let read: Vec<_> = items.iter().map(|item| include(item, &what, report)).collect();
            let items: Option<Vec<_>> = read.into_iter().collect();
            items.map(|items| Placed::new(Raw::List(items), includes.place))
        }
        data @ (Data::Scalar { .. } | Data::Map(_) | Data::Broken) => {
            wrong_type(includes.value.place, &what, "a list", data, FILE_ADVICE, report);
            None
        }
    };
    Some(vec![script?, includes?])
}

/// What a script's `variables` come to beside its other keys.
fn variables(entries: &[Entry], what: &str, report: &mut Report<'_>) -> Option<Vec<Entry>> {
    let Some(variables) = entries.iter().find(|entry| entry.key == "variables") else {
        return Some(Vec::new());
    };
    match &variables.value.data {
        Data::Map(given) => Some(
            given.iter().map(|entry| Entry { key: variable::key(&entry.key), ..entry.clone() }).collect(),
        ),
        data @ (Data::Scalar { .. } | Data::List(_) | Data::Broken) => {
            let what = format!("`variables` of {what}");
            wrong_type(
                variables.value.place,
                &what,
                "a map",
                data,
                "write `NAME: value` on each line",
                report,
            );
            None
        }
    }
}

const FILE_ADVICE: &str = r"write - {file: 'C:\Folder\name.sql', sha256: DIGEST} on each line";

/// A file that a script takes in. What it takes in itself belongs to the script, so that one list holds them all.
fn include(item: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    let entries = file(item, what, report)?;
    if let Some(own) = entries.iter().find(|entry| entry.key == "includes") {
        let problem = format!("an item of {what} lists files of its own");
        let advice = "list every file that is taken in, also by a file that is taken in itself, in the one list of the script";
        report.push(own.place, "wrong-value", problem, advice);
        return None;
    }
    if let Some(own) = entries.iter().find(|entry| entry.key == "variables") {
        let problem = format!("an item of {what} has variables of its own");
        report.push(
            own.place,
            "wrong-value",
            problem,
            "give them to the script, which shares them with what it takes in",
        );
        return None;
    }
    members(item.place, entries, what, report)
}

/// A file of a list, as a map.
fn file<'y>(item: &'y Yaml, what: &str, report: &mut Report<'_>) -> Option<&'y [Entry]> {
    match &item.data {
        Data::Map(entries) => Some(entries),
        data @ (Data::Scalar { .. } | Data::List(_) | Data::Broken) => {
            wrong_type(item.place, &format!("an item of {what}"), "a map", data, FILE_ADVICE, report);
            None
        }
    }
}

/// The name of a secret, written as an expression of nothing else. What is written otherwise may be the value itself.
fn secret(yaml: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    if let Data::Scalar { text, .. } = &yaml.data
        && Template::parse(text).is_ok_and(|template| template.bare_name().is_some())
    {
        return Some(Placed::new(Raw::Text(text.clone()), yaml.place));
    }
    if !matches!(yaml.data, Data::Broken) {
        let problem = format!("{what} takes a secret by its name, and no value is written into a document");
        let advice = "write it as in \"{{ batch_password }}\", a parameter of type secret; its value is set with `muster secret set SITE NAME`";
        report.push(yaml.place, SECRET_IN_DOCUMENT, problem, advice);
    }
    None
}

/// The name of a secret that a site's document names, by itself.
pub(super) fn secret_name(yaml: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Placed<ParameterName>> {
    let raw = secret(yaml, what, report)?;
    let Raw::Text(text) = &raw.value else { return None };
    Some(Placed::new(Template::parse(text).ok()?.bare_name()?, raw.place))
}

/// Something else than the list or map that is wanted: an expression for a whole list, or a mistake.
fn other(
    place: Place,
    data: &Data,
    ty: AttributeType,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Placed<Raw>> {
    let members = ty.is_set() || ty == AttributeType::Secrets;
    match data {
        Data::Broken => return None,
        Data::Scalar { text, plain: false } if !members && is_expression(text) => {
            return Some(Placed::new(Raw::Text(text.clone()), place));
        }
        Data::Scalar { .. } | Data::List(_) | Data::Map(_) => {}
    }
    let (wanted, advice) = if members {
        ("a map", "write one `key: value` on each line, or {key: value, key: value}")
    } else {
        ("a list", "write [one, two], or one `- item` on each line")
    };
    wrong_type(place, what, wanted, data, advice, report);
    None
}

fn list(
    place: Place,
    items: &[Yaml],
    wanted: Wanted,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Placed<Raw>> {
    let read: Vec<_> = items
        .iter()
        .enumerate()
        .map(|(index, item)| scalar(item, wanted, &format!("item {} of {what}", index + 1), report))
        .collect();
    let values: Option<Vec<_>> = read.into_iter().collect();
    values.map(|values| Placed::new(Raw::List(values), place))
}

fn members(place: Place, entries: &[Entry], what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    let read: Vec<_> = entries
        .iter()
        .map(|entry| {
            let what = format!("the member `{}` of {what}", entry.key);
            let value = text(&entry.value, &what, report)?;
            Some((Placed::new(entry.key.clone(), entry.place), value))
        })
        .collect();
    let members: Option<Vec<_>> = read.into_iter().collect();
    members.map(|members| Placed::new(Raw::Members(members), place))
}

/// Members whose values are secrets, each by its name.
fn secrets(place: Place, entries: &[Entry], what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    let read: Vec<_> = entries
        .iter()
        .map(|entry| {
            let what = format!("the member `{}` of {what}", entry.key);
            let Raw::Text(name) = secret(&entry.value, &what, report)?.value else { return None };
            Some((Placed::new(entry.key.clone(), entry.place), Placed::new(name, entry.value.place)))
        })
        .collect();
    let members: Option<Vec<_>> = read.into_iter().collect();
    members.map(|members| Placed::new(Raw::Members(members), place))
}

/// Members whose values are whole numbers.
fn sizes(place: Place, entries: &[Entry], what: &str, report: &mut Report<'_>) -> Option<Placed<Raw>> {
    let read: Vec<_> = entries
        .iter()
        .map(|entry| {
            let what = format!("the member `{}` of {what}", entry.key);
            let value = match scalar(&entry.value, Wanted::Integer, &what, report)?.value {
                Raw::Integer(number) => number.to_string(),
                Raw::Text(expression) => expression,
                Raw::Boolean(_) | Raw::List(_) | Raw::Members(_) => return None,
            };
            let key = Placed::new(entry.key.clone(), entry.place);
            Some((key, Placed::new(value, entry.value.place)))
        })
        .collect();
    let members: Option<Vec<_>> = read.into_iter().collect();
    members.map(|members| Placed::new(Raw::Members(members), place))
}

/// A scalar that is text.
pub(crate) fn text(yaml: &Yaml, what: &str, report: &mut Report<'_>) -> Option<Placed<String>> {
    match scalar(yaml, Wanted::Text, what, report)?.value {
        Raw::Text(text) => Some(Placed::new(text, yaml.place)),
        Raw::Boolean(_) | Raw::Integer(_) | Raw::List(_) | Raw::Members(_) => None,
    }
}

/// A scalar of the wanted kind, or a whole expression that may give one.
pub(crate) fn scalar(
    yaml: &Yaml,
    wanted: Wanted,
    what: &str,
    report: &mut Report<'_>,
) -> Option<Placed<Raw>> {
    let (text, plain) = match &yaml.data {
        Data::Scalar { text, plain } => (text.as_str(), *plain),
        Data::Broken => return None,
        data @ (Data::List(_) | Data::Map(_)) => {
            wrong_type(yaml.place, what, wanted.word(), data, "write a single value here", report);
            return None;
        }
    };
    let raw = match (wanted, if plain { reading(text) } else { Reading::Text }) {
        (Wanted::Boolean | Wanted::Any, Reading::Boolean(truth)) => Some(Raw::Boolean(truth)),
        (Wanted::Integer | Wanted::Any, Reading::Integer(number)) => Some(Raw::Integer(number)),
        (Wanted::Text | Wanted::Any, Reading::Text) => Some(Raw::Text(text.to_owned())),
        (Wanted::Boolean | Wanted::Integer, Reading::Text) if is_expression(text) => {
            Some(Raw::Text(text.to_owned()))
        }
        (_, reading) => {
            refuse(yaml.place, wanted, text, plain, reading, what, report);
            None
        }
    };
    raw.map(|raw| Placed::new(raw, yaml.place))
}

/// The rule against a parameter's value that is a number to some readers; its line is not shown.
pub(crate) const UNCLEAR_NUMBER: &str = "unclear-number";
/// The rule against a parameter's value that is a time to people and a number to some readers; its line is not shown.
pub(crate) const UNCLEAR_TIME: &str = "unclear-time";

impl Wanted {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Boolean => "true or false",
            Self::Integer => "a whole number",
            Self::Any => "a value",
        }
    }
}

/// Says why a scalar is not what is wanted, and how to write it.
fn refuse(
    place: Place,
    wanted: Wanted,
    text: &str,
    plain: bool,
    reading: Reading,
    what: &str,
    report: &mut Report<'_>,
) {
    let quote = format!("put quotes round it: \"{text}\"");
    let (rule, problem, advice) = match (wanted, reading) {
        (_, Reading::Nothing) => {
            ("no-value", format!("{what} has no value"), "write a value, or remove the key".to_owned())
        }
        (Wanted::Boolean, Reading::LikeBoolean) => (
            "boolean-word",
            format!("{what} is `{text}`; a boolean is only true or false"),
            "write true or false, in small letters".to_owned(),
        ),
        (Wanted::Any, Reading::LikeBoolean) => (
            "boolean-word",
            format!("{what} is `{text}`, which is a boolean to some readers and text to others"),
            format!("write true or false; or, for the word itself, {quote}"),
        ),
        (Wanted::Text, Reading::Boolean(_) | Reading::LikeBoolean) => {
            ("unquoted-boolean", format!("{what} is text, and `{text}` without quotes is a boolean"), quote)
        }
        (Wanted::Text, Reading::Integer(_) | Reading::LikeNumber) => {
            ("unquoted-number", format!("{what} is text, and `{text}` without quotes is a number"), quote)
        }
        // The parameter may turn out to be a secret: what is written is not repeated.
        (Wanted::Any, Reading::LikeNumber) => (
            UNCLEAR_NUMBER,
            format!("{what} is neither a whole number nor clearly text"),
            "for text, put quotes round it; for a number, write a whole one in decimal digits".to_owned(),
        ),
        (Wanted::Any, Reading::LikeTime) => (
            UNCLEAR_TIME,
            format!("{what} is what older readers take for a number in base 60"),
            "put quotes round it".to_owned(),
        ),
        (Wanted::Text, Reading::LikeTime) => (
            "unquoted-time",
            format!("{what} is `{text}`, which older readers take for a number in base 60"),
            quote,
        ),
        (Wanted::Boolean, _) => {
            wrong_scalar(wanted, text, plain, what, "write true or false, without quotes")
        }
        (Wanted::Integer, _) => {
            wrong_scalar(wanted, text, plain, what, "write a whole number in decimal digits, without quotes")
        }
        (Wanted::Text | Wanted::Any, _) => {
            wrong_scalar(wanted, text, plain, what, "write it as text in quotes")
        }
    };
    report.push(place, rule, problem, advice);
}

fn wrong_scalar(
    wanted: Wanted,
    text: &str,
    plain: bool,
    what: &str,
    advice: &str,
) -> (&'static str, String, String) {
    let shown: String = text.lines().next().unwrap_or_default().chars().take(60).collect();
    let shown = if plain { format!("`{shown}`") } else { format!("the text \"{shown}\"") };
    ("wrong-type", format!("{what} is {shown}; {} is wanted", wanted.word()), advice.to_owned())
}

pub(crate) fn wrong_type(
    place: Place,
    what: &str,
    wanted: &str,
    data: &Data,
    advice: &str,
    report: &mut Report<'_>,
) {
    let is = match data {
        Data::Broken => return,
        Data::Scalar { text, plain: true } if text.is_empty() => "empty",
        Data::Scalar { .. } => "a single value",
        Data::List(_) => "a list",
        Data::Map(_) => "a map",
    };
    report.push(place, "wrong-type", format!("{what} is {is}; {wanted} is wanted"), advice);
}
