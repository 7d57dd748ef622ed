//! `pub`: publishes, waits for the acknowledgements, says what is missing.

use std::time::Duration;

use evenkeel::{
    Bytes, Client, Delivered, DeliveryError, PublishError, PublishRequest, QoS, Receipt,
    RejectReason, StorageFailure, TopicName,
};
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use serde::Serialize;

use super::ack_timeout::{AckTimeout, Progress};
use super::{client, grace, interrupted, never_connected, policy, stdin};
use crate::diagnosis::OwnDoctor;
use crate::duration;
use crate::error::Failure;
use crate::exit::Exit;
use crate::format::timestamp;
use crate::monitor;
use crate::observer::{self, Observer, Told};
use crate::printer::{Data, Printer};
use crate::progress::PublishProgress;
use crate::settings::{Payload, PublishSettings};
use crate::signals::Stop;

/// Messages handed over and not yet settled, beyond which no more lines are read.
const OUTSTANDING: usize = 1000;

pub(super) async fn run(
    settings: &PublishSettings,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let clients = monitor::of_client(settings.metrics.as_ref(), printer)?;
    let client = client::start(&settings.connection, policy(false), printer)?;
    monitor::add(&clients, "pub", &client);
    stop.represent(&client);
    let many = settings.payload == Payload::Lines || settings.repetition.count > 1;
    let mut options = observer::Options::new(printer, &settings.connection);
    options.doctor = if many { OwnDoctor::new(&settings.connection, printer) } else { None };
    let mut observer = Observer::start(&client, options);
    // Lines of JSON are told on the same terminal, or somewhere where they can be counted.
    let progress =
        (many && !settings.json).then(|| PublishProgress::start(&client, settings.qos, printer));
    let mut job = Job::new(&client, settings, printer, observer.told());
    let end = tokio::select! {
        biased;
        () = stop.requested() => End::Stopped,
        failure = observer.over() => End::Over(failure),
        result = job.run() => result.map_or_else(|end| end, |()| End::Finished),
    };
    let limit = grace(matches!(end, End::Finished | End::Stopped), &client);
    if matches!(end, End::Stopped) {
        job.settle_all(limit).await;
    }
    drop(progress);
    let verdict = job.verdict(end, &observer);
    let report = client.shutdown(limit).await;
    observer.finish().await;
    if report.stored > 0 {
        printer.say(&still_stored(report.stored));
    }
    verdict
}

/// Why the publishing is over.
enum End {
    Finished,
    Stopped,
    /// The time ran out.
    Late,
    /// The connection is over for good.
    Over(Failure),
    /// Something else went wrong.
    Failed(Failure),
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// What became of the messages.
#[derive(Default)]
struct Tally {
    handed_over: u64,
    delivered: u64,
    refused: u64,
    /// Not acknowledged; the server may have them.
    lost: u64,
    /// Of these, QoS 2 messages that the server may have lost.
    uncertain: u64,
    /// Neither acknowledged nor ever sent.
    unsent: u64,
}

impl Tally {
    /// A message was accepted and not delivered.
    const fn add(&mut self, error: &DeliveryError) {
        let count = match error {
            DeliveryError::Refused { .. } | DeliveryError::NotAllowed(_) => &mut self.refused,
            DeliveryError::Expired { .. }
            | DeliveryError::ConnectionLost
            | DeliveryError::Dropped
            | DeliveryError::Superseded
            | DeliveryError::NotStored(_) => &mut self.unsent,
            _ => &mut self.lost,
        };
        *count += 1;
        if let DeliveryError::Uncertain { .. } = error {
            self.uncertain += 1;
        }
    }
}

struct Job<'a> {
    client: &'a Client,
    settings: &'a PublishSettings,
    printer: Printer,
    told: Told,
    out: Data,
    outstanding: FuturesUnordered<BoxFuture<'static, Settled>>,
    ack_timeout: AckTimeout<'a>,
    tally: Tally,
    /// Everything there is to publish was handed over.
    complete: bool,
}

/// A message and its outcome.
struct Settled {
    number: u64,
    topic: TopicName,
    bytes: usize,
    result: Result<Delivered, DeliveryError>,
}

impl<'a> Job<'a> {
    fn new(
        client: &'a Client,
        settings: &'a PublishSettings,
        printer: Printer,
        told: Told,
    ) -> Self {
        let is_stream = settings.payload == Payload::Lines;
        let progress = Acknowledged { client, told: is_stream.then(|| told.clone()) };
        Self {
            client,
            settings,
            printer,
            told,
            out: printer.data(),
            outstanding: FuturesUnordered::new(),
            ack_timeout: AckTimeout::new(progress, settings.timeout),
            tally: Tally::default(),
            complete: false,
        }
    }

    async fn run(&mut self) -> Result<(), End> {
        match &self.settings.payload {
            Payload::Known(payload) => self.repeat(payload).await,
            Payload::Lines => self.stream().await,
            source => {
                let payload = self.read(source).await?;
                self.repeat(&payload).await
            }
        }?;
        self.empty_store().await
    }

    /// What comes from elsewhere has to come within the limit, too.
    async fn read(&mut self, source: &Payload) -> Result<Bytes, End> {
        tokio::select! {
            read = stdin::whole(source) => Ok(read?),
            () = self.ack_timeout.over() => Err(End::Failed(unread(source, self.ack_timeout.limit()))),
        }
    }

    /// The same message again and again, each after the one before is settled.
    async fn repeat(&mut self, payload: &Bytes) -> Result<(), End> {
        let repetition = self.settings.repetition;
        for number in 1..=repetition.count {
            self.ack_timeout.restart();
            self.publish(payload).await?;
            self.complete = number == repetition.count;
            self.drain().await?;
            if !self.complete && !repetition.delay.is_zero() {
                tokio::time::sleep(repetition.delay).await;
            }
        }
        Ok(())
    }

    /// A message per line of stdin, many on their way at a time.
    async fn stream(&mut self) -> Result<(), End> {
        let mut lines = stdin::lines();
        loop {
            let waiting = self.outstanding.len();
            tokio::select! {
                Some(settled) = self.outstanding.next(), if waiting > 0 => self.settle(&settled)?,
                () = self.ack_timeout.over(), if waiting > 0 => return Err(End::Late),
                line = lines.recv(), if waiting < OUTSTANDING => match line {
                    Some(line) => {
                        if waiting == 0 {
                            self.ack_timeout.restart();
                        }
                        self.publish(&line?).await?;
                    }
                    None => break,
                },
            }
        }
        self.complete = true;
        self.drain().await
    }

    /// Hands a message over for each topic.
    async fn publish(&mut self, payload: &Bytes) -> Result<(), End> {
        let stored = self.settings.connection.store.is_some();
        for topic in &self.settings.topics {
            self.tally.handed_over += 1;
            let number = self.tally.handed_over;
            let request = self.request(topic, payload);
            let accepted = tokio::select! {
                accepted = hand_over(request, stored) => accepted,
                () = self.ack_timeout.over() => return Err(End::Late),
            };
            match accepted {
                Ok(receipt) => self.expect(number, topic.clone(), payload.len(), receipt),
                // The observer knows why the client does not take messages any more.
                Err(
                    PublishError::Halted(_)
                    | PublishError::Rejected(
                        RejectReason::Closed | RejectReason::ConnectionRefused(_),
                    ),
                ) => std::future::pending().await,
                Err(PublishError::Rejected(RejectReason::Storage(failure)))
                    if failure != StorageFailure::TooLarge =>
                {
                    return Err(End::Failed(not_stored(number, topic, failure)));
                }
                Err(error) => {
                    self.tally.refused += 1;
                    let why = format!("{error:#}");
                    self.complain(number, topic, &why);
                    self.record_failure(topic, &why, false)?;
                }
            }
        }
        Ok(())
    }

    fn request(&self, topic: &TopicName, payload: &Bytes) -> PublishRequest<'a> {
        let request = self.client.publish(topic, payload.clone());
        let request = request.qos(self.settings.qos).retain(self.settings.retain);
        let properties = self.settings.connection.properties.publish.iter().cloned();
        properties.fold(request, PublishRequest::property)
    }

    fn expect(&self, number: u64, topic: TopicName, bytes: usize, receipt: Receipt) {
        let mut told = self.told.clone();
        self.outstanding.push(Box::pin(async move {
            let result = receipt.await;
            match result {
                Ok(_) => told.online().await,
                // The client has ended; the observer knows why.
                Err(
                    DeliveryError::Abandoned { .. }
                    | DeliveryError::ConnectionRefused { .. }
                    | DeliveryError::StillStored { .. },
                ) => std::future::pending().await,
                Err(_) => {}
            }
            Settled { number, topic, bytes, result }
        }));
    }

    /// Waits until nothing is outstanding.
    async fn drain(&mut self) -> Result<(), End> {
        loop {
            tokio::select! {
                settled = self.outstanding.next() => match settled {
                    Some(settled) => self.settle(&settled)?,
                    None => return Ok(()),
                },
                () = self.ack_timeout.over() => return Err(End::Late),
            }
        }
    }

    /// Waits until nothing is left in the store either, of earlier runs.
    async fn empty_store(&mut self) -> Result<(), End> {
        if self.settings.connection.store.is_none() {
            return Ok(());
        }
        self.ack_timeout.restart();
        tokio::select! {
            () = self.client.drained() => Ok(()),
            () = self.ack_timeout.over() => Err(End::Late),
        }
    }

    /// Messages without an outcome, those of earlier runs included.
    fn left(&self) -> usize {
        self.client.queued().saturating_add(self.client.in_flight())
    }

    /// The last chance of what is outstanding when the program is stopped.
    async fn settle_all(&mut self, limit: Duration) {
        self.ack_timeout = AckTimeout::new(Acknowledged { client: self.client, told: None }, None);
        // What is still missing then shows in the verdict.
        let _ = tokio::time::timeout(limit, self.drain()).await;
    }

    fn settle(&mut self, settled: &Settled) -> Result<(), Failure> {
        self.ack_timeout.restart();
        match &settled.result {
            Ok(delivered) => {
                self.tally.delivered += 1;
                self.printer.debug(&format!(
                    "message {} to '{}': {}",
                    settled.number, settled.topic, delivered.reason
                ));
                self.record(settled, *delivered)
            }
            Err(DeliveryError::NotStored(failure)) if *failure != StorageFailure::TooLarge => {
                Err(not_stored(settled.number, &settled.topic, *failure))
            }
            Err(error) => {
                self.tally.add(error);
                let words = format!("{error:#}");
                self.complain(settled.number, &settled.topic, &words);
                let uncertain = matches!(error, DeliveryError::Uncertain { .. });
                self.record_failure(&settled.topic, &words, uncertain)
            }
        }
    }

    fn complain(&self, number: u64, topic: &TopicName, why: &str) {
        self.printer.warn(&format!("message {number} to '{topic}' was not delivered: {why}"));
    }

    fn record(&mut self, settled: &Settled, delivered: Delivered) -> Result<(), Failure> {
        self.print(&Line {
            packet_id: delivered.packet_id.map(|id| id.get()),
            payload_bytes: Some(settled.bytes),
            reason_code: (self.settings.qos > QoS::AtMostOnce).then_some(delivered.reason.0),
            attempts: Some(delivered.attempts),
            round_trip_ms: delivered.round_trip.map(|time| time.as_micros() as f64 / 1e3),
            ..Line::new("published", &settled.topic, self.settings)
        })
    }

    fn record_failure(
        &mut self,
        topic: &TopicName,
        error: &str,
        uncertain: bool,
    ) -> Result<(), Failure> {
        let line = Line::new("failed", topic, self.settings);
        self.print(&Line { error: Some(error), uncertain: uncertain.then_some(true), ..line })
    }

    fn print(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        if !self.settings.json {
            return Ok(());
        }
        // Strings and numbers serialize without a way to fail.
        self.out.line(&serde_json::to_string(line).unwrap_or_default())?;
        self.out.flush()
    }

    /// Never success while a message is neither delivered nor refused.
    fn verdict(&self, end: End, observer: &Observer) -> Result<(), Failure> {
        let Tally { handed_over, delivered, refused, .. } = self.tally;
        let lost = self.tally.lost + self.tally.unsent;
        let open = handed_over - delivered - refused - lost;
        let counts = format!("{delivered} of {handed_over} messages were delivered");
        match end {
            End::Over(failure) | End::Failed(failure) => Err(failure),
            End::Late if !observer.was_online() => {
                Err(never_connected(observer, self.ack_timeout.limit()))
            }
            End::Late if open + lost == 0 => Err(self.left_over()),
            End::Late => Err(self.unacknowledged(open + lost)),
            End::Stopped if !self.complete || open > 0 => Err(interrupted(counts)),
            _ if lost > 0 => Err(self.unfulfilled(lost)),
            _ if self.uncertain_before() > 0 => Err(self.uncertain_of_earlier_runs()),
            _ if refused > 0 && !self.printer.personality().is_mosquitto() => Err(Failure::new(
                Exit::RefusedMessage,
                format!("{refused} of {handed_over} messages were refused"),
            )
            .why("see the warnings above")
            .hint("check what the server allows this client to publish")),
            _ => Ok(()),
        }
    }

    /// Each has its own reason, and a warning that names it.
    fn unfulfilled(&self, missing: u64) -> Failure {
        let what =
            format!("{missing} of {} messages were not acknowledged", self.tally.handed_over);
        let failure = Failure::new(Exit::NotAcknowledged, what);
        match self.tally {
            Tally { lost: 0, .. } => failure.why("see the warnings above; they were never sent"),
            Tally { uncertain: 1.., .. } => failure
                .why("see the warnings above; the server may have them, or may have lost them")
                .hint("give --send-anew to have them sent again; they may then arrive twice"),
            _ => failure
                .why("see the warnings above; the server may have them all the same")
                .hint("look at the connection with --debug"),
        }
    }

    /// Messages of earlier runs that the server may have lost.
    fn uncertain_before(&self) -> u64 {
        self.client.stats().uncertain.saturating_sub(self.tally.uncertain)
    }

    fn uncertain_of_earlier_runs(&self) -> Failure {
        let count = self.uncertain_before();
        let what = format!("{count} of the messages of earlier runs may be lost");
        Failure::new(Exit::NotAcknowledged, what)
            .why("see the warnings above; the server took them and lost the session")
            .hint("publish them again if they may arrive twice; --send-anew does so by itself")
    }

    /// All of this run was acknowledged; what was in the store before was not.
    fn left_over(&self) -> Failure {
        let what = format!("{} of earlier runs", messages(self.left()));
        Failure::new(Exit::NotAcknowledged, format!("{what} were not acknowledged"))
            .why(format!(
                "no acknowledgement came within {}",
                duration::text(self.ack_timeout.limit())
            ))
            .hint("give more time by --timeout; evenkeel queue ls shows what is stored")
    }

    fn unacknowledged(&self, missing: u64) -> Failure {
        let limit = duration::text(self.ack_timeout.limit());
        let what =
            format!("{missing} of {} messages were not acknowledged", self.tally.handed_over);
        Failure::new(Exit::NotAcknowledged, what)
            .why(format!(
                "no acknowledgement came within {limit}; the server may have them all the same"
            ))
            .hint("give more time by --timeout, or look at the connection with --debug")
    }
}

/// What the time limit goes by.
struct Acknowledged<'a> {
    client: &'a Client,
    /// Of a stream of lines: it is to last, and so the waits of the policy do not count.
    told: Option<Told>,
}

impl Progress for Acknowledged<'_> {
    fn acknowledged(&self) -> u64 {
        self.client.stats().publishes_acknowledged
    }

    fn waited(&self) -> Duration {
        self.told.as_ref().map(Told::waited).unwrap_or_default()
    }
}

/// Hands a message over. With a store, it is on its way there when this
/// returns, so that many are stored at a time; its receipt tells whether it was.
async fn hand_over(request: PublishRequest<'_>, stored: bool) -> Result<Receipt, PublishError> {
    if !stored {
        return request.await;
    }
    match request.try_send() {
        Ok(receipt) => Ok(receipt),
        // It may be that there is no room yet.
        Err(rejected) => rejected.request.await,
    }
}

/// The store takes no messages: what comes after this one would fail as well.
fn not_stored(number: u64, topic: &TopicName, failure: StorageFailure) -> Failure {
    Failure::new(Exit::StoreUnusable, format!("message {number} to '{topic}' was not stored"))
        .why(failure)
        .hint(
            "it was not sent either; what was stored before is kept. Check space and rights there",
        )
}

/// The message did not come to its end.
fn unread(source: &Payload, limit: Duration) -> Failure {
    let what = format!("there was no message within {}", duration::text(limit));
    let failure = Failure::new(Exit::Timeout, what);
    match source {
        Payload::Pipe(path) => failure
            .why(format!("nobody wrote '{}' and closed it", path.display()))
            .hint("give more time by --timeout; -W 0 waits without end"),
        _ => failure
            .why("stdin did not end")
            .hint("end it with Ctrl-D, give more time by --timeout, or publish each line with -l"),
    }
}

fn still_stored(count: usize) -> String {
    let verb = if count == 1 { "stays" } else { "stay" };
    format!("{} {verb} in the store; the next run with it goes on", messages(count))
}

fn messages(count: usize) -> String {
    if count == 1 { "1 message".to_owned() } else { format!("{count} messages") }
}

/// What became of a message, for `--json`.
#[derive(Serialize)]
struct Line<'a> {
    v: u8,
    r#type: &'static str,
    time: String,
    topic: &'a str,
    qos: u8,
    retain: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    packet_id: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payload_bytes: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    round_trip_ms: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    uncertain: Option<bool>,
}

impl<'a> Line<'a> {
    fn new(r#type: &'static str, topic: &'a TopicName, settings: &PublishSettings) -> Self {
        Self {
            v: 1,
            r#type,
            time: timestamp(Timestamp::now()),
            topic: topic.as_str(),
            qos: settings.qos.level(),
            retain: settings.retain,
            packet_id: None,
            payload_bytes: None,
            reason_code: None,
            attempts: None,
            round_trip_ms: None,
            error: None,
            uncertain: None,
        }
    }
}
