//! A product's rules, held against the settled parameters of one server: what must hold, and what only should.
//!
//! Neighbours: `mod` calls it for each server, `layers` settled the parameters. A rule over a parameter that has no value
//! is passed over: the parameter was reported already.

use super::found::Found;
use super::layers::{Layer, taken};
use super::settle::Parameters;
use crate::document::{Document, Place, Product};
use crate::name::ParameterName;

/// Reports every rule that does not hold, as a mistake or as a warning: at the value that the server or the site gave, else
/// at the site's name.
pub(super) fn check(
    product: (&Document, &Product),
    site: (&Document, Place),
    own: &[Layer<'_>],
    parameters: &Parameters,
    found: &mut Found,
) {
    for rule in &product.1.rules {
        let holds = taken(product.0, parameters.holds(&rule.condition), found);
        if holds != Some(false) {
            continue;
        }
        let names: Vec<ParameterName> =
            rule.condition.value.names().iter().filter_map(|name| name.parse().ok()).collect();
        let given = own.iter().rev().find_map(|layer| {
            let given = names.iter().find_map(|name| layer.values.get(name))?;
            Some((layer.document, given.key.place))
        });
        let (document, place) = given.unwrap_or(site);
        let values: Vec<String> = names
            .iter()
            .filter_map(|name| Some(format!("{name} is {}", parameters.values.get(name)?)))
            .collect();
        let (source, values) = (rule.condition.value.source(), values.join(", "));
        let says = |verb| format!("{} {verb} `{source}`, and {values}", product.1.id);
        if rule.is_required {
            found.push(document, place, "rule-broken", rule.message.clone(), says("requires"));
        } else {
            found.warn(document, place, "rule-not-followed", rule.message.clone(), says("recommends"));
        }
    }
}
