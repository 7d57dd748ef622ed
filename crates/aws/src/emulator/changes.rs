//! What clients and the operator have changed in the registry since its files were
//! read.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_broker::core::Effects;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Emulator;
use crate::gate::policy::Policy;
use crate::gate::{CertificateId, CertificateStatus, Registry, RegistryError, Thing};
use crate::provisioning::{self, Registration, RegistryChange};

/// The names of what has changed; what it is now stands in the registry.
#[derive(Debug, Default)]
pub(super) struct Changes {
    things: BTreeSet<String>,
    certificates: BTreeSet<CertificateId>,
    /// Documents of policies, as the registry has no texts.
    policies: BTreeMap<String, Value>,
    revision: u64,
}

/// As it is written down.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    things: BTreeMap<String, Option<WrittenThing>>,
    /// By id; nothing for one that is gone.
    certificates: BTreeMap<String, Option<WrittenCertificate>>,
    policies: BTreeMap<String, Value>,
}

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
                    self.gate.registry.register(id, CertificateStatus::PendingActivation);
                    Ok(())
                })
            }
            RegistryChange::CertificateDeleted { certificate_id } => {
                let registry = &mut self.gate.registry;
                self.changes.on_certificate(&certificate_id, |id| registry.remove_certificate(id))
            }
            RegistryChange::ThingRegistered(registration) => self.register(registration),
        };
        if let Err(error) = outcome {
            effects.note("provisioning", error);
        }
    }

    fn register(&mut self, registration: Registration) -> Result<(), String> {
        let Registration { thing_name, attributes, certificate_id, policies, .. } = registration;
        let registry = &mut self.gate.registry;
        let thing_type = registry.thing(&thing_name).and_then(|thing| thing.thing_type.clone());
        let thing = Thing { thing_type, attributes };
        registry.set_thing(&thing_name, thing).map_err(|error| error.to_string())?;
        self.changes.things.insert(thing_name.clone());
        let mut names = Vec::new();
        for (index, policy) in policies.into_iter().enumerate() {
            names.push(match policy {
                provisioning::Policy::Name(name) => name,
                provisioning::Policy::Document(document) => {
                    let name = format!("{thing_name}-{index}");
                    let policy = Policy::parse(&document.to_string());
                    let policy = policy.map_err(|error| format!("its policy: {error}"))?;
                    registry.set_policy(&name, policy).map_err(|error| error.to_string())?;
                    self.changes.policies.insert(name.clone(), document);
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
            names.iter().try_for_each(|name| registry.attach_policy(id, name))?;
            registry.attach_thing(id, &thing_name, false)?;
            registry.set_status(id, status)
        })
    }
}

impl Changes {
    pub(super) const fn revision(&self) -> u64 {
        self.revision
    }

    /// Changes a certificate, and remembers that it has changed.
    pub(super) fn on_certificate(
        &mut self,
        id: &str,
        change: impl FnOnce(CertificateId) -> Result<(), RegistryError>,
    ) -> Result<(), String> {
        let id: CertificateId = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
        self.revision += 1;
        self.certificates.insert(id);
        change(id).map_err(|error| error.to_string())
    }

    pub(super) fn written(&self, registry: &Registry) -> Written {
        let thing = |name: &String| {
            let thing = registry.thing(name).map(|thing| WrittenThing {
                thing_type: thing.thing_type.clone(),
                attributes: thing.attributes.clone(),
            });
            (name.clone(), thing)
        };
        let certificate = |id: &CertificateId| {
            let found = registry.certificate(*id).map(|certificate| WrittenCertificate {
                status: certificate.status.name().into(),
                policies: certificate.policies.clone(),
                things: certificate.things.clone(),
                is_exclusive: certificate.is_exclusive,
            });
            (id.to_string(), found)
        };
        Written {
            things: self.things.iter().map(thing).collect(),
            certificates: self.certificates.iter().map(certificate).collect(),
            policies: self.policies.clone(),
        }
    }

    /// Brings the registry to what was written, in place of what its files say.
    pub(super) fn load(written: Written, registry: &mut Registry) -> Result<Self, String> {
        let mut changes = Self { revision: 1, ..Self::default() };
        for (name, document) in written.policies {
            let policy = Policy::parse(&document.to_string());
            let policy = policy.map_err(|error| format!("policy {name:?}: {error}"))?;
            registry.set_policy(&name, policy).map_err(|error| error.to_string())?;
            changes.policies.insert(name, document);
        }
        for (name, thing) in written.things {
            if let Some(WrittenThing { thing_type, attributes }) = thing {
                let thing = Thing { thing_type, attributes };
                registry.set_thing(&name, thing).map_err(|error| error.to_string())?;
            }
            changes.things.insert(name);
        }
        for (id, certificate) in written.certificates {
            changes.on_certificate(&id, |id| {
                // One that is not there need not be removed.
                let _ = registry.remove_certificate(id);
                certificate.map_or(Ok(()), |certificate| certificate.restore(id, registry))
            })?;
        }
        Ok(changes)
    }
}

impl WrittenCertificate {
    /// What files no longer have is left out: it allows nothing.
    fn restore(self, id: CertificateId, registry: &mut Registry) -> Result<(), RegistryError> {
        let status = CertificateStatus::named(&self.status).unwrap_or(CertificateStatus::Inactive);
        registry.register(id, status);
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
