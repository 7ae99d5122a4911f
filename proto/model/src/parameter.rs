//! Parameters: what a product asks of a site, with a type for each.
//!
//! Neighbours: `document` reads declarations, `resolve` settles values layer by layer and checks them here. A layer
//! replaces a value whole; nothing is merged.

use std::collections::BTreeSet;

use regex_lite::Regex;

use crate::document::{Placed, Raw};
use crate::expression::Condition;
use crate::name::{HostName, IisName, ParameterName, Role};
use crate::secret::SecretForm;
use crate::value::Value;

/// A parameter as a product declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parameter {
    /// Its name.
    pub name: Placed<ParameterName>,
    /// What it may hold.
    pub ty: ParameterType,
    /// Its value where no layer gives one; perhaps with expressions over other parameters.
    pub default: Option<Placed<Raw>>,
    /// What it is, for people.
    pub description: Option<String>,
    /// Whether it may be set once only (G4).
    pub fixed: bool,
    /// A port: the role of the server that listens on it; none where each may.
    pub role: Option<Role>,
    /// Values that win over every layer; of those whose condition holds, the first.
    pub force: Vec<Force>,
}

/// A value that wins over every layer while its condition holds (G9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Force {
    /// The condition over other parameters.
    pub(crate) when: Placed<Condition>,
    /// The value, perhaps with expressions.
    pub value: Placed<Raw>,
    /// Why, for whoever wants it otherwise.
    pub reason: String,
}

/// What a parameter may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterType {
    /// One line of text, perhaps after a pattern that it must match as a whole.
    Text(Option<String>),
    /// A whole number in this range, both ends allowed.
    Integer(i64, i64),
    /// A TCP port on which a server of the site listens, 1 to 65535 (G6).
    Port,
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    OneOf(BTreeSet<String>),
    /// A list of texts.
    List,
    /// An absolute path, with a drive letter or a share.
    WindowsPath,
    /// The name of an IIS site or pool (G5).
    IisName,
    /// A computer's name.
    HostName,
    /// A Windows account: `DOMAIN\name`, `.\name` or `name@domain`.
    Account,
    /// A secret: no document gives it a value (G4, G8, G17).
    Secret(SecretForm),
}

/// The words for the types, as a product writes them.
pub(crate) const TYPES: [&str; 11] = [
    "string",
    "integer",
    "port",
    "boolean",
    "enum",
    "list",
    "windows_path",
    "iis_name",
    "host_name",
    "account",
    "secret",
];

/// Why a value does not fit a type: what is wanted instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Unfit {
    /// What a value of the type is, to follow "is wanted:".
    pub(crate) wanted: String,
}

impl ParameterType {
    /// The form of a secret's value, where this is a secret.
    pub fn secret_form(&self) -> Option<&SecretForm> {
        match self {
            Self::Secret(form) => Some(form),
            Self::Text(_)
            | Self::Integer(..)
            | Self::Port
            | Self::Boolean
            | Self::OneOf(_)
            | Self::List
            | Self::WindowsPath
            | Self::IisName
            | Self::HostName
            | Self::Account => None,
        }
    }

    /// The type in words, as a product writes them.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Text(None) => "string".to_owned(),
            Self::Text(Some(pattern)) => format!("string that matches {pattern}"),
            Self::Integer(i64::MIN, i64::MAX) => "integer".to_owned(),
            Self::Integer(low, high) => format!("integer {}", range(*low, *high)),
            Self::Port => "port".to_owned(),
            Self::Boolean => "boolean".to_owned(),
            Self::OneOf(words) => {
                format!("enum of {}", words.iter().map(String::as_str).collect::<Vec<_>>().join(", "))
            }
            Self::List => "list".to_owned(),
            Self::WindowsPath => "windows_path".to_owned(),
            Self::IisName => "iis_name".to_owned(),
            Self::HostName => "host_name".to_owned(),
            Self::Account => "account".to_owned(),
            Self::Secret(form) => form.describe(),
        }
    }

    /// Whether the value fits, or what would.
    pub(crate) fn check(&self, value: &Value) -> Result<(), Unfit> {
        let (fits, wanted) = match self {
            Self::Text(None) => {
                (value.as_text().is_some_and(is_line), "one line of text in quotes".to_owned())
            }
            Self::Text(Some(pattern)) => (
                value.as_text().is_some_and(|text| is_line(text) && matches(pattern, text)),
                format!("text that matches {pattern}"),
            ),
            Self::Integer(low, high) => (
                value.as_integer().is_some_and(|number| (*low..=*high).contains(&number)),
                format!("a whole number {}, without quotes", range(*low, *high)),
            ),
            Self::Port => (
                value.as_integer().is_some_and(|number| (1..=65_535).contains(&number)),
                "a port from 1 to 65535, without quotes".to_owned(),
            ),
            Self::Boolean => (value.as_boolean().is_some(), "true or false, without quotes".to_owned()),
            Self::OneOf(words) => (
                value.as_text().is_some_and(|text| words.contains(text)),
                format!("one of {}", words.iter().map(String::as_str).collect::<Vec<_>>().join(", ")),
            ),
            Self::List => (is_list_of_lines(value), "a list of texts, as in [one, two]".to_owned()),
            Self::WindowsPath => (
                value.as_text().is_some_and(is_windows_path),
                r"an absolute path, as in 'D:\Data' or '\\server\share'".to_owned(),
            ),
            Self::IisName => (
                value.as_text().is_some_and(|text| text.parse::<IisName>().is_ok()),
                "letters without accents, digits and . _ -, at most 64, no space (G5)".to_owned(),
            ),
            Self::HostName => (
                value.as_text().is_some_and(|text| text.parse::<HostName>().is_ok()),
                "a computer name of letters, digits and hyphens".to_owned(),
            ),
            Self::Account => (
                value.as_text().is_some_and(is_account),
                r"an account, as in 'DOMAIN\name', '.\name' or name@domain".to_owned(),
            ),
            // Where a document gives one is said before, without showing it.
            Self::Secret(_) => (false, "no value: set it with `muster secret set`".to_owned()),
        };
        if fits { Ok(()) } else { Err(Unfit { wanted }) }
    }
}

fn range(low: i64, high: i64) -> String {
    match (low, high) {
        (i64::MIN, i64::MAX) => "in decimal digits".to_owned(),
        (low, i64::MAX) => format!("of at least {low}"),
        (i64::MIN, high) => format!("of at most {high}"),
        (low, high) => format!("from {low} to {high}"),
    }
}

/// A pattern that must match the text as a whole.
pub(crate) fn whole(pattern: &str) -> Result<Regex, regex_lite::Error> {
    Regex::new(&format!("^(?:{pattern})$"))
}

pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    whole(pattern).is_ok_and(|regex| regex.is_match(text))
}

/// One line, not empty.
pub(crate) fn is_line(text: &str) -> bool {
    !text.is_empty() && !text.contains(['\n', '\r'])
}

fn is_list_of_lines(value: &Value) -> bool {
    match value {
        Value::List(items) => items.iter().all(|item| item.as_text().is_some_and(is_line)),
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) | Value::Secret(_) | Value::Members(_) => {
            false
        }
    }
}

/// An absolute path that Windows accepts: a drive or a share, and no character that it refuses.
pub(crate) fn is_windows_path(text: &str) -> bool {
    let drive = text.as_bytes();
    let rest = if drive.len() > 2 && drive[0].is_ascii_alphabetic() && &drive[1..3] == br":\" {
        Some(&text[3..])
    } else {
        text.strip_prefix(r"\\")
            .filter(|share| share.split('\\').filter(|part| !part.is_empty()).count() >= 2)
    };
    text.chars().count() <= 260
        && rest.is_some_and(|rest| {
            let parts: Vec<&str> = rest.strip_suffix('\\').unwrap_or(rest).split('\\').collect();
            rest.is_empty() || parts.iter().all(|part| is_path_part(part))
        })
}

fn is_path_part(part: &str) -> bool {
    !part.is_empty()
        && !part.ends_with([' ', '.'])
        && !part.chars().any(|c| c.is_control() || "<>:\"/|?*".contains(c))
}

fn is_account(text: &str) -> bool {
    let name = |name: &str| {
        !name.trim().is_empty()
            && name.chars().count() <= 104
            && !name.chars().any(|c| c.is_control() || "\"/\\[]:;|=,+*?<>@".contains(c))
    };
    match (text.split_once('\\'), text.split_once('@')) {
        (Some((domain, account)), _) => (domain == "." || name(domain)) && name(account),
        (None, Some((account, domain))) => name(account) && name(domain),
        (None, None) => false,
    }
}
