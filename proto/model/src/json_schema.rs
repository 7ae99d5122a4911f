//! JSON Schema (draft 7) of the documents, for editors that complete and check YAML as it is typed.
//!
//! Neighbours: made from the tables that `document` reads by and from the table of kinds, so that what an editor accepts
//! and what intake accepts cannot come apart; `muster schema` prints it. An editor sees one file: references, order and
//! everything across documents is `check`'s.

use serde_json::{Map, Value, json};

use crate::document::Product;
use crate::document::shape::{KeySpec, Shape};
use crate::document::table;
use crate::limits::WANTED_GIB;
use crate::node::{AttributeType, NodeKind};
use crate::parameter::{ParameterType, TYPES};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";

/// Text that holds an expression may stand for a value of any type.
const EXPRESSION: &str = r"\{\{.*\}\}";

/// The schema of every kind of document.
pub fn documents() -> Value {
    schema("A document of Muster", table::SITE.iter().map(|spec| property(spec, None)).collect())
}

/// The schema of the documents with this product's parameters in its sites: their names, types and what they are for.
pub fn of_product(product: &Product) -> Value {
    let parameters = parameters(product);
    let site = table::SITE.iter().map(|spec| property(spec, Some(&parameters)));
    schema(&format!("A document of Muster; sites are of the product {}", product.id), site.collect())
}

fn schema(title: &str, site: Map<String, Value>) -> Value {
    let declarations = json!({"type": "object", "additionalProperties": object(&table::PARAMETER)});
    let product = table::PRODUCT.iter().map(|spec| property(spec, Some(&declarations)));
    let kinds = [
        ("Product", product.collect(), required(&table::PRODUCT)),
        ("Ring", table::RING.iter().map(|spec| property(spec, None)).collect(), required(&table::RING)),
        ("Client", table::CLIENT.iter().map(|spec| property(spec, None)).collect(), required(&table::CLIENT)),
        ("Site", site, required(&table::SITE)),
    ];
    let words: Vec<&str> = kinds.iter().map(|(word, ..)| *word).collect();
    let branches: Vec<Value> = kinds
        .iter()
        .map(|(word, properties, required)| {
            json!({
                "if": {"properties": {"kind": {"const": word}}},
                "then": {"properties": properties, "required": required, "additionalProperties": false},
            })
        })
        .collect();
    json!({
        "$schema": DRAFT,
        "title": title,
        "type": "object",
        "properties": {"kind": {"enum": words, "description": "what the document is"}},
        "required": ["kind"],
        "allOf": branches,
        "definitions": {"node": node()},
    })
}

fn required(table: &[KeySpec]) -> Vec<&'static str> {
    table.iter().filter(|spec| spec.required).map(|spec| spec.name).collect()
}

/// A key with what may stand under it. The parts of a document that have tables of their own are put in by their keys.
fn property(spec: &KeySpec, parameters: Option<&Value>) -> (String, Value) {
    let mut value = match (spec.name, spec.shape) {
        ("kind", _) => json!({"type": "string"}),
        ("nodes", _) => json!({"type": "array", "items": {"$ref": "#/definitions/node"}, "minItems": 1}),
        ("rules", _) => json!({"type": "array", "items": object(&table::RULE)}),
        ("force", _) => json!({"type": "array", "items": object(&table::FORCE)}),
        ("roles" | "optional_roles", _) => {
            json!({"type": "array", "items": {"type": "string"}, "minItems": 1})
        }
        ("values" | "needs" | "on_change_of" | "before_change_of", _) => {
            json!({"type": "array", "items": {"type": "string"}})
        }
        ("servers", _) => {
            let server = table::SERVER.iter().map(|spec| property(spec, parameters));
            let (properties, required) = (server.collect::<Map<_, _>>(), required(&table::SERVER));
            let server = json!({"type": "object", "properties": properties, "required": required,
                "additionalProperties": false});
            json!({"type": "object", "additionalProperties": server, "minProperties": 1})
        }
        ("endpoints", _) => json!({"type": "object", "additionalProperties": object(&table::ENDPOINT)}),
        ("parameters", _) => parameters.cloned().unwrap_or_else(|| json!({"type": "object"})),
        ("type", _) => json!({"enum": TYPES}),
        (_, Shape::Text) => json!({"type": "string"}),
        (_, Shape::Boolean) => json!({"type": "boolean"}),
        (_, Shape::Integer) => json!({"type": "integer"}),
        (_, Shape::List) => json!({"type": "array"}),
        (_, Shape::Map) => json!({"type": "object"}),
        (_, Shape::Any) => json!({}),
    };
    if let Some(object) = value.as_object_mut() {
        object.insert("description".to_owned(), json!(spec.doc));
    }
    (spec.name.to_owned(), value)
}

fn object(table: &[KeySpec]) -> Value {
    let properties: Map<String, Value> = table.iter().map(|spec| property(spec, None)).collect();
    json!({"type": "object", "properties": properties, "required": required(table), "additionalProperties": false})
}

/// A product's own `parameters` are declarations; a site's are values of them.
fn parameters(product: &Product) -> Value {
    let properties: Map<String, Value> = product
        .parameters
        .iter()
        .map(|(name, parameter)| {
            let mut value = match &parameter.ty {
                ParameterType::Boolean => or_expression(json!({"type": "boolean"})),
                ParameterType::Port => or_expression(integer(1, 65_535)),
                ParameterType::Integer(low, high) => or_expression(integer(*low, *high)),
                ParameterType::OneOf(words) => or_expression(json!({"enum": words})),
                ParameterType::List => json!({"type": "array", "items": {"type": "string"}}),
                ParameterType::Text(Some(pattern)) => {
                    json!({"type": "string", "pattern": format!("^(?:{pattern})$")})
                }
                ParameterType::Text(None)
                | ParameterType::WindowsPath
                | ParameterType::IisName
                | ParameterType::HostName
                | ParameterType::Account => json!({"type": "string"}),
                // No document gives one a value: an editor marks every one.
                ParameterType::Secret(_) => json!({"not": {}}),
            };
            if let Some(object) = value.as_object_mut() {
                let fixed = if parameter.fixed { "; set once, at the installation" } else { "" };
                let about =
                    parameter.description.as_deref().map(|about| format!("{about} ")).unwrap_or_default();
                object.insert(
                    "description".to_owned(),
                    json!(format!("{about}({}{fixed})", parameter.ty.describe())),
                );
            }
            (name.to_string(), value)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn integer(low: i64, high: i64) -> Value {
    let mut value = Map::from_iter([("type".to_owned(), json!("integer"))]);
    if low > i64::MIN {
        value.insert("minimum".to_owned(), json!(low));
    }
    if high < i64::MAX {
        value.insert("maximum".to_owned(), json!(high));
    }
    Value::Object(value)
}

/// A node of any kind: the key that names its kind decides what else it may have.
fn node() -> Value {
    let kinds: Vec<Value> = NodeKind::ALL.iter().map(|kind| is_of(*kind)).collect();
    let branches: Vec<Value> = NodeKind::ALL
        .iter()
        .map(|kind| {
            let spec = kind.spec();
            let name = json!({"type": "string", "description": spec.name_is});
            let mut properties = Map::from_iter([(kind.as_str().to_owned(), name)]);
            let mut needed = vec![kind.as_str()];
            for attribute in spec.attributes {
                let mut value = attribute_value(attribute.ty);
                if let Some(object) = value.as_object_mut() {
                    object.insert("description".to_owned(), json!(attribute.doc));
                }
                properties.insert(attribute.name.to_owned(), value);
                if attribute.required {
                    needed.push(attribute.name);
                }
            }
            properties.extend(table::NODE.iter().map(|spec| property(spec, None)));
            json!({
                "if": is_of(*kind),
                "then": {"properties": properties, "required": needed, "additionalProperties": false},
            })
        })
        .collect();
    json!({"type": "object", "oneOf": kinds, "allOf": branches})
}

/// Holds for a node of that kind. A kind's word may be an attribute of another kind, as `certificate` is of a binding: then
/// the other kind's word decides.
fn is_of(kind: NodeKind) -> Value {
    let word = kind.as_str();
    let others: Vec<Value> = NodeKind::ALL
        .iter()
        .filter(|other| other.spec().attribute(word).is_some())
        .map(|other| json!({"required": [other.as_str()]}))
        .collect();
    if others.is_empty() {
        json!({"required": [word]})
    } else {
        json!({"required": [word], "not": {"anyOf": others}})
    }
}

fn attribute_value(ty: AttributeType) -> Value {
    match ty {
        AttributeType::Line | AttributeType::Text | AttributeType::Filled | AttributeType::Version => {
            json!({"type": "string"})
        }
        AttributeType::Secrets => {
            let name = json!({"type": "string", "pattern": format!("^{EXPRESSION}$")});
            json!({"type": "object", "additionalProperties": name, "minProperties": 1})
        }
        AttributeType::Boolean => or_expression(json!({"type": "boolean"})),
        AttributeType::Integer(low, high) => or_expression(integer(low, high)),
        AttributeType::IntegerOr(low, high, word) => {
            or_expression(json!({"anyOf": [integer(low, high), {"const": word}]}))
        }
        AttributeType::OneOf(words) => or_expression(json!({"enum": words})),
        // A name between braces, never a value.
        AttributeType::Secret(_) => json!({"type": "string", "pattern": format!("^{EXPRESSION}$")}),
        AttributeType::LineList => or_expression(json!({"type": "array", "items": {"type": "string"}})),
        AttributeType::IntegerList(low, high) => {
            let number = or_expression(integer(low, high));
            or_expression(json!({"type": "array", "items": number, "minItems": 1}))
        }
        AttributeType::Members(words) => {
            json!({"type": "object", "additionalProperties": or_expression(json!({"enum": words}))})
        }
        AttributeType::Scripts => {
            let file = |more: Value| {
                let mut properties = json!({"file": {"type": "string"}, "sha256": {"type": "string"}});
                if more.is_object() {
                    properties["includes"] = more;
                    let name = json!({"pattern": "^[A-Za-z_][A-Za-z0-9_-]*$"});
                    properties["variables"] = json!({"type": "object", "propertyNames": name, "additionalProperties": {"type": "string"}});
                }
                json!({"type": "object", "properties": properties, "required": ["file", "sha256"], "additionalProperties": false})
            };
            let includes = json!({"type": "array", "items": file(Value::Null), "minItems": 1});
            let script = file(includes);
            or_expression(json!({"type": "array", "items": script, "minItems": 1}))
        }
        AttributeType::Sizes => {
            json!({"type": "object", "additionalProperties": or_expression(json!({"type": "integer", "minimum": 1, "maximum": WANTED_GIB}))})
        }
        AttributeType::Entries => {
            let path = json!({"pattern": "^/"});
            json!({"type": "object", "propertyNames": path, "additionalProperties": {"type": "string"}})
        }
    }
}

fn or_expression(value: Value) -> Value {
    json!({"anyOf": [value, {"type": "string", "pattern": EXPRESSION}]})
}
