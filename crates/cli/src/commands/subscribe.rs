//! `sub`: prints what comes, through broker restarts, until it is told to end.

use std::path::Path;
use std::time::Duration;

use evenkeel::{Client, Message, Messages, Property, QoS, Receipt, State, SubscribeError};
use jiff::Zoned;

use super::deadline::Deadline;
use super::selector::{Decision, Selector};
use super::{GRACE, client, grace, interrupted, never_connected, policy};
use crate::diagnosis::OwnDoctor;
use crate::duration;
use crate::error::Failure;
use crate::exit::Exit;
use crate::format::View;
use crate::monitor;
use crate::observer::{self, EventFile, Observer, Told};
use crate::plural::{plural, plural_were};
use crate::printer::{Data, Printer};
use crate::settings::{Output, SubscribeSettings};
use crate::signals::Stop;

/// Messages printed between two flushes at most.
const BATCH: usize = 256;

pub(super) async fn run(
    settings: &SubscribeSettings,
    printer: Printer,
    mut stop: Stop,
) -> Result<(), Failure> {
    let deadline = Deadline::new(settings.ending.timeout);
    let watch = &settings.watch;
    let open = |path: &Path| EventFile::open(path, watch.events_version);
    let events = watch.events.as_deref().map(open).transpose()?;
    let clients = monitor::of_client(watch.metrics.as_ref(), printer)?;
    let client = client::start(&settings.connection, policy(settings.ending.keep_trying), printer)?;
    monitor::add(&clients, "sub", &client);
    stop.represent(&client);
    let mut options = observer::Options::new(printer, &settings.connection);
    (options.events, options.status) = (events, settings.watch.status);
    options.doctor = OwnDoctor::new(&settings.connection, printer);
    let mut observer = Observer::start(&client, options);
    let mut job = Job::new(&client, settings, printer, observer.told());
    let end = tokio::select! {
        biased;
        () = stop.requested() => End::Stopped,
        failure = observer.over() => End::Failed(failure),
        () = deadline.over() => End::Late,
        result = job.run() => result.map_or_else(End::Failed, |()| End::Done),
    };
    let removals = tokio::time::timeout(GRACE, job.finish_removals());
    let removed = removals.await.unwrap_or_else(|_| Err(removal_failed("no answer came")));
    // The streams exist until after the DISCONNECT: nothing is unsubscribed,
    // nothing unseen is acknowledged.
    let limit = grace(matches!(end, End::Done | End::Stopped), &client);
    let verdict = job.verdict(end, &observer, deadline);
    client.shutdown(limit).await;
    observer.finish().await;
    verdict.and(removed)
}

enum End {
    Done,
    Stopped,
    Late,
    Failed(Failure),
}

/// How far the job has come, for the words of a time-out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    Subscribing,
    Listening,
}

struct Job<'a> {
    client: &'a Client,
    settings: &'a SubscribeSettings,
    printer: Printer,
    told: Told,
    out: Data,
    selector: Selector<'a>,
    phase: Phase,
    /// Filters that were refused beside others that were granted.
    refused: usize,
    /// Messages that `%J` could not show.
    unshown: u64,
    removals: Vec<Receipt>,
    /// Held to the end: dropping them would unsubscribe.
    messages: Option<Messages>,
    unmatched: Option<Messages>,
}

impl<'a> Job<'a> {
    fn new(
        client: &'a Client,
        settings: &'a SubscribeSettings,
        printer: Printer,
        told: Told,
    ) -> Self {
        Self {
            client,
            settings,
            printer,
            told,
            out: printer.data(),
            selector: Selector::new(&settings.selection, settings.ending.count),
            phase: Phase::Subscribing,
            refused: 0,
            unshown: 0,
            removals: Vec::new(),
            messages: None,
            unmatched: None,
        }
    }

    async fn run(&mut self) -> Result<(), Failure> {
        if !self.settings.filters.is_empty() {
            self.subscribe().await?;
        }
        if !self.settings.unsubscribe.is_empty() {
            self.unsubscribe().await?;
        }
        self.phase = Phase::Listening;
        if self.settings.ending.after_subscribe || self.settings.filters.is_empty() {
            return Ok(());
        }
        // Messages of a session that goes on may match no filter of this run.
        self.unmatched = self.client.unmatched();
        self.listen().await
    }

    async fn subscribe(&mut self) -> Result<(), Failure> {
        let mut filters = self.settings.filters.iter();
        let Some(first) = filters.next() else { return Ok(()) };
        let options = self.settings.options;
        let mut request = self
            .client
            .subscribe(first)
            .qos(options.qos)
            .no_local(options.no_local)
            .retain_as_published(options.retain_as_published)
            .retain_handling(options.retain_handling);
        for filter in filters {
            request = request.filter(filter, options.qos);
        }
        for property in &self.settings.connection.properties.subscribe {
            request = match property {
                Property::SubscriptionIdentifier(id) => request.subscription_identifier(*id),
                Property::UserProperty(name, value) => {
                    request.user_property(name.as_str(), value.as_str())
                }
                _ => request,
            };
        }
        let messages = match request.await {
            Ok(messages) => messages,
            Err(error) => return Err(self.not_subscribed(&error).await),
        };
        self.told.online().await;
        for (filter, result) in messages.granted() {
            match result {
                Ok(qos) => self
                    .printer
                    .debug(&format!("subscribed to '{filter}' with QoS {}", qos.level())),
                Err(reason) => {
                    self.refused += 1;
                    self.printer.warn(&format!(
                        "the server refused the subscription to '{filter}': {reason}"
                    ));
                }
            }
        }
        self.messages = Some(messages);
        Ok(())
    }

    async fn not_subscribed(&self, error: &SubscribeError) -> Failure {
        if matches!(self.client.state(), State::Halted { .. } | State::Closed) {
            // The client has ended; the observer knows why.
            std::future::pending::<()>().await;
        }
        let filters: Vec<&str> =
            self.settings.filters.iter().map(|filter| filter.as_str()).collect();
        Failure::new(
            Exit::SubscriptionRefused,
            format!("no subscription to '{}'", filters.join("', '")),
        )
        .why(error)
        .hint("check what the server allows this client to subscribe to")
    }

    async fn unsubscribe(&mut self) -> Result<(), Failure> {
        let mut filters = self.settings.unsubscribe.iter();
        let Some(first) = filters.next() else { return Ok(()) };
        let mut request = self.client.unsubscribe(first);
        for filter in filters {
            request = request.filter(filter);
        }
        for (name, value) in self.settings.connection.properties.unsubscribe.user_properties() {
            request = request.user_property(name, value);
        }
        let codes = request.await.map_err(|error| {
            Failure::new(Exit::Failed, "the unsubscribe was not answered").why(error)
        })?;
        self.told.online().await;
        for (filter, code) in self.settings.unsubscribe.iter().zip(codes) {
            self.printer.debug(&format!("unsubscribed from '{filter}': {code}"));
        }
        Ok(())
    }

    async fn listen(&mut self) -> Result<(), Failure> {
        let mut printed: Vec<Message> = Vec::new();
        loop {
            let Some(message) = next(&mut self.messages, &mut self.unmatched).await else {
                // The client has ended; the observer knows why.
                std::future::pending::<()>().await;
                return Ok(());
            };
            let mut upcoming = Some(message);
            while let Some(message) = upcoming.take() {
                let last = self.show(&message).await?;
                // Acknowledged when it is dropped: after it was written out.
                printed.push(message);
                if last {
                    return self.out.flush();
                }
                if printed.len() < BATCH {
                    upcoming = ready(&mut self.messages).or_else(|| ready(&mut self.unmatched));
                }
            }
            self.out.flush()?;
            printed.clear();
        }
    }

    /// Shows a message if it passes the selector; true for the last one.
    async fn show(&mut self, message: &Message) -> Result<bool, Failure> {
        match self.selector.judge(message.topic(), message.retain()) {
            Decision::End => return Ok(true),
            Decision::Drop { remove } => {
                if remove {
                    self.remove(message).await?;
                }
                return Ok(false);
            }
            Decision::Take { remove, show } => {
                if remove {
                    self.remove(message).await?;
                }
                if show && !print(message, &self.settings.output, &mut self.out)? {
                    self.unshown += 1;
                    self.printer.warn(&format!(
                        "Message payload is not valid JSON on topic {}, which %J needs",
                        message.topic()
                    ));
                }
            }
        }
        Ok(self.selector.is_full())
    }

    /// Asks the server to forget a retained message.
    async fn remove(&mut self, message: &Message) -> Result<(), Failure> {
        let request = self.client.publish(message.topic(), "").qos(QoS::AtLeastOnce).retain(true);
        let receipt = request.await.map_err(removal_failed)?;
        self.removals.push(receipt);
        Ok(())
    }

    async fn finish_removals(&mut self) -> Result<(), Failure> {
        for receipt in self.removals.drain(..) {
            receipt.await.map_err(removal_failed)?;
        }
        Ok(())
    }

    fn verdict(&self, end: End, observer: &Observer, deadline: Deadline) -> Result<(), Failure> {
        match end {
            End::Failed(failure) => Err(failure),
            End::Late => Err(self.late(observer, deadline.limit())),
            End::Stopped if !self.is_open_ended() || self.phase != Phase::Listening => {
                Err(interrupted(format!("{} shown", plural_were(self.selector.taken(), "message"))))
            }
            _ if self.unshown > 0 && !self.printer.personality().is_mosquitto() => {
                Err(Failure::new(
                    Exit::Failed,
                    format!("{} could not be shown", plural(self.unshown, "message")),
                )
                .why("%J shows payloads that are JSON only")
                .hint("use %j, which quotes the payload"))
            }
            _ if self.refused > 0 => Err(Failure::new(
                Exit::SubscriptionPartly,
                format!("{} refused", plural_were(self.refused, "subscription")),
            )
            .why("see the warnings above")),
            _ => Ok(()),
        }
    }

    /// Whether listening until a signal was all there was to do.
    const fn is_open_ended(&self) -> bool {
        let ending = &self.settings.ending;
        ending.count.is_none() && ending.timeout.is_none() && !self.settings.selection.retained_only
    }

    fn late(&self, observer: &Observer, limit: Duration) -> Failure {
        if !observer.was_online() {
            return never_connected(observer, limit);
        }
        let limit = duration::text(limit);
        if self.phase == Phase::Subscribing {
            return Failure::new(
                Exit::Timeout,
                format!("the subscription was not answered within {limit}"),
            );
        }
        let (taken, wanted) = (self.selector.taken(), self.settings.ending.count);
        let of = wanted.map(|count| format!(" of {count}")).unwrap_or_default();
        let messages = match wanted {
            Some(_) => format!("{taken}{of} messages"),
            None => plural(taken, "message"),
        };
        Failure::new(Exit::Timeout, format!("timed out after {limit} with {messages}"))
    }
}

/// Prints a message; false if the format cannot show it.
pub(super) fn print(message: &Message, output: &Output, out: &mut Data) -> Result<bool, Failure> {
    let received = Zoned::now();
    let view = View {
        topic: message.topic(),
        payload: message.payload(),
        qos: message.qos(),
        retain: message.retain(),
        dup: message.dup(),
        packet_id: message.packet_id(),
        properties: message.properties(),
        received: &received,
        terminal: out.is_terminal(),
    };
    let mut bytes = Vec::with_capacity(view.payload.len() + 64);
    if output.style.render(&view, output.no_eol, &mut bytes).is_err() {
        return Ok(false);
    }
    out.write_own(&bytes)?;
    Ok(true)
}

/// The next message of either stream; `None` when both have ended.
async fn next(
    messages: &mut Option<Messages>,
    unmatched: &mut Option<Messages>,
) -> Option<Message> {
    tokio::select! {
        biased;
        Some(message) = next_of(messages) => Some(message),
        Some(message) = next_of(unmatched) => Some(message),
        else => None,
    }
}

async fn next_of(stream: &mut Option<Messages>) -> Option<Message> {
    match stream {
        Some(stream) => stream.next().await,
        None => None,
    }
}

fn ready(stream: &mut Option<Messages>) -> Option<Message> {
    stream.as_mut().and_then(Messages::try_next)
}

fn removal_failed(why: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::NotAcknowledged, "a retained message was not removed")
        .why(why)
        .hint("check what the server allows this client to publish")
}
