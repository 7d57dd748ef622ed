//! The HTTP API: who asks, whether they may, and what is done.

use evenkeel_broker::core::{Effects, HttpCall, HttpResponse, Time};
use evenkeel_codec::Will;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::client::denial;
use super::door::with_request;
use super::{Emulator, time};
use crate::gate::policy::Action;
use crate::gate::{Admission, Principal, Refusal};
use crate::http::{self, HttpError, Operation, Outcome, Parameters, next_token};
use crate::{Claim, DisconnectReason, JobsOperation, Request};

/// Requests that wait for authorizers at a time, each with its body.
const WAITING: usize = 256;
/// Most results of a page, as in the API.
const SHADOWS: usize = 100;

impl Emulator {
    /// Answers a request, unless an authorizer has to be asked about it; the operator is
    /// told why one is refused.
    pub(super) fn on_http(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        effects: &mut Effects,
    ) -> Option<HttpResponse> {
        let outcome = match self.http_admission(now, call) {
            Ok(Admission::In(principal)) => self.http_outcome(now, call, &principal, effects),
            Ok(Admission::Ask(_)) if self.asked.requests() >= WAITING => {
                effects.note("gate", told(call, &"too many requests wait for authorizers"));
                Err(HttpError::unavailable("Too many requests wait for authorizers"))
            }
            Ok(Admission::Ask(question)) => {
                self.asked.ask(call.id, question);
                return None;
            }
            Err(error) => Err(error.explained(call, effects)),
        };
        Some(http::response(time(now), &self.trace(now, call), outcome))
    }

    /// Answers a request whose authorizer was asked.
    pub(super) fn on_http_answered(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        answer: Result<&str, &str>,
        effects: &mut Effects,
    ) -> HttpResponse {
        let judged = self.judge_answer(now, call.id, answer).unwrap_or(Err(Refusal::Nobody));
        self.asked.forget(call.id);
        let outcome = match judged {
            Ok(principal) => self.http_outcome(now, call, &principal, effects),
            Err(refusal) => Err(NotIn::Refused(refusal).explained(call, effects)),
        };
        http::response(time(now), &self.trace(now, call), outcome)
    }

    fn http_admission(&self, now: Time, call: &HttpCall<'_>) -> Result<Admission, NotIn> {
        let request = call.request;
        let operation = http::operation(&request.method, request.path()).map_err(NotIn::Error)?;
        if request.is_too_large() {
            return Err(NotIn::Error(HttpError::too_large()));
        }
        let found = with_request(now, call.arrival, request, |arrival| {
            self.gate.http(arrival, &request.body, operation.services())
        });
        found.map_err(NotIn::Refused)
    }

    /// Does what is asked, if who asks may.
    fn http_outcome(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        principal: &Principal,
        effects: &mut Effects,
    ) -> Outcome {
        let request = call.request;
        let operation = http::operation(&request.method, request.path())?;
        let query = request.head.target.split_once('?').map_or("", |(_, query)| query);
        let parameters = Parameters::parse(query)?;
        let (action, name) = operation.action(&parameters)?;
        let is_publish = matches!(operation, Operation::Publish { .. });
        let is_retain = is_publish && parameters.flag("retain").unwrap_or_default();
        let more = is_retain.then_some(Action::RetainPublish);
        let mut actions = [Some(action), more].into_iter().flatten();
        if let Some(why) = actions.find_map(|action| denial(principal, action, &name)) {
            effects.note("gate", told(call, &why));
            return Err(HttpError::forbidden());
        }
        let mut out = crate::Effects::new();
        let outcome = self.do_http(now, call, operation, &parameters, effects, &mut out);
        if !is_publish {
            self.services.apply_rules(time(now), &mut out);
        }
        self.carry_out(out, effects);
        outcome
    }

    fn do_http(
        &mut self,
        now: Time,
        call: &HttpCall<'_>,
        operation: Operation,
        parameters: &Parameters,
        effects: &mut Effects,
        out: &mut crate::Effects,
    ) -> Outcome {
        let (at, body) = (time(now), &call.request.body);
        match operation {
            Operation::Publish { topic } => {
                let message = http::message(&topic, call.request, parameters)?;
                self.publish_http(now, message, effects, out)?;
                // As AWS answers; the rest is added to errors alone.
                Ok(json!({"message": "OK", "traceId": self.trace(now, call)}))
            }
            Operation::GetShadow { thing } => {
                Ok(self.services.shadows().get(at, &thing, parameters.shadow()?)?)
            }
            Operation::UpdateShadow { thing } => {
                let name = parameters.shadow()?;
                Ok(self.services.shadows().update(at, &thing, name, body, out)?)
            }
            Operation::DeleteShadow { thing } => {
                Ok(self.services.shadows().delete(at, &thing, parameters.shadow()?)?)
            }
            Operation::ListShadows { thing } => self.list_shadows(now, &thing, parameters),
            Operation::PendingJobs { thing } => {
                self.job(now, &thing, JobsOperation::GetPending, Map::new(), out)
            }
            Operation::StartNextJob { thing } => {
                self.job(now, &thing, JobsOperation::StartNext, members(body)?, out)
            }
            Operation::UpdateJob { thing, job } => {
                self.job(now, &thing, JobsOperation::Update(&job), members(body)?, out)
            }
            Operation::DescribeJob { thing, job } => {
                let mut members = Map::new();
                if let Some(number) = parameters.number("executionNumber", 0..=u64::MAX)? {
                    members.insert("executionNumber".into(), number.into());
                }
                if parameters.text("includeJobDocument")?.is_some() {
                    let with_document = parameters.flag("includeJobDocument")?;
                    members.insert("includeJobDocument".into(), with_document.into());
                }
                self.job(now, &thing, JobsOperation::Describe(&job), members, out)
            }
            Operation::ListRetained => http::list_retained(call, parameters),
            Operation::GetRetained { topic } => {
                let found = call.retained.get(&topic);
                let message = found.ok_or_else(|| HttpError::not_found("No retained message"))?;
                Ok(http::whole(&message))
            }
            Operation::DeleteConnection { client } => {
                let forgets = parameters.flag("cleanSession")?;
                let drops = parameters.flag("preventWillMessage")?;
                let id = self.online.get(&client).copied();
                let id = id.ok_or_else(|| HttpError::not_found("The client is not connected"))?;
                if let Some(client) = self.clients.get_mut(&id) {
                    client.ended = Some(DisconnectReason::ApiInitiated);
                }
                effects.delete(id, forgets, drops);
                Ok(json!({"message": "OK", "traceId": self.trace(now, call)}))
            }
        }
    }

    /// Publishes as a client does: to the router, to a service, or to nobody.
    fn publish_http(
        &mut self,
        now: Time,
        message: Will,
        effects: &mut Effects,
        out: &mut crate::Effects,
    ) -> Result<(), HttpError> {
        let (topic, payload) = (message.topic.clone(), message.payload.clone());
        match self.services.claims(&topic) {
            Claim::Forbid => return Err(HttpError::forbidden()),
            Claim::Pass => effects.publish(message),
            Claim::Consume => {}
        }
        let request = Request { time: time(now), client: "", topic: &topic, payload: &payload };
        self.publish(&request, out);
        Ok(())
    }

    fn list_shadows(&mut self, now: Time, thing: &str, parameters: &Parameters) -> Outcome {
        let (count, after) = (parameters.page("pageSize", SHADOWS)?, parameters.after()?);
        let mut names = self.services.shadows().names(thing).filter(|name| **name > *after);
        let page: Vec<&str> = names.by_ref().take(count).collect();
        let mut answer = json!({"results": page, "timestamp": time(now).unix_seconds()});
        if let (Some(last), true) = (page.last(), names.next().is_some()) {
            answer["nextToken"] = next_token(last).into();
        }
        Ok(answer)
    }

    /// A request about jobs. By HTTP their documents are texts.
    fn job(
        &mut self,
        now: Time,
        thing: &str,
        operation: JobsOperation<'_>,
        members: Map<String, Value>,
        out: &mut crate::Effects,
    ) -> Outcome {
        let mut answer = self.services.jobs().call(time(now), thing, operation, members, out)?;
        for holder in ["", "/execution"] {
            if let Some(document) = answer.pointer_mut(&format!("{holder}/jobDocument")) {
                *document = document.to_string().into();
            }
        }
        Ok(answer)
    }

    /// A name of the request for logs, in the form of a UUID.
    fn trace(&self, now: Time, call: &HttpCall<'_>) -> String {
        let elapsed = now.now.since_start().as_nanos();
        let text = format!("{} {elapsed} {}", self.seed, call.arrival.peer);
        let hash = Sha256::digest(text);
        let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
        let bounds = [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)];
        let parts = bounds.map(|(from, to)| digits.get(from..to).unwrap_or_default());
        parts.join("-")
    }
}

/// Why a request was not let in.
enum NotIn {
    Error(HttpError),
    /// For the operator alone.
    Refused(Refusal),
}

impl NotIn {
    /// What the client is told; the operator hears more of it.
    fn explained(self, call: &HttpCall<'_>, effects: &mut Effects) -> HttpError {
        match self {
            Self::Error(error) => error,
            Self::Refused(refusal) => {
                effects.note("gate", told(call, &refusal));
                HttpError::forbidden()
            }
        }
    }
}

/// What the operator is told of a refused request.
fn told(call: &HttpCall<'_>, why: &dyn std::fmt::Display) -> String {
    let (method, path) = (&call.request.method, call.request.path());
    let path: String = path.chars().take(256).collect();
    format!("{method} {path:?} of {}: {why}", call.arrival.peer)
}

/// A JSON object; nothing at all is an empty one.
fn members(body: &[u8]) -> Result<Map<String, Value>, HttpError> {
    if body.is_empty() {
        return Ok(Map::new());
    }
    match crate::json::parse(body) {
        Ok(Value::Object(members)) => Ok(members),
        _ => Err(HttpError::invalid("The body must be a JSON object")),
    }
}
