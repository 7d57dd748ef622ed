//! The publisher and the subscriber.

use std::time::Duration;

use evenkeel::{BuildError, Client, DeliveryError, Messages, QoS, Reconnect, SubscribeError};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use super::{DemoEvent, Kind};

/// Short, so that a demo has pings at all.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(1);
/// How long a ping may stay unanswered at least: 0.65 keep-alives.
pub(super) const PING_TIMEOUT: Duration = Duration::from_millis(650);
/// Upper end of the first delay before a new attempt.
pub(super) const BASE_DELAY: Duration = Duration::from_millis(300);
/// Connections each client may open in a minute.
pub(super) const BUDGET: u32 = 20;
/// Time between two messages of the publisher.
const INTERVAL: Duration = Duration::from_millis(50);

/// One of the two clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Publisher,
    Subscriber,
}

impl Role {
    /// The client identifier.
    pub(super) const fn client_id(self) -> &'static str {
        match self {
            Self::Publisher => "publisher",
            Self::Subscriber => "subscriber",
        }
    }
}

/// What the publisher does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// QoS 0 only: a subscriber that has nothing to acknowledge must ping.
    Ticks,
    /// All three QoS in turn.
    Everything,
    Nothing,
}

/// Starts a client whose reports go to the channel.
pub(super) fn client(
    role: Role,
    url: &str,
    sender: &mpsc::UnboundedSender<DemoEvent>,
) -> Result<Client, BuildError> {
    let mut policy = Reconnect::default();
    policy.base = BASE_DELAY;
    policy.cap = Duration::from_secs(3);
    policy.stable_after = Duration::from_secs(5);
    policy.budget = Some(BUDGET);
    let client = Client::builder(url)
        .client_id(role.client_id())
        .session_expiry(Duration::from_secs(300))
        .keep_alive(KEEP_ALIVE)
        .connect_timeout(Duration::from_secs(2))
        .reconnect(policy)
        .start()?;
    let (mut events, mut state, sender) = (client.events(), client.watch_state(), sender.clone());
    tokio::spawn(async move {
        loop {
            tokio::select! {
                biased;
                Some(report) = events.next() => drop(sender.send(DemoEvent::Client(role, report))),
                Ok(()) = state.changed() => {
                    if *state.borrow_and_update() == evenkeel::State::Closed {
                        return;
                    }
                }
                else => return,
            }
        }
    });
    Ok(client)
}

/// Publishes numbered messages as the flow says, until it says nothing and
/// everything is settled.
pub(super) fn publish(
    client: Client,
    mut flow: watch::Receiver<Flow>,
    sender: mpsc::UnboundedSender<DemoEvent>,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut settled = FuturesUnordered::new();
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut numbers = [0_u64; 3];
        let mut turn = 0_usize;
        loop {
            let doing = *flow.borrow_and_update();
            if doing == Flow::Nothing && settled.is_empty() {
                return;
            }
            tokio::select! {
                Some(next) = settled.next(), if !settled.is_empty() => drop(sender.send(next)),
                _ = ticks.tick(), if doing != Flow::Nothing => {
                    turn += 1;
                    let kind = match (doing, turn % 3) {
                        (Flow::Everything, 1) => Kind::Qos1,
                        (Flow::Everything, 2) => Kind::Qos2,
                        _ => Kind::Qos0,
                    };
                    let Some(number) = numbers.get_mut(kind as usize) else { return };
                    *number += 1;
                    send(&client, kind, *number, &sender, &mut settled).await;
                }
                changed = flow.changed() => if changed.is_err() { return },
            }
        }
    })
}

type Settling = FuturesUnordered<BoxFuture<'static, DemoEvent>>;

async fn send(
    client: &Client,
    kind: Kind,
    number: u64,
    sender: &mpsc::UnboundedSender<DemoEvent>,
    settled: &mut Settling,
) {
    let _ = sender.send(DemoEvent::Sent { kind, number });
    let request = client.publish(kind.topic(), number.to_string()).qos(kind.qos());
    match request.await {
        Ok(receipt) => settled.push(Box::pin(async move {
            match receipt.await {
                Ok(_) => DemoEvent::Acknowledged { kind, number },
                Err(error) => failed(kind, number, &error),
            }
        })),
        Err(error) => {
            let _ = sender.send(DemoEvent::Failed { kind, number, why: format!("{error:#}") });
        }
    }
}

fn failed(kind: Kind, number: u64, error: &DeliveryError) -> DemoEvent {
    DemoEvent::Failed { kind, number, why: error.to_string() }
}

impl Kind {
    const fn topic(self) -> &'static str {
        match self {
            Self::Qos0 => "demo/0",
            Self::Qos1 => "demo/1",
            Self::Qos2 => "demo/2",
        }
    }

    const fn qos(self) -> QoS {
        match self {
            Self::Qos0 => QoS::AtMostOnce,
            Self::Qos1 => QoS::AtLeastOnce,
            Self::Qos2 => QoS::ExactlyOnce,
        }
    }

    fn of_topic(topic: &str) -> Option<Self> {
        [Self::Qos0, Self::Qos1, Self::Qos2].into_iter().find(|kind| kind.topic() == topic)
    }
}

/// Subscribes; the messages are counted until the client is closed.
pub(super) async fn subscribe(
    client: &Client,
    sender: mpsc::UnboundedSender<DemoEvent>,
) -> Result<JoinHandle<()>, SubscribeError> {
    let messages = client.subscribe("demo/+").qos(QoS::ExactlyOnce).await?;
    Ok(tokio::spawn(receive(messages, sender)))
}

async fn receive(mut messages: Messages, sender: mpsc::UnboundedSender<DemoEvent>) {
    while let Some(message) = messages.next().await {
        let number = std::str::from_utf8(message.payload()).ok().and_then(|text| text.parse().ok());
        if let (Some(kind), Some(number)) = (Kind::of_topic(message.topic()), number) {
            let _ = sender.send(DemoEvent::Received { kind, number });
        }
    }
}
