//! What a person types into a vendor's dialog: a parameter, and the field that it goes into.
//!
//! Neighbours: `document` checks what a product writes, `resolve` puts the value beside it, `muster-core`'s views read it
//! back with [`typed`]. A secret is named and never has its value here.

use crate::secret::SecretRef;
use crate::value::Value;

/// An item of `type_these` as a product writes it: `port`, or `port as Port Number`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToType<'t> {
    /// The parameter's name, as written.
    pub parameter: &'t str,
    /// The field's name in the dialog, where it is given.
    pub field: Option<&'t str>,
}

impl<'t> ToType<'t> {
    /// Reads an item.
    pub fn of(text: &'t str) -> Self {
        match text.split_once(" as ") {
            Some((parameter, field)) => Self { parameter: parameter.trim(), field: Some(field.trim()) },
            None => Self { parameter: text, field: None },
        }
    }
}

/// An item of `type_these` as a manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed<'v> {
    /// A field or a parameter, and what is typed there.
    Value(&'v str, &'v str),
    /// A secret, with its field where one is given.
    Secret(&'v SecretRef, Option<&'v str>),
}

/// Reads an item of a manifest; none where it is neither.
pub fn typed(item: &Value) -> Option<Typed<'_>> {
    match item {
        Value::Text(text) => {
            let (place, value) = text.split_once('=').unwrap_or((text, ""));
            Some(Typed::Value(place, value))
        }
        Value::Secret(secret) => Some(Typed::Secret(secret, None)),
        Value::List(pair) => match pair.as_slice() {
            [Value::Text(field), Value::Secret(secret)] => Some(Typed::Secret(secret, Some(field))),
            _ => None,
        },
        Value::Boolean(_) | Value::Integer(_) | Value::Members(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_a_parameter_with_or_without_its_field() {
        assert_eq!(ToType::of("port"), ToType { parameter: "port", field: None });
        assert_eq!(
            ToType::of("port as Port Number"),
            ToType { parameter: "port", field: Some("Port Number") }
        );
        assert_eq!(ToType::of("a as b as c"), ToType { parameter: "a", field: Some("b as c") });
    }

    #[test]
    fn a_value_with_an_equals_sign_is_typed_whole() {
        let value = Value::from("Address (url)=https://h/?a=b");
        assert_eq!(typed(&value), Some(Typed::Value("Address (url)", "https://h/?a=b")));
    }
}
