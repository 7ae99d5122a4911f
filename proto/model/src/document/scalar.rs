//! What a scalar without quotes means, and what older readers of YAML take it for.
//!
//! Neighbours: `shape` and `raw` ask here. The rule of the house: what two readers could take for two things is refused,
//! with the advice to put quotes round it.

/// How a scalar without quotes reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reading {
    /// Nothing: empty, `~` or `null`.
    Nothing,
    /// `true` or `false`.
    Boolean(bool),
    /// `yes`, `no`, `on`, `off`, or `true` and `false` in other letters: a boolean to some readers, text to others.
    LikeBoolean,
    /// A whole number in decimal digits.
    Integer(i64),
    /// Another number: with a point, an exponent, a base, a leading zero, or too large.
    LikeNumber,
    /// A time of day, which older readers take for a number in base 60.
    LikeTime,
    /// Text to every reader.
    Text,
}

/// How this text reads when it has no quotes.
pub(crate) fn reading(text: &str) -> Reading {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Reading::Nothing,
        "true" => Reading::Boolean(true),
        "false" => Reading::Boolean(false),
        _ if is_like_boolean(text) => Reading::LikeBoolean,
        _ if is_integer(text) => text.parse().map_or(Reading::LikeNumber, Reading::Integer),
        _ if is_like_number(text) => Reading::LikeNumber,
        _ if is_like_time(text) => Reading::LikeTime,
        _ => Reading::Text,
    }
}

fn is_like_boolean(text: &str) -> bool {
    ["yes", "no", "on", "off", "y", "n", "true", "false"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    digits == "0"
        || (!digits.starts_with('0') && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
}

fn is_like_number(text: &str) -> bool {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let based = |prefix: &str, digits: fn(char) -> bool| {
        unsigned.strip_prefix(prefix).is_some_and(|rest| !rest.is_empty() && rest.chars().all(digits))
    };
    let word = [".inf", ".nan"].iter().any(|word| word.eq_ignore_ascii_case(unsigned));
    let decimal = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && unsigned.bytes().any(|b| b.is_ascii_digit())
        && unsigned.replace('_', "").parse::<f64>().is_ok();
    word || decimal || based("0x", |c| c.is_ascii_hexdigit()) || based("0o", |c| c.is_digit(8))
}

fn is_like_time(text: &str) -> bool {
    let mut parts = text.split(':');
    let first = parts.next().is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let rest: Vec<&str> = parts.collect();
    first
        && !rest.is_empty()
        && rest.iter().all(|part| part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit()))
}
