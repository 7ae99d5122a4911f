//! What a product demands across parameters: `rules:` that must hold, and values that `force:` lays over every layer.
//!
//! Neighbours: `product` collects them, `resolve` holds every server of a site to them. Never settles anything itself.

use super::shape::Fields;
use super::tree::Yaml;
use super::{Placed, raw, table};
use crate::diagnostic::Report;
use crate::expression::{Condition, Problem};
use crate::parameter::Force;

/// Something that must hold for every server of a site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The condition over parameters.
    pub(crate) require: Placed<Condition>,
    /// What to tell whoever breaks it.
    pub message: String,
}

/// The `rules:` of a product.
pub(super) fn rules(items: &[Yaml], report: &mut Report<'_>) -> Vec<Rule> {
    let mut rules = Vec::new();
    for item in items {
        let Some(fields) = Fields::read(item, "the rule", &table::RULE, report) else {
            continue;
        };
        let message = fields.text("message").map(|text| text.value.to_owned());
        if let (Some(require), Some(message)) = (condition(&fields, "require", report), message) {
            rules.push(Rule { require, message });
        }
    }
    rules
}

/// The `force:` of a parameter; `what` names the parameter in messages.
pub(super) fn force(items: &[Yaml], what: &str, report: &mut Report<'_>) -> Vec<Force> {
    let mut forces = Vec::new();
    for item in items {
        let Some(fields) =
            Fields::read(item, &format!("an item of `force` of {what}"), &table::FORCE, report)
        else {
            continue;
        };
        let when = condition(&fields, "when", report);
        let value = fields
            .yaml("value")
            .and_then(|yaml| raw::value(yaml, &format!("the forced value of {what}"), report));
        let reason = fields.text("reason").map(|text| text.value.to_owned());
        if let (Some(when), Some(value), Some(reason)) = (when, value, reason) {
            forces.push(Force { when, value, reason });
        }
    }
    forces
}

/// The condition of a key, or a report of why it is none.
pub(super) fn condition(
    fields: &Fields<'_>,
    key: &'static str,
    report: &mut Report<'_>,
) -> Option<Placed<Condition>> {
    let text = fields.text(key)?;
    Condition::parse(key, text.value)
        .map_err(|Problem { rule, problem, advice }| report.push(text.place, rule, problem, advice))
        .ok()
        .map(|condition| Placed::new(condition, text.place))
}
