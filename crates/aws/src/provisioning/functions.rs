//! The functions that values of a template may call.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::error::ProvisioningError;

/// What functions can refer to.
pub(super) struct Scope<'a> {
    pub(super) parameters: BTreeMap<&'a str, &'a str>,
    pub(super) mappings: &'a Map<String, Value>,
}

impl Scope<'_> {
    /// The value with all its calls replaced by their results.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value, ProvisioningError> {
        match value {
            Value::Array(items) => items.iter().map(|item| self.resolve(item)).collect(),
            Value::Object(members) => {
                if let Some((name, argument)) = call(members) {
                    return self.call(name, argument);
                }
                let resolve =
                    |(key, member): (&String, _)| Ok((key.clone(), self.resolve(member)?));
                members.iter().map(resolve).collect()
            }
            plain => Ok(plain.clone()),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Value, ProvisioningError> {
        let argument = self.resolve(argument)?;
        let result = match (name, &argument) {
            ("Ref", Value::String(name)) => Some(self.parameter(name)?.into()),
            ("Fn::Join", Value::Array(arguments)) => join(arguments),
            ("Fn::Select", Value::Array(arguments)) => select(arguments),
            ("Fn::Split", Value::Array(arguments)) => split(arguments),
            ("Fn::FindInMap", Value::Array(arguments)) => self.find_in_map(arguments),
            ("Fn::Sub", Value::String(text)) => Some(self.substitute(text, None)?.into()),
            ("Fn::Sub", Value::Array(arguments)) => match arguments.as_slice() {
                [Value::String(text), Value::Object(values)] => {
                    Some(self.substitute(text, Some(values))?.into())
                }
                _ => None,
            },
            _ => None,
        };
        result.ok_or_else(|| {
            ProvisioningError::parameters(format!("{name} cannot be called with these arguments"))
        })
    }

    fn parameter(&self, name: &str) -> Result<&str, ProvisioningError> {
        let value = self.parameters.get(name).copied();
        value.ok_or_else(|| ProvisioningError::parameters(format!("{name} has no value")))
    }

    fn find_in_map(&self, arguments: &[Value]) -> Option<Value> {
        let [Value::String(map), Value::String(key), Value::String(name)] = arguments else {
            return None;
        };
        self.mappings.get(map)?.get(key)?.get(name).cloned()
    }

    /// Replaces each `${name}` by a given value or a parameter.
    fn substitute(
        &self,
        text: &str,
        values: Option<&Map<String, Value>>,
    ) -> Result<String, ProvisioningError> {
        let mut made = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            made.push_str(before);
            let Some((name, behind)) = behind.split_once('}') else {
                return Err(ProvisioningError::parameters("Fn::Sub: ${ without }"));
            };
            let given = values.and_then(|values| values.get(name)).and_then(Value::as_str);
            made.push_str(match given {
                Some(given) => given,
                None => self.parameter(name)?,
            });
            rest = behind;
        }
        made.push_str(rest);
        Ok(made)
    }
}

/// The function and its argument, if an object is a call.
fn call(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    let is_call = members.len() == 1 && (name == "Ref" || name.starts_with("Fn::"));
    is_call.then_some((name, argument))
}

fn join(arguments: &[Value]) -> Option<Value> {
    let [Value::String(delimiter), Value::Array(parts)] = arguments else { return None };
    let parts: Option<Vec<&str>> = parts.iter().map(Value::as_str).collect();
    Some(parts?.join(delimiter).into())
}

fn select(arguments: &[Value]) -> Option<Value> {
    let [index, Value::Array(items)] = arguments else { return None };
    let index = index.as_u64().or_else(|| index.as_str()?.parse().ok())?;
    items.get(usize::try_from(index).ok()?).filter(|item| !item.is_null()).cloned()
}

fn split(arguments: &[Value]) -> Option<Value> {
    let [Value::String(delimiter), Value::String(text)] = arguments else { return None };
    if delimiter.is_empty() { None } else { Some(text.split(delimiter.as_str()).collect()) }
}
