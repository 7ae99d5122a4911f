//! Expressions over parameters: `"{{ port + 1 }}"`, text with expressions in it, and the conditions of `when:`.
//!
//! Neighbours: `document` checks that they can be read, `resolve` settles them. They know parameters, two tests on texts and
//! nothing else: no function, no filter, no loop, no clock. Each has a bounded length, a bounded number of steps and a
//! bounded result.

use std::collections::{BTreeMap, BTreeSet};

use minijinja::value::ValueKind;
use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use crate::limits::{EXPRESSION_CHARACTERS, EXPRESSION_FUEL, VALUE_SIZE_BYTES};
use crate::name::ParameterName;
use crate::value::Value;

const OPEN: &str = "{{";
const CLOSE: &str = "}}";

/// Why an expression gives no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The rule that was broken.
    pub(crate) rule: &'static str,
    /// What is wrong.
    pub(crate) problem: String,
    /// What to do about it.
    pub(crate) advice: &'static str,
}

/// The settled parameters of one server.
pub(crate) type Scope = BTreeMap<ParameterName, Value>;

/// Text in pieces: what is copied and what is settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    Literal(String),
    Expression(String),
}

/// A piece of a text in which secrets may stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Filled {
    /// What is copied or was settled.
    Text(String),
    /// Where the value of a secret goes.
    Secret(ParameterName),
}

/// Whether a value is one expression and nothing else, so that its result keeps its type.
pub(crate) fn is_expression(text: &str) -> bool {
    Template::parse(text).map_or_else(|_| text.starts_with(OPEN), |template| template.whole().is_some())
}

impl Template {
    /// Cuts a text at its `{{ ... }}`. Everything else, `{%` and `{#` included, is copied as it is.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(OPEN) {
            if open > 0 {
                pieces.push(Piece::Literal(rest[..open].to_owned()));
            }
            let inside = &rest[open + OPEN.len()..];
            let close = end_of(inside).ok_or_else(|| Problem {
                rule: "open-expression",
                problem: "an expression begins with `{{` and has no `}}`".to_owned(),
                advice: "close it with `}}`; for the two braces themselves, write {{ '{{' }}",
            })?;
            let source = inside[..close].trim();
            compile(source)?;
            pieces.push(Piece::Expression(source.to_owned()));
            rest = &inside[close + CLOSE.len()..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Literal(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The parameters that it names.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        self.expressions().flat_map(names).collect()
    }

    /// Whether there is nothing to settle.
    pub(crate) fn is_literal(&self) -> bool {
        self.expressions().next().is_none()
    }

    /// The value: of the expression's own type where the text is one expression, else text.
    pub(crate) fn settle(&self, scope: &Scope) -> Result<Value, Problem> {
        if let Some(source) = self.whole() {
            return evaluate(source, scope);
        }
        let mut text = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Expression(source) => text.push_str(&as_text(source, evaluate(source, scope)?)?),
            }
            bounded(&text)?;
        }
        Ok(Value::Text(text))
    }

    /// The text in pieces, with each expression settled that does not name a secret alone.
    pub(crate) fn fill(&self, scope: &Scope, secrets: &BTreeSet<String>) -> Result<Vec<Filled>, Problem> {
        let mut filled: Vec<Filled> = Vec::new();
        let mut length = 0;
        for piece in &self.pieces {
            let text = match piece {
                Piece::Literal(literal) => literal.clone(),
                Piece::Expression(source) => match source.parse::<ParameterName>() {
                    Ok(name) if secrets.contains(name.as_str()) => {
                        filled.push(Filled::Secret(name));
                        continue;
                    }
                    Ok(_) | Err(_) => as_text(source, evaluate(source, scope)?)?,
                },
            };
            bounded(&text)?;
            length += text.len();
            if length as u64 > VALUE_SIZE_BYTES {
                bounded(&" ".repeat(length))?;
            }
            match filled.last_mut() {
                Some(Filled::Text(before)) => before.push_str(&text),
                Some(Filled::Secret(_)) | None => filled.push(Filled::Text(text)),
            }
        }
        Ok(filled)
    }

    /// The parameters that it names in expressions of more than a name.
    pub(crate) fn names_in_expressions(&self) -> BTreeSet<String> {
        let composed = self.expressions().filter(|source| source.parse::<ParameterName>().is_err());
        composed.flat_map(names).collect()
    }

    /// The parameter, where the whole text is the name of one and nothing else.
    pub(crate) fn bare_name(&self) -> Option<ParameterName> {
        self.whole()?.parse().ok()
    }

    fn whole(&self) -> Option<&str> {
        match self.pieces.as_slice() {
            [Piece::Expression(source)] => Some(source),
            _ => None,
        }
    }

    fn expressions(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Expression(source) => Some(source.as_str()),
            Piece::Literal(_) => None,
        })
    }
}

/// A condition: an expression without braces that must give true or false.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    /// The key that it is written under, for messages.
    key: &'static str,
    source: String,
}

impl Condition {
    /// Reads the text of a key such as `when`.
    pub(crate) fn parse(key: &'static str, text: &str) -> Result<Self, Problem> {
        if text.contains(OPEN) {
            return Err(Problem {
                rule: "braces-in-when",
                problem: format!("`{key}` is an expression already and takes no `{{{{ }}}}`"),
                advice: "write it without braces, as in `treasury`",
            });
        }
        compile(text)?;
        Ok(Self { key, source: text.trim().to_owned() })
    }

    /// The parameters that it names.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        names(&self.source).into_iter().collect()
    }

    /// The text, as it was written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether it holds.
    pub(crate) fn holds(&self, scope: &Scope) -> Result<bool, Problem> {
        match evaluate(&self.source, scope)? {
            Value::Boolean(truth) => Ok(truth),
            other @ (Value::Integer(_)
            | Value::Text(_)
            | Value::List(_)
            | Value::Secret(_)
            | Value::Members(_)) => Err(Problem {
                rule: "when-not-boolean",
                problem: format!(
                    "`{}: {}` gives `{other}`, which is neither true nor false",
                    self.key, self.source
                ),
                advice: "name a boolean parameter, or compare, as in `language == 'fr'`",
            }),
        }
    }
}

/// Where the expression ends: at the first `}}` that stands outside quotes.
fn end_of(text: &str) -> Option<usize> {
    outside_quotes(text).find(|(index, _)| text[*index..].starts_with(CLOSE)).map(|(index, _)| index)
}

/// The characters of an expression that are not part of a quoted text, with their places.
fn outside_quotes(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    text.char_indices().filter(move |(_, c)| {
        match quote {
            Some(_) if escaped => escaped = false,
            Some(_) if *c == '\\' => escaped = true,
            Some(open) if *c == open => quote = None,
            Some(_) => {}
            None if *c == '"' || *c == '\'' => quote = Some(*c),
            None => return true,
        }
        false
    })
}

/// An engine that knows no name but the parameters, and two tests. Letters count as Windows counts them in names and paths:
/// capital and small are the same.
fn engine() -> Environment<'static> {
    let mut engine = Environment::empty();
    engine.set_undefined_behavior(UndefinedBehavior::Strict);
    engine.set_fuel(Some(EXPRESSION_FUEL));
    engine.add_test("startingwith", |text: String, start: String| {
        text.to_lowercase().starts_with(&start.to_lowercase())
    });
    engine.add_test("endingwith", |text: String, end: String| {
        text.to_lowercase().ends_with(&end.to_lowercase())
    });
    engine
}

fn compile(source: &str) -> Result<(), Problem> {
    if source.chars().count() as u64 > EXPRESSION_CHARACTERS {
        return Err(Problem {
            rule: "expression-too-long",
            problem: format!("the expression has more than {EXPRESSION_CHARACTERS} characters"),
            advice: "give parts of it a parameter of their own, with a default",
        });
    }
    // `'x' * 100000000` makes a huge value in one step, before any count of steps stops it. There are no filters, and the
    // engine would find that out only when it runs.
    if outside_quotes(source).any(|(_, c)| c == '*' || c == '|') {
        return Err(Problem {
            rule: "expression-syntax",
            problem: format!("`{source}` multiplies or filters, which expressions do not do"),
            advice: "write the result out, or give it a parameter of its own",
        });
    }
    let engine = engine();
    let result = engine.compile_expression(source).map(|_| ());
    result.map_err(|error| Problem {
        rule: "expression-syntax",
        problem: format!("`{source}` is not an expression: {}", detail(&error)),
        advice: "use parameters, numbers, 'text', + - // %, ~ to join texts, comparisons, `and`, `or`, `not`, `a if b else c`, `is startingwith(...)`, `is endingwith(...)`",
    })
}

fn names(source: &str) -> Vec<String> {
    let engine = engine();
    match engine.compile_expression(source) {
        Ok(expression) => expression.undeclared_variables(false).into_iter().collect(),
        // Every expression was compiled when it was read.
        Err(_) => Vec::new(),
    }
}

fn evaluate(source: &str, scope: &Scope) -> Result<Value, Problem> {
    let engine = engine();
    let expression = engine.compile_expression(source).map_err(|error| failed(source, &error))?;
    // Only what the expression names is handed over: there may be many parameters, and many expressions.
    let mut given = Vec::new();
    for name in expression.undeclared_variables(false) {
        match name.parse::<ParameterName>().ok().and_then(|parameter| scope.get(&parameter)) {
            Some(value) => given.push((name, to_engine(value))),
            None => {
                return Err(Problem {
                    rule: "unknown-parameter",
                    problem: format!("`{source}` names `{name}`, which is no parameter of the product"),
                    advice: "declare the parameter in the product, or correct its name",
                });
            }
        }
    }
    let value =
        expression.eval(minijinja::Value::from_pairs(given)).map_err(|error| failed(source, &error))?;
    from_engine(source, &value)
}

fn failed(source: &str, error: &minijinja::Error) -> Problem {
    let (rule, advice) = if error.kind() == ErrorKind::OutOfFuel {
        ("expression-too-long", "make the expression shorter")
    } else {
        ("expression-failed", "check the types of the parameters that it names")
    };
    Problem { rule, problem: format!("`{source}` gives no value: {}", detail(error)), advice }
}

fn detail(error: &minijinja::Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn to_engine(value: &Value) -> minijinja::Value {
    match value {
        Value::Boolean(truth) => minijinja::Value::from(*truth),
        Value::Integer(number) => minijinja::Value::from(*number),
        Value::Text(text) => minijinja::Value::from(text.clone()),
        Value::List(values) => values.iter().map(to_engine).collect(),
        // No parameter holds one: an expression that names a secret was refused before.
        Value::Secret(_) => minijinja::Value::UNDEFINED,
        Value::Members(members) => minijinja::Value::from_pairs(
            members.iter().map(|(key, value)| (key.clone(), minijinja::Value::from(value.clone()))),
        ),
    }
}

fn from_engine(source: &str, value: &minijinja::Value) -> Result<Value, Problem> {
    match value.kind() {
        ValueKind::Bool => Ok(Value::Boolean(value.is_true())),
        ValueKind::Number => match value.as_i64().filter(|_| value.is_integer()) {
            Some(number) => Ok(Value::Integer(number)),
            None => Err(Problem {
                rule: "not-a-whole-number",
                problem: format!("`{source}` gives {value}, which is no whole number"),
                advice: "divide with // to get a whole number; keep numbers in 64 bits",
            }),
        },
        ValueKind::String => {
            let text = value.as_str().unwrap_or_default();
            bounded(text)?;
            Ok(Value::Text(text.to_owned()))
        }
        ValueKind::Seq => {
            let items = value.try_iter().map_err(|error| failed(source, &error))?;
            let values: Result<Vec<Value>, Problem> = items.map(|item| from_engine(source, &item)).collect();
            Ok(Value::List(values?))
        }
        ValueKind::Undefined | ValueKind::None => Err(Problem {
            rule: "expression-failed",
            problem: format!("`{source}` gives nothing"),
            advice: "give it a value in every case, as in `a if b else c`",
        }),
        ValueKind::Bytes
        | ValueKind::Map
        | ValueKind::Iterable
        | ValueKind::Plain
        | ValueKind::Invalid
        | _ => Err(Problem {
            rule: "expression-failed",
            problem: format!("`{source}` gives no value that a document can hold"),
            advice: "let it give text, a whole number, true or false, or a list of these",
        }),
    }
}

fn as_text(source: &str, value: Value) -> Result<String, Problem> {
    match value {
        Value::Boolean(_) | Value::Integer(_) | Value::Text(_) => Ok(value.to_string()),
        Value::List(_) | Value::Secret(_) | Value::Members(_) => Err(Problem {
            rule: "list-in-text",
            problem: format!("`{source}` gives a list, in the middle of a text"),
            advice: "let the list be the whole value, or name one item of it, as in `list[0]`",
        }),
    }
}

fn bounded(text: &str) -> Result<(), Problem> {
    if text.len() as u64 > VALUE_SIZE_BYTES {
        return Err(Problem {
            rule: "value-too-large",
            problem: format!("the settled text is longer than {VALUE_SIZE_BYTES} bytes"),
            advice: "make the text shorter, or split it",
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let values: [(&str, Value); 5] = [
            ("port", 1025.into()),
            ("pool", "Sage.XRT.Advanced".into()),
            ("odata", true.into()),
            ("list", Value::List(vec!["a".into(), "b".into()])),
            ("braces", "{{ pool }}".into()),
        ];
        values.into_iter().map(|(name, value)| (name.parse().unwrap(), value)).collect()
    }

    fn settle(text: &str) -> Result<Value, &'static str> {
        Template::parse(text).and_then(|template| template.settle(&scope())).map_err(|problem| problem.rule)
    }

    #[test]
    fn a_whole_expression_keeps_its_type() {
        assert_eq!(settle("{{ port + 1 }}"), Ok(Value::Integer(1026)));
        assert_eq!(settle("{{ not odata }}"), Ok(Value::Boolean(false)));
        assert_eq!(settle("{{ list }}"), Ok(Value::List(vec!["a".into(), "b".into()])));
        assert_eq!(settle("{{ port // 2 }}"), Ok(Value::Integer(512)));
        assert_eq!(settle("{{ 'https' if odata else 'http' }}"), Ok("https".into()));
        assert_eq!(settle("{{ port ~ '' }}"), Ok("1025".into()));
    }

    #[test]
    fn text_around_expressions_is_copied_as_it_is() {
        assert_eq!(settle("pool {{ pool }}:{{ port }}\n"), Ok("pool Sage.XRT.Advanced:1025\n".into()));
        assert_eq!(settle("{% raw %}{# {{ port }} #}}"), Ok("{% raw %}{# 1025 #}}".into()));
        assert_eq!(settle("{{ '}}' }}{{ \"{{\" }}"), Ok("}}{{".into()));
        assert_eq!(settle("a{{ braces }}"), Ok("a{{ pool }}".into()), "a value is never settled twice");
        assert_eq!(settle(""), Ok("".into()));
    }

    #[test]
    fn what_gives_no_clear_value_is_refused() {
        let cases = [
            ("{{ port / 2 }}", "not-a-whole-number"),
            ("x{{ port / 2 }}", "not-a-whole-number"),
            ("{{ 9223372036854775807 + 1 }}", "not-a-whole-number"),
            ("{{ prot }}", "unknown-parameter"),
            ("{{ 'x' if prot else 'y' }}", "unknown-parameter"),
            ("{{ none }}", "expression-failed"),
            ("{{ 'x' if not odata }}", "expression-failed"),
            ("{{ {'a': 1} }}", "expression-failed"),
            ("{{ pool - 1 }}", "expression-failed"),
            ("x{{ list }}", "list-in-text"),
            ("{{ port", "open-expression"),
            ("{{ }}", "expression-syntax"),
            ("{{ port + }}", "expression-syntax"),
            ("{{ pool | upper }}", "expression-syntax"),
            ("{{ 'x' * 100000000 }}", "expression-syntax"),
            ("{{ range(9) }}", "unknown-parameter"),
            ("{{ pool.upper() }}", "expression-failed"),
            ("{{ pool.x }}", "expression-failed"),
        ];
        for (text, rule) in cases {
            assert_eq!(settle(text), Err(rule), "{text}");
        }
    }

    #[test]
    fn an_expression_is_bounded_in_length_and_result() {
        assert_eq!(settle(&format!("{{{{ {} }}}}", "port+".repeat(300))), Err("expression-too-long"));
        assert_eq!(settle(&"x".repeat(300_000)), Err("value-too-large"));
        assert_eq!(
            settle(&format!("{{{{ {}1{} }}}}", "(".repeat(400), ")".repeat(400))),
            Err("expression-syntax")
        );
    }

    #[test]
    fn a_condition_takes_no_braces_and_gives_true_or_false() {
        let holds = |text: &str| {
            Condition::parse("when", text)
                .and_then(|when| when.holds(&scope()))
                .map_err(|problem| problem.rule)
        };
        assert_eq!(holds("odata and port > 1000"), Ok(true));
        assert_eq!(holds("port == 80"), Ok(false));
        assert_eq!(holds("port"), Err("when-not-boolean"));
        assert_eq!(holds("{{ odata }}"), Err("braces-in-when"));
        assert_eq!(holds("odate"), Err("unknown-parameter"));
    }
}
