//! The registry as an earlier process has left it: what was written goes before what
//! the files say, and what of them cannot be beside it is left out.

use std::collections::BTreeSet;

use super::ask::text;
use super::changes::Changes;
use super::settings::CertificateSettings;
use super::written::{Written, WrittenCertificate, WrittenThing};
use super::{Emulator, LeftOut};
use crate::gate::policy::Policy;
use crate::gate::{CertificateId, CertificateStatus, Registry, RegistryError, Thing};

impl Emulator {
    /// Attaches what a certificate's file says, once the state is known, which may have
    /// things and policies that no file has. If it has the certificate itself, that counts.
    ///
    /// # Errors
    /// If the file names what is nowhere.
    pub fn attach_of_file(
        &mut self,
        id: CertificateId,
        file: &CertificateSettings,
    ) -> Result<Vec<LeftOut>, RegistryError> {
        if self.changes.certificates.contains(&id) {
            return Ok(Vec::new());
        }
        let registry = &mut self.gate.registry;
        file.policies.iter().try_for_each(|name| registry.attach_policy(id, name))?;
        let mut left_out = Vec::new();
        for name in &file.things {
            match registry.attach_thing(id, name, file.exclusive) {
                Err(RegistryError::IsExclusive(thing)) => {
                    left_out.push(LeftOut::Exclusive { certificate: id, thing });
                }
                outcome => outcome?,
            }
        }
        Ok(left_out)
    }
}

impl Changes {
    /// Brings a registry of files to what was written.
    pub(super) fn load(
        &mut self,
        written: Written,
        registry: &mut Registry,
    ) -> Result<Vec<LeftOut>, String> {
        let mut certificates = Vec::new();
        for (id, certificate) in written.certificates {
            let parsed = id.parse().map_err(|error| format!("{id:?}: {error}"))?;
            certificates.push((parsed, certificate.into_iter().next()));
        }
        let own = Own {
            things: written.things.iter().map(|(name, _)| name.clone()).collect(),
            certificates: certificates.iter().map(|(id, _)| *id).collect(),
            policies: written.policies.iter().map(|(name, _)| name.clone()).collect(),
        };
        let mut restoring = Restoring { registry, own, left_out: Vec::new() };
        restoring.forget_files();
        for (name, document) in written.policies {
            restoring.policy(&name, &document.to_string())?;
            self.policies.insert(name, document);
        }
        for (name, thing) in written.things {
            let thing = thing.into_iter().next();
            if thing.is_some() || self.files.things.contains(&name) {
                self.things.insert(name.clone());
            }
            restoring.thing(&name, thing).map_err(text)?;
        }
        for (id, certificate) in certificates {
            if certificate.is_some() || self.files.certificates.contains(&id) {
                self.certificates.insert(id);
            }
            if let Some(certificate) = certificate {
                restoring.certificate(id, certificate).map_err(text)?;
            }
        }
        Ok(restoring.left_out)
    }
}

/// A registry of files that becomes what was written.
struct Restoring<'a> {
    registry: &'a mut Registry,
    own: Own,
    left_out: Vec<LeftOut>,
}

/// What the state says something of; the rest of the registry is of the files alone.
struct Own {
    things: BTreeSet<String>,
    certificates: BTreeSet<CertificateId>,
    policies: BTreeSet<String>,
}

impl Restoring<'_> {
    /// Of these certificates the files say nothing any more.
    fn forget_files(&mut self) {
        for id in &self.own.certificates {
            // One that no file has need not be removed.
            let _ = self.registry.remove_certificate(*id);
        }
    }

    fn policy(&mut self, name: &str, document: &str) -> Result<(), String> {
        let policy = Policy::parse(document);
        let policy = policy.map_err(|error| format!("policy {name:?}: {error}"))?;
        let mut set = self.registry.set_policy(name, policy.clone());
        if let Err(RegistryError::TooMany { .. }) = set
            && let Some(one) = last(self.registry.policy_names(), &self.own.policies)
        {
            self.registry.remove_policy(&one);
            self.left_out.push(LeftOut::Policy(one));
            set = self.registry.set_policy(name, policy);
        }
        set.map_err(text)
    }

    fn thing(&mut self, name: &str, written: Option<WrittenThing>) -> Result<(), RegistryError> {
        let Some(WrittenThing { thing_type, attributes }) = written else {
            for certificate in self.remove_thing(name)? {
                self.left_out.push(LeftOut::Deleted { certificate, thing: name.to_owned() });
            }
            return Ok(());
        };
        let thing = Thing { thing_type, attributes };
        let mut set = self.registry.set_thing(name, thing.clone());
        if let Err(RegistryError::TooMany { .. }) = set
            && let Some(one) = last(self.registry.things().map(|(name, _)| name), &self.own.things)
        {
            self.remove_thing(&one)?;
            self.left_out.push(LeftOut::Thing(one));
            set = self.registry.set_thing(name, thing);
        }
        set
    }

    /// Removes a thing, and gives the certificates that it was attached to.
    fn remove_thing(&mut self, name: &str) -> Result<Vec<CertificateId>, RegistryError> {
        let holders: Vec<CertificateId> = self.registry.holders(name).collect();
        for id in &holders {
            self.registry.detach_thing(*id, name)?;
        }
        match self.registry.remove_thing(name) {
            Ok(()) | Err(RegistryError::NoThing(_)) => Ok(holders),
            Err(error) => Err(error),
        }
    }

    /// What files no longer have is left out: it allows nothing.
    fn certificate(
        &mut self,
        id: CertificateId,
        written: WrittenCertificate,
    ) -> Result<(), RegistryError> {
        if !self.registry.has_room() {
            let ids = self.registry.certificates().map(|(id, _)| id);
            let of_files = ids.rev().find(|id| !self.own.certificates.contains(id));
            if let Some(one) = of_files {
                self.registry.remove_certificate(one)?;
                self.left_out.push(LeftOut::Certificate(one));
            }
        }
        let status = CertificateStatus::named(&written.status);
        self.registry.register(id, status.unwrap_or(CertificateStatus::Inactive))?;
        for name in &written.policies {
            match self.registry.attach_policy(id, name) {
                Err(RegistryError::NoPolicy(_)) => {}
                outcome => outcome?,
            }
        }
        for name in &written.things {
            let mut attached = self.registry.attach_thing(id, name, written.is_exclusive);
            if let Err(RegistryError::IsExclusive(_)) = attached {
                self.free(name)?;
                attached = self.registry.attach_thing(id, name, written.is_exclusive);
            }
            match attached {
                Err(RegistryError::NoThing(_)) => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Takes a thing away from certificates that files alone attach it to.
    fn free(&mut self, name: &str) -> Result<(), RegistryError> {
        let holders = self.registry.holders(name);
        let of_files: Vec<CertificateId> =
            holders.filter(|id| !self.own.certificates.contains(id)).collect();
        for certificate in of_files {
            self.registry.detach_thing(certificate, name)?;
            self.left_out.push(LeftOut::Exclusive { certificate, thing: name.to_owned() });
        }
        Ok(())
    }
}

/// The last name that the state says nothing of.
fn last<'a>(
    names: impl DoubleEndedIterator<Item = &'a str>,
    own: &BTreeSet<String>,
) -> Option<String> {
    names.rev().find(|name| !own.contains(*name)).map(str::to_owned)
}
