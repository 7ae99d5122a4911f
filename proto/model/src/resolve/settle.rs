//! One written value settled with the parameters of one server.
//!
//! Neighbours: `layers` and `nodes` call it for every value. An expression over a parameter that has no value is passed
//! over in silence: the parameter was reported already, once.

use std::collections::BTreeSet;

use crate::document::{Place, Placed, Raw};
use crate::expression::{Condition, Filled, Problem, Scope, Template};
use crate::value::Value;

/// What expressions may name, and what they name in vain.
#[derive(Default)]
pub(super) struct Parameters {
    /// The settled values.
    pub(super) values: Scope,
    /// Parameters that were reported and have no value.
    pub(super) failed: BTreeSet<String>,
    /// Parameters of type `secret`: nothing settled ever holds one.
    pub(super) secrets: BTreeSet<String>,
}

/// Why there is no value.
pub(super) enum Unsettled {
    /// It depends on something that was reported already.
    Reported,
    /// These mistakes, each with its place.
    Mistakes(Vec<(Place, Problem)>),
}

impl Parameters {
    /// A text with its expressions settled.
    pub(super) fn text(&self, text: Placed<&str>) -> Result<Value, Unsettled> {
        let at = |problem| Unsettled::Mistakes(vec![(text.place, problem)]);
        let template = Template::parse(text.value).map_err(at)?;
        let names = template.names();
        if !self.failed.is_disjoint(&names) {
            return Err(Unsettled::Reported);
        }
        if let Some(secret) = self.secrets.intersection(&names).next() {
            return Err(at(secret_in_text(secret)));
        }
        template.settle(&self.values).map_err(at)
    }

    /// A text in which secrets may stand, each as an expression of its name and nothing else.
    pub(super) fn filled(&self, text: Placed<&str>) -> Result<Vec<Filled>, Unsettled> {
        let at = |problem| Unsettled::Mistakes(vec![(text.place, problem)]);
        let template = Template::parse(text.value).map_err(at)?;
        if !self.failed.is_disjoint(&template.names()) {
            return Err(Unsettled::Reported);
        }
        if let Some(secret) = self.secrets.intersection(&template.names_in_expressions()).next() {
            return Err(at(secret_in_text(secret)));
        }
        template.fill(&self.values, &self.secrets).map_err(at)
    }

    /// A condition.
    pub(super) fn holds(&self, when: &Placed<Condition>) -> Result<bool, Unsettled> {
        if let Some(secret) = self.secrets.intersection(&when.value.names()).next() {
            return Err(Unsettled::Mistakes(vec![(when.place, secret_in_text(secret))]));
        }
        if !self.failed.is_disjoint(&when.value.names()) {
            return Err(Unsettled::Reported);
        }
        when.value.holds(&self.values).map_err(|problem| Unsettled::Mistakes(vec![(when.place, problem)]))
    }

    /// A text that must stay text, as names and accounts do.
    pub(super) fn name(&self, text: Placed<&str>) -> Result<String, Unsettled> {
        match self.text(text)? {
            Value::Text(text) => Ok(text),
            other @ (Value::Boolean(_)
            | Value::Integer(_)
            | Value::List(_)
            | Value::Secret(_)
            | Value::Members(_)) => {
                let problem = Problem {
                    rule: "wrong-type",
                    problem: format!("`{}` gives `{other}`; text is wanted", text.value),
                    advice: "join it to a text, as in \"{{ port ~ '' }}\"",
                };
                Err(Unsettled::Mistakes(vec![(text.place, problem)]))
            }
        }
    }

    /// A value of any shape.
    pub(super) fn value(&self, raw: &Placed<Raw>) -> Result<Value, Unsettled> {
        match &raw.value {
            Raw::Boolean(truth) => Ok(Value::Boolean(*truth)),
            Raw::Integer(number) => Ok(Value::Integer(*number)),
            Raw::Text(text) => self.text(Placed::new(text, raw.place)),
            Raw::List(items) => all(items.iter().map(|item| self.value(item))).map(Value::List),
            Raw::Members(members) => self.members(members),
        }
    }

    fn members(&self, members: &[(Placed<String>, Placed<String>)]) -> Result<Value, Unsettled> {
        let settled = all(members.iter().map(|(key, value)| {
            let account = self.name(Placed::new(&key.value, key.place))?;
            let word = self.name(Placed::new(&value.value, value.place))?;
            Ok((account, word, key.place))
        }))?;
        let mut seen = BTreeSet::new();
        for (account, _, place) in &settled {
            if !seen.insert(account.to_lowercase()) {
                let problem = Problem {
                    rule: "duplicate-member",
                    problem: format!("the member `{account}` is here a second time"),
                    advice: "keep one of the two; Windows takes capital and small letters for the same name",
                };
                return Err(Unsettled::Mistakes(vec![(*place, problem)]));
            }
        }
        Ok(Value::Members(settled.into_iter().map(|(account, word, _)| (account, word)).collect()))
    }
}

/// A secret is handed to what uses it, and to nothing else.
pub(crate) fn secret_in_text(secret: &str) -> Problem {
    Problem {
        rule: "secret-in-text",
        problem: format!(
            "the expression names the secret `{secret}`, which is never part of a value or condition"
        ),
        advice: "give it to an attribute that takes a secret, or list it in `type_these`",
    }
}

/// All values, or all mistakes.
fn all<T>(settled: impl Iterator<Item = Result<T, Unsettled>>) -> Result<Vec<T>, Unsettled> {
    let mut values = Vec::new();
    let mut mistakes = Vec::new();
    let mut reported = false;
    for one in settled {
        match one {
            Ok(value) => values.push(value),
            Err(Unsettled::Reported) => reported = true,
            Err(Unsettled::Mistakes(found)) => mistakes.extend(found),
        }
    }
    match (mistakes.is_empty(), reported) {
        (true, false) => Ok(values),
        (true, true) => Err(Unsettled::Reported),
        (false, _) => Err(Unsettled::Mistakes(mistakes)),
    }
}
