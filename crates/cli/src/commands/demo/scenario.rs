//! The scenes, each with a limit in time.

use std::time::Duration;

use evenkeel::Client;
use evenkeel_broker::fault::Script;
use evenkeel_broker::{Broker, EventKind};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};

use super::DemoEvent;
use super::clients::{self, Flow, Role};

/// One answer to a ping is lost on its way to the subscriber.
const LOST_PINGRESP: &str = r#"
    [[rule]]
    name = "one lost PINGRESP"
    sent = "PINGRESP"
    client = "subscriber"
    times = 1
    action = "drop"
"#;

/// Every connection is accepted, and closed at once.
const FLAPPING: &str = r#"
    [[rule]]
    name = "accept, then close"
    sent = "CONNACK"
    lasting = "5s"
    action = "close_after"
"#;

/// The longest time in which a client must be online again.
const TIMEOUT: Duration = Duration::from_secs(8);

/// Runs all scenes; an error says what did not happen in time.
pub(super) async fn play(
    broker: Broker,
    sender: mpsc::UnboundedSender<DemoEvent>,
) -> Result<(), String> {
    let start =
        |role| clients::client(role, &broker.url(), &sender).map_err(|error| format!("{error:#}"));
    let (publisher, subscriber) = (start(Role::Publisher)?, start(Role::Subscriber)?);
    let (flow, flowing) = watch::channel(Flow::Ticks);
    let subscribed = timeout(TIMEOUT, clients::subscribe(&subscriber, sender.clone())).await;
    let receiving = match subscribed {
        Ok(Ok(task)) => task,
        Ok(Err(error)) => return Err(format!("the subscription failed: {error:#}")),
        Err(_) => return Err("the subscription was not answered in time".into()),
    };
    let publishing = clients::publish(publisher.clone(), flowing, sender.clone());
    let scenario = Scenario {
        broker: &broker,
        sender: &sender,
        flow: &flow,
        clients: [&publisher, &subscriber],
    };
    scenario.calm().await;
    scenario.lose_a_ping_response().await?;
    scenario.restart().await?;
    scenario.flap().await?;
    scenario.recover().await;
    let settled = timeout(TIMEOUT, publishing).await;
    for (role, client) in [(Role::Publisher, &publisher), (Role::Subscriber, &subscriber)] {
        let _ = sender.send(DemoEvent::Stats(role, client.stats()));
        client.shutdown(Duration::from_secs(1)).await;
    }
    let received = timeout(TIMEOUT, receiving).await;
    settled
        .map_err(|_| "the publisher waits for acknowledgements that do not come")?
        .map_err(|e| e.to_string())?;
    received.map_err(|_| "the subscriber's stream did not end")?.map_err(|e| e.to_string())
}

struct Scenario<'a> {
    broker: &'a Broker,
    sender: &'a mpsc::UnboundedSender<DemoEvent>,
    flow: &'a watch::Sender<Flow>,
    clients: [&'a Client; 2],
}

impl Scenario<'_> {
    fn scene(&self, title: &'static str, flow: Flow) {
        let _ = self.sender.send(DemoEvent::Scene(title));
        let _ = self.flow.send(flow);
    }

    async fn calm(&self) {
        self.scene("calm: messages flow, pings are answered", Flow::Ticks);
        sleep(Duration::from_millis(2500)).await;
    }

    /// The failure that sent MQTT.js into an endless loop (issue 1845): one answer
    /// lost on a connection that works.
    async fn lose_a_ping_response(&self) -> Result<(), String> {
        self.scene("one PINGRESP gets lost while messages flow", Flow::Ticks);
        self.add_faults(LOST_PINGRESP)?;
        let lost = |event: &evenkeel_broker::Event| matches!(event.kind, EventKind::Fault { .. });
        if self.broker.wait_for(Duration::from_secs(4), lost).await.is_none() {
            return Err("no ping came whose answer could get lost".into());
        }
        sleep(Duration::from_millis(2500)).await;
        Ok(())
    }

    async fn restart(&self) -> Result<(), String> {
        self.scene("the broker restarts, two seconds down", Flow::Everything);
        sleep(Duration::from_millis(700)).await;
        self.broker
            .restart(true, Duration::from_secs(2))
            .await
            .map_err(|error| format!("{error:#}"))?;
        self.all_online().await?;
        sleep(Duration::from_millis(700)).await;
        Ok(())
    }

    async fn flap(&self) -> Result<(), String> {
        self.scene("for five seconds the broker accepts and closes at once", Flow::Everything);
        self.add_faults(FLAPPING)?;
        self.broker.restart(true, Duration::ZERO).await.map_err(|error| format!("{error:#}"))?;
        sleep(Duration::from_secs(5)).await;
        Ok(())
    }

    async fn recover(&self) {
        self.scene("recovery: what was queued is delivered", Flow::Everything);
        // If a client is not online in time, messages are missing in the verdict.
        let _ = self.all_online().await;
        sleep(Duration::from_millis(1500)).await;
        let _ = self.flow.send(Flow::Nothing);
        sleep(Duration::from_millis(500)).await;
    }

    fn add_faults(&self, text: &str) -> Result<(), String> {
        let script = Script::parse(text).map_err(|error| format!("{error:#}"))?;
        for rule in script.rules {
            self.broker.add_fault(rule).map_err(|error| format!("{error:#}"))?;
        }
        Ok(())
    }

    async fn all_online(&self) -> Result<(), String> {
        for client in self.clients {
            match timeout(TIMEOUT, client.online()).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(format!("{error:#}")),
                Err(_) => return Err("a client did not come online again in time".into()),
            }
        }
        Ok(())
    }
}
