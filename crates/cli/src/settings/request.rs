//! `rr` checked.

use std::ffi::OsString;
use std::time::Duration;

use evenkeel::{QoS, TopicName};

use super::connection::ConnectionSettings;
use super::payload::{self, Payload};
use super::publish::{limit, text_word};
use super::subscribe::Output;
use super::{Context, topic_name};
use crate::args::RequestArgs;
use crate::error::Failure;

/// What to ask, where, and where the response comes.
#[derive(Debug)]
pub(crate) struct RequestSettings {
    pub(crate) connection: ConnectionSettings,
    pub(crate) topic: TopicName,
    /// `None` makes one up.
    pub(crate) response_topic: Option<TopicName>,
    pub(crate) payload: Payload,
    pub(crate) qos: QoS,
    /// `None` waits forever, as mosquitto's tool does.
    pub(crate) timeout: Option<Duration>,
    pub(crate) no_retained: bool,
    pub(crate) output: Output,
}

impl RequestSettings {
    /// Checks the flags.
    pub(crate) fn new(args: &RequestArgs, context: Context<'_>) -> Result<Self, Failure> {
        let mut connection = ConnectionSettings::new(&args.connection, None, None, context)?;
        if args.topic.is_some() {
            connection.warn_of_url_topic("the URL's topic has no effect, as -t gives one");
        }
        let (topic, word) = topic(args, &connection)?;
        let payload =
            payload::collect(&args.payload, false, word.as_deref())?.ok_or_else(|| {
                Failure::usage("there is no request to send")
                    .hint("give -m MESSAGE, -f FILE, -n (empty) or -s (all of stdin)")
            })?;
        let response_topic = match &args.response_topic {
            Some(topic) => Some(topic_name(topic, "--response-topic")?),
            None if context.is_mosquitto() => {
                return Err(
                    Failure::usage("there is no topic for the response").hint("give -e TOPIC")
                );
            }
            None if connection.session.version.is_some_and(|version| !version.has_properties()) => {
                return Err(no_way_back());
            }
            None => None,
        };
        Ok(Self {
            connection,
            topic,
            response_topic,
            payload,
            qos: args.qos.unwrap_or(QoS::AtMostOnce),
            timeout: limit(args.timeout, context)?,
            no_retained: args.no_retained,
            output: Output::new(&args.output)?,
        })
    }
}

/// The topic, and the free word that is left over for the message.
fn topic(
    args: &RequestArgs,
    connection: &ConnectionSettings,
) -> Result<(TopicName, Option<OsString>), Failure> {
    let mut words = args.words.iter().cloned();
    let given = match args.topic.clone().or_else(|| connection.url_topics.first().cloned()) {
        Some(topic) => Some(topic),
        None => words.next().map(text_word).transpose()?,
    };
    let topic = given.ok_or_else(|| {
        Failure::usage("there is no topic for the request")
            .hint("give -t TOPIC, or the topic as the first word")
    })?;
    let message = words.next();
    if words.next().is_some() {
        return Err(Failure::usage("there is one word too many")
            .hint("put a message with blanks into quotes"));
    }
    Ok((topic_name(&topic, "-t")?, message))
}

/// A request that cannot say where its response shall go.
pub(crate) fn no_way_back() -> Failure {
    Failure::usage("the response needs a topic given by --response-topic")
        .why("before MQTT 5 a request cannot say where its response shall go")
        .hint("give the topic the responder uses, by -e")
}
