//! Subscribing: the request, its filters and their options.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::sync::Arc;

use evenkeel_codec::{
    Property, QoS, ReasonCode, RetainHandling, SubscribeFilter, SubscribeOptions, TopicFilter,
};

use super::Messages;
use super::draft::{self, Draft};
use crate::arguments::{IntoFilter, IntoFilters};
use crate::error::SubscribeError;
use crate::shared::Shared;

/// Messages a stream buffers unless told otherwise.
const BUFFERED: usize = 256;

/// What a filter has of its own, beside what it shares with the others.
#[derive(Clone, Copy, Debug, Default)]
enum Own {
    #[default]
    Nothing,
    QoS(QoS),
    Options(SubscribeOptions),
}

/// A subscription to be made; await it to have it granted.
///
/// Awaiting gives the stream of [`Messages`] after SUBACK. It waits while
/// offline. All filters go into one SUBSCRIBE, or as few as the server's limits
/// allow; [`Messages::granted`] has the server's answer to each, the QoS or the
/// code of its refusal. If it refuses all of them, this fails with
/// [`SubscribeError::Refused`] and their codes. Dropping the future before it is
/// ready gives up the stream; the server may still grant the subscription,
/// which is then ended again.
#[must_use = "a subscribe does nothing until it is awaited"]
pub struct SubscribeRequest {
    draft: Draft<Own>,
    options: SubscribeOptions,
    buffer: usize,
    manual: bool,
}

impl SubscribeRequest {
    pub(crate) fn new(shared: Arc<Shared>, filters: impl IntoFilters) -> Self {
        Self {
            draft: Draft::new(shared, filters),
            options: SubscribeOptions::default(),
            buffer: BUFFERED,
            manual: false,
        }
    }

    /// Another filter of the same stream, with a QoS of its own.
    pub fn filter(mut self, filter: impl IntoFilter, qos: QoS) -> Self {
        self.draft.add(filter, Own::QoS(qos));
        self
    }

    /// Another filter of the same stream, with options of its own.
    pub fn filter_with(mut self, filter: impl IntoFilter, options: SubscribeOptions) -> Self {
        self.draft.add(filter, Own::Options(options));
        self
    }

    /// All options at once, for the filters that have none of their own.
    pub const fn options(mut self, options: SubscribeOptions) -> Self {
        self.options = options;
        self
    }

    /// The highest QoS to deliver with; QoS 0 unless set.
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.options.qos = qos;
        self
    }

    /// Leaves out what this client publishes itself (MQTT 5).
    pub const fn no_local(mut self, no_local: bool) -> Self {
        self.options.no_local = no_local;
        self
    }

    /// Keeps the retain flag as published (MQTT 5).
    pub const fn retain_as_published(mut self, keep: bool) -> Self {
        self.options.retain_as_published = keep;
        self
    }

    /// Whether the server sends retained messages: at each subscribe, which is the
    /// default, only if the subscription is new, or never (MQTT 5).
    pub const fn retain_handling(mut self, handling: RetainHandling) -> Self {
        self.options.retain_handling = handling;
        self
    }

    /// A number from 1 to 268,435,455 that comes back with each message (MQTT 5).
    pub fn subscription_identifier(mut self, identifier: u32) -> Self {
        self.draft.properties.push(Property::SubscriptionIdentifier(identifier));
        self
    }

    /// A name and value of the application's (MQTT 5).
    pub fn user_property(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.draft.user_property(name, value);
        self
    }

    /// Any property of SUBSCRIBE (MQTT 5). One that has no place there fails
    /// the subscribe with [`PublishLimit::Encode`](crate::PublishLimit::Encode).
    pub fn property(mut self, property: Property) -> Self {
        self.draft.properties.push(property);
        self
    }

    /// Messages the stream buffers before it holds back the server; 256 unless
    /// set. It holds it back, too, once it has 512 KiB of topics, properties and
    /// payload, or 2 KiB for each of these messages if that is more.
    pub const fn buffer(mut self, messages: usize) -> Self {
        self.buffer = messages;
        self
    }

    /// Messages are acknowledged only by [`Message::ack`](crate::Message::ack).
    ///
    /// Acknowledgements go out in the order the messages came ([MQTT-4.6.0-2]):
    /// one that is never given holds back all later ones, and in the end the
    /// server ([`Event::DeliveryStalled`](crate::Event::DeliveryStalled)). A message
    /// that is dropped without is given again on the next connection.
    pub const fn manual_ack(mut self) -> Self {
        self.manual = true;
        self
    }

    async fn run(self) -> Result<Messages, SubscribeError> {
        let draft = self.draft.checked()?;
        let filters: Vec<SubscribeFilter> = (draft.filters.iter())
            .map(|(filter, own)| SubscribeFilter {
                filter: filter.clone(),
                options: match own {
                    Own::Nothing => self.options,
                    Own::QoS(qos) => SubscribeOptions { qos: *qos, ..self.options },
                    Own::Options(options) => *options,
                },
            })
            .collect();
        let names: Vec<TopicFilter> = draft.filters.into_iter().map(|(filter, _)| filter).collect();
        let (shared, properties) = (draft.shared, draft.properties);
        let now = shared.clock.now();
        // The stream is open before SUBSCRIBE is sent: retained messages may
        // come before SUBACK ([MQTT-3.8.4-1] allows it).
        let own = properties.subscription_identifiers().next();
        let (id, token, begun) = shared.command(|inner| {
            let opened = inner.streams.open(now, names.clone(), self.buffer, own);
            for (filters, identifier) in opened.others {
                inner.core.identify(now, &filters, identifier);
            }
            let token = inner.operations.begin();
            let begun = match opened.identifier {
                Some(identifier) => {
                    let core = &mut inner.core;
                    core.subscribe_identified(now, filters, properties, identifier, token)
                }
                None => inner.core.subscribe(now, filters, properties, token),
            };
            (opened.id, token, begun)
        });
        let mut messages = Messages::new(shared.clone(), id, self.manual);
        let codes = match draft::codes(&shared, token, begun).await {
            Ok(codes) => codes,
            Err(error) => return Err(give_up(messages, error)),
        };
        let granted: Vec<_> =
            names.into_iter().zip(codes.iter().map(|code| granted(*code))).collect();
        if granted.iter().all(|(_, result)| result.is_err()) {
            return Err(give_up(messages, SubscribeError::Refused(codes)));
        }
        messages.set_granted(granted);
        Ok(messages)
    }
}

/// Nothing was granted, so there is nothing to unsubscribe from.
fn give_up(mut messages: Messages, error: SubscribeError) -> SubscribeError {
    messages.keep();
    error
}

fn granted(code: ReasonCode) -> Result<QoS, ReasonCode> {
    QoS::from_level(code.0).ok_or(code)
}

impl std::fmt::Debug for SubscribeRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SubscribeRequest")
            .field("filters", &self.draft.filters)
            .field("options", &self.options)
            .field("properties", &self.draft.properties)
            .field("buffer", &self.buffer)
            .field("manual_ack", &self.manual)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for SubscribeRequest {
    type Output = Result<Messages, SubscribeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}
