//! From the text of a policy to its statements.

use serde_json::{Map, Value};

use super::condition::{Condition, Operator};
use super::pattern::{Pattern, Reading};
use super::{Choice, POLICY_BYTES, Policy, PolicyError, PolicyProblem, Statement};

type Fields = Map<String, Value>;

impl Policy {
    /// Reads a policy of AWS IoT, of at most [`POLICY_BYTES`].
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        Self::parse_within(text, POLICY_BYTES)
    }

    /// Reads a policy of at most so many bytes, white space aside.
    pub fn parse_within(text: &str, limit: usize) -> Result<Self, PolicyError> {
        let bytes = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).count();
        if bytes > limit {
            return Err(PolicyError::at("", PolicyProblem::TooLong { bytes, limit }));
        }
        let document = serde_json::from_str(text).map_err(|error| PolicyError::json(&error))?;
        policy(&document)
    }
}

fn policy(document: &Value) -> Result<Policy, PolicyError> {
    let fields = object(document, "", "an object with Version and Statement")?;
    known(fields, "", &["Version", "Id", "Statement"])?;
    let variables = match text(required(fields, "", "Version")?, "Version")? {
        "2012-10-17" => true,
        "2008-10-17" => false,
        other => {
            return Err(PolicyError::at("Version", PolicyProblem::Version(other.to_owned())));
        }
    };
    let found = required(fields, "", "Statement")?;
    let statements = match found {
        Value::Array(list) => {
            let each = list.iter().enumerate();
            each.map(|(index, one)| statement(one, &format!("Statement[{index}]"), variables))
                .collect()
        }
        one => statement(one, "Statement", variables).map(|statement| vec![statement]),
    };
    let statements: Vec<Statement> = statements?;
    if statements.is_empty() {
        return Err(PolicyError::at("Statement", PolicyProblem::Expected("a statement")));
    }
    Ok(Policy { statements })
}

fn statement(value: &Value, path: &str, variables: bool) -> Result<Statement, PolicyError> {
    const FIELDS: [&str; 7] =
        ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];
    let fields = object(value, path, "an object with Effect, Action and Resource")?;
    known(fields, path, &FIELDS)?;
    let sid = match fields.get("Sid") {
        Some(sid) => Some(text(sid, &inside(path, "Sid"))?.to_owned()),
        None => None,
    };
    let at = inside(path, "Effect");
    let is_allow = match text(required(fields, path, "Effect")?, &at)? {
        "Allow" => true,
        "Deny" => false,
        other => return Err(PolicyError::at(&at, PolicyProblem::Effect(other.to_owned()))),
    };
    let reading = Reading { wildcards: true, variables: false };
    let actions = choice(fields, path, ("Action", "NotAction"), reading, check_action)?;
    let reading = Reading { wildcards: true, variables };
    let resources = choice(fields, path, ("Resource", "NotResource"), reading, check_resource)?;
    let conditions = match fields.get("Condition") {
        Some(found) => conditions(found, &inside(path, "Condition"), variables)?,
        None => Vec::new(),
    };
    Ok(Statement { sid, is_allow, actions, resources, conditions })
}

/// The patterns of one of two fields, of which exactly one must be there.
fn choice(
    fields: &Fields,
    path: &str,
    (plain, negated): (&'static str, &'static str),
    reading: Reading,
    check: fn(&str) -> Result<(), PolicyProblem>,
) -> Result<Choice, PolicyError> {
    let (name, found) = match (fields.get(plain), fields.get(negated)) {
        (Some(found), None) => (plain, found),
        (None, Some(found)) => (negated, found),
        (None, None) => return Err(PolicyError::at(path, PolicyProblem::Missing(plain))),
        (Some(_), Some(_)) => {
            return Err(PolicyError::at(path, PolicyProblem::Both(plain, negated)));
        }
    };
    let at = inside(path, name);
    let texts = texts(found, &at)?;
    let mut patterns = Vec::with_capacity(texts.len());
    for (text, at) in texts {
        check(&text).map_err(|problem| PolicyError::at(&at, problem))?;
        patterns.push(pattern(&text, &at, reading)?);
    }
    Ok(Choice { except: name == negated, patterns })
}

fn check_action(name: &str) -> Result<(), PolicyProblem> {
    let is_word = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || "-*?".contains(c))
    };
    let fits = name == "*"
        || name
            .split_once(':')
            .is_some_and(|(service, action)| is_word(service) && is_word(action));
    if fits { Ok(()) } else { Err(PolicyProblem::Action(name.to_owned())) }
}

fn check_resource(name: &str) -> Result<(), PolicyProblem> {
    let fits = name == "*" || (name.starts_with("arn:") && name.split(':').count() >= 3);
    if fits { Ok(()) } else { Err(PolicyProblem::Resource(name.to_owned())) }
}

fn conditions(value: &Value, path: &str, variables: bool) -> Result<Vec<Condition>, PolicyError> {
    let mut conditions = Vec::new();
    for (name, keys) in object(value, path, "an object of operators")? {
        let at = inside(path, name);
        let operator = Operator::named(name)
            .ok_or_else(|| PolicyError::at(&at, PolicyProblem::Operator(name.clone())))?;
        let reading = Reading { wildcards: Operator::has_wildcards(name), variables };
        for (key, found) in object(keys, &at, "an object of keys with their values")? {
            let texts = texts(found, &inside(&at, key))?;
            let values = texts.iter().map(|(text, at)| {
                check_value(operator, text).map_err(|problem| PolicyError::at(at, problem))?;
                pattern(text, at, reading)
            });
            let values = values.collect::<Result<_, _>>()?;
            conditions.push(Condition { operator, key: key.clone(), values });
        }
    }
    Ok(conditions)
}

/// A value with variables is compared when they are known, and fits nothing if
/// it then has the wrong form.
fn check_value(operator: Operator, text: &str) -> Result<(), PolicyProblem> {
    match operator.objection(text) {
        Some(expected) if !text.contains("${") => {
            Err(PolicyProblem::Value { found: text.to_owned(), expected })
        }
        _ => Ok(()),
    }
}

fn pattern(text: &str, path: &str, reading: Reading) -> Result<Pattern, PolicyError> {
    Pattern::parse(text, reading)
        .map_err(|problem| PolicyError::at(path, PolicyProblem::Variable(problem)))
}

/// A text or a list of some, each with its path. Numbers and truth values count
/// as the texts that they are written as.
fn texts(value: &Value, path: &str) -> Result<Vec<(String, String)>, PolicyError> {
    let one = |value: &Value, path: String| match value {
        Value::String(text) => Ok((text.clone(), path)),
        Value::Bool(_) | Value::Number(_) => Ok((value.to_string(), path)),
        _ => Err(PolicyError::at(&path, PolicyProblem::Expected("a text"))),
    };
    match value {
        Value::Array(list) if list.is_empty() => {
            Err(PolicyError::at(path, PolicyProblem::Expected("at least one text")))
        }
        Value::Array(list) => {
            let each = list.iter().enumerate();
            each.map(|(index, value)| one(value, format!("{path}[{index}]"))).collect()
        }
        value => Ok(vec![one(value, path.to_owned())?]),
    }
}

fn object<'a>(
    value: &'a Value,
    path: &str,
    expected: &'static str,
) -> Result<&'a Fields, PolicyError> {
    value.as_object().ok_or_else(|| PolicyError::at(path, PolicyProblem::Expected(expected)))
}

fn text<'a>(value: &'a Value, path: &str) -> Result<&'a str, PolicyError> {
    value.as_str().ok_or_else(|| PolicyError::at(path, PolicyProblem::Expected("a text")))
}

fn required<'a>(
    fields: &'a Fields,
    path: &str,
    name: &'static str,
) -> Result<&'a Value, PolicyError> {
    fields.get(name).ok_or_else(|| PolicyError::at(path, PolicyProblem::Missing(name)))
}

fn known(fields: &Fields, path: &str, names: &[&str]) -> Result<(), PolicyError> {
    match fields.keys().find(|name| !names.contains(&name.as_str())) {
        Some(name) => Err(PolicyError::at(path, PolicyProblem::UnknownField(name.clone()))),
        None => Ok(()),
    }
}

fn inside(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
