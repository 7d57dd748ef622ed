//! What the account's operator asks of a running emulator.

use std::collections::BTreeMap;

use evenkeel_broker::core::{Effects, Time};
use evenkeel_codec::ReasonCode;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::registrar::Attached;
use super::{Emulator, time};
use crate::DisconnectReason;
use crate::gate::Thing;
use crate::jobs::NewJob;

/// A request of the operator's.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "ask", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Ask {
    /// The shadow of a thing, classic or named.
    ShadowGet {
        /// The thing.
        thing: String,
        /// The shadow's name; none for the classic one.
        name: Option<String>,
    },
    /// A change of a shadow, as if by HTTP.
    ShadowUpdate {
        /// The thing.
        thing: String,
        /// The shadow's name.
        name: Option<String>,
        /// What a client would publish.
        document: Value,
    },
    /// The end of a shadow.
    ShadowDelete {
        /// The thing.
        thing: String,
        /// The shadow's name.
        name: Option<String>,
    },
    /// A job for things.
    JobCreate {
        /// Its id.
        job: String,
        /// What there is to do.
        document: Value,
        /// Who has to.
        things: Vec<String>,
        /// Minutes that a thing may take, from its start.
        #[serde(default)]
        timeout: Option<u64>,
    },
    /// A job as a whole, or its execution on one thing.
    JobDescribe {
        /// Its id.
        job: String,
        /// The thing; none for the whole.
        #[serde(default)]
        thing: Option<String>,
    },
    /// The end of a job and all its executions.
    JobDelete {
        /// Its id.
        job: String,
        /// Also if things have it to do.
        #[serde(default)]
        force: bool,
    },
    /// A job is taken back.
    JobCancel {
        /// Its id.
        job: String,
        /// From this thing; from all without one.
        thing: Option<String>,
        /// From things that are at it, too.
        force: bool,
    },
    /// The job executions of a thing.
    JobList {
        /// The thing.
        thing: String,
    },
    /// All things, with their attributes.
    ThingList,
    /// A thing more.
    ThingAdd {
        /// Its name.
        thing: String,
        /// The name of its type.
        thing_type: Option<String>,
        /// Its attributes.
        attributes: BTreeMap<String, String>,
    },
    /// The end of a thing that is attached to nothing.
    ThingDelete {
        /// Its name.
        thing: String,
    },
    /// All certificates, with what is attached to them.
    CertificateList,
    /// A certificate more.
    CertificateAdd {
        /// Its id.
        certificate: String,
        /// `ACTIVE` or `INACTIVE`.
        status: String,
        /// Its policies.
        policies: Vec<String>,
        /// The things that it is attached to.
        things: Vec<String>,
        /// Whether it and its only thing belong to each other alone.
        exclusive: bool,
    },
    /// The end of a certificate.
    CertificateDelete {
        /// Its id.
        certificate: String,
        /// Even if it has policies.
        force: bool,
    },
    /// A certificate gets policies and things.
    CertificateAttach {
        /// Its id.
        certificate: String,
        /// The policies.
        policies: Vec<String>,
        /// The things.
        things: Vec<String>,
        /// Whether it and its only thing belong to each other alone.
        exclusive: bool,
    },
    /// A certificate loses policies and things.
    CertificateDetach {
        /// Its id.
        certificate: String,
        /// The policies.
        policies: Vec<String>,
        /// The things.
        things: Vec<String>,
    },
    /// Whether a certificate may be used.
    CertificateStatus {
        /// Its id.
        certificate: String,
        /// `ACTIVE`, `INACTIVE` or `REVOKED`.
        status: String,
    },
    /// All clients that are connected.
    ConnectionList,
    /// The end of a client's connection.
    ConnectionDelete {
        /// Its client identifier.
        client: String,
    },
}

/// An answer that is none has `{"error": ..}`.
fn refused(why: impl std::fmt::Display) -> Value {
    json!({ "error": why.to_string() })
}

impl Emulator {
    /// Answers the operator.
    pub(super) fn answer(&mut self, now: Time, request: &Value, effects: &mut Effects) -> Value {
        let ask = match Ask::deserialize(request) {
            Ok(ask) => ask,
            Err(error) => return refused(error),
        };
        let mut out = crate::Effects::new();
        let answer = self.do_ask(now, ask, effects, &mut out);
        self.services.apply_rules(time(now), &mut out);
        self.carry_out(out, effects);
        answer.unwrap_or_else(refused)
    }

    fn do_ask(
        &mut self,
        now: Time,
        ask: Ask,
        effects: &mut Effects,
        out: &mut crate::Effects,
    ) -> Result<Value, String> {
        let (at, services) = (time(now), &mut self.services);
        match ask {
            Ask::ShadowGet { thing, name } => {
                services.shadows().get(at, &thing, name.as_deref()).map_err(text)
            }
            Ask::ShadowUpdate { thing, name, document } => {
                let document = document.to_string().into_bytes();
                let updated =
                    services.shadows().update(at, &thing, name.as_deref(), &document, out);
                updated.map_err(text)
            }
            Ask::ShadowDelete { thing, name } => {
                services.shadows().delete(at, &thing, name.as_deref()).map_err(text)
            }
            Ask::JobCreate { job, document, things, timeout } => {
                let targets: Vec<&str> = things.iter().map(String::as_str).collect();
                let new = NewJob { id: &job, document: &document, things: &targets, timeout };
                let created = services.jobs().create_job(at, &new, out);
                created.map_err(text).map(|()| json!({"job": job, "things": things}))
            }
            Ask::JobCancel { job, thing, force } => {
                let canceled = services.jobs().cancel(at, &job, thing.as_deref(), force, out);
                canceled.map_err(text).map(|count| json!({"job": job, "canceled": count}))
            }
            Ask::JobDescribe { job, thing } => self.describe_job(now, &job, thing.as_deref()),
            Ask::JobDelete { job, force } => {
                let deleted = services.jobs().delete(at, &job, force, out);
                deleted.map_err(text).map(|count| json!({"job": job, "executions": count}))
            }
            Ask::JobList { thing } => Ok(services.jobs().of_thing(at, &thing).collect()),
            Ask::ThingList => Ok(self.things()),
            Ask::ThingAdd { thing, thing_type, attributes } => {
                self.add_thing(&thing, Thing { thing_type, attributes })
            }
            Ask::ThingDelete { thing } => self.delete_thing(now, &thing, out),
            Ask::CertificateList => Ok(self.certificates()),
            Ask::CertificateAdd { certificate, status, policies, things, exclusive } => {
                let attached = Attached { policies, things, exclusive };
                self.add_certificate(&certificate, &status, &attached)
            }
            Ask::CertificateDelete { certificate, force } => {
                self.delete_certificate(&certificate, force)
            }
            Ask::CertificateAttach { certificate, policies, things, exclusive } => {
                let attached = Attached { policies, things, exclusive };
                self.attach(&certificate, &attached)
            }
            Ask::CertificateDetach { certificate, policies, things } => {
                let attached = Attached { policies, things, exclusive: false };
                self.detach(&certificate, &attached)
            }
            Ask::CertificateStatus { certificate, status } => {
                self.set_status(&certificate, &status, effects)
            }
            Ask::ConnectionList => Ok(self.connections()),
            Ask::ConnectionDelete { client } => self.delete_connection(&client, effects),
        }
    }

    fn describe_job(&mut self, now: Time, job: &str, thing: Option<&str>) -> Result<Value, String> {
        let jobs = self.services.jobs();
        match thing {
            None => jobs.describe_job(job).ok_or_else(|| format!("there is no job {job:?}")),
            Some(thing) => jobs
                .describe_execution(time(now), thing, job)
                .ok_or_else(|| format!("{thing:?} has no job {job:?}")),
        }
    }

    fn delete_connection(&mut self, client: &str, effects: &mut Effects) -> Result<Value, String> {
        let id = self.online.get(client).copied();
        let id = id.ok_or_else(|| format!("{client:?} is not connected"))?;
        if let Some(client) = self.clients.get_mut(&id) {
            client.ended = Some(DisconnectReason::ApiInitiated);
        }
        effects.disconnect(id, ReasonCode::ADMINISTRATIVE_ACTION);
        Ok(json!({ "client": client }))
    }

    fn connections(&self) -> Value {
        let connections = self.online.iter().filter_map(|(name, id)| {
            let client = self.clients.get(id)?;
            Some(json!({
                "client": name,
                "ip": client.ip_address,
                "principal": client.principal.id,
                "thing": client.principal.thing,
            }))
        });
        connections.collect()
    }
}

pub(super) fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
