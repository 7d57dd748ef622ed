//! `pub` checked.

use std::ffi::OsString;
use std::time::Duration;

use evenkeel::{QoS, TopicName};

use super::connection::ConnectionSettings;
use super::payload::{self, Payload};
use super::{Context, store, time_limit, topic_name};
use crate::args::{MetricsAddress, PublishArgs};
use crate::error::Failure;

/// How long `pub` and `rr` try by default.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// What to publish, where and how.
#[derive(Debug)]
pub(crate) struct PublishSettings {
    pub(crate) connection: ConnectionSettings,
    /// At least one.
    pub(crate) topics: Vec<TopicName>,
    pub(crate) payload: Payload,
    pub(crate) repetition: Repetition,
    pub(crate) qos: QoS,
    pub(crate) retain: bool,
    /// `None` waits forever, as mosquitto's tool does.
    pub(crate) timeout: Option<Duration>,
    pub(crate) json: bool,
    /// Where metrics are served.
    pub(crate) metrics: Option<MetricsAddress>,
}

/// How often the message is published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Repetition {
    pub(crate) count: u64,
    pub(crate) delay: Duration,
}

impl PublishSettings {
    /// Checks the flags.
    pub(crate) fn new(args: &PublishArgs, context: Context<'_>) -> Result<Self, Failure> {
        let store = store::collect(&args.store, context)?;
        let qos = args.qos.unwrap_or(QoS::AtMostOnce);
        if store.is_some() && qos == QoS::AtMostOnce {
            return Err(Failure::usage("--store needs QoS 1 or 2")
                .why("a message of QoS 0 may be lost, so none is stored")
                .hint("give -q 1 or -q 2"));
        }
        if args.send_anew && qos != QoS::ExactlyOnce {
            return Err(Failure::usage("--send-anew needs QoS 2")
                .why("a message of QoS 1 is sent again anyway until it is acknowledged")
                .hint("give -q 2, or leave it out"));
        }
        let mut connection = ConnectionSettings::new(&args.connection, None, store, context)?;
        connection.send_anew = args.send_anew;
        if !args.topic.is_empty() && !context.is_mosquitto() {
            connection
                .warn_of_url_topic("the URL has a topic beside -t: each message goes to both");
        }
        let (topics, word) = topics(args, &connection, context)?;
        let payload = payload::collect(&args.payload, args.stream.stdin_line, word.as_deref())?
            .ok_or_else(no_message)?;
        let repetition = Repetition {
            count: args.stream.repeat.unwrap_or(1),
            delay: args.stream.repeat_delay.unwrap_or_default(),
        };
        if payload == Payload::Lines && args.stream.repeat.is_some() {
            return Err(Failure::usage("--repeat and --stdin-line contradict each other")
                .why("the lines are read once")
                .hint("leave one of them out"));
        }
        if payload != Payload::Lines && args.metrics.address.is_some() {
            return Err(Failure::usage("--metrics needs --stdin-line")
                .why("one message is on its way before anybody could look")
                .hint("add -l, or leave it out"));
        }
        Ok(Self {
            connection,
            topics,
            payload,
            repetition,
            qos,
            retain: args.retain,
            timeout: limit(args.timeout, context)?,
            json: args.json,
            metrics: args.metrics.address.clone(),
        })
    }
}

/// The time limit of `pub` and `rr`.
pub(super) fn limit(
    given: Option<Duration>,
    context: Context<'_>,
) -> Result<Option<Duration>, Failure> {
    let default = (!context.is_mosquitto()).then_some(DEFAULT_TIMEOUT);
    time_limit(given.or(default), context)
}

fn no_message() -> Failure {
    Failure::usage("there is no message to publish")
        .hint("give -m MESSAGE, -f FILE, -n (empty), -s (all of stdin) or -l (each line of stdin)")
}

/// The topics, and the free word that is left over for the message.
fn topics(
    args: &PublishArgs,
    connection: &ConnectionSettings,
    context: Context<'_>,
) -> Result<(Vec<TopicName>, Option<OsString>), Failure> {
    let mut words = args.words.iter().cloned();
    let mut given: Vec<String> = connection.url_topics.clone();
    given.extend(args.topic.iter().cloned());
    if context.is_mosquitto() {
        // mosquitto_pub has one topic: the one given last.
        given.drain(..given.len().saturating_sub(1));
    }
    if given.is_empty() {
        given.extend(words.next().map(text_word).transpose()?);
    }
    let message = words.next();
    if given.is_empty() {
        return Err(Failure::usage("there is no topic to publish to")
            .hint("give -t TOPIC, or the topic as the first word: evenkeel pub site/7/level 42"));
    }
    if words.next().is_some() {
        // Not repeated: it may be the rest of a password with a blank in it.
        return Err(Failure::usage("there is one word too many")
            .why("the topic is given already, so a single word is left for the message")
            .hint("put a message, or a flag's value, with blanks into quotes"));
    }
    let names = given.iter().map(|topic| topic_name(topic, "-t")).collect::<Result<_, _>>()?;
    Ok((names, message))
}

/// A word that must be text.
pub(super) fn text_word(word: OsString) -> Result<String, Failure> {
    word.into_string().map_err(|word| {
        Failure::usage(format!("the topic '{}' is not UTF-8", word.to_string_lossy()))
            .why("MQTT topics are UTF-8 text")
    })
}
