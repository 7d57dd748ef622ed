//! What clients and the operator have changed in the registry since its files were
//! read.

use std::collections::{BTreeMap, BTreeSet};

use evenkeel_broker::core::Effects;
use serde_json::Value;

use super::Emulator;
use super::ask::text;
use super::written::{Gone, WrittenCertificate, WrittenThing};
use crate::gate::policy::Policy;
use crate::gate::{CertificateId, CertificateStatus, Registry, RegistryError, Thing};
use crate::provisioning::{self, Registration, RegistryChange};
use crate::state::{self, Parts};

/// How its parts of the state begin.
pub(super) const THINGS: &str = "registry/things/";
pub(super) const CERTIFICATES: &str = "registry/certificates/";
pub(super) const POLICIES: &str = "registry/policies/";

/// The names of what has changed; what it is now stands in the registry.
///
/// What is gone is remembered only if a file has it, which would bring it back: so the
/// bounds of the registry are those of this, too.
#[derive(Debug)]
pub(super) struct Changes {
    /// What the account's files have.
    pub(super) files: Files,
    pub(super) things: BTreeSet<String>,
    pub(super) certificates: BTreeSet<CertificateId>,
    /// Documents of policies, as the registry has no texts.
    pub(super) policies: BTreeMap<String, Value>,
    /// Parts of the state that have changed since that was asked last.
    changed: BTreeSet<String>,
}

/// Names of the account's files.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) things: BTreeSet<String>,
    pub(super) certificates: BTreeSet<CertificateId>,
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
    /// Nothing has changed yet in a registry of files.
    pub(super) fn new(registry: &Registry) -> Self {
        let files = Files {
            things: registry.things().map(|(name, _)| name.to_owned()).collect(),
            certificates: registry.certificates().map(|(id, _)| id).collect(),
        };
        let (things, certificates) = (BTreeSet::new(), BTreeSet::new());
        let (policies, changed) = (BTreeMap::new(), BTreeSet::new());
        Self { files, things, certificates, policies, changed }
    }

    /// A thing has changed.
    pub(super) fn on_thing(&mut self, name: &str) {
        self.things.insert(name.to_owned());
        self.changed.insert(format!("{THINGS}{name}"));
    }

    /// A thing is gone.
    pub(super) fn on_thing_gone(&mut self, name: &str) {
        self.on_thing(name);
        if !self.files.things.contains(name) {
            self.things.remove(name);
        }
    }

    /// A certificate is gone.
    pub(super) fn on_certificate_gone(&mut self, id: CertificateId) {
        self.forget(id);
        if self.files.certificates.contains(&id) {
            self.certificates.insert(id);
        }
    }

    /// There is a policy of this document.
    fn on_policy(&mut self, name: &str, document: Value) {
        self.policies.insert(name.to_owned(), document);
        self.changed.insert(format!("{POLICIES}{name}"));
    }

    /// Nothing of a certificate need be written down any more.
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
            if thing.is_none() && !self.things.contains(name) {
                return None;
            }
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
}
