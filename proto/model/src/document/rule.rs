//! What a product demands across parameters: `rules:` that must or should hold, and values that `force:` lays over every layer.
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
    pub(crate) condition: Placed<Condition>,
    /// Whether a site that breaks it is refused, and not only warned.
    pub(crate) is_required: bool,
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
        let is_required = fields.yaml("require").is_some();
        if is_required == fields.yaml("recommend").is_some() {
            let problem = "the rule must have either `require` or `recommend`";
            report.push(
                item.place,
                "rule-without-condition",
                problem,
                "keep one of the two keys, with a condition",
            );
            continue;
        }
        let key = if is_required { "require" } else { "recommend" };
        if let (Some(condition), Some(message)) = (condition(&fields, key, report), message) {
            rules.push(Rule { condition, is_required, message });
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
