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

use std::future::{Future, IntoFuture};
use std::pin::pin;
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::time::Duration;

use bytes::Bytes;
use evenkeel_codec::{QoS, ReasonCode};
use evenkeel_proto::{Delivered, DeliveryError, ShutdownReport, State};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;
use tokio::task::coop::has_budget_remaining;
use tokio::time::timeout;

use crate::builder::ClientBuilder;
use crate::error::{BuildError, ConnectError, PublishError, PublishFailure, SubscribeError};

use crate::receive::Message;
use crate::topic::{IntoFilter, IntoTopic};

/// How long the last handle waits for what was accepted when it is dropped.
const LAST_GRACE: Duration = Duration::from_secs(7);

/// A client with a thread of its own that keeps the connection; clones share it.
///
/// Dropping the last of client, streams and receipts finishes what was
/// accepted, for up to five seconds, and disconnects: a program may simply
/// end. So it does in `spawn_blocking` of tokio's. Must not be used inside
/// async code, where waiting is forbidden: dropped there, it finishes in the
/// background, for as long as the program goes on.
#[derive(Clone, Debug)]
pub struct Client {
    // The client goes before the keeper, which waits for it.
    inner: crate::Client,
    keeper: Arc<Keeper>,
}

/// The thread that drives the client; waits for the client's end when dropped.
#[derive(Debug)]
struct Keeper {
    runtime: Option<Runtime>,
    handle: Handle,
    state: watch::Receiver<State>,
}

impl Keeper {
    fn wait<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else { return };
        let mut state = self.state.clone();
        let (ended, end) = mpsc::channel::<()>();
        // The runtime ends itself, so that what is left goes on whoever waits for it.
        self.handle.spawn(async move {
            let closed = state.wait_for(|state| *state == State::Closed);
            if timeout(LAST_GRACE, closed).await.is_err() {
                tracing::warn!("dropped with work left, which did not end in time");
            }
            runtime.shutdown_background();
            drop(ended);
        });
        if thread_may_wait() {
            // Ends when the other side is dropped. Bounded, as a hook of the
            // application's may hold the runtime's thread.
            let _ = end.recv_timeout(LAST_GRACE);
        }
    }
}

/// Whether this thread may be blocked, which a runtime's handle does not say:
/// threads of `spawn_blocking`, and those that merely entered a runtime, have
/// one as well. Tokio gives what runs as async code a budget of steps, and
/// nothing else; so this takes steps until there is no budget left, or more
/// are taken than any budget has.
fn thread_may_wait() -> bool {
    const MORE_THAN_ANY_BUDGET: u32 = 1024;
    if Handle::try_current().is_err() {
        return true;
    }
    let mut context = Context::from_waker(Waker::noop());
    (0..MORE_THAN_ANY_BUDGET).all(|_| {
        let step = pin!(tokio::task::consume_budget());
        step.poll(&mut context).is_ready() && has_budget_remaining()
    })
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
        let inner = {
            let _inside = runtime.enter();
            builder.start()?
        };
        let state = inner.watch_state();
        let handle = runtime.handle().clone();
        Ok(Self { inner, keeper: Arc::new(Keeper { runtime: Some(runtime), handle, state }) })
    }

    /// The client itself, for everything that does not wait.
    pub const fn handle(&self) -> &crate::Client {
        &self.inner
    }

    /// Waits until the client is online, or for the reason why it will not be.
    pub fn online(&self) -> Result<(), ConnectError> {
        self.keeper.wait(self.inner.online())
    }

    /// Hands a message over; waits only where the queue is full.
    pub fn publish(
        &self,
        topic: impl IntoTopic,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Receipt, PublishError> {
        let request = self.inner.publish(topic, payload).qos(qos);
        let inner = self.keeper.wait(request.into_future())?;
        Ok(Receipt { inner, keeper: self.keeper.clone() })
    }

    /// Publishes and waits for the acknowledgement.
    pub fn publish_and_wait(
        &self,
        topic: impl IntoTopic,
        payload: impl Into<Bytes>,
        qos: QoS,
    ) -> Result<Delivered, PublishFailure> {
        self.keeper.wait(self.inner.publish(topic, payload).qos(qos).delivered())
    }

    /// Subscribes and waits for SUBACK.
    pub fn subscribe(&self, filter: impl IntoFilter, qos: QoS) -> Result<Messages, SubscribeError> {
        let request = self.inner.subscribe(filter).qos(qos);
        let inner = self.keeper.wait(request.into_future())?;
        Ok(Messages { inner, keeper: self.keeper.clone() })
    }

    /// Unsubscribes and waits for UNSUBACK.
    pub fn unsubscribe(&self, filter: impl IntoFilter) -> Result<Vec<ReasonCode>, SubscribeError> {
        self.keeper.wait(self.inner.unsubscribe(filter).into_future())
    }

    /// Finishes what was accepted within `limit`, disconnects and reports.
    pub fn shutdown(&self, limit: Duration) -> ShutdownReport {
        self.keeper.wait(self.inner.shutdown(limit))
    }

    /// Waits for anything else that the [`handle`](Self::handle) offers, such
    /// as a request: `client.wait(client.handle().request("add", "1+1"))`.
    pub fn wait<F: IntoFuture>(&self, future: F) -> F::Output {
        self.keeper.wait(future.into_future())
    }
}

/// The claim to the outcome of an accepted message.
#[derive(Debug)]
#[must_use = "the outcome is known only to those who wait for it; drop it knowingly"]
pub struct Receipt {
    inner: crate::Receipt,
    keeper: Arc<Keeper>,
}

impl Receipt {
    /// Waits for the acknowledgement, or with QoS 0 until it is written.
    pub fn wait(self) -> Result<Delivered, DeliveryError> {
        self.keeper.wait(self.inner)
    }

    /// Waits at most this long; `None` where it is not known yet.
    pub fn wait_within(&mut self, limit: Duration) -> Option<Result<Delivered, DeliveryError>> {
        let outcome = &mut self.inner;
        self.keeper.wait(async { timeout(limit, outcome).await.ok() })
    }
}

/// The messages of one subscription, as an iterator that waits for the next.
/// It ends when the client is closed or has halted.
#[derive(Debug)]
pub struct Messages {
    // Goes before the keeper, as it unsubscribes when it is dropped.
    inner: crate::Messages,
    keeper: Arc<Keeper>,
}

impl Messages {
    /// Waits for the next message, at most this long.
    pub fn next_within(&mut self, limit: Duration) -> Option<Message> {
        let next = self.inner.next();
        self.keeper.wait(async { timeout(limit, next).await.ok().flatten() })
    }

    /// The stream itself, for everything that does not wait.
    pub const fn handle(&mut self) -> &mut crate::Messages {
        &mut self.inner
    }
}

impl Iterator for Messages {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.keeper.wait(self.inner.next())
    }
}
