//! `demo`: what usually breaks MQTT clients, survived before one's eyes.
//!
//! A broker in this process, a publisher and a subscriber; a lost PINGRESP, a
//! broker restart, a broker that accepts and then closes. Everything that
//! happens comes as [`News`] over one channel to the account (which tells it),
//! the ledger (which counts messages) and the referee (which checks the laws).

mod account;
mod actors;
mod ledger;
mod referee;
mod scenario;
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
use account::Account;
use actors::Who;
use ledger::Ledger;
use referee::Referee;

/// Something that happened.
#[derive(Clone, Debug)]
enum News {
    /// A new part of the play begins.
    Scene(&'static str),
    /// Reported by a client.
    Client(Who, Report),
    /// Decided by the broker.
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
    Stats(Who, Stats),
}

/// A stream of numbered messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Qos0,
    Qos1,
    Qos2,
}

/// Runs the demo; success only if nothing was lost and no law broken.
pub(super) async fn run(printer: Printer, mut stop: Stop) -> Result<(), Failure> {
    let broker =
        Broker::builder().bind_tcp("127.0.0.1:0").start().await.map_err(|error| {
            Failure::new(Exit::Failed, "the demo's broker cannot start").why(error)
        })?;
    let (sender, mut news) = mpsc::unbounded_channel();
    let mut account = Account::new(printer);
    let (mut ledger, mut referee) = (Ledger::default(), Referee::default());
    account.heading(&broker.url())?;
    forward_broker(&broker, sender.clone());
    let play = tokio::spawn(scenario::play(broker, sender));
    let mut refresh = tokio::time::interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            biased;
            () = stop.requested() => {
                account.finish()?;
                return Err(interrupted("the demo was not played to its end"));
            }
            next = news.recv() => match next {
                Some(next) => {
                    ledger.note(&next);
                    referee.note(&next);
                    account.tell(&next, &ledger)?;
                }
                None => break,
            },
            _ = refresh.tick() => account.refresh(&ledger)?,
        }
    }
    let mut charges = referee.charges();
    charges.extend(ledger.charges());
    match play.await {
        Ok(Ok(())) => {}
        Ok(Err(why)) => charges.push(why),
        Err(error) => charges.push(format!("the demo itself broke: {error}")),
    }
    account.verdict(&ledger, &referee, &charges)?;
    if charges.is_empty() {
        return Ok(());
    }
    Err(Failure::new(Exit::BadVerdict, "the demo did not end well")
        .why(charges.join("; "))
        .hint("please report this, with the output above"))
}

fn forward_broker(broker: &Broker, sender: mpsc::UnboundedSender<News>) {
    let mut events = broker.events();
    tokio::spawn(async move {
        loop {
            match events.recv().await {
                Ok(event) => drop(sender.send(News::Broker(event))),
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return,
            }
        }
    });
}
