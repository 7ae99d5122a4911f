//! The nodes of one server: conditions, names and attributes settled and checked.
//!
//! Neighbours: `settle` works out each value, `edges` adds what comes before what. A node whose condition is false is
//! kept until the edges are settled: an edge to it is left out, where one to an unknown node is a mistake.

use std::collections::BTreeMap;

use super::bindings;
use super::found::Found;
use super::settle::{Parameters, Unsettled};
use super::together;
use crate::document::script::{self, Fault};
use crate::document::{Document, NodeTemplate, Placed, Product, Raw, check_name};
use crate::expression::{Filled, Template};
use crate::limits::MANIFEST_SIZE_BYTES;
use crate::manifest::{Moment, Node};
use crate::name::{NodeId, ParameterName, SecretVersion, ServerId, Slug};
use crate::node::{AttributeType, NodeKind};
use crate::secret::SecretRef;
use crate::to_type::ToType;
use crate::value::Value;

/// A node of one server, as far as it could be settled.
pub(super) struct Settled<'a> {
    /// As the product writes it.
    pub(super) template: &'a NodeTemplate,
    /// Its place among all nodes of the product's file.
    pub(super) position: usize,
    /// The node; without edges, and without attributes where `is_there` is false.
    pub(super) node: Node,
    /// Whether its condition holds.
    pub(super) is_there: bool,
    /// The package that creates it, by name.
    pub(super) provided_by: Option<Placed<String>>,
    /// What it needs, as written, with expressions settled.
    pub(super) needs: Vec<Placed<String>>,
    /// A task: the changes that make it run, as written, with expressions settled.
    pub(super) triggers: Vec<(Moment, Placed<String>)>,
}

/// The nodes of that role, or nothing where not even their names are known.
pub(super) fn settle<'a>(
    document: &Document,
    product: &'a Product,
    server: &ServerId,
    parameters: &Parameters,
    found: &mut Found,
) -> Option<Vec<Settled<'a>>> {
    let templates = product.nodes.iter().enumerate().filter(|(_, template)| template.role == server.role);
    let mut reader = Reader { document, site: &server.site, parameters, prune: product.prune, found };
    let settled: Vec<_> = templates.map(|(position, template)| reader.node(position, template)).collect();
    let nodes = settled.into_iter().collect::<Option<Vec<_>>>()?;
    reader.no_duplicates(&nodes);
    bindings::check(document, &nodes, reader.found);
    reader.fits_one_message(&nodes);
    Some(nodes)
}

/// The nodes of a product without a site: names and references as they are written. A reference that an expression might
/// still make true is left out.
pub(super) fn as_written(product: &Product) -> Vec<Settled<'_>> {
    let is_open = |text: &str| text.contains("{{");
    let any_open = product.nodes.iter().any(|template| is_open(&template.name.value));
    let reference = |text: &&Placed<String>| !any_open && !is_open(&text.value);
    let written = product.nodes.iter().enumerate().filter_map(|(position, template)| {
        let id = NodeId { kind: template.kind, name: template.name.value.parse().ok()? };
        let node = Node { guide: template.guide, ..Node::bare(id) };
        Some(Settled {
            template,
            position,
            node,
            is_there: true,
            provided_by: template.provided_by.iter().find(reference).cloned(),
            needs: template.needs.iter().filter(reference).cloned().collect(),
            triggers: triggers(template).filter(|(_, text)| reference(text)).map(cloned).collect(),
        })
    });
    written.collect()
}

/// The changes that make a task run, as written.
fn triggers(template: &NodeTemplate) -> impl Iterator<Item = (Moment, &Placed<String>)> {
    let before = template.before_change_of.iter().map(|text| (Moment::Before, text));
    before.chain(template.on_change_of.iter().map(|text| (Moment::After, text)))
}

fn cloned((moment, text): (Moment, &Placed<String>)) -> (Moment, Placed<String>) {
    (moment, text.clone())
}

struct Reader<'r> {
    document: &'r Document,
    site: &'r Slug,
    parameters: &'r Parameters,
    /// Whether the product says `prune` for all.
    prune: bool,
    found: &'r mut Found,
}

impl Reader<'_> {
    fn node<'a>(&mut self, position: usize, template: &'a NodeTemplate) -> Option<Settled<'a>> {
        let is_there = match &template.when {
            Some(when) => self.take(self.parameters.holds(when))?,
            None => true,
        };
        let written = Placed::new(template.name.value.as_str(), template.name.place);
        let name = self.take(self.parameters.name(written))?;
        let name = match check_name(template.kind, &name) {
            Ok(name) => name,
            Err((problem, advice)) => {
                self.found.push(self.document, written.place, "invalid-name", problem, advice);
                return None;
            }
        };
        let attributes = if is_there { self.attributes(template) } else { BTreeMap::new() };
        let id = NodeId { kind: template.kind, name };
        let (guide, exact) = (template.guide, template.exact);
        let prune = (template.prune || self.prune) && template.kind.is_pruned();
        let node = Node { attributes, guide, exact, prune, ..Node::bare(id) };
        // A value that could not be settled was reported, and is missing here.
        if is_there
            && node.attributes.len() == template.attributes.len()
            && let Some((problem, advice)) = together::check(&node)
        {
            self.found.push(self.document, template.place.place, "attributes-disagree", problem, advice);
        }
        let mut text = |written: &Placed<String>| {
            let settled = self.parameters.name(Placed::new(&written.value, written.place));
            self.take(settled).map(|text| Placed::new(text, written.place))
        };
        let mut references: Vec<_> =
            template.provided_by.iter().chain(&template.needs).map(&mut text).collect();
        let needs = references.split_off(usize::from(template.provided_by.is_some()));
        let provided_by = references.pop().flatten();
        let triggers: Vec<_> =
            triggers(template).filter_map(|(moment, written)| Some((moment, text(written)?))).collect();
        Some(Settled {
            template,
            position,
            node,
            is_there,
            provided_by,
            needs: needs.into_iter().flatten().collect(),
            triggers,
        })
    }

    fn attributes(&mut self, template: &NodeTemplate) -> BTreeMap<String, Value> {
        let mut attributes = BTreeMap::new();
        for (name, raw) in &template.attributes {
            let ty = template.kind.spec().attribute(name).map(|spec| spec.ty);
            if let Some(AttributeType::Secret(_)) = ty {
                attributes.extend(self.secret(raw).map(|secret| ((*name).to_owned(), secret)));
                continue;
            }
            if let Some(AttributeType::Filled | AttributeType::Secrets) = ty {
                let holding = match &raw.value {
                    Raw::Members(members) => self.secrets(members),
                    Raw::Boolean(_) | Raw::Integer(_) | Raw::Text(_) | Raw::List(_) => self.filled(raw),
                };
                attributes.extend(holding.map(|value| ((*name).to_owned(), value)));
                continue;
            }
            let Some(value) = self.take(self.parameters.value(raw)) else {
                continue;
            };
            if ty == Some(AttributeType::Scripts) {
                let faults = script::faults(raw, &value);
                if !faults.is_empty() {
                    for Fault { place, rule, problem, advice } in faults {
                        self.found.push(self.document, place, rule, problem, advice);
                    }
                    continue;
                }
            }
            match ty.map_or(Ok(()), |ty| ty.check(&value)) {
                Ok(()) => {
                    attributes.insert((*name).to_owned(), self.to_type(name, value));
                }
                Err(wanted) => self.found.push(
                    self.document,
                    raw.place,
                    "wrong-value",
                    format!(
                        "`{name}` of {}/{} becomes `{value}`, which does not fit",
                        template.kind, template.name.value
                    ),
                    format!("wanted: {wanted}; a number joins a text as in \"{{{{ port ~ '' }}}}\""),
                ),
            }
        }
        attributes
    }

    /// A text in pieces, with secrets where they stand.
    fn filled(&mut self, raw: &Placed<Raw>) -> Option<Value> {
        let Raw::Text(text) = &raw.value else { return None };
        let pieces = self.take(self.parameters.filled(Placed::new(text, raw.place)))?;
        let value = |piece| match piece {
            Filled::Text(text) => Value::Text(text),
            Filled::Secret(secret) => self.reference(secret),
        };
        Some(Value::List(pieces.into_iter().map(value).collect()))
    }

    /// Keys, each with its secret.
    fn secrets(&mut self, members: &[(Placed<String>, Placed<String>)]) -> Option<Value> {
        let mut pairs = Vec::new();
        for (key, text) in members {
            let key = self.take(self.parameters.name(Placed::new(&key.value, key.place)))?;
            let secret = Template::parse(&text.value).ok()?.bare_name().map(|name| self.reference(name))?;
            pairs.push(Value::List(vec![Value::Text(key), secret]));
        }
        Some(Value::List(pairs))
    }

    /// The secret that an attribute names; that it is one was checked when the product was read.
    fn secret(&self, raw: &Placed<Raw>) -> Option<Value> {
        let Raw::Text(text) = &raw.value else { return None };
        Template::parse(text).ok()?.bare_name().map(|name| self.reference(name))
    }

    /// Which secret; at which version is not the documents' to say.
    fn reference(&self, secret: ParameterName) -> Value {
        Value::Secret(SecretRef { site: self.site.clone(), secret, version: SecretVersion(0) })
    }

    /// What a person types is part of the gate, so that another value asks again: `port` becomes `port=1025`, and
    /// `port as Port Number` becomes `Port Number (port)=1025`.
    fn to_type(&self, name: &str, value: Value) -> Value {
        match value {
            Value::List(items) if name == "type_these" => {
                Value::List(items.into_iter().map(|item| self.with_value(item)).collect())
            }
            other @ (Value::Boolean(_)
            | Value::Integer(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Secret(_)
            | Value::Members(_)) => other,
        }
    }

    fn with_value(&self, item: Value) -> Value {
        let Some(ToType { parameter, field }) = item.as_text().map(ToType::of) else { return item };
        let Ok(name) = parameter.parse::<ParameterName>() else { return item };
        match (self.parameters.values.get(&name), field) {
            (Some(value), None) => Value::Text(format!("{name}={value}")),
            (Some(value), Some(field)) => Value::Text(format!("{field} ({name})={value}")),
            (None, _) if !self.parameters.secrets.contains(name.as_str()) => item,
            (None, None) => self.reference(name),
            (None, Some(field)) => Value::List(vec![Value::from(field), self.reference(name)]),
        }
    }

    /// The value, or nothing after its mistakes were reported.
    fn take<T>(&mut self, settled: Result<T, Unsettled>) -> Option<T> {
        match settled {
            Ok(value) => Some(value),
            Err(Unsettled::Reported) => None,
            Err(Unsettled::Mistakes(mistakes)) => {
                self.found.problems(self.document, mistakes);
                None
            }
        }
    }

    /// Names that differ as written can be one when settled.
    fn no_duplicates(&mut self, nodes: &[Settled<'_>]) {
        let mut seen: BTreeMap<(NodeKind, String), u32> = BTreeMap::new();
        for settled in nodes.iter().filter(|settled| settled.is_there) {
            let NodeId { kind, name } = &settled.node.id;
            let place = settled.template.place.place;
            if let Some(line) = seen.insert((*kind, name.as_str().to_lowercase()), place.line) {
                self.found.push(
                    self.document,
                    place,
                    "duplicate-node",
                    format!(
                        "{} is here a second time; the first is on line {line} of its document",
                        settled.node.id
                    ),
                    "keep one of the two, or let their `when` exclude each other",
                );
            }
        }
    }

    fn fits_one_message(&mut self, nodes: &[Settled<'_>]) {
        let mut bytes = 0_u64;
        for settled in nodes {
            bytes += settled.node.attributes.values().map(size).sum::<u64>();
            if bytes > MANIFEST_SIZE_BYTES {
                self.found.push(
                    self.document,
                    settled.template.place.place,
                    "manifest-too-large",
                    format!("the settled values of one server are larger than {MANIFEST_SIZE_BYTES} bytes"),
                    "make texts shorter; large files belong into a package",
                );
                return;
            }
        }
    }
}

fn size(value: &Value) -> u64 {
    match value {
        Value::Boolean(_) | Value::Integer(_) => 8,
        Value::Text(text) => text.len() as u64,
        Value::Secret(secret) => (secret.site.as_str().len() + secret.secret.as_str().len() + 8) as u64,
        Value::List(items) => items.iter().map(size).sum(),
        Value::Members(members) => members.iter().map(|(key, word)| (key.len() + word.len()) as u64).sum(),
    }
}
