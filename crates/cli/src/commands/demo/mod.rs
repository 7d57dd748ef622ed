//! `demo`: what usually breaks MQTT clients, and how the clients survive it.
//!
//! A broker in this process, a publisher and a subscriber; a lost PINGRESP, a
//! broker restart, a broker that accepts and then closes. Everything that
//! happens comes as a [`DemoEvent`] over one channel to the display (which prints it),
//! the tally (which counts messages) and the law checks.

mod clients;
mod display;
mod law_checks;
mod scenario;
mod tally;
#[cfg(test)]
mod tests;

use std::time::Duration;

use evenkeel::{Report, Stats};
use evenkeel_broker::{Broker, Event};
use tokio::sync::{broadcast, mpsc};

use super::interrupted;
use crate::error::Failure;
use crate::exit::Exit;
use crate::printer::Printer;
use crate::signals::Stop;
use clients::Role;
use display::Display;
use law_checks::LawChecks;
use tally::Tally;

/// Something that happened.
#[derive(Clone, Debug)]
enum DemoEvent {
    /// A scene begins.
    Scene(&'static str),
    /// Reported by a client.
    Client(Role, Report),
    /// Reported by the broker.
    Broker(Event),
    /// The publisher handed a message over.
    Sent { kind: Kind, number: u64 },
    /// The server acknowledged a message, or took a QoS 0 one.
    Acknowledged { kind: Kind, number: u64 },
    /// A message will not be acknowledged.
    Failed { kind: Kind, number: u64, why: String },
    /// The subscriber received a message.
    Received { kind: Kind, number: u64 },
    /// The counters at the end.
    Stats(Role, Stats),
}

/// A stream of numbered messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Qos0,
    Qos1,
    Qos2,
}

/// Runs the demo; an error if a message was lost or a law broken.
pub(super) async fn run(printer: Printer, mut stop: Stop) -> Result<(), Failure> {
    let broker =
        Broker::builder().bind_tcp("127.0.0.1:0").start().await.map_err(|error| {
            Failure::new(Exit::Failed, "the demo's broker cannot start").why(error)
        })?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let mut display = Display::new(printer);
    let (mut tally, mut law_checks) = (Tally::default(), LawChecks::default());
    display.heading(&broker.url())?;
    forward_broker(&broker, sender.clone());
    let play = tokio::spawn(scenario::play(broker, sender));
    let mut refresh = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => {
                display.finish()?;
                return Err(interrupted("the demo was not played to its end"));
            }
            next = events.recv() => match next {
                Some(next) => {
                    tally.note(&next);
                    law_checks.note(&next);
                    display.tell(&next, &tally)?;
                }
                None => break,
            },
            _ = refresh.tick() => display.refresh(&tally)?,
        }
    }
    let mut violations = law_checks.violations();
    violations.extend(tally.violations());
    match play.await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => violations.push(why),
        Err(error) => violations.push(format!("the demo itself broke: {error:#}")),
    }
    display.verdict(&tally, &law_checks, &violations)?;
    if violations.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::BadVerdict, "the demo did not end well")
        .why(violations.join("; "))
        .hint("please report this, with the output above"))
}

fn forward_broker(broker: &Broker, sender: mpsc::UnboundedSender<DemoEvent>) {
    let mut events = broker.events();
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => drop(sender.send(DemoEvent::Broker(event))),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}
