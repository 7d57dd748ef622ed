//! One case from its beginning to its end.

use std::time::Duration;

use bytes::Bytes;
use evenkeel_aws::advisor::{Case, Kind, Moment, Outcome, Setting, What, is_settled, judge};
use evenkeel_broker::Broker;
use evenkeel_codec::{Properties, QoS, TopicName, Will};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::plan::{Message, Plan};
use super::program::Program;
use super::relay::Relay;
use crate::error::Failure;
use crate::exit::Exit;

/// How long a case goes on when its verdict is clear: what comes then may still
/// change it.
const SETTLING: Duration = Duration::from_secs(1);

/// Packets and ends of connections, at most: a case that has more is judged by these.
const MOMENTS: usize = 20_000;

/// A case under way.
struct Scene<'a> {
    case: &'static Case,
    plan: Plan,
    setting: &'a Setting,
    broker: Broker,
    moments: Vec<Moment>,
}

/// Runs a case with a new process of the client.
pub(super) async fn run(
    case: &'static Case,
    plan: Plan,
    setting: &Setting,
    program: &Program,
    timeout: Duration,
) -> Result<Outcome, Failure> {
    let cannot = |error| Failure::new(Exit::Failed, "the case cannot be run").why(error);
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot)?;
    let port = listener.local_addr().map_err(cannot)?.port();
    let mut scene =
        Scene { case, plan, setting, broker: start_broker().await?, moments: Vec::new() };
    let (notes, mut noted) = mpsc::unbounded_channel();
    let began = Instant::now();
    let mut end = began + timeout;
    let mut number = 0;
    let mut client = program.start(port)?;
    let mut is_running = true;
    loop {
        tokio::select! {
            biased;
            // First, as packets may come without an end.
            () = tokio::time::sleep_until(end) => break,
            Some(moment) = noted.recv() => {
                if scene.take(moment).await? {
                    end = end.min(Instant::now() + SETTLING);
                }
            }
            Ok((stream, _)) = listener.accept() => {
                number += 1;
                let relay = Relay { number, plan, began, notes: notes.clone() };
                tokio::spawn(relay.run(stream, scene.broker.connect()));
            }
            _ = client.wait(), if is_running => {
                is_running = false;
                end = end.min(Instant::now() + SETTLING);
            }
        }
        if scene.moments.len() == MOMENTS {
            break;
        }
    }
    // It may have ended by itself.
    let _ = client.kill().await;
    let verdict = judge(case, setting, &scene.moments);
    Ok(Outcome { case, verdict, took: began.elapsed(), moments: scene.moments })
}

impl Scene<'_> {
    /// Writes a moment down and does what it asks for; true if the verdict is
    /// clear.
    async fn take(&mut self, moment: Moment) -> Result<bool, Failure> {
        let is_suback = moment.what.sent(Kind::SubAck).is_some();
        let is_first_end = moment.connection == 1 && matches!(moment.what, What::Closed(_));
        self.moments.push(moment);
        match self.plan.message {
            Message::WhenSubscribed if is_suback => self.publish(),
            Message::WhenAway if is_first_end => self.publish(),
            _ => {}
        }
        if self.plan.forgets && is_first_end {
            self.broker = start_broker().await?;
        }
        Ok(is_settled(self.case, self.setting, &self.moments))
    }

    fn publish(&self) {
        let topic = self.setting.topic.as_deref().unwrap_or_default();
        let Ok(topic) = TopicName::try_from(topic) else { return };
        self.broker.publish(Will {
            qos: QoS::AtLeastOnce,
            retain: false,
            topic,
            payload: Bytes::from_static(b"advisor"),
            properties: Properties::default(),
        });
    }
}

async fn start_broker() -> Result<Broker, Failure> {
    Broker::builder()
        .start()
        .await
        .map_err(|error| Failure::new(Exit::Failed, "the case's broker cannot start").why(error))
}
