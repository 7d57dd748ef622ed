//! The services of AWS behind a case, and what comes of them.

use evenkeel_aws::advisor::{Moment, Setting, What};
use evenkeel_aws::emulator::{Ask, Emulator};
use evenkeel_aws::gate::policy::Policy;
use evenkeel_aws::gate::{Gate, Thing};
use evenkeel_aws::{Limits, NoIssuer, Services};
use evenkeel_broker::Broker;
use evenkeel_broker::core::Parts;
use evenkeel_codec::{PacketType, TopicFilter};
use serde_json::{Value, json};

use super::plan::Service;
use crate::error::Failure;
use crate::exit::Exit;

/// By this AWS lets devices know its own updates.
const TOKEN: &str = "DeviceAdvisorShadowTestCaseSetup";
/// The job of the case about jobs.
const JOB: &str = "advised";

/// Whatever the client wants: policies are judged by a case of their own.
const ALL: &str = r#"{"Version": "2012-10-17", "Statement":
    {"Effect": "Allow", "Action": "iot:*", "Resource": "*"}}"#;

/// The thing that the client is.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    pub(super) thing: String,
    /// The name of its shadow; none for the classic one.
    pub(super) shadow: Option<String>,
    pub(super) job_document: Value,
}

/// What there is to do unless it is said.
pub(super) fn job_document() -> Value {
    json!({"operation": "advised"})
}

/// A broker with an account that knows one thing.
pub(super) async fn start(identity: &Identity) -> Result<Broker, Failure> {
    let cannot = |why: String| Failure::new(Exit::Failed, "the account cannot be made").why(why);
    let mut gate = Gate::default();
    let policy = Policy::parse(ALL).map_err(|error| cannot(error.to_string()))?;
    let known = gate.registry.set_policy("all", policy);
    known
        .and_then(|()| gate.registry.set_thing(&identity.thing, Thing::default()))
        .map_err(|error| cannot(error.to_string()))?;
    // Behind the relay everybody comes without TLS.
    gate.plain_policies = vec!["all".to_owned()];
    let emulator = Emulator::new(gate, Services::new(Limits::AWS), Box::new(NoIssuer), 0);
    let started =
        Broker::builder().start_with(Box::new(emulator), Box::new(|_: &Parts| Ok(()))).await;
    started.map_err(|error| cannot(error.to_string()))
}

/// A service of a case under way.
#[derive(Debug)]
pub(super) struct Served<'a> {
    service: Service,
    identity: &'a Identity,
    has_begun: bool,
    last: Option<What>,
}

impl<'a> Served<'a> {
    pub(super) const fn new(service: Service, identity: &'a Identity) -> Self {
        Self { service, identity, has_begun: false, last: None }
    }

    /// Gives the client something to do, once it listens.
    pub(super) fn on(&mut self, moments: &[Moment], setting: &Setting, broker: &Broker) {
        if self.has_begun || !self.listens(moments) {
            return;
        }
        let Identity { thing, shadow, job_document } = self.identity.clone();
        let ask = match self.service {
            Service::Shadow => return,
            Service::Desire => {
                let state = json!({ "desired": setting.desired });
                let document = json!({ "state": state, "clientToken": TOKEN });
                Ask::ShadowUpdate { thing, name: shadow, document }
            }
            Service::Job => Ask::JobCreate {
                job: JOB.to_owned(),
                document: job_document,
                things: vec![thing],
                timeout: None,
            },
        };
        self.has_begun = true;
        broker.ask(&json!(ask));
    }

    /// True if the client has just got its subscription, or asks of itself.
    fn listens(&self, moments: &[Moment]) -> bool {
        let Some(last) = moments.last() else { return false };
        let prefix = self.prefix();
        if let Some(publish) = last.what.received(PacketType::Publish) {
            return publish.topics.iter().any(|topic| topic.starts_with(&prefix));
        }
        let Some(suback) = last.what.sent(PacketType::SubAck) else { return false };
        let mut on_it = moments.iter().filter(|moment| moment.connection == last.connection);
        on_it.any(|moment| {
            let subscribe = moment.what.received(PacketType::Subscribe);
            let answered = subscribe.filter(|subscribe| subscribe.id == suback.id);
            answered
                .is_some_and(|subscribe| subscribe.topics.iter().any(|filter| self.is_news(filter)))
        })
    }

    /// Topics of the service begin with this.
    fn prefix(&self) -> String {
        let Identity { thing, shadow, .. } = self.identity;
        match (self.service, shadow) {
            (Service::Job, _) => format!("$aws/things/{thing}/jobs/"),
            (_, None) => format!("$aws/things/{thing}/shadow/"),
            (_, Some(name)) => format!("$aws/things/{thing}/shadow/name/{name}/"),
        }
    }

    /// True if news of the service come by this filter.
    fn is_news(&self, filter: &str) -> bool {
        let ends: &[&str] = match self.service {
            Service::Job => &["notify", "notify-next", "start-next/accepted", "get/accepted"],
            Service::Shadow | Service::Desire => &["update/delta", "update/documents"],
        };
        let prefix = self.prefix();
        let Ok(filter) = TopicFilter::try_from(filter) else { return false };
        ends.iter().any(|end| filter.matches(&format!("{prefix}{end}")))
    }

    /// What the service holds, if that is new.
    pub(super) fn look(&mut self, broker: &Broker) -> Option<What> {
        let now = match self.service {
            Service::Shadow | Service::Desire => {
                let Identity { thing, shadow, .. } = self.identity.clone();
                let shadow = broker.ask(&json!(Ask::ShadowGet { thing, name: shadow }))?;
                What::Reported(shadow.pointer("/state/reported")?.clone())
            }
            Service::Job => {
                let jobs =
                    broker.ask(&json!(Ask::JobList { thing: self.identity.thing.clone() }))?;
                What::Job(jobs.pointer("/0/status")?.as_str()?.to_owned())
            }
        };
        if self.last.as_ref() == Some(&now) {
            return None;
        }
        self.last = Some(now.clone());
        Some(now)
    }
}
