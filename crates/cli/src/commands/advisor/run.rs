//! One case from its beginning to its end.

use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use evenkeel_aws::advisor::{Case, Moment, Outcome, Setting, Verdict, What, is_settled, judge};
use evenkeel_broker::Broker;
use evenkeel_codec::{PacketType, Properties, QoS, TopicName, Will};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior};

use super::account::{self, Identity, Served};
use super::files::Files;
use super::notes::{Notes, WAITING};
use super::orders::Orders;
use super::plan::{Message, Plan};
use super::program::{Program, Stage};
use super::relay::Relay;
use super::secure;
use crate::error::Failure;
use crate::exit::Exit;

/// How long a case goes on when its verdict is clear: what comes then may still
/// change it.
pub(super) const SETTLING: Duration = Duration::from_secs(1);
/// How often the services are asked what they hold.
const LOOK: Duration = Duration::from_millis(100);

/// Packets and ends of connections, at most: a case that has more is judged by these.
pub(super) const MOMENTS: usize = 20_000;

/// What all cases of a run have in common.
#[derive(Debug)]
pub(super) struct Common {
    pub(super) program: Program,
    pub(super) setting: Setting,
    pub(super) identity: Identity,
    pub(super) files: Files,
    pub(super) uses_tls: bool,
}

/// A case under way.
struct Scene<'a> {
    case: &'static Case,
    plan: Plan,
    common: &'a Common,
    broker: Broker,
    served: Option<Served<'a>>,
    moments: Vec<Moment>,
}

/// Runs a case with a new process of the client.
pub(super) async fn run(
    case: &'static Case,
    plan: Plan,
    common: &Common,
    timeout: Duration,
) -> Result<Outcome, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot_run)?;
    let port = listener.local_addr().map_err(cannot_run)?.port();
    let tls = common.uses_tls.then(|| secure::config(&common.files, plan.server)).transpose()?;
    let mut scene = Scene::new(case, plan, common).await?;
    let (moments, mut noted) = mpsc::channel(WAITING);
    let orders = watch::Sender::new(Orders::of(plan));
    let mut connections = JoinSet::new();
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let began = Instant::now();
    let mut end = began + timeout;
    let mut number = 0;
    let stage = Stage { case, port, uses_tls: common.uses_tls };
    let mut client = common.program.start(&stage, &common.files)?;
    let mut ended = None;
    loop {
        let mut is_clear = false;
        tokio::select! {
            biased;
            // First, as packets may come without an end.
            () = tokio::time::sleep_until(end) => break,
            Some(moment) = noted.recv() => is_clear = scene.take(moment).await?,
            Ok((stream, _)) = listener.accept() => {
                number += 1;
                let notes = Notes { connection: number, began, moments: moments.clone() };
                let relay = Relay::new(orders.subscribe(), notes);
                connections.spawn(serve(relay, stream, tls.clone(), scene.broker.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = looks.tick(), if scene.served.is_some() => {
                if let Some(what) = scene.look() {
                    let moment = Moment { at: began.elapsed(), connection: number, what };
                    is_clear = scene.take(moment).await?;
                }
            }
            status = client.child.wait(), if ended.is_none() => {
                ended = Some(status.map_err(cannot_run)?);
                is_clear = true;
            }
        }
        if is_clear {
            end = end.min(Instant::now() + SETTLING);
        }
        if scene.moments.len() == MOMENTS {
            break;
        }
    }
    // With what it has started; the next case has a client of its own.
    drop(client);
    let verdict = with_end(judge(case, &common.setting, &scene.moments), ended);
    Ok(Outcome { case, verdict, took: began.elapsed(), moments: scene.moments })
}

/// A failure says so if the command had ended before.
pub(super) fn with_end(verdict: Verdict, ended: Option<ExitStatus>) -> Verdict {
    match (verdict, ended) {
        (Verdict::Fail(why), Some(status)) => {
            Verdict::Fail(format!("{why}; the command had ended by itself, {status}"))
        }
        (verdict, _) => verdict,
    }
}

/// One connection of the client.
pub(super) async fn serve(
    relay: Relay,
    stream: TcpStream,
    tls: Option<Arc<ServerConfig>>,
    broker: Broker,
) {
    relay.notes.add(What::Opened).await;
    match tls {
        None => relay.run(stream, broker.connect()).await,
        Some(tls) => {
            if let Some(stream) = secure::accept(stream, tls, &relay.notes).await {
                relay.run(stream, broker.connect()).await;
            }
        }
    }
}

impl<'a> Scene<'a> {
    async fn new(case: &'static Case, plan: Plan, common: &'a Common) -> Result<Self, Failure> {
        let served = plan.service.map(|service| Served::new(service, &common.identity));
        let broker = match &served {
            Some(_) => account::start(&common.identity).await?,
            None => start_broker().await?,
        };
        Ok(Self { case, plan, common, broker, served, moments: Vec::new() })
    }

    /// Writes a moment down and does what it asks for; true if the verdict is
    /// clear.
    async fn take(&mut self, moment: Moment) -> Result<bool, Failure> {
        let is_suback = moment.what.sent(PacketType::SubAck).is_some();
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
        if let Some(served) = &mut self.served {
            served.on(&self.moments, &self.common.setting, &self.broker);
        }
        Ok(is_settled(self.case, &self.common.setting, &self.moments))
    }

    fn look(&mut self) -> Option<What> {
        self.served.as_mut()?.look(&self.broker)
    }

    fn publish(&self) {
        publish(&self.broker, &self.common.setting, self.plan.payload);
    }
}

/// Publishes so many bytes to the topic.
pub(super) fn publish(broker: &Broker, setting: &Setting, bytes: usize) {
    let topic = setting.topic.as_deref().unwrap_or_default();
    let Ok(topic) = TopicName::try_from(topic) else { return };
    broker.publish(Will {
        qos: QoS::AtLeastOnce,
        retain: false,
        topic,
        payload: Bytes::from(vec![b'a'; bytes]),
        properties: Properties::default(),
    });
}

pub(super) fn cannot_run(error: std::io::Error) -> Failure {
    Failure::new(Exit::Failed, "the case cannot be run").why(error)
}

pub(super) async fn start_broker() -> Result<Broker, Failure> {
    Broker::builder()
        .start()
        .await
        .map_err(|error| Failure::new(Exit::Failed, "the case's broker cannot start").why(error))
}
