//! The things, certificates and policies of an account.

use std::collections::BTreeMap;
use std::fmt;

use super::certificate::{Certificate, CertificateId, CertificateStatus};
use super::policy::{Context, POLICIES, Policy};

/// Things that an account may have here.
pub const THINGS: usize = 200_000;
/// Certificates that an account may have here.
pub const CERTIFICATES: usize = 100_000;
/// Policies that an account may have here.
pub const ACCOUNT_POLICIES: usize = 10_000;
/// Attributes that a thing may have.
pub const THING_ATTRIBUTES: usize = 50;
/// Bytes of a name.
const NAME: usize = 128;
/// Bytes of an attribute's value.
const ATTRIBUTE_VALUE: usize = 800;

/// A thing that the account knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Thing {
    /// The name of its type.
    pub thing_type: Option<String>,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
}

/// The things, certificates and policies of an account, and what is attached to
/// what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Registry {
    things: BTreeMap<String, Thing>,
    certificates: BTreeMap<CertificateId, Certificate>,
    policies: BTreeMap<String, Policy>,
}

impl Registry {
    /// Adds a thing, or replaces the one of this name.
    pub fn set_thing(&mut self, name: &str, thing: Thing) -> Result<(), RegistryError> {
        check_name(name, |c| ":_-".contains(c))?;
        if thing.attributes.len() > THING_ATTRIBUTES {
            return Err(RegistryError::TooMany { what: "attributes", limit: THING_ATTRIBUTES });
        }
        for (key, value) in &thing.attributes {
            check_name(key, |c| "_.,@/:#-".contains(c))?;
            if value.len() > ATTRIBUTE_VALUE {
                return Err(RegistryError::LongValue { limit: ATTRIBUTE_VALUE });
            }
        }
        if self.things.len() >= THINGS && !self.things.contains_key(name) {
            return Err(RegistryError::TooMany { what: "things", limit: THINGS });
        }
        self.things.insert(name.to_owned(), thing);
        Ok(())
    }

    /// Removes a thing that is attached to no certificate.
    pub fn remove_thing(&mut self, name: &str) -> Result<(), RegistryError> {
        if self.holders(name).next().is_some() {
            return Err(RegistryError::InUse(name.to_owned()));
        }
        let removed = self.things.remove(name);
        removed.map(|_thing| ()).ok_or_else(|| RegistryError::NoThing(name.to_owned()))
    }

    /// Adds a policy, or replaces the one of this name.
    pub fn set_policy(&mut self, name: &str, policy: Policy) -> Result<(), RegistryError> {
        check_name(name, |c| "_+=,.@-".contains(c))?;
        if self.policies.len() >= ACCOUNT_POLICIES && !self.policies.contains_key(name) {
            return Err(RegistryError::TooMany { what: "policies", limit: ACCOUNT_POLICIES });
        }
        self.policies.insert(name.to_owned(), policy);
        Ok(())
    }

    /// Removes a policy; certificates that name it keep its name, which allows nothing.
    pub(crate) fn remove_policy(&mut self, name: &str) {
        self.policies.remove(name);
    }

    /// Adds a certificate to which nothing is attached; false if it is known.
    pub fn register(
        &mut self,
        id: CertificateId,
        status: CertificateStatus,
    ) -> Result<bool, RegistryError> {
        if self.certificates.contains_key(&id) {
            return Ok(false);
        }
        if !self.has_room() {
            return Err(RegistryError::TooMany { what: "certificates", limit: CERTIFICATES });
        }
        self.certificates.insert(id, Certificate::new(status));
        Ok(true)
    }

    /// True if there may be one certificate more.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.certificates.len() < CERTIFICATES
    }

    /// Removes a certificate with all that is attached to it.
    pub fn remove_certificate(&mut self, id: CertificateId) -> Result<(), RegistryError> {
        let removed = self.certificates.remove(&id);
        removed.map(|_certificate| ()).ok_or(RegistryError::NoCertificate(id))
    }

    /// Changes whether a certificate may be used. A revoked one stays so.
    pub fn set_status(
        &mut self,
        id: CertificateId,
        status: CertificateStatus,
    ) -> Result<(), RegistryError> {
        let certificate = self.certificate_mut(id)?;
        if certificate.status == CertificateStatus::Revoked && status != certificate.status {
            return Err(RegistryError::IsRevoked(id));
        }
        certificate.status = status;
        Ok(())
    }

    /// Attaches a policy to a certificate.
    pub fn attach_policy(&mut self, id: CertificateId, name: &str) -> Result<(), RegistryError> {
        if !self.policies.contains_key(name) {
            return Err(RegistryError::NoPolicy(name.to_owned()));
        }
        let policies = &mut self.certificate_mut(id)?.policies;
        if policies.len() >= POLICIES && !policies.contains(name) {
            return Err(RegistryError::TooMany { what: "policies", limit: POLICIES });
        }
        policies.insert(name.to_owned());
        Ok(())
    }

    /// Takes a policy away from a certificate; false if it had it not.
    pub fn detach_policy(&mut self, id: CertificateId, name: &str) -> Result<bool, RegistryError> {
        Ok(self.certificate_mut(id)?.policies.remove(name))
    }

    /// Attaches a thing to a certificate. An exclusive one is attached to no
    /// other certificate, and the certificate to no other thing.
    pub fn attach_thing(
        &mut self,
        id: CertificateId,
        name: &str,
        is_exclusive: bool,
    ) -> Result<(), RegistryError> {
        if !self.things.contains_key(name) {
            return Err(RegistryError::NoThing(name.to_owned()));
        }
        let others = self.certificates.iter().filter(|(other, _)| **other != id);
        let mut others = others.filter(|(_, certificate)| certificate.things.contains(name));
        if others.any(|(_, other)| is_exclusive || other.is_exclusive) {
            return Err(RegistryError::IsExclusive(name.to_owned()));
        }
        let certificate = self.certificate_mut(id)?;
        let has_other = certificate.things.iter().any(|other| other != name);
        if has_other && (is_exclusive || certificate.is_exclusive) {
            return Err(RegistryError::IsExclusive(name.to_owned()));
        }
        certificate.is_exclusive = is_exclusive;
        certificate.things.insert(name.to_owned());
        Ok(())
    }

    /// Takes a thing away from a certificate; false if it had it not.
    pub fn detach_thing(&mut self, id: CertificateId, name: &str) -> Result<bool, RegistryError> {
        let certificate = self.certificate_mut(id)?;
        let had = certificate.things.remove(name);
        certificate.is_exclusive &= !certificate.things.is_empty();
        Ok(had)
    }

    /// A certificate.
    #[must_use]
    pub fn certificate(&self, id: CertificateId) -> Option<&Certificate> {
        self.certificates.get(&id)
    }

    /// A copy of a certificate, for [`Registry::put_back`].
    pub(crate) fn clone_certificate(
        &self,
        id: CertificateId,
    ) -> Result<Certificate, RegistryError> {
        self.certificate(id).cloned().ok_or(RegistryError::NoCertificate(id))
    }

    /// A certificate is what it was before.
    pub(crate) fn put_back(&mut self, id: CertificateId, before: Certificate) {
        self.certificates.insert(id, before);
    }

    /// All certificates, in the order of their identifiers.
    pub fn certificates(&self) -> impl DoubleEndedIterator<Item = (CertificateId, &Certificate)> {
        self.certificates.iter().map(|(id, certificate)| (*id, certificate))
    }

    /// A thing.
    #[must_use]
    pub fn thing(&self, name: &str) -> Option<&Thing> {
        self.things.get(name)
    }

    /// All things, in the order of their names.
    pub fn things(&self) -> impl DoubleEndedIterator<Item = (&str, &Thing)> {
        self.things.iter().map(|(name, thing)| (name.as_str(), thing))
    }

    /// The certificates that a thing is attached to.
    pub(crate) fn holders(&self, thing: &str) -> impl Iterator<Item = CertificateId> {
        let all = self.certificates.iter();
        all.filter(move |(_, one)| one.things.contains(thing)).map(|(id, _)| *id)
    }

    /// The names of all policies, in their order.
    pub(crate) fn policy_names(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.policies.keys().map(String::as_str)
    }

    /// The policies of these names that exist.
    pub fn policies<'a>(
        &'a self,
        names: impl IntoIterator<Item = &'a String>,
    ) -> impl Iterator<Item = (&'a str, &'a Policy)> {
        let found = move |name| self.policies.get_key_value(name);
        names.into_iter().filter_map(found).map(|(name, policy)| (name.as_str(), policy))
    }

    /// Tells a context all that policies may ask about a thing.
    pub fn tell(&self, name: &str, context: &mut Context) {
        context.add("iot:Connection.Thing.ThingName", name);
        let Some(thing) = self.things.get(name) else { return };
        if let Some(thing_type) = &thing.thing_type {
            context.add("iot:Connection.Thing.ThingTypeName", thing_type);
        }
        for (key, value) in &thing.attributes {
            context.add(&format!("iot:Connection.Thing.Attributes[{key}]"), value);
        }
    }

    fn certificate_mut(&mut self, id: CertificateId) -> Result<&mut Certificate, RegistryError> {
        self.certificates.get_mut(&id).ok_or(RegistryError::NoCertificate(id))
    }
}

/// ASCII letters, digits and what the kind of name allows.
fn check_name(name: &str, also: fn(char) -> bool) -> Result<(), RegistryError> {
    let is_good = !name.is_empty()
        && name.len() <= NAME
        && name.chars().all(|c| c.is_ascii_alphanumeric() || also(c));
    if is_good { Ok(()) } else { Err(RegistryError::Name(name.chars().take(NAME).collect())) }
}

/// Why the registry was not changed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistryError {
    /// A name is empty, too long, or has characters that it must not have.
    Name(String),
    /// The value of an attribute is too long.
    LongValue {
        /// Bytes that it may have.
        limit: usize,
    },
    /// More than there may be of something.
    TooMany {
        /// Of what.
        what: &'static str,
        /// The limit.
        limit: usize,
    },
    /// No thing has this name.
    NoThing(String),
    /// No policy has this name.
    NoPolicy(String),
    /// No certificate has this identifier.
    NoCertificate(CertificateId),
    /// A certificate has been revoked.
    IsRevoked(CertificateId),
    /// The thing is attached to a certificate.
    InUse(String),
    /// Thing or certificate belong to each other alone.
    IsExclusive(String),
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(
                f,
                "{name:?} is no name; hint: 1 to {NAME} letters and digits of ASCII, - and _"
            ),
            Self::LongValue { limit } => {
                write!(f, "the value of an attribute has more than {limit} bytes")
            }
            Self::TooMany { what, limit } => write!(f, "more than {limit} {what}"),
            Self::NoThing(name) => write!(f, "there is no thing {name:?}; hint: add it first"),
            Self::NoPolicy(name) => write!(f, "there is no policy {name:?}; hint: add it first"),
            Self::NoCertificate(id) => write!(f, "there is no certificate {id}"),
            Self::IsRevoked(id) => {
                write!(f, "the certificate {id} is revoked; hint: make another one")
            }
            Self::InUse(name) => {
                write!(f, "the thing {name:?} is attached to a certificate; hint: detach it first")
            }
            Self::IsExclusive(name) => write!(
                f,
                "the thing {name:?} and a certificate belong to each other alone; \
                 hint: detach them first"
            ),
        }
    }
}

impl std::error::Error for RegistryError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(byte: u8) -> CertificateId {
        CertificateId::of(&[byte])
    }

    fn policy() -> Policy {
        let text = r#"{"Version": "2012-10-17", "Statement":
            {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;
        Policy::parse(text).unwrap()
    }

    #[test]
    fn certificates_come_and_go() {
        let mut registry = Registry::default();
        assert_eq!(registry.register(id(1), CertificateStatus::Inactive), Ok(true));
        assert_eq!(registry.register(id(1), CertificateStatus::Active), Ok(false));
        assert_eq!(registry.certificate(id(1)).unwrap().status, CertificateStatus::Inactive);
        registry.set_status(id(1), CertificateStatus::Active).unwrap();
        registry.set_status(id(1), CertificateStatus::Revoked).unwrap();
        registry.set_status(id(1), CertificateStatus::Revoked).unwrap();
        let error = registry.set_status(id(1), CertificateStatus::Active).unwrap_err();
        assert_eq!(error, RegistryError::IsRevoked(id(1)));
        registry.remove_certificate(id(1)).unwrap();
        let error = registry.remove_certificate(id(1)).unwrap_err();
        assert_eq!(error, RegistryError::NoCertificate(id(1)));
    }

    #[test]
    fn ten_policies_and_no_more() {
        let mut registry = Registry::default();
        registry.register(id(1), CertificateStatus::Active).unwrap();
        for number in 0..=POLICIES {
            registry.set_policy(&format!("p{number}"), policy()).unwrap();
        }
        for number in 0..POLICIES {
            registry.attach_policy(id(1), &format!("p{number}")).unwrap();
        }
        registry.attach_policy(id(1), "p0").unwrap();
        let error = registry.attach_policy(id(1), "p10").unwrap_err();
        assert_eq!(error, RegistryError::TooMany { what: "policies", limit: POLICIES });
        assert_eq!(registry.detach_policy(id(1), "p0"), Ok(true));
        assert_eq!(registry.detach_policy(id(1), "p0"), Ok(false));
        registry.attach_policy(id(1), "p10").unwrap();
        let error = registry.attach_policy(id(1), "x").unwrap_err();
        assert_eq!(error, RegistryError::NoPolicy("x".into()));
    }

    #[test]
    fn an_exclusive_thing_has_one_certificate() {
        let mut registry = Registry::default();
        registry.set_thing("a", Thing::default()).unwrap();
        registry.set_thing("b", Thing::default()).unwrap();
        registry.register(id(1), CertificateStatus::Active).unwrap();
        registry.register(id(2), CertificateStatus::Active).unwrap();
        registry.attach_thing(id(1), "a", true).unwrap();
        let exclusive = RegistryError::IsExclusive;
        assert_eq!(registry.attach_thing(id(1), "b", false), Err(exclusive("b".into())));
        assert_eq!(registry.attach_thing(id(2), "a", false), Err(exclusive("a".into())));
        assert_eq!(registry.certificate(id(1)).unwrap().thing("other"), Some("a"));

        assert_eq!(registry.remove_thing("a"), Err(RegistryError::InUse("a".into())));
        assert_eq!(registry.detach_thing(id(1), "a"), Ok(true));
        registry.attach_thing(id(1), "a", false).unwrap();
        registry.attach_thing(id(1), "b", false).unwrap();
        registry.attach_thing(id(2), "b", false).unwrap();
        assert_eq!(registry.attach_thing(id(2), "b", true), Err(exclusive("b".into())));
        assert_eq!(registry.certificate(id(1)).unwrap().thing("b"), Some("b"));
        assert_eq!(registry.certificate(id(1)).unwrap().thing("other"), None);
    }

    #[test]
    fn names_and_sizes_have_bounds() {
        let mut registry = Registry::default();
        registry.set_thing(&"x".repeat(128), Thing::default()).unwrap();
        for name in ["", "a b", "a/b", "ä", &"x".repeat(129)] {
            let error = registry.set_thing(name, Thing::default()).unwrap_err();
            assert!(matches!(error, RegistryError::Name(_)), "{name}");
        }
        let attribute = |number| (format!("a{number}"), "v".repeat(800));
        let mut thing = Thing { attributes: (0..50).map(attribute).collect(), thing_type: None };
        registry.set_thing("a", thing.clone()).unwrap();
        thing.attributes.insert("one-more".into(), String::new());
        let error = registry.set_thing("a", thing.clone()).unwrap_err();
        assert_eq!(error, RegistryError::TooMany { what: "attributes", limit: 50 });
        thing.attributes = BTreeMap::from([("a".into(), "v".repeat(801))]);
        let error = registry.set_thing("a", thing).unwrap_err();
        assert_eq!(error, RegistryError::LongValue { limit: 800 });
    }

    #[test]
    fn an_account_has_bounds() {
        let mut registry = Registry::default();
        for number in 0..THINGS {
            registry.set_thing(&number.to_string(), Thing::default()).unwrap();
        }
        let error = registry.set_thing("one-more", Thing::default()).unwrap_err();
        assert_eq!(error, RegistryError::TooMany { what: "things", limit: THINGS });
        registry.set_thing("0", Thing::default()).unwrap();

        let wide = |number: usize| CertificateId::of(&number.to_be_bytes());
        for number in 0..CERTIFICATES {
            assert_eq!(registry.register(wide(number), CertificateStatus::Inactive), Ok(true));
        }
        assert!(!registry.has_room());
        let error = registry.register(wide(CERTIFICATES), CertificateStatus::Active).unwrap_err();
        assert_eq!(error, RegistryError::TooMany { what: "certificates", limit: CERTIFICATES });
        registry.remove_certificate(wide(0)).unwrap();
        assert_eq!(registry.register(wide(CERTIFICATES), CertificateStatus::Active), Ok(true));
    }
}
