//! The requests of fleet provisioning, and the certificates that wait for
//! their thing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::cbor;
use super::error::ProvisioningError;
use super::issuer::{Issued, Issuer};
use super::registry::RegistryChange;
use super::template::{Template, TemplateError};
use crate::effects::{Effects, Message, QoS};
use crate::json;
use crate::names;
use crate::state::{self, Parts, Shift, StateError, WrittenState};
use crate::{Format, ProvisioningLimits, ProvisioningOperation, Request, Time};

/// How its parts of the state begin.
const PREFIX: &str = "provisioning/";

/// Templates, and certificates with the tokens that prove their ownership.
pub struct Provisioning {
    limits: ProvisioningLimits,
    templates: BTreeMap<String, Template>,
    /// By ownership token.
    pending: BTreeMap<String, Pending>,
    /// When tokens are over, by the elapsed time.
    deadlines: BTreeSet<(Duration, String)>,
    /// Tokens of certificates that have changed since that was asked last; none of those
    /// that are forgotten.
    changed: BTreeMap<String, Option<String>>,
}

/// A certificate whose token is good.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Pending {
    certificate_id: String,
    deadline: Duration,
    /// True once a thing has registered with it; a device that has missed the
    /// answer may ask again.
    is_registered: bool,
    /// That thing; no other may have the certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thing: Option<String>,
}

impl fmt::Debug for Provisioning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provisioning")
            .field("templates", &self.templates.keys())
            .field("pending", &self.pending.len())
            .finish_non_exhaustive()
    }
}

impl Provisioning {
    pub(crate) fn new(limits: ProvisioningLimits) -> Self {
        let (templates, pending) = (BTreeMap::new(), BTreeMap::new());
        let (deadlines, changed) = (BTreeSet::new(), BTreeMap::new());
        Self { limits, templates, pending, deadlines, changed }
    }

    /// Adds a template, or replaces the one of this name.
    ///
    /// # Errors
    /// If name or template are none, or there are too many.
    pub fn set_template(&mut self, name: &str, text: &str) -> Result<(), TemplateError> {
        if !names::is_template(name) {
            return Err(TemplateError::Name { name: name.to_owned() });
        }
        let limit = self.limits.templates;
        if self.templates.len() >= limit && !self.templates.contains_key(name) {
            return Err(TemplateError::TooMany { limit });
        }
        let template = Template::parse(text, self.limits.template_bytes)?;
        self.templates.insert(name.to_owned(), template);
        Ok(())
    }

    /// A request that came by MQTT. The answer, which may hold a private key,
    /// goes to the client that asked and to nobody else.
    pub(crate) fn on_request(
        &mut self,
        request: &Request<'_>,
        operation: ProvisioningOperation<'_>,
        format: Format,
        issuer: &mut dyn Issuer,
        out: &mut Effects,
    ) {
        let Request { time, client, topic, payload } = *request;
        let answer = self.members(payload, format).and_then(|members| match operation {
            ProvisioningOperation::CreateKeysAndCertificate => {
                self.check_room()?;
                Ok(self.issued(time, issuer.create(time)?, out))
            }
            ProvisioningOperation::CreateCertificateFromCsr => {
                let request = text(&members, "certificateSigningRequest").unwrap_or_default();
                if request.is_empty() {
                    let problem = "certificateSigningRequest is missing".to_owned();
                    return Err(ProvisioningError::Csr { problem });
                }
                self.check_room()?;
                Ok(self.issued(time, issuer.sign(time, request)?, out))
            }
            ProvisioningOperation::RegisterThing(template) => {
                self.register(time, template, &members, out)
            }
        });
        let (outcome, answer) = match answer {
            Ok(answer) => ("accepted", answer),
            Err(error) => ("rejected", error.answer()),
        };
        let payload = match format {
            Format::Json => answer.to_string().into_bytes(),
            Format::Cbor => cbor::write(&answer),
        };
        let (topic, payload) = (format!("{topic}/{outcome}"), payload.into());
        out.send(client, Message { topic, payload, qos: QoS::AtLeastOnce });
    }

    /// The members of a payload; nothing at all is as good as an empty object.
    fn members(
        &self,
        payload: &[u8],
        format: Format,
    ) -> Result<Map<String, Value>, ProvisioningError> {
        let limit = self.limits.payload_bytes;
        if payload.len() > limit {
            let problem = format!("{} bytes, and at most {limit} are allowed", payload.len());
            return Err(ProvisioningError::payload(problem));
        }
        if payload.is_empty() {
            return Ok(Map::new());
        }
        let (value, name) = match format {
            Format::Json => (json::parse(payload).ok(), "JSON"),
            Format::Cbor => (cbor::read(payload), "CBOR"),
        };
        match value {
            Some(Value::Object(members)) => Ok(members),
            Some(_) => Err(ProvisioningError::payload("it must be an object")),
            None => Err(ProvisioningError::payload(format!("it is not valid {name}"))),
        }
    }

    fn check_room(&self) -> Result<(), ProvisioningError> {
        let limit = self.limits.pending;
        if self.pending.len() >= limit {
            return Err(ProvisioningError::TooMany { limit });
        }
        Ok(())
    }

    /// Remembers a certificate by its token, and answers with both.
    fn issued(&mut self, time: Time, issued: Issued, out: &mut Effects) -> Value {
        let Issued { certificate_id, certificate_pem, private_key, ownership_token } = issued;
        let mut answer = json!({
            "certificateId": certificate_id,
            "certificatePem": certificate_pem,
            "certificateOwnershipToken": ownership_token,
        });
        if let Some(key) = private_key {
            json::set(&mut answer, "privateKey", key);
        }
        let deadline = time.elapsed.saturating_add(self.limits.token_validity);
        out.change(RegistryChange::CertificateCreated {
            certificate_id: certificate_id.clone(),
            certificate_pem,
        });
        self.deadlines.insert((deadline, ownership_token.clone()));
        self.changed.insert(certificate_id.clone(), Some(ownership_token.clone()));
        let pending = Pending { certificate_id, deadline, is_registered: false, thing: None };
        self.pending.insert(ownership_token, pending);
        answer
    }

    fn register(
        &mut self,
        time: Time,
        template: &str,
        members: &Map<String, Value>,
        out: &mut Effects,
    ) -> Result<Value, ProvisioningError> {
        let token = text(members, "certificateOwnershipToken").unwrap_or_default();
        if token.is_empty() {
            let problem = "Certificate ownership token cannot be empty.";
            return Err(ProvisioningError::Token { problem });
        }
        let pending = self.pending.get_mut(token).filter(|one| one.deadline > time.elapsed);
        let pending = pending.ok_or(ProvisioningError::Token {
            problem: "Certificate ownership token is not valid or has expired.",
        })?;
        let template = self
            .templates
            .get(template)
            .ok_or_else(|| ProvisioningError::NoTemplate { name: template.to_owned() })?;
        let given = match members.get("parameters") {
            None | Some(Value::Null) => BTreeMap::new(),
            Some(parameters) => BTreeMap::deserialize(parameters)
                .map_err(|error| ProvisioningError::parameters(error.to_string()))?,
        };
        let registration = template.fill_in(&given, &pending.certificate_id)?;
        if pending.thing.as_ref().is_some_and(|thing| *thing != registration.thing_name) {
            let problem = "Certificate ownership token was used for another thing.";
            return Err(ProvisioningError::Token { problem });
        }
        pending.is_registered = true;
        pending.thing = Some(registration.thing_name.clone());
        self.changed.insert(pending.certificate_id.clone(), Some(token.to_owned()));
        let answer = json!({
            "thingName": registration.thing_name,
            "deviceConfiguration": registration.device_configuration,
        });
        out.change(RegistryChange::ThingRegistered(registration));
        Ok(answer)
    }

    /// When the next token is over.
    pub(crate) fn deadline(&self) -> Option<Duration> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// Forgets tokens that are over, and deletes certificates without a thing.
    pub(crate) fn tick(&mut self, time: Time, out: &mut Effects) {
        while self.deadline().is_some_and(|deadline| deadline <= time.elapsed) {
            let Some((_, token)) = self.deadlines.pop_first() else { return };
            let Some(pending) = self.pending.remove(&token) else { continue };
            let Pending { certificate_id, is_registered, .. } = pending;
            self.changed.insert(certificate_id.clone(), None);
            if !is_registered {
                out.change(RegistryChange::CertificateDeleted { certificate_id });
            }
        }
    }

    /// What has changed since the last call. Parts are named by certificates, as names
    /// are told of and tokens are not.
    pub(crate) fn changes(&mut self, into: &mut Parts) {
        for (certificate, token) in std::mem::take(&mut self.changed) {
            let pending = token.and_then(|token| {
                self.pending.get(&token).map(|pending| state::text(&(&token, pending)))
            });
            into.insert(format!("{PREFIX}{certificate}"), pending);
        }
    }

    /// All certificates that wait, as they are written down.
    pub(crate) fn state(&self) -> impl Iterator<Item = (String, String)> {
        self.pending.iter().map(|(token, pending)| {
            let part = format!("{PREFIX}{}", pending.certificate_id);
            (part, state::text(&(token, pending)))
        })
    }

    /// Takes what was saved; the templates stay.
    pub(crate) fn load(
        &self,
        written: &mut WrittenState,
        shift: Shift,
    ) -> Result<Self, StateError> {
        let mut loaded = Self::new(self.limits);
        loaded.templates.clone_from(&self.templates);
        for (_, (token, mut pending)) in written.take_all::<(String, Pending)>(PREFIX)? {
            pending.deadline = shift.apply(pending.deadline);
            loaded.deadlines.insert((pending.deadline, token.clone()));
            loaded.pending.insert(token, pending);
        }
        state::at_most("provisioning.pending", self.limits.pending, loaded.pending.len())?;
        Ok(loaded)
    }
}

/// A member that is a text.
fn text<'a>(members: &'a Map<String, Value>, name: &str) -> Option<&'a str> {
    members.get(name).and_then(Value::as_str)
}
