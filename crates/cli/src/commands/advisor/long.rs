//! `MQTT_Long_Duration`: scenarios, one after the other, with one process of the client.

use std::num::NonZeroU32;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use evenkeel_aws::advisor::{
    BASIC, Case, HELD, LARGE, LONG_OUTAGE, Moment, OUTAGES, Outcome, Scenario, Side, What,
    is_scenario_settled, judge,
};
use evenkeel_broker::Broker;
use evenkeel_codec::PacketType;
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::notes::{Notes, WAITING};
use super::orders::Orders;
use super::plan::{Plan, Server};
use super::program::Stage;
use super::relay::Relay;
use super::run::{Common, MOMENTS, SETTLING, cannot_run, publish, serve, start_broker, with_end};
use super::secure;
use crate::error::Failure;
use crate::process::Process;

/// Bytes of a message that is not large.
const SMALL: usize = 16;

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// For what the client must do in a scenario.
    pub(super) timeout: Duration,
    /// Divides what the scenarios themselves take.
    pub(super) hasten: NonZeroU32,
}

/// The case under way.
struct Long<'a> {
    common: &'a Common,
    times: Times,
    broker: Broker,
    tls: Option<Arc<ServerConfig>>,
    listener: TcpListener,
    is_away: bool,
    orders: watch::Sender<Orders>,
    connections: JoinSet<()>,
    /// The number of the last connection.
    number: u32,
    client: Process,
    ended: Option<ExitStatus>,
    began: Instant,
    notes: mpsc::Sender<Moment>,
    noted: mpsc::Receiver<Moment>,
    moments: Vec<Moment>,
}

/// Runs the scenarios; `tell` is told of each that begins.
pub(super) async fn run(
    case: &'static Case,
    common: &Common,
    times: Times,
    tell: impl Fn(Scenario),
) -> Result<Outcome, Failure> {
    let mut long = Long::start(case, common, times).await?;
    let operations = &common.setting.operations;
    for scenario in Scenario::ALL.into_iter().filter(|scenario| scenario.is_for(operations)) {
        if long.ended.is_some() || long.moments.len() >= MOMENTS {
            break;
        }
        tell(scenario);
        long.play(scenario).await;
    }
    let Long { began, moments, ended, .. } = long;
    let verdict = with_end(judge(case, &common.setting, &moments), ended);
    Ok(Outcome { case, verdict, took: began.elapsed(), moments })
}

impl<'a> Long<'a> {
    async fn start(case: &'static Case, common: &'a Common, times: Times) -> Result<Self, Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(cannot_run)?;
        let port = listener.local_addr().map_err(cannot_run)?.port();
        let uses_tls = common.uses_tls;
        let tls = uses_tls.then(|| secure::config(&common.files, Server::Trusted)).transpose()?;
        let broker = start_broker().await?;
        let (notes, noted) = mpsc::channel(WAITING);
        let stage = Stage { case, port, uses_tls };
        let client = common.program.start(&stage, &common.files)?;
        Ok(Self {
            common,
            times,
            broker,
            tls,
            listener,
            is_away: false,
            orders: watch::Sender::new(Orders::of(Plan::PLAIN)),
            connections: JoinSet::new(),
            number: 0,
            client,
            ended: None,
            began: Instant::now(),
            notes,
            noted,
            moments: Vec::new(),
        })
    }

    /// One scenario, until the client has done what it must or its time is up.
    async fn play(&mut self, scenario: Scenario) {
        let Times { timeout, hasten } = self.times;
        if scenario != Scenario::Basic {
            self.until(timeout, is_online).await;
        }
        self.note(What::Begun(scenario));
        let begin = self.moments.len();
        let held = HELD / hasten.get();
        self.orders.send_modify(|orders| {
            *orders = Orders { plan: Plan::of_scenario(scenario), held, ..*orders };
        });
        match scenario {
            Scenario::Basic => {}
            Scenario::PubAckQos1 => publish(&self.broker, &self.common.setting, SMALL),
            Scenario::ReceiveLargePayload => publish(&self.broker, &self.common.setting, LARGE),
            Scenario::Reconnect | Scenario::KeepAlive | Scenario::ReconnectBackOff => self.cut(),
            Scenario::PersistentSession => {
                self.cut();
                self.until(timeout, |moments| !is_online(moments)).await;
                publish(&self.broker, &self.common.setting, SMALL);
            }
            Scenario::IntermittentConnectivity => {
                for (away, there) in OUTAGES {
                    self.outage(Duration::from_secs(away)).await;
                    self.until(timeout, is_online).await;
                    self.until(Duration::from_secs(there) / hasten.get(), |_| false).await;
                }
            }
            Scenario::LongServerDisconnect => self.outage(LONG_OUTAGE).await,
        }
        let own = if scenario == Scenario::Basic { BASIC / hasten.get() } else { Duration::ZERO };
        let setting = &self.common.setting;
        let is_done = |moments: &[Moment]| {
            is_scenario_settled(scenario, setting, moments.get(begin..).unwrap_or_default())
        };
        self.until(timeout + own, is_done).await;
        self.orders.send_modify(|orders| orders.plan = Plan::PLAIN);
    }

    /// Ends all connections.
    fn cut(&self) {
        self.orders.send_modify(|orders| orders.cuts += 1);
    }

    /// The server is away for this time, hastened.
    async fn outage(&mut self, span: Duration) {
        self.note(What::Away);
        self.is_away = true;
        self.cut();
        self.until(span / self.times.hasten.get(), |_| false).await;
        self.is_away = false;
        self.note(What::Back);
    }

    /// Lets the client be for so long, or until enough was seen.
    async fn until(&mut self, span: Duration, is_done: impl Fn(&[Moment]) -> bool) {
        let mut end = Instant::now() + span;
        while !is_done(&self.moments) && self.moments.len() < MOMENTS {
            tokio::select! {
                biased;
                // First, as packets may come without an end.
                () = tokio::time::sleep_until(end) => return,
                Some(moment) = self.noted.recv() => self.moments.push(moment),
                Ok((stream, _)) = self.listener.accept() => self.accept(stream),
                Some(_) = self.connections.join_next() => {}
                Ok(status) = self.client.child.wait(), if self.ended.is_none() => {
                    self.ended = Some(status);
                    end = end.min(Instant::now() + SETTLING);
                }
            }
        }
    }

    fn accept(&mut self, stream: TcpStream) {
        self.number += 1;
        if self.is_away {
            self.note(What::Opened);
            self.note(What::Closed(Side::Judge));
            return;
        }
        let notes =
            Notes { connection: self.number, began: self.began, moments: self.notes.clone() };
        let relay = Relay::new(self.orders.subscribe(), notes);
        self.connections.spawn(serve(relay, stream, self.tls.clone(), self.broker.clone()));
    }

    /// Writes down what the judge does, behind all that was seen before.
    fn note(&mut self, what: What) {
        while let Ok(moment) = self.noted.try_recv() {
            self.moments.push(moment);
        }
        let at = self.began.elapsed();
        self.moments.push(Moment { at, connection: self.number, what });
    }
}

/// True if the last connection with a CONNACK has not ended.
fn is_online(moments: &[Moment]) -> bool {
    let connack = moments.iter().rposition(|one| one.what.sent(PacketType::ConnAck).is_some());
    let since = connack.and_then(|connack| moments.get(connack..)).unwrap_or_default();
    let has_ended = |first: &Moment| {
        since
            .iter()
            .any(|one| one.connection == first.connection && matches!(one.what, What::Closed(_)))
    };
    since.first().is_some_and(|first| !has_ended(first))
}
