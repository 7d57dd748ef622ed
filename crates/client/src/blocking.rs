//! The client for programs without async: every call waits on the spot.
//!
//! ```no_run
//! use evenkeel::QoS;
//! use evenkeel::blocking::Client;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::start(evenkeel::Client::builder("mqtt://localhost"))?;
//! client.online()?;
//! client.publish_and_wait("site/7/level", "4.2", QoS::AtLeastOnce)?;
//! for message in client.subscribe("site/+/alarm", QoS::AtLeastOnce)? {
//!     println!("{}", message.topic());
//! }
//! # Ok(())
//! # }
//! ```

use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{QoS, ReasonCode};
use evenkeel_proto::{Delivered, DrainReport};
use tokio::runtime::Runtime;

use crate::error::{BuildError, ConnectError, PublishError, SubscribeError};
use crate::publish::{PublishOutcome, Receipt};
use crate::topic::{IntoFilter, IntoTopic};
use crate::{ClientBuilder, Message};

/// A client with a thread of its own that keeps the connection.
///
/// Must not be used inside an async runtime: a waiting call would block it.
#[derive(Clone, Debug)]
pub struct Client {
    inner: crate::Client,
    runtime: Arc<Runtime>,
}

impl Client {
    /// Starts a client from its settings; returns at once.
    pub fn start(builder: ClientBuilder) -> Result<Self, BuildError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("evenkeel")
            .enable_all()
            .build()
            .map_err(|_| BuildError::NoRuntime)?;
        let inner = runtime.block_on(async { builder.start() })?;
        Ok(Self { inner, runtime: Arc::new(runtime) })
    }

    /// The client itself, for everything that does not wait.
    pub const fn handle(&self) -> &crate::Client {
        &self.inner
    }

    /// Waits for the first CONNACK, or for the reason why there will be none.
    pub fn online(&self) -> Result<(), ConnectError> {
        self.runtime.block_on(self.inner.online())
    }

    /// Hands a message over; waits only where the queue is full.
    pub fn publish(
        &self,
        topic: impl IntoTopic,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Receipt, PublishError> {
        let request = self.inner.publish(topic, payload).qos(qos);
        self.runtime.block_on(request.into_future())
    }

    /// Publishes and waits for the acknowledgement.
    pub fn publish_and_wait(
        &self,
        topic: impl IntoTopic,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Delivered, PublishOutcome> {
        self.runtime.block_on(self.inner.publish(topic, payload).qos(qos).delivered())
    }

    /// Subscribes and waits for SUBACK.
    pub fn subscribe(&self, filter: impl IntoFilter, qos: QoS) -> Result<Messages, SubscribeError> {
        let request = self.inner.subscribe(filter).qos(qos);
        let inner = self.runtime.block_on(request.into_future())?;
        Ok(Messages { inner, runtime: self.runtime.clone() })
    }

    /// Unsubscribes and waits for UNSUBACK.
    pub fn unsubscribe(&self, filter: impl IntoFilter) -> Result<Vec<ReasonCode>, SubscribeError> {
        self.runtime.block_on(self.inner.unsubscribe(filter).into_future())
    }

    /// Finishes what was accepted within `limit`, disconnects and reports.
    pub fn shutdown(&self, limit: Duration) -> DrainReport {
        self.runtime.block_on(self.inner.shutdown(limit))
    }
}

/// The messages of one subscription, as an iterator that waits for the next.
#[derive(Debug)]
pub struct Messages {
    inner: crate::Messages,
    runtime: Arc<Runtime>,
}

impl Messages {
    /// Waits for the next message, at most this long.
    pub fn next_within(&mut self, limit: Duration) -> Option<Message> {
        let next = self.inner.next();
        self.runtime.block_on(async { tokio::time::timeout(limit, next).await.ok().flatten() })
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.runtime.block_on(self.inner.next())
    }
}
