//! What clients and the operator have changed in the registry since its files were
//! read.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_broker::core::Effects;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Emulator;
use super::ask::text;
use crate::gate::policy::Policy;
use crate::gate::{Certificate, CertificateId, CertificateStatus, Registry, RegistryError, Thing};
use crate::provisioning::{self, Registration, RegistryChange};
use crate::state::{self, Parts, StateError, WrittenState};

/// How its parts of the state begin.
const THINGS: &str = "registry/things/";
const CERTIFICATES: &str = "registry/certificates/";
const POLICIES: &str = "registry/policies/";

/// The names of what has changed; what it is now stands in the registry.
#[derive(Debug, Default)]
pub(super) struct Changes {
    things: BTreeSet<String>,
    certificates: BTreeSet<CertificateId>,
    /// Documents of policies, as the registry has no texts.
    policies: BTreeMap<String, Value>,
    /// Parts of the state that have changed since that was asked last.
    changed: BTreeSet<String>,
}

/// As it is written down; nothing for what is gone.
#[derive(Debug, Default)]
pub(super) struct Written {
    things: Vec<(String, Gone<WrittenThing>)>,
    certificates: Vec<(String, Gone<WrittenCertificate>)>,
    policies: Vec<(String, Value)>,
}

/// Null removes a part, so what is gone is an empty list, and anything else one in it.
type Gone<T> = Vec<T>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenThing {
    thing_type: Option<String>,
    attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct WrittenCertificate {
    status: String,
    policies: BTreeSet<String>,
    things: BTreeSet<String>,
    is_exclusive: bool,
}

impl Emulator {
    /// What fleet provisioning changes. Nothing of it can fail for the client, who has
    /// its answer: what is wrong with a template is told to the operator.
    pub(super) fn change_registry(&mut self, change: RegistryChange, effects: &mut Effects) {
        let outcome = match change {
            RegistryChange::CertificateCreated { certificate_id, .. } => {
                self.changes.on_certificate(&certificate_id, |id| {
                    let status = CertificateStatus::PendingActivation;
                    self.gate.registry.register(id, status).map(|_is_new| ())
                })
            }
            RegistryChange::CertificateDeleted { certificate_id } => {
                self.delete_pending(&certificate_id)
            }
            RegistryChange::ThingRegistered(registration) => self.register(registration),
        };
        if let Err(error) = outcome {
            effects.note("provisioning", error);
        }
    }

    /// Deletes a certificate that no thing has come for. One that the operator has
    /// taken up meanwhile stays.
    fn delete_pending(&mut self, certificate: &str) -> Result<(), String> {
        let id: CertificateId = certificate.parse().map_err(text)?;
        let registry = &mut self.gate.registry;
        if let Some(found) = registry.certificate(id) {
            let is_pending = found.status == CertificateStatus::PendingActivation;
            if !is_pending || !found.policies.is_empty() || !found.things.is_empty() {
                return Ok(());
            }
            registry.remove_certificate(id).map_err(text)?;
        }
        self.changes.forget(id);
        Ok(())
    }

    fn register(&mut self, registration: Registration) -> Result<(), String> {
        let Registration { thing_name, attributes, certificate_id, policies, .. } = registration;
        let registry = &mut self.gate.registry;
        let thing_type = registry.thing(&thing_name).and_then(|thing| thing.thing_type.clone());
        let thing = Thing { thing_type, attributes };
        registry.set_thing(&thing_name, thing).map_err(|error| error.to_string())?;
        self.changes.on_thing(&thing_name);
        let mut names = Vec::new();
        for (index, policy) in policies.into_iter().enumerate() {
            names.push(match policy {
                provisioning::Policy::Name(name) => name,
                provisioning::Policy::Document(document) => {
                    let name = format!("{thing_name}-{index}");
                    let policy = Policy::parse(&document.to_string());
                    let policy = policy.map_err(|error| format!("its policy: {error}"))?;
                    registry.set_policy(&name, policy).map_err(|error| error.to_string())?;
                    self.changes.on_policy(&name, document);
                    name
                }
            });
        }
        let status = if registration.certificate_is_active {
            CertificateStatus::Active
        } else {
            CertificateStatus::Inactive
        };
        self.changes.on_certificate(&certificate_id, |id| {
            let before = registry.clone_certificate(id)?;
            let mut register = || {
                names.iter().try_for_each(|name| registry.attach_policy(id, name))?;
                registry.attach_thing(id, &thing_name, false)?;
                registry.set_status(id, status)
            };
            let outcome = register();
            // Half of it would be in memory alone.
            outcome.inspect_err(|_| registry.put_back(id, before))
        })
    }
}

impl Changes {
    /// A thing has changed, or is gone.
    pub(super) fn on_thing(&mut self, name: &str) {
        self.things.insert(name.to_owned());
        self.changed.insert(format!("{THINGS}{name}"));
    }

    /// There is a policy of this document.
    fn on_policy(&mut self, name: &str, document: Value) {
        self.policies.insert(name.to_owned(), document);
        self.changed.insert(format!("{POLICIES}{name}"));
    }

    /// A certificate is gone that no file has: nothing of it need be written down.
    fn forget(&mut self, id: CertificateId) {
        self.certificates.remove(&id);
        self.changed.insert(format!("{CERTIFICATES}{id}"));
    }

    /// Changes a certificate, and remembers that it has changed unless that is refused.
    pub(super) fn on_certificate(
        &mut self,
        id: &str,
        change: impl FnOnce(CertificateId) -> Result<(), RegistryError>,
    ) -> Result<(), String> {
        let id: CertificateId = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
        change(id).map_err(text)?;
        self.certificates.insert(id);
        self.changed.insert(format!("{CERTIFICATES}{id}"));
        Ok(())
    }

    /// What has changed since the last call.
    pub(super) fn changes(&mut self, registry: &Registry, into: &mut Parts) {
        for part in std::mem::take(&mut self.changed) {
            let value = self.value(registry, &part);
            into.insert(part, value);
        }
    }

    /// All changes, as they are written down.
    pub(super) fn state(&self, registry: &Registry) -> impl Iterator<Item = (String, String)> {
        let things = self.things.iter().map(|name| format!("{THINGS}{name}"));
        let certificates = self.certificates.iter().map(|id| format!("{CERTIFICATES}{id}"));
        let policies = self.policies.keys().map(|name| format!("{POLICIES}{name}"));
        let names = things.chain(certificates).chain(policies);
        names.filter_map(|part| {
            let value = self.value(registry, &part)?;
            Some((part, value))
        })
    }

    /// What is written of a part.
    fn value(&self, registry: &Registry, part: &str) -> Option<String> {
        if let Some(name) = part.strip_prefix(THINGS) {
            let thing = registry.thing(name).map(WrittenThing::of);
            return Some(state::text(&thing.into_iter().collect::<Gone<_>>()));
        }
        if let Some(id) = part.strip_prefix(CERTIFICATES) {
            let id: CertificateId = id.parse().ok()?;
            let is_kept = self.certificates.contains(&id);
            let certificate = registry.certificate(id).map(WrittenCertificate::of);
            if certificate.is_none() && !is_kept {
                return None;
            }
            return Some(state::text(&certificate.into_iter().collect::<Gone<_>>()));
        }
        self.policies.get(part.strip_prefix(POLICIES)?).map(state::text)
    }

    /// Takes out of a state what it says of the registry.
    pub(super) fn written(state: &mut WrittenState) -> Result<Written, StateError> {
        Ok(Written {
            things: state.take_all(THINGS)?,
            certificates: state.take_all(CERTIFICATES)?,
            policies: state.take_all(POLICIES)?,
        })
    }

    /// Brings the registry to what was written, in place of what its files say.
    pub(super) fn load(written: Written, registry: &mut Registry) -> Result<Self, String> {
        let mut changes = Self::default();
        for (name, document) in written.policies {
            let policy = Policy::parse(&document.to_string());
            let policy = policy.map_err(|error| format!("policy {name:?}: {error}"))?;
            registry.set_policy(&name, policy).map_err(|error| error.to_string())?;
            changes.policies.insert(name, document);
        }
        let mut gone = Vec::new();
        for (name, thing) in written.things {
            match thing.into_iter().next() {
                Some(WrittenThing { thing_type, attributes }) => {
                    let thing = Thing { thing_type, attributes };
                    registry.set_thing(&name, thing).map_err(|error| error.to_string())?;
                }
                None => gone.push(name.clone()),
            }
            changes.things.insert(name);
        }
        for (id, certificate) in written.certificates {
            changes.on_certificate(&id, |id| {
                // One that is not there need not be removed.
                let _ = registry.remove_certificate(id);
                let mut certificate = certificate.into_iter();
                certificate.try_for_each(|certificate| certificate.restore(id, registry))
            })?;
        }
        for name in gone {
            match registry.remove_thing(&name) {
                Err(RegistryError::NoThing(_)) => {}
                outcome => outcome.map_err(|error| error.to_string())?,
            }
        }
        changes.changed.clear();
        Ok(changes)
    }
}

impl WrittenThing {
    fn of(thing: &Thing) -> Self {
        Self { thing_type: thing.thing_type.clone(), attributes: thing.attributes.clone() }
    }
}

impl WrittenCertificate {
    fn of(certificate: &Certificate) -> Self {
        Self {
            status: certificate.status.name().into(),
            policies: certificate.policies.clone(),
            things: certificate.things.clone(),
            is_exclusive: certificate.is_exclusive,
        }
    }

    /// What files no longer have is left out: it allows nothing.
    fn restore(self, id: CertificateId, registry: &mut Registry) -> Result<(), RegistryError> {
        let status = CertificateStatus::named(&self.status).unwrap_or(CertificateStatus::Inactive);
        registry.register(id, status)?;
        for name in &self.policies {
            match registry.attach_policy(id, name) {
                Err(RegistryError::NoPolicy(_)) => {}
                outcome => outcome?,
            }
        }
        for name in &self.things {
            match registry.attach_thing(id, name, self.is_exclusive) {
                Err(RegistryError::NoThing(_)) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }
}
