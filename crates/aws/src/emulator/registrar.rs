//! What the operator changes in the registry of a running emulator. It stands in the
//! state from then on, and goes before what the account's files say.

use std::collections::BTreeSet;

use evenkeel_broker::core::{Effects, Time};
use evenkeel_codec::ReasonCode;
use serde_json::{Value, json};

use super::ask::text;
use super::{Emulator, time};
use crate::DisconnectReason;
use crate::gate::{Certificate, CertificateId, CertificateStatus, Registry, RegistryError, Thing};

/// What is attached to a certificate, or taken away from it.
pub(super) struct Attached {
    pub(super) policies: Vec<String>,
    pub(super) things: Vec<String>,
    pub(super) exclusive: bool,
}

impl Attached {
    fn attach(&self, id: CertificateId, registry: &mut Registry) -> Result<(), RegistryError> {
        self.policies.iter().try_for_each(|name| registry.attach_policy(id, name))?;
        self.things.iter().try_for_each(|name| registry.attach_thing(id, name, self.exclusive))
    }
}

impl Emulator {
    pub(super) fn add_thing(&mut self, name: &str, thing: Thing) -> Result<Value, String> {
        let registry = &mut self.gate.registry;
        if registry.thing(name).is_some() {
            return Err(format!("there is a thing {name:?} already"));
        }
        registry.set_thing(name, thing).map_err(text)?;
        self.changes.on_thing(name);
        Ok(json!({ "thing": name }))
    }

    /// As at AWS, one that is attached to a certificate stays.
    /// What it had to do is removed with it.
    pub(super) fn delete_thing(
        &mut self,
        now: Time,
        name: &str,
        out: &mut crate::Effects,
    ) -> Result<Value, String> {
        self.gate.registry.remove_thing(name).map_err(text)?;
        self.changes.on_thing_gone(name);
        self.services.jobs().remove_thing(time(now), name, out);
        Ok(json!({ "thing": name }))
    }

    pub(super) fn add_certificate(
        &mut self,
        certificate: &str,
        status: &str,
        attached: &Attached,
    ) -> Result<Value, String> {
        let named = CertificateStatus::named(status);
        let is_start = |named: &CertificateStatus| {
            matches!(named, CertificateStatus::Active | CertificateStatus::Inactive)
        };
        let status = named.filter(is_start).ok_or_else(|| {
            format!("{status:?} is no status to begin with; hint: ACTIVE or INACTIVE")
        })?;
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        if !registry.register(id, status).map_err(text)? {
            return Err(format!("the certificate {id} is registered already"));
        }
        if let Err(error) = attached.attach(id, registry) {
            // Half of what was asked for is nothing.
            registry.remove_certificate(id).map_err(text)?;
            return Err(error.to_string());
        }
        self.changes.on_certificate(certificate, |_| Ok(()))?;
        self.shown(id)
    }

    /// As at AWS: not while it is active or a thing has it, nor, unless forced, while
    /// it has policies.
    pub(super) fn delete_certificate(
        &mut self,
        certificate: &str,
        force: bool,
    ) -> Result<Value, String> {
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        let found = registry.certificate(id).ok_or(RegistryError::NoCertificate(id));
        let found = found.map_err(text)?;
        if found.status == CertificateStatus::Active {
            return Err("it is ACTIVE; hint: deactivate it first".into());
        }
        if let Some(thing) = found.things.first() {
            return Err(format!("the thing {thing:?} has it; hint: detach it first"));
        }
        if !force && let Some(policy) = found.policies.first() {
            return Err(format!("it has the policy {policy:?}; hint: --force"));
        }
        registry.remove_certificate(id).map_err(text)?;
        self.changes.on_certificate_gone(id);
        Ok(json!({ "certificate": certificate, "deleted": true }))
    }

    pub(super) fn attach(
        &mut self,
        certificate: &str,
        attached: &Attached,
    ) -> Result<Value, String> {
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        let before = registry.clone_certificate(id).map_err(text)?;
        if let Err(error) = attached.attach(id, registry) {
            registry.put_back(id, before);
            return Err(error.to_string());
        }
        self.changes.on_certificate(certificate, |_| Ok(()))?;
        self.shown(id)
    }

    pub(super) fn detach(
        &mut self,
        certificate: &str,
        attached: &Attached,
    ) -> Result<Value, String> {
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        let has = registry.clone_certificate(id).map_err(text)?;
        let missing = |wanted: &[String], found: &BTreeSet<String>| {
            wanted.iter().find(|name| !found.contains(*name)).cloned()
        };
        if let Some(name) = missing(&attached.policies, &has.policies)
            .or_else(|| missing(&attached.things, &has.things))
        {
            return Err(format!("{name:?} is not attached to it"));
        }
        for name in &attached.policies {
            registry.detach_policy(id, name).map_err(text)?;
        }
        for name in &attached.things {
            registry.detach_thing(id, name).map_err(text)?;
        }
        self.changes.on_certificate(certificate, |_| Ok(()))?;
        self.shown(id)
    }

    fn shown(&self, id: CertificateId) -> Result<Value, String> {
        let found = self.gate.registry.certificate(id).ok_or(RegistryError::NoCertificate(id));
        found.map(|certificate| shown(id, certificate)).map_err(text)
    }

    pub(super) fn things(&self) -> Value {
        let things = self.gate.registry.things().map(|(name, thing)| {
            json!({"thing": name, "type": thing.thing_type, "attributes": thing.attributes})
        });
        things.collect()
    }

    pub(super) fn certificates(&self) -> Value {
        self.gate.registry.certificates().map(|(id, found)| shown(id, found)).collect()
    }

    /// At AWS clients of a certificate that is no longer active stay for a while; here
    /// they go at once. That a certificate waits for provisioning nobody can set, as at AWS.
    pub(super) fn set_status(
        &mut self,
        certificate: &str,
        status: &str,
        effects: &mut Effects,
    ) -> Result<Value, String> {
        let named = CertificateStatus::named(status);
        let new = named.filter(|new| *new != CertificateStatus::PendingActivation);
        let new = new.ok_or_else(|| {
            format!("{status:?} is no status to set; hint: ACTIVE, INACTIVE or REVOKED")
        })?;
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        self.changes.on_certificate(certificate, |id| registry.set_status(id, new))?;
        if new != CertificateStatus::Active {
            let clients = self.clients.iter_mut();
            let of_it = clients.filter(|(_, one)| one.principal.certificate == Some(id));
            for (connection, client) in of_it {
                client.ended = Some(DisconnectReason::AuthError);
                effects.disconnect(*connection, ReasonCode::NOT_AUTHORIZED);
            }
        }
        Ok(json!({"certificate": certificate, "status": status}))
    }
}

fn shown(id: CertificateId, certificate: &Certificate) -> Value {
    json!({
        "certificate": id.to_string(),
        "status": certificate.status.name(),
        "policies": certificate.policies,
        "things": certificate.things,
        "exclusive": certificate.is_exclusive,
    })
}
