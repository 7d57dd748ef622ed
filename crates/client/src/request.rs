//! What the methods of a [`Client`] return to be set up and awaited, and what may be
//! given to them.

use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{Property, QoS};

pub use crate::arguments::{IntoBytes, IntoFilter, IntoFilters, IntoTopic};
use crate::client::Client;
use crate::error::RequestError;
pub use crate::publish::{PublishRequest, Publishing, Receipt, RejectedPublish};
pub use crate::receive::{SubscribeRequest, UnsubscribeRequest};
#[doc(inline)]
pub use evenkeel_proto::Delivered;

use crate::publish::{Draft, whole_seconds};
use crate::receive::Message;

/// Request and response over MQTT: a request to be made; await it for its response.
///
/// On MQTT 5 the request carries a response topic and correlation data, and
/// the response is the first message on that topic with the same data. Before
/// MQTT 5 there are no properties: name a [`response_topic`](Self::response_topic)
/// that responder and requester agree on, and the first message there is the
/// response. Without one the request fails as
/// [`NoResponseTopic`](RequestError::NoResponseTopic).
///
/// Subscribes to the response topic, publishes, waits, unsubscribes. Dropping
/// the future unsubscribes; a request that was accepted by then is still sent.
#[must_use = "a request does nothing until it is awaited"]
pub struct Request {
    client: Client,
    draft: Draft,
    response_topic: Option<String>,
    correlation_data: Option<Bytes>,
    timeout: Duration,
}

impl Request {
    pub(crate) fn new(client: Client, topic: impl IntoTopic, payload: impl IntoBytes) -> Self {
        Self {
            client,
            draft: Draft::new(topic, payload),
            response_topic: None,
            correlation_data: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// QoS of the request and of the subscription for the response.
    pub const fn qos(mut self, qos: QoS) -> Self {
        self.draft.publish.qos = qos;
        self
    }

    /// From the call to the response; 30 s unless set. The request expires
    /// with it, unless it has an expiry of its own: it is not carried out once
    /// nobody waits.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Where the response is expected. Unless set, a topic of this client's own,
    /// below the Response Information of the server if that gives some (which
    /// [`connect_property`](crate::ClientBuilder::connect_property) asks for by
    /// [`Property::RequestResponseInformation`]).
    pub fn response_topic(mut self, topic: impl Into<String>) -> Self {
        self.response_topic = Some(topic.into());
        self
    }

    /// What the response carries too; chosen by the client unless set.
    pub fn correlation_data(mut self, data: impl IntoBytes) -> Self {
        self.correlation_data = Some(data.into_bytes());
        self
    }

    /// Any further property of the request.
    pub fn property(mut self, property: Property) -> Self {
        self.draft.publish.properties.push(property);
        self
    }

    async fn run(self) -> Result<Message, RequestError> {
        let timeout = self.timeout;
        match tokio::time::timeout(timeout, self.exchange()).await {
            Ok(result) => result,
            Err(_) => Err(RequestError::TimedOut(timeout)),
        }
    }

    async fn exchange(mut self) -> Result<Message, RequestError> {
        if let Some(error) = self.draft.error.take() {
            return Err(RequestError::Publish(error));
        }
        // What the server says decides; a client that halts says so below.
        if self.client.connected().is_none() {
            let _ = self.client.online().await;
        }
        let number = self.client.next_request();
        let is_named = self.response_topic.is_some();
        let topic = match self.response_topic.take() {
            Some(topic) => topic,
            None if !self.has_properties() => return Err(RequestError::NoResponseTopic),
            None => self.client.response_topic(number),
        };
        let given = self.correlation_data.take();
        let is_correlated = given.is_some();
        let data = match given {
            Some(data) => data,
            None => Bytes::copy_from_slice(&number.to_be_bytes()),
        };
        let subscription = self.client.subscribe(&topic).qos(self.draft.publish.qos);
        let mut responses = subscription.await.map_err(RequestError::Subscribe)?;
        // Granted just now, so the version is known; also if the connection is lost since.
        let has_properties = self.has_properties();
        if has_properties {
            self.add_properties(topic, data.clone());
        } else if !is_named {
            return Err(RequestError::NoResponseTopic);
        } else if is_correlated {
            // It is refused: nothing is left out in silence.
            self.draft.publish.properties.push(Property::CorrelationData(data.clone()));
        }
        let receipt = PublishRequest::new(self.client.shared(), self.draft)
            .await
            .map_err(RequestError::Publish)?;
        receipt.await.map_err(RequestError::Delivery)?;
        while let Some(message) = responses.next().await {
            let answers = message.properties().correlation_data().is_some_and(|d| d == data);
            if answers || !has_properties {
                return Ok(message);
            }
        }
        Err(RequestError::Closed)
    }

    /// The version that was spoken last has properties.
    fn has_properties(&self) -> bool {
        self.client.connected().is_none_or(|connected| connected.version.has_properties())
    }

    fn add_properties(&mut self, topic: String, data: Bytes) {
        self.draft.text(topic, Property::ResponseTopic);
        let timeout = self.timeout;
        let properties = &mut self.draft.publish.properties;
        properties.push(Property::CorrelationData(data));
        // Nobody wants it carried out once nobody waits for it.
        if properties.message_expiry_interval().is_none() {
            properties.push(Property::MessageExpiryInterval(whole_seconds(timeout)));
        }
    }
}

impl IntoFuture for Request {
    type Output = Result<Message, RequestError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("message", &self.draft)
            .field("response_topic", &self.response_topic)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
