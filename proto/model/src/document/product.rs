//! The kind Product: parameters, roles, and nodes in order.
//!
//! Neighbours: `node` reads its nodes, `parameter` its parameters' types; `resolve` settles it for a site. Checked here is
//! all that the product says of itself; what sites make of it is checked in `resolve`.

use std::collections::{BTreeMap, BTreeSet};

use super::node::{self, NodeTemplate};
use super::shape::{self, Fields};
use super::tree::{Entry, Yaml};
use super::{Placed, Raw, Rule, raw, rule, table};
use crate::diagnostic::Report;
use crate::expression::{Problem, Template};
use crate::name::{ParameterName, ProductId, Role};
use crate::near::did_you_mean;
use crate::node::AttributeType;
use crate::parameter::{Force, Parameter, ParameterType, TYPES, whole};
use crate::resolve::secret_in_text;
use crate::secret::{FormRule, SecretForm};
use crate::to_type::ToType;
use crate::value::Value;

/// A document gives a value to a secret, which is refused without showing the line.
pub(crate) const SECRET_IN_DOCUMENT: &str = "secret-in-document";

/// A product at one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// Its name and version.
    pub id: ProductId,
    /// What it asks of a site.
    pub parameters: BTreeMap<ParameterName, Parameter>,
    /// What must hold for every server of a site.
    pub rules: Vec<Rule>,
    /// The roles of its servers; the first is the one of nodes that name none.
    pub roles: Vec<Placed<Role>>,
    /// Those that a site may leave out.
    pub optional_roles: BTreeSet<Role>,
    /// Whether every node goes once no document names it.
    pub prune: bool,
    /// Its nodes, in order.
    pub nodes: Vec<NodeTemplate>,
}

pub(super) fn read(yaml: &Yaml, report: &mut Report<'_>) -> Option<Product> {
    let fields = Fields::read(yaml, "the Product", &table::PRODUCT, report)?;
    let name = fields.name("name", report);
    let version = fields.name("version", report);
    let roles = roles(&fields, report);
    let optional_roles = optional_roles(&fields, &roles, report);
    let parameters = parameters(fields.map("parameters").unwrap_or_default(), &roles, report);
    let rules = rule::rules(fields.list("rules").unwrap_or_default(), report);
    let items = fields.list("nodes").unwrap_or_default();
    if fields.list("nodes").is_some_and(<[Yaml]>::is_empty) {
        report.push(
            fields.place_of("nodes"),
            "no-value",
            "the Product has no node",
            "list at least one node",
        );
    }
    let mut nodes = Vec::new();
    for item in items {
        nodes.extend(node::read(item, &roles, report));
    }
    node::no_duplicates(&nodes, report);
    names_are_known(&parameters, &rules, &nodes, report);
    let id = ProductId { name: name?.value, version: version?.value };
    let prune = fields.boolean("prune").unwrap_or(false);
    Some(Product { id, parameters, rules, roles, optional_roles, prune, nodes })
}

fn roles(fields: &Fields<'_>, report: &mut Report<'_>) -> Vec<Placed<Role>> {
    let mut roles: Vec<Placed<Role>> = Vec::new();
    for item in fields.list("roles").unwrap_or_default() {
        let text = raw::text(item, "the role", report);
        let Some(role) = text.and_then(|text| shape::parse(Placed::new(&*text.value, text.place), report))
        else {
            continue;
        };
        if roles.contains(&role) {
            let problem = format!("the role `{}` is listed twice", role.value);
            report.push(role.place, "duplicate-role", problem, "keep one of the two");
        } else {
            roles.push(role);
        }
    }
    if fields.list("roles").is_some_and(<[Yaml]>::is_empty) {
        report.push(
            fields.place_of("roles"),
            "no-value",
            "the Product has no role",
            "write at least one, as in [web]",
        );
    }
    roles
}

/// Roles that a site may leave out, each of them one of the product's.
fn optional_roles(fields: &Fields<'_>, roles: &[Placed<Role>], report: &mut Report<'_>) -> BTreeSet<Role> {
    let known: Vec<&str> = roles.iter().map(|role| role.value.as_str()).collect();
    let mut optional = BTreeSet::new();
    for item in fields.list("optional_roles").unwrap_or_default() {
        let Some(text) = raw::text(item, "the optional role", report) else {
            continue;
        };
        match roles.iter().find(|role| role.value.as_str() == text.value) {
            Some(role) => {
                optional.insert(role.value.clone());
            }
            None => {
                let problem = format!("the product has no role `{}`", text.value);
                report.push(text.place, "unknown-role", problem, did_you_mean(&text.value, &known));
            }
        }
    }
    optional
}

fn parameters(
    entries: &[Entry],
    roles: &[Placed<Role>],
    report: &mut Report<'_>,
) -> BTreeMap<ParameterName, Parameter> {
    let mut parameters = BTreeMap::new();
    for entry in entries {
        let name = shape::parse::<ParameterName>(Placed::new(&entry.key, entry.place), report);
        let what = format!("the parameter `{}`", entry.key);
        let Some(fields) = Fields::read(&entry.value, &what, &table::PARAMETER, report) else {
            continue;
        };
        let ty = parameter_type(&fields, &what, report);
        let (default, force) = match &ty {
            Some(ParameterType::Secret(_)) => {
                no_values(&fields, entry, report);
                (None, Vec::new())
            }
            Some(_) | None => own_values(&fields, ty.as_ref(), &what, report),
        };
        let role = node::role(&fields, roles, report);
        if let (Some(name), Some(ty)) = (name, ty) {
            let fixed = fields.boolean("fixed").unwrap_or(false);
            let description = fields.text("description").map(|text| text.value.to_owned());
            let parameter = Parameter { name, ty, default, description, fixed, role, force };
            parameters.insert(parameter.name.value.clone(), parameter);
        }
    }
    parameters
}

/// The type, with the keys that belong to it and no others.
fn parameter_type(fields: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Option<ParameterType> {
    let word = fields.text("type")?;
    let (ty, own): (ParameterType, &[&str]) = match word.value {
        "string" => (ParameterType::Text(pattern(fields, report)), &["pattern"]),
        "integer" => (integer(fields, report), &["min", "max"]),
        "port" => (ParameterType::Port, &["server"]),
        "boolean" => (ParameterType::Boolean, &[]),
        "enum" => (ParameterType::OneOf(values(fields, what, report)?), &["values"]),
        "list" => (ParameterType::List, &[]),
        "windows_path" => (ParameterType::WindowsPath, &[]),
        "iis_name" => (ParameterType::IisName, &[]),
        "host_name" => (ParameterType::HostName, &[]),
        "account" => (ParameterType::Account, &[]),
        "secret" => (ParameterType::Secret(secret_form(fields, report)), &["form", "pattern", "min"]),
        other => {
            let problem = format!("there is no type `{other}`");
            report.push(word.place, "unknown-type", problem, did_you_mean(other, TYPES));
            return None;
        }
    };
    for key in ["pattern", "min", "max", "values", "server", "form"] {
        if fields.yaml(key).is_some() && !own.contains(&key) {
            let problem = format!("`{key}` does not belong to the type `{}`", word.value);
            report.push(
                fields.place_of(key),
                "key-of-another-type",
                problem,
                "remove it, or change the type",
            );
        }
    }
    Some(ty)
}

/// The values that the product itself gives: its default, and what it forces.
fn own_values(
    fields: &Fields<'_>,
    ty: Option<&ParameterType>,
    what: &str,
    report: &mut Report<'_>,
) -> (Option<Placed<Raw>>, Vec<Force>) {
    let default =
        fields.yaml("default").and_then(|yaml| raw::value(yaml, &format!("the default of {what}"), report));
    if let (Some(ty), Some(default)) = (ty, &default) {
        literal_fits(ty, default, &format!("the default of {what}"), report);
    }
    let force = rule::force(fields.list("force").unwrap_or_default(), what, report);
    if let Some(ty) = ty {
        let forced = format!("the forced value of {what}");
        force.iter().for_each(|force| literal_fits(ty, &force.value, &forced, report));
    }
    (default, force)
}

/// A secret has no value in any document, the product's own included.
fn no_values(fields: &Fields<'_>, entry: &Entry, report: &mut Report<'_>) {
    for key in ["default", "force"] {
        if let Some(yaml) = fields.yaml(key) {
            let problem = format!("the parameter `{}` is a secret and has a `{key}`", entry.key);
            let advice = "remove it: each site's value is set with `muster secret set SITE NAME`";
            report.push(yaml.place, SECRET_IN_DOCUMENT, problem, advice);
        }
    }
}

fn secret_form(fields: &Fields<'_>, report: &mut Report<'_>) -> SecretForm {
    let rule = fields.text("form").and_then(|word| {
        let rule = FormRule::of_word(word.value);
        if rule.is_none() {
            let problem = format!("there is no form `{}`", word.value);
            report.push(word.place, "unknown-form", problem, did_you_mean(word.value, FormRule::WORDS));
        }
        rule
    });
    let least = fields.integer("min");
    if least.is_some_and(|least| least < 1) {
        let problem = "`min` of a secret counts characters, at least 1";
        report.push(fields.place_of("min"), "empty-range", problem, "correct it, or leave it out");
    }
    let min_characters = least.and_then(|least| u64::try_from(least).ok());
    SecretForm { rule, min_characters, pattern: pattern(fields, report) }
}

fn pattern(fields: &Fields<'_>, report: &mut Report<'_>) -> Option<String> {
    let pattern = fields.text("pattern")?;
    if let Err(error) = regex_lite::Regex::new(pattern.value).and_then(|_| whole(pattern.value)) {
        let problem = format!("the pattern is no regular expression: {error}");
        report.push(pattern.place, "invalid-pattern", problem, "correct it, or leave it out");
    }
    Some(pattern.value.to_owned())
}

fn integer(fields: &Fields<'_>, report: &mut Report<'_>) -> ParameterType {
    let low = fields.integer("min").unwrap_or(i64::MIN);
    let high = fields.integer("max").unwrap_or(i64::MAX);
    if low > high {
        let problem = format!("`min` {low} is above `max` {high}");
        report.push(fields.place_of("min"), "empty-range", problem, "swap the two");
    }
    ParameterType::Integer(low, high)
}

fn values(fields: &Fields<'_>, what: &str, report: &mut Report<'_>) -> Option<BTreeSet<String>> {
    let Some(items) = fields.list("values").filter(|items| !items.is_empty()) else {
        let problem = format!("{what} is an enum without words");
        report.push(fields.place_of("type"), "missing-key", problem, "add `values: [one, two]`");
        return None;
    };
    let mut words = BTreeSet::new();
    for item in items {
        words.extend(raw::text(item, &format!("a word of {what}"), report).map(|word| word.value));
    }
    Some(words)
}

/// A value without expressions is checked at once, not first at some site.
fn literal_fits(ty: &ParameterType, default: &Placed<Raw>, what: &str, report: &mut Report<'_>) {
    if let Some(value) = literal(&default.value)
        && let Err(unfit) = ty.check(&value)
    {
        let problem = format!("{what} is `{value}`, which does not fit its type");
        report.push(default.place, "wrong-type", problem, format!("wanted: {}", unfit.wanted));
    }
}

/// The value, where no expression is in it.
pub(super) fn literal(raw: &Raw) -> Option<Value> {
    match raw {
        Raw::Boolean(truth) => Some(Value::Boolean(*truth)),
        Raw::Integer(number) => Some(Value::Integer(*number)),
        Raw::Text(text) => Template::parse(text)
            .is_ok_and(|template| template.is_literal())
            .then(|| Value::Text(text.clone())),
        Raw::List(items) => {
            items.iter().map(|item| literal(&item.value)).collect::<Option<_>>().map(Value::List)
        }
        Raw::Members(members) => members
            .iter()
            .map(|(key, value)| {
                let literal = |text: &str| Template::parse(text).is_ok_and(|template| template.is_literal());
                (literal(&key.value) && literal(&value.value))
                    .then(|| (key.value.clone(), value.value.clone()))
            })
            .collect::<Option<_>>()
            .map(Value::Members),
    }
}

/// Every expression can be read and names only parameters of this product.
fn names_are_known(
    parameters: &BTreeMap<ParameterName, Parameter>,
    rules: &[Rule],
    nodes: &[NodeTemplate],
    report: &mut Report<'_>,
) {
    let known: BTreeSet<&str> = parameters.keys().map(ParameterName::as_str).collect();
    no_secret_in_text(parameters, rules, nodes, report);
    let mut texts: Vec<Placed<&str>> = Vec::new();
    for parameter in parameters.values() {
        parameter.default.iter().for_each(|default| collect(default, &mut texts));
        for force in &parameter.force {
            collect(&force.value, &mut texts);
            unknown_names(force.when.value.names(), &known, force.when.place, report);
        }
    }
    for rule in rules {
        unknown_names(rule.condition.value.names(), &known, rule.condition.place, report);
    }
    for node in nodes {
        texts.push(Placed::new(&node.name.value, node.name.place));
        node.provided_by.iter().for_each(|text| texts.push(Placed::new(&text.value, text.place)));
        let references = node.needs.iter().chain(&node.on_change_of).chain(&node.before_change_of);
        references.for_each(|node| texts.push(Placed::new(&node.value, node.place)));
        node.attributes.values().for_each(|raw| collect(raw, &mut texts));
        if let Some(when) = &node.when {
            unknown_names(when.value.names(), &known, when.place, report);
        }
        if let Some(Raw::List(typed)) = node.attributes.get("type_these").map(|raw| &raw.value) {
            typed.iter().for_each(|item| is_parameter(item, &known, report));
        }
    }
    for text in texts {
        match Template::parse(text.value) {
            Ok(template) => unknown_names(template.names(), &known, text.place, report),
            Err(Problem { rule, problem, advice }) => report.push(text.place, rule, problem, advice),
        }
    }
}

/// A secret stands where a secret is taken, alone; anywhere else it would be seen.
fn no_secret_in_text(
    parameters: &BTreeMap<ParameterName, Parameter>,
    rules: &[Rule],
    nodes: &[NodeTemplate],
    report: &mut Report<'_>,
) {
    let secrets: BTreeSet<String> = parameters
        .values()
        .filter(|parameter| parameter.ty.secret_form().is_some())
        .map(|parameter| parameter.name.value.to_string())
        .collect();
    let mut named: Vec<(super::Place, BTreeSet<String>)> = Vec::new();
    let mut texts: Vec<Placed<&str>> = Vec::new();
    for parameter in parameters.values() {
        parameter.default.iter().for_each(|default| collect(default, &mut texts));
        for force in &parameter.force {
            collect(&force.value, &mut texts);
            named.push((force.when.place, force.when.value.names()));
        }
    }
    named.extend(rules.iter().map(|rule| (rule.condition.place, rule.condition.value.names())));
    for node in nodes {
        texts.push(Placed::new(&node.name.value, node.name.place));
        texts.extend(
            node.provided_by.iter().chain(&node.needs).map(|text| Placed::new(&*text.value, text.place)),
        );
        named.extend(node.when.iter().map(|when| (when.place, when.value.names())));
        for (name, raw) in &node.attributes {
            match node.kind.spec().attribute(name).map(|spec| spec.ty) {
                Some(AttributeType::Secret(_)) => is_secret(&raw.value, raw.place, &secrets, report),
                Some(AttributeType::Secrets) => {
                    let Raw::Members(members) = &raw.value else { continue };
                    for (key, secret) in members {
                        texts.push(Placed::new(&key.value, key.place));
                        is_secret(&Raw::Text(secret.value.clone()), secret.place, &secrets, report);
                    }
                }
                Some(AttributeType::Filled) => {
                    let Raw::Text(text) = &raw.value else { continue };
                    let template = Template::parse(text);
                    named.extend(template.map(|template| (raw.place, template.names_in_expressions())));
                }
                Some(_) | None => collect(raw, &mut texts),
            }
        }
    }
    let in_texts =
        texts.iter().filter_map(|text| Some((text.place, Template::parse(text.value).ok()?.names())));
    for (place, names) in named.into_iter().chain(in_texts) {
        if let Some(secret) = names.intersection(&secrets).next() {
            let Problem { rule, problem, advice } = secret_in_text(secret);
            report.push(place, rule, problem, advice);
        }
    }
}

/// An attribute that takes a secret names one, and has no value of its own.
fn is_secret(raw: &Raw, place: super::Place, secrets: &BTreeSet<String>, report: &mut Report<'_>) {
    let Raw::Text(text) = raw else { return };
    // What is not written as one name may be a value: it was refused when the node was read, without being shown.
    let name = Template::parse(text).ok().and_then(|template| template.bare_name());
    if let Some(name) = name.filter(|name| !secrets.contains(name.as_str())) {
        let problem = format!("`{name}` is no secret parameter of this product");
        report.push(place, "not-a-secret", problem, did_you_mean(name.as_str(), secrets));
    }
}

/// `type_these` names parameters outright, each alone or with its field.
fn is_parameter(item: &Placed<Raw>, known: &BTreeSet<&str>, report: &mut Report<'_>) {
    let Raw::Text(text) = &item.value else { return };
    let ToType { parameter, field } = ToType::of(text);
    if !known.contains(parameter) {
        let problem = format!("`type_these` names `{parameter}`, which is no parameter of this product");
        report.push(item.place, "unknown-parameter", problem, did_you_mean(parameter, known));
    }
    if field.is_some_and(|field| field.is_empty() || field.contains('=')) {
        let problem = format!("`type_these` has `{text}`, whose field is empty or has an equals sign");
        let advice = "write the parameter and the dialog's words for it, as in `port as Port Number`";
        report.push(item.place, "wrong-value", problem, advice);
    }
}

fn unknown_names(
    names: BTreeSet<String>,
    known: &BTreeSet<&str>,
    place: super::Place,
    report: &mut Report<'_>,
) {
    for name in names.iter().filter(|name| !known.contains(name.as_str())) {
        let problem = format!("the expression names `{name}`, which is no parameter of this product");
        report.push(place, "unknown-parameter", problem, did_you_mean(name, known));
    }
}

/// Every text of a value, with its place.
pub(crate) fn collect<'r>(raw: &'r Placed<Raw>, texts: &mut Vec<Placed<&'r str>>) {
    match &raw.value {
        Raw::Boolean(_) | Raw::Integer(_) => {}
        Raw::Text(text) => texts.push(Placed::new(text, raw.place)),
        Raw::List(items) => items.iter().for_each(|item| collect(item, texts)),
        Raw::Members(members) => members.iter().for_each(|(key, value)| {
            texts.push(Placed::new(&key.value, key.place));
            texts.push(Placed::new(&value.value, value.place));
        }),
    }
}
