//! Changes of the registry as they are written down.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::changes::{CERTIFICATES, POLICIES, THINGS};
use crate::gate::{Certificate, Thing};
use crate::state::{StateError, WrittenState};

/// What a state says of the registry.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) things: Vec<(String, Gone<WrittenThing>)>,
    pub(super) certificates: Vec<(String, Gone<WrittenCertificate>)>,
    pub(super) policies: Vec<(String, Value)>,
}

/// Null removes a part, so what is gone is an empty list, and anything else one in it.
pub(super) type Gone<T> = Vec<T>;

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenThing {
    pub(super) thing_type: Option<String>,
    pub(super) attributes: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenCertificate {
    pub(super) status: String,
    pub(super) policies: BTreeSet<String>,
    pub(super) things: BTreeSet<String>,
    pub(super) is_exclusive: bool,
}

impl Written {
    /// Takes out of a state what it says of the registry.
    pub(super) fn take(state: &mut WrittenState) -> Result<Self, StateError> {
        Ok(Self {
            things: state.take_all(THINGS)?,
            certificates: state.take_all(CERTIFICATES)?,
            policies: state.take_all(POLICIES)?,
        })
    }
}

impl WrittenThing {
    pub(super) fn of(thing: &Thing) -> Self {
        Self { thing_type: thing.thing_type.clone(), attributes: thing.attributes.clone() }
    }
}

impl WrittenCertificate {
    pub(super) fn of(certificate: &Certificate) -> Self {
        Self {
            status: certificate.status.name().into(),
            policies: certificate.policies.clone(),
            things: certificate.things.clone(),
            is_exclusive: certificate.is_exclusive,
        }
    }
}
