//! All services together, as the broker sees them.

use std::collections::VecDeque;
use std::time::Duration;

use evenkeel_codec::Bytes;
use serde::{Deserialize, Serialize};

use crate::effects::{Effects, Message};
use crate::jobs::Jobs;
use crate::lifecycle::{ConnectFailed, Connected, DisconnectReason, Lifecycle};
use crate::note::Note;
use crate::provisioning::{Issuer, Provisioning};
use crate::reserved::Reserved;
use crate::rules::{Made, Refused, Rules, TopicProblem};
use crate::shadow::Shadows;
use crate::state::{self, Parts, Shift, StateError, WrittenState};
use crate::{Claim, Limits, Request, Time, claim};

/// Names of parts of the state.
const VERSION: &str = "version";
const TIME: &str = "time";

/// AWS IoT Core's services: shadows, jobs, fleet provisioning, lifecycle
/// events, basic ingest and rules.
#[derive(Debug)]
pub struct Services {
    shadows: Shadows,
    jobs: Jobs,
    provisioning: Provisioning,
    lifecycle: Lifecycle,
    rules: Rules,
    limits: Limits,
}

impl Default for Services {
    fn default() -> Self {
        Self::new(Limits::AWS)
    }
}

impl Services {
    /// Services that know nothing yet.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            shadows: Shadows::new(limits.shadow),
            jobs: Jobs::new(limits.jobs),
            provisioning: Provisioning::new(limits.provisioning),
            lifecycle: Lifecycle::new(limits.lifecycle),
            rules: Rules::new(limits.rules),
            limits,
        }
    }

    /// What becomes of a PUBLISH of a client on this topic.
    #[must_use]
    pub fn claims(&self, topic: &str) -> Claim {
        claim(topic)
    }

    /// The shadows, for the HTTP data plane and the operator.
    pub const fn shadows(&mut self) -> &mut Shadows {
        &mut self.shadows
    }

    /// The jobs, for the HTTP data plane and the operator.
    pub const fn jobs(&mut self) -> &mut Jobs {
        &mut self.jobs
    }

    /// Fleet provisioning, for its templates.
    pub const fn provisioning(&mut self) -> &mut Provisioning {
        &mut self.provisioning
    }

    /// The rules.
    pub const fn rules(&mut self) -> &mut Rules {
        &mut self.rules
    }

    /// A client has published, on whatever topic, and the gate and the quotas
    /// let it through.
    ///
    /// If [`claims`](Self::claims) says [`Claim::Pass`], the message goes to
    /// the router as well; rules see it here.
    pub fn on_publish(
        &mut self,
        request: &Request<'_>,
        issuer: &mut dyn Issuer,
        out: &mut Effects,
    ) {
        let from = out.len();
        let mut fresh = VecDeque::new();
        match Reserved::parse(request.topic) {
            None if self.rules.is_empty() => {}
            None => {
                let payload = Bytes::copy_from_slice(request.payload);
                let made = self.rules.of_message(request.client, request.topic, &payload);
                fresh.extend(made.take(self.most_made()));
            }
            Some(Reserved::BasicIngest { rule, topic }) => {
                let payload = Bytes::copy_from_slice(request.payload);
                match self.rules.of_ingest(rule, request.client, topic, &payload) {
                    Some(made) => fresh.push_back(made),
                    None => out.note(Note::RuleNotFound { rule: rule.to_owned() }),
                }
            }
            Some(Reserved::Provisioning { operation, format }) => {
                self.provisioning.on_request(request, operation, format, issuer, out);
            }
            Some(reserved) => self.serve(reserved, request, out),
        }
        self.run_rules(request.time, request.client, from, fresh, out);
    }

    /// A client's CONNECT was accepted.
    pub fn on_connected(&mut self, time: Time, connected: &Connected<'_>, out: &mut Effects) {
        self.with_rules(time, connected.client, out, |lifecycle, out| {
            lifecycle.connected(time, connected, out);
        });
    }

    /// A client's CONNECT was refused for lack of rights.
    pub fn on_connect_failed(&mut self, time: Time, failed: &ConnectFailed<'_>, out: &mut Effects) {
        self.with_rules(time, failed.client, out, |lifecycle, out| {
            lifecycle.connect_failed(time, failed, out);
        });
    }

    /// A connection has ended. It is named by its session identifier.
    pub fn on_disconnected(
        &mut self,
        time: Time,
        session: &str,
        reason: DisconnectReason,
        out: &mut Effects,
    ) {
        self.with_rules(time, "", out, |lifecycle, out| {
            lifecycle.disconnected(time, session, reason, out);
        });
    }

    /// A SUBSCRIBE was granted, for these filters.
    pub fn on_subscribed(
        &mut self,
        time: Time,
        session: &str,
        filters: &[&str],
        out: &mut Effects,
    ) {
        self.with_rules(time, "", out, |lifecycle, out| {
            lifecycle.subscribed(time, session, filters, out);
        });
    }

    /// An UNSUBSCRIBE was done, for these filters.
    pub fn on_unsubscribed(
        &mut self,
        time: Time,
        session: &str,
        filters: &[&str],
        out: &mut Effects,
    ) {
        self.with_rules(time, "", out, |lifecycle, out| {
            lifecycle.unsubscribed(time, session, filters, out);
        });
    }

    /// Runs the rules over what the operator or another way in has set off, such as the
    /// answers of [`Shadows::update`].
    pub fn apply_rules(&mut self, time: Time, out: &mut Effects) {
        self.run_rules(time, "", 0, VecDeque::new(), out);
    }

    /// Lifecycle events go through the rules, as all messages do.
    fn with_rules(
        &mut self,
        time: Time,
        client: &str,
        out: &mut Effects,
        act: impl FnOnce(&mut Lifecycle, &mut Effects),
    ) {
        let from = out.len();
        act(&mut self.lifecycle, out);
        self.run_rules(time, client, from, VecDeque::new(), out);
    }

    /// When [`tick`](Self::tick) is due, by [`Time::elapsed`].
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        let deadlines =
            [self.jobs.deadline(), self.provisioning.deadline(), self.lifecycle.deadline()];
        deadlines.into_iter().flatten().min()
    }

    /// Does what is due: step timers, ownership tokens, forgotten clients.
    pub fn tick(&mut self, time: Time, out: &mut Effects) {
        let from = out.len();
        self.jobs.tick(time, out);
        self.provisioning.tick(time, out);
        self.lifecycle.tick(time);
        self.run_rules(time, "", from, VecDeque::new(), out);
    }

    /// What has changed since the last call of all that must survive the process.
    /// Whoever writes it down before the effects are carried out loses nothing that was
    /// answered. It holds ownership tokens, so the file is its owner's alone. Templates
    /// and rules are configuration and not part of it.
    #[must_use]
    pub fn changes(&mut self, time: Time) -> Parts {
        let mut parts = Parts::new();
        self.shadows.changes(&mut parts);
        self.jobs.changes(&mut parts);
        self.provisioning.changes(&mut parts);
        self.lifecycle.changes(&mut parts);
        if !parts.is_empty() {
            parts.insert(TIME.to_owned(), Some(state::text(&Moment::of(time))));
        }
        parts
    }

    /// All that must survive the process; the version is first.
    pub fn state(&self, time: Time) -> impl Iterator<Item = (String, String)> {
        let version = (VERSION.to_owned(), state::VERSION.to_string());
        let time = (TIME.to_owned(), state::text(&Moment::of(time)));
        [version, time]
            .into_iter()
            .chain(self.shadows.state())
            .chain(self.jobs.state())
            .chain(self.provisioning.state())
            .chain(self.lifecycle.state())
    }

    /// Takes what an earlier process has written, in place of what is here.
    ///
    /// # Errors
    /// If it is newer than this program, damaged, or over the limits. Then
    /// nothing has changed.
    pub fn load(&mut self, mut written: WrittenState, now: Time) -> Result<(), StateError> {
        let services = self.loaded(&mut written, now)?;
        written.end()?;
        self.become_loaded(services);
        Ok(())
    }

    /// What [`load`](Self::load) would take, and what is left of the rest.
    pub(crate) fn loaded(
        &self,
        written: &mut WrittenState,
        now: Time,
    ) -> Result<Loaded, StateError> {
        let _: u64 = written.take(VERSION)?;
        let saved: Moment = written.take(TIME)?;
        let shift = Shift::new(Time { elapsed: saved.elapsed, unix: saved.unix }, now);
        Ok(Loaded {
            shadows: Shadows::load(self.limits.shadow, written)?,
            jobs: self.jobs.load(written, shift)?,
            provisioning: self.provisioning.load(written, shift)?,
            lifecycle: Lifecycle::load(self.limits.lifecycle, written, shift)?,
        })
    }

    pub(crate) fn become_loaded(&mut self, loaded: Loaded) {
        let Loaded { shadows, jobs, provisioning, lifecycle } = loaded;
        (self.shadows, self.jobs) = (shadows, jobs);
        (self.provisioning, self.lifecycle) = (provisioning, lifecycle);
    }

    /// Requests of clients and of rules.
    fn serve(&mut self, reserved: Reserved<'_>, request: &Request<'_>, out: &mut Effects) {
        match reserved {
            Reserved::Shadow { thing, name, operation } => {
                self.shadows.on_request(request, thing, name, operation, out);
            }
            Reserved::Jobs { thing, operation } => {
                self.jobs.on_request(request, thing, operation, out);
            }
            _ => out.note(Note::NotEmulated { topic: request.topic.to_owned() }),
        }
    }

    /// Messages of rules that are made because of one message: one more than may be
    /// published, so that it is seen that there are more.
    const fn most_made(&self) -> usize {
        self.limits.rules.republished.saturating_add(1)
    }

    /// Runs rules over what was published, and over what they publish, until
    /// nothing is left or the limit is reached.
    fn run_rules(
        &mut self,
        time: Time,
        client: &str,
        from: usize,
        mut fresh: VecDeque<Made>,
        out: &mut Effects,
    ) {
        if self.rules.is_empty() {
            return;
        }
        let mut seen = from;
        let mut budget = self.limits.rules.republished;
        loop {
            for message in out.published_since(seen) {
                let made = self.rules.of_message(client, &message.topic, &message.payload);
                fresh.extend(made.take(self.most_made().saturating_sub(fresh.len())));
            }
            seen = out.len();
            let Some(Made { rule, outcome }) = fresh.pop_front() else { return };
            if budget == 0 {
                let value = self.limits.rules.republished;
                return out.note(Note::LimitReached { limit: "rules.republished", value });
            }
            budget -= 1;
            match outcome {
                Ok(message) => self.republish(time, client, rule, message, out),
                Err(Refused { topic, problem }) => {
                    out.note(Note::RuleTopicRefused { rule, topic, problem });
                }
            }
        }
    }

    /// A rule's message goes to the router, or to a service as a request.
    fn republish(
        &mut self,
        time: Time,
        client: &str,
        rule: String,
        message: Message,
        out: &mut Effects,
    ) {
        let topic = message.topic.as_str();
        match Reserved::parse(topic) {
            None => out.publish(message),
            Some(reserved @ (Reserved::Shadow { .. } | Reserved::Jobs { .. })) => {
                let request = Request { time, client, topic, payload: &message.payload };
                self.serve(reserved, &request, out);
            }
            Some(_) => {
                let (topic, problem) = (message.topic, TopicProblem::Reserved);
                out.note(Note::RuleTopicRefused { rule, topic, problem });
            }
        }
    }
}

/// Services as they were written down.
pub(crate) struct Loaded {
    shadows: Shadows,
    jobs: Jobs,
    provisioning: Provisioning,
    lifecycle: Lifecycle,
}

/// When something was written, on both clocks.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    elapsed: Duration,
    unix: Duration,
}

impl Moment {
    const fn of(time: Time) -> Self {
        Self { elapsed: time.elapsed, unix: time.unix }
    }
}
