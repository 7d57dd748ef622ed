//! Provisioning templates: what becomes of a device that registers.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::error::ProvisioningError;
use super::functions::Scope;
use super::registry::{Policy, Registration};
use crate::names;

/// A template that cannot be taken.
#[derive(Debug)]
#[non_exhaustive]
pub enum TemplateError {
    /// Its name is none.
    Name {
        /// The name.
        name: String,
    },
    /// It is too long.
    TooLarge {
        /// Its bytes.
        found: usize,
        /// How many are allowed.
        limit: usize,
    },
    /// It is no JSON, or JSON of another form; the source knows the line.
    Json(serde_json::Error),
    /// It does not have exactly one resource of a type.
    Resource {
        /// The type.
        kind: &'static str,
        /// How many it has.
        found: usize,
    },
    /// There are as many as the limits allow.
    TooMany {
        /// How many.
        limit: usize,
    },
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name { name } => write!(
                f,
                "{name:?} is no name of a template; hint: 1 to 36 letters, digits, _ and -"
            ),
            Self::TooLarge { found, limit } => {
                write!(f, "the template has {found} bytes, and at most {limit} are allowed")
            }
            Self::Json(source) => write!(
                f,
                "the template is wrong: {source}; hint: an object with Parameters and Resources"
            ),
            Self::Resource { kind, found } => write!(
                f,
                "the template has {found} resources of type {kind}; hint: exactly one is needed"
            ),
            Self::TooMany { limit } => write!(f, "there are {limit} templates, which is the limit"),
        }
    }
}

impl Error for TemplateError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if let Self::Json(source) = self { Some(source) } else { None }
    }
}

/// A template that has been read.
#[derive(Clone, Debug)]
pub(super) struct Template {
    /// Parameters with their defaults.
    parameters: BTreeMap<String, Option<String>>,
    mappings: Map<String, Value>,
    thing: Value,
    certificate: Value,
    policies: Vec<Value>,
    device_configuration: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Text {
    #[serde(default)]
    parameters: BTreeMap<String, Parameter>,
    #[serde(default)]
    mappings: Map<String, Value>,
    resources: BTreeMap<String, Resource>,
    #[serde(default)]
    device_configuration: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    default: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Resource {
    r#type: Kind,
    #[serde(default)]
    properties: Map<String, Value>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
enum Kind {
    #[serde(rename = "AWS::IoT::Thing")]
    Thing,
    #[serde(rename = "AWS::IoT::Certificate")]
    Certificate,
    #[serde(rename = "AWS::IoT::Policy")]
    Policy,
}

impl Template {
    pub(super) fn parse(text: &str, limit: usize) -> Result<Self, TemplateError> {
        if text.len() > limit {
            return Err(TemplateError::TooLarge { found: text.len(), limit });
        }
        let text: Text = serde_json::from_str(text).map_err(TemplateError::Json)?;
        let mut resources = Resources(text.resources.into_values().collect());
        let parameters = text.parameters.into_iter();
        Ok(Self {
            parameters: parameters.map(|(name, parameter)| (name, parameter.default)).collect(),
            mappings: text.mappings,
            thing: resources.one(Kind::Thing, "AWS::IoT::Thing")?,
            certificate: resources.one(Kind::Certificate, "AWS::IoT::Certificate")?,
            policies: resources.all(Kind::Policy),
            device_configuration: Value::Object(text.device_configuration),
        })
    }

    /// The thing that registers with these parameters.
    pub(super) fn fill_in(
        &self,
        given: &BTreeMap<String, String>,
        certificate_id: &str,
    ) -> Result<Registration, ProvisioningError> {
        let mut parameters = BTreeMap::new();
        for (name, default) in &self.parameters {
            if let Some(value) = given.get(name).or(default.as_ref()) {
                parameters.insert(name.as_str(), value.as_str());
            }
        }
        parameters.insert("AWS::IoT::Certificate::Id", certificate_id);
        let scope = Scope { parameters, mappings: &self.mappings };

        let thing = scope.resolve(&self.thing)?;
        let thing_name = text(&thing, "ThingName")?.unwrap_or_default();
        if !names::is_thing(thing_name) {
            let problem = format!("{thing_name:?} is no name of a thing");
            return Err(ProvisioningError::parameters(problem));
        }
        let policies = self.policies.iter().map(|policy| policy_of(&scope.resolve(policy)?));
        let certificate = scope.resolve(&self.certificate)?;
        let status = text(&certificate, "Status")?.unwrap_or("ACTIVE");
        let Value::Object(device_configuration) = scope.resolve(&self.device_configuration)? else {
            return Err(ProvisioningError::parameters("DeviceConfiguration must be an object"));
        };
        Ok(Registration {
            thing_name: thing_name.to_owned(),
            attributes: attributes_of(&thing)?,
            certificate_id: certificate_id.to_owned(),
            certificate_is_active: status.eq_ignore_ascii_case("ACTIVE"),
            policies: policies.collect::<Result<_, _>>()?,
            device_configuration,
        })
    }
}

/// The resources of a template that nobody has taken yet.
struct Resources(Vec<Resource>);

impl Resources {
    fn all(&mut self, kind: Kind) -> Vec<Value> {
        let of_kind = self.0.extract_if(.., |resource| resource.r#type == kind);
        of_kind.map(|resource| Value::Object(resource.properties)).collect()
    }

    fn one(&mut self, kind: Kind, name: &'static str) -> Result<Value, TemplateError> {
        let mut found = self.all(kind);
        match (found.len(), found.pop()) {
            (1, Some(resource)) => Ok(resource),
            (found, _) => Err(TemplateError::Resource { kind: name, found }),
        }
    }
}

/// A property that is a text, if it is there.
fn text<'a>(
    resource: &'a Value,
    property: &'static str,
) -> Result<Option<&'a str>, ProvisioningError> {
    match resource.get(property) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ProvisioningError::parameters(format!("{property} must be a text"))),
    }
}

fn attributes_of(thing: &Value) -> Result<BTreeMap<String, String>, ProvisioningError> {
    match thing.get("AttributePayload") {
        None => Ok(BTreeMap::new()),
        Some(attributes) => BTreeMap::deserialize(attributes)
            .map_err(|error| ProvisioningError::parameters(format!("AttributePayload: {error}"))),
    }
}

/// A policy by name, or a document that is an object or the text of one.
fn policy_of(policy: &Value) -> Result<Policy, ProvisioningError> {
    if let Some(name) = text(policy, "PolicyName")? {
        return Ok(Policy::Name(name.to_owned()));
    }
    let document = match policy.get("PolicyDocument") {
        Some(Value::String(text)) => serde_json::from_str(text).ok(),
        Some(document) => Some(document.clone()),
        None => None,
    };
    let document = document.filter(Value::is_object);
    document
        .map(Policy::Document)
        .ok_or_else(|| ProvisioningError::parameters("a policy needs PolicyName or PolicyDocument"))
}
