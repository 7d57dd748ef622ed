//! What fleet provisioning changes in the registry of things and certificates,
//! which is the driver's.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// One change.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RegistryChange {
    /// There is a certificate; it is `PENDING_ACTIVATION` and lets nobody in.
    CertificateCreated {
        /// Its id.
        certificate_id: String,
        /// It, in PEM.
        certificate_pem: String,
    },
    /// The ownership token of a certificate is over and no thing has it.
    CertificateDeleted {
        /// Its id.
        certificate_id: String,
    },
    /// A thing has registered with its certificate.
    ThingRegistered(Registration),
}

/// A thing as its template makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// Its name.
    pub thing_name: String,
    /// Its attributes.
    pub attributes: BTreeMap<String, String>,
    /// Its certificate.
    pub certificate_id: String,
    /// True for `ACTIVE`, else `INACTIVE`.
    pub certificate_is_active: bool,
    /// What its certificate may do.
    pub policies: Vec<Policy>,
    /// What the device is told.
    pub device_configuration: Map<String, Value>,
}

/// A policy of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Policy {
    /// One that exists.
    Name(String),
    /// One that stands in the template.
    Document(Value),
}
