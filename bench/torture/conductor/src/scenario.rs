//! What a scenario is made of.

use std::time::Duration;

use evenkeel_broker::fault::Rule;

use crate::clients::Client;
use crate::measure::Measure;

/// The keep-alive of all clients in all scenarios: rumqttc's MQTT 5 side
/// refuses less.
pub(crate) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// One torture.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// What the broker does, and the application.
    pub(crate) story: &'static str,
    /// The verdict's rule in words.
    pub(crate) rule: &'static str,
    pub(crate) setup: fn(&Client) -> Setup,
    pub(crate) judge: fn(&Measure) -> Verdict,
    /// A figure of this scenario's own, for the remarks.
    pub(crate) figure: fn(&Measure) -> Option<String>,
}

/// How the stage is set.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    /// How long it takes, from the first opened connection.
    pub(crate) run: Duration,
    /// It is over earlier, but not before this moment, once so many connections
    /// were accepted and the last one has lived for one keep-alive.
    pub(crate) over_when_online: Option<(Duration, u64)>,
    pub(crate) faults: Vec<Rule>,
    pub(crate) steps: Vec<(Duration, Step)>,
    /// Hints for the adapter.
    pub(crate) hints: Vec<(&'static str, String)>,
    pub(crate) mqtt5: bool,
    pub(crate) instances: usize,
    pub(crate) filters: usize,
    pub(crate) inbound: Option<Inbound>,
    /// Size of a retained message, number 1, that is there beforehand.
    pub(crate) retained: Option<usize>,
    /// The limit of the profile `aws-iot-core` that the broker enforces.
    pub(crate) limit: Option<&'static str>,
}

/// Messages of the broker's, numbered from 1, once all filters are subscribed to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Inbound {
    pub(crate) not_before: Duration,
    pub(crate) every: Duration,
    pub(crate) count: u64,
    pub(crate) at_least_once: bool,
}

/// Something that happens at a moment.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Fault(Box<Rule>),
    /// Ends all faults but the witness.
    Heal,
    Stop,
    Resume,
}

/// How a client did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    Fail,
    Weak,
    Ok,
}

impl Verdict {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Weak => "weak",
            Self::Fail => "**fail**",
        }
    }

    /// `Ok` if the first holds, `Weak` if the second does.
    pub(crate) const fn first_of(ok: bool, weak: bool) -> Self {
        if ok {
            Self::Ok
        } else if weak {
            Self::Weak
        } else {
            Self::Fail
        }
    }

    /// `Weak` at best if the client was silent for longer than its keep-alive.
    pub(crate) fn unless_silent(self, measure: &Measure) -> Self {
        let bound = measure.keep_alive.mul_f64(1.05);
        if measure.silence > bound { self.min(Self::Weak) } else { self }
    }
}

impl Setup {
    pub(crate) fn of(run: Duration) -> Self {
        Self {
            run,
            over_when_online: None,
            faults: Vec::new(),
            steps: Vec::new(),
            hints: Vec::new(),
            mqtt5: false,
            instances: 1,
            filters: 0,
            inbound: None,
            retained: None,
            limit: None,
        }
    }

    pub(crate) fn fault(mut self, rule: Rule) -> Self {
        self.faults.push(rule);
        self
    }

    pub(crate) fn step(mut self, at: Duration, step: Step) -> Self {
        self.steps.push((at, step));
        self
    }

    pub(crate) fn hint(mut self, key: &'static str, value: impl ToString) -> Self {
        self.hints.push((key, value.to_string()));
        self
    }

    pub(crate) fn mqtt5(mut self) -> Self {
        self.mqtt5 = true;
        self
    }

    pub(crate) fn instances(mut self, count: usize) -> Self {
        self.instances = count;
        self
    }

    pub(crate) fn over_when_online(mut self, after: Duration, accepted: u64) -> Self {
        self.over_when_online = Some((after, accepted));
        self
    }

    /// The application publishes so many messages.
    pub(crate) fn publishes(self, count: u64, every: Duration, qos: u8) -> Self {
        self.hint("publish", count)
            .hint("publish_every_ms", every.as_millis())
            .hint("publish_qos", qos)
    }

    /// The application subscribes to one filter and is sent messages.
    pub(crate) fn receives(mut self, inbound: Inbound) -> Self {
        self.filters = 1;
        self.inbound = Some(inbound);
        self
    }

    pub(crate) fn filters(mut self, count: usize) -> Self {
        self.filters = count;
        self
    }

    /// The broker enforces this limit of the profile `aws-iot-core`, and no other.
    pub(crate) fn limit(mut self, name: &'static str) -> Self {
        self.limit = Some(name);
        self.hint("limit", name)
    }

    pub(crate) fn retained(mut self, bytes: usize) -> Self {
        self.filters = 1;
        self.retained = Some(bytes);
        self
    }
}
