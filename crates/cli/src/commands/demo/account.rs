//! Tells what happens, live: a line per event, and on a terminal a line at
//! the bottom that counts.

use std::io::IsTerminal;
use std::time::Instant;

use evenkeel::keepalive::Pong;
use evenkeel::{DisconnectCause, Event, Report, Stats, Words};
use evenkeel_broker::EventKind;

use super::actors::Who;
use super::ledger::{Ledger, Page};
use super::referee::Referee;
use super::{Kind, News};
use crate::error::Failure;
use crate::observer::seconds;
use crate::printer::{Data, Printer};

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31;1";
const CYAN: &str = "36;1";

/// The account on stdout.
pub(super) struct Account {
    out: Data,
    start: Instant,
    live: bool,
    /// A counting line stands at the bottom.
    counting: bool,
    /// What ended each client's connection, until it is known what follows.
    ended: [Option<String>; 2],
    stats: [Stats; 2],
}

impl Account {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            out: printer.data(),
            start: Instant::now(),
            live: std::io::stdout().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb"),
            counting: false,
            ended: [None, None],
            stats: [Stats::default(); 2],
        }
    }

    pub(super) fn heading(&mut self, url: &str) -> Result<(), Failure> {
        self.out.line(&format!(
            "A broker at {url}, a publisher and a subscriber, all in this process."
        ))?;
        self.out.line(
            "Keep-alive is 1 s; a link is dead after 1.5 s without a byte. It takes about 20 seconds.",
        )?;
        self.out.flush()
    }

    pub(super) fn tell(&mut self, news: &News, ledger: &Ledger) -> Result<(), Failure> {
        match news {
            News::Scene(title) => {
                if !self.live {
                    self.line("messages", &counts(ledger), "")?;
                }
                self.scene(title)
            }
            News::Client(who, report) => self.tell_report(*who, report),
            News::Broker(event) => match broker_line(&event.kind) {
                Some(text) => self.line("broker", text, YELLOW),
                None => Ok(()),
            },
            News::Stats(who, stats) => {
                let [publisher, subscriber] = &mut self.stats;
                *if *who == Who::Publisher { publisher } else { subscriber } = *stats;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Counts anew at the bottom of a terminal.
    pub(super) fn refresh(&mut self, ledger: &Ledger) -> Result<(), Failure> {
        if !self.live {
            return Ok(());
        }
        self.out.write_own(format!("\r\x1b[K{}", counts(ledger)))?;
        self.counting = true;
        self.out.flush()
    }

    /// Leaves the cursor on a line of its own.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.clear()?;
        self.out.flush()
    }

    fn clear(&mut self) -> Result<(), Failure> {
        if std::mem::take(&mut self.counting) {
            self.out.write_own("\r\x1b[K")?;
        }
        Ok(())
    }

    fn scene(&mut self, title: &str) -> Result<(), Failure> {
        self.clear()?;
        let title = self.out.paint(title, CYAN);
        self.out.write_own(format!("\n{title}\n"))?;
        self.out.flush()
    }

    fn line(&mut self, who: &str, text: &str, color: &str) -> Result<(), Failure> {
        self.clear()?;
        let text = self.out.paint(text, color);
        let time = self.start.elapsed().as_secs_f64();
        self.out.write_own(format!("{time:6.2} s  {who:<10}  {text}\n"))?;
        self.out.flush()
    }

    fn tell_report(&mut self, who: Who, report: &Report) -> Result<(), Failure> {
        let name = who.client_id();
        match &report.event {
            Event::Connected(connected) => {
                let session =
                    if connected.session_present { "the session goes on" } else { "a new session" };
                self.line(name, &format!("connected; {session}"), GREEN)
            }
            Event::Disconnected { cause, .. } if **cause == DisconnectCause::Shutdown => {
                self.line(name, "disconnected", "")
            }
            Event::Disconnected { cause, online_for, .. } => {
                let what = match online_for {
                    Some(lived) => format!("connection lost after {}", seconds(*lived)),
                    None => "attempt failed".to_owned(),
                };
                *self.ended_mut(who) = Some(format!("{what}: {}", Words(cause)));
                Ok(())
            }
            Event::RetryScheduled { retry, delay } => {
                let ended = self.ended_mut(who).take().unwrap_or_default();
                let text = format!("{ended}; attempt {} in {}", retry.attempt, seconds(*delay));
                self.line(name, &text, YELLOW)
            }
            Event::Halted(_) => {
                let ended = self.ended_mut(who).take().unwrap_or_default();
                self.line(name, &format!("{ended}; gave up"), RED)
            }
            Event::PongReceived(Pong::Matched { round_trip }) => {
                self.line(name, &format!("ping, answered after {}", seconds(*round_trip)), "")
            }
            Event::PingUnanswered { after, heard } => {
                let after = seconds(*after);
                let (what, color) = match heard {
                    true => ("but messages came, so the connection stays", GREEN),
                    false => ("nothing else came, the next one follows", YELLOW),
                };
                self.line(name, &format!("ping, unanswered for {after}; {what}"), color)
            }
            _ => Ok(()),
        }
    }

    const fn ended_mut(&mut self, who: Who) -> &mut Option<String> {
        let [publisher, subscriber] = &mut self.ended;
        match who {
            Who::Publisher => publisher,
            Who::Subscriber => subscriber,
        }
    }

    /// The closing table and the verdict.
    pub(super) fn verdict(
        &mut self,
        ledger: &Ledger,
        referee: &Referee,
        charges: &[String],
    ) -> Result<(), Failure> {
        self.scene("what came of it")?;
        self.out.line("                QoS 0   QoS 1   QoS 2")?;
        self.row("sent", ledger, |page| page.sent.len())?;
        self.row("acknowledged", ledger, |page| page.acknowledged.len())?;
        self.row("received", ledger, |page| page.received.len())?;
        self.row("twice", ledger, |page| usize::try_from(page.duplicates).unwrap_or(usize::MAX))?;
        let [publisher, subscriber] = self.stats;
        let pings = publisher.pings_sent + subscriber.pings_sent;
        let pongs = publisher.pongs + subscriber.pongs;
        self.out.line(&format!(
            "pings           {pings} sent, {pongs} answered; the broker saw {} and answered {}",
            referee.pings_received, referee.pings_answered
        ))?;
        self.out.line(&format!(
            "connections     publisher {}, subscriber {}",
            referee.connections(Who::Publisher),
            referee.connections(Who::Subscriber)
        ))?;
        for charge in charges {
            let line = self.out.paint(&format!("broken          {charge}"), RED);
            self.out.write_own(format!("{line}\n"))?;
        }
        let verdict = if charges.is_empty() {
            let free = if referee.lost_answer_was_free() {
                ", the lost PINGRESP cost no connection"
            } else {
                ""
            };
            self.out.paint(&format!("verdict: good. Nothing lost, nothing doubled beyond its QoS, no law broken{free}."), GREEN)
        } else {
            self.out.paint(&format!("verdict: bad. {} things went wrong.", charges.len()), RED)
        };
        self.out.write_own(format!("{verdict}\n"))?;
        self.out.flush()
    }

    fn row(
        &mut self,
        title: &str,
        ledger: &Ledger,
        of: impl Fn(&Page) -> usize,
    ) -> Result<(), Failure> {
        let [qos0, qos1, qos2] =
            [Kind::Qos0, Kind::Qos1, Kind::Qos2].map(|kind| of(ledger.page(kind)));
        self.out.line(&format!("{title:<14}{qos0:>7}{qos1:>8}{qos2:>8}"))
    }
}

fn counts(ledger: &Ledger) -> String {
    format!(
        "sent {}, acknowledged {}, received {}",
        ledger.total(|page| page.sent.len()),
        ledger.total(|page| page.acknowledged.len()),
        ledger.total(|page| page.received.len())
    )
}

fn broker_line(kind: &EventKind) -> Option<&'static str> {
    match kind {
        EventKind::Stopped { .. } => Some("goes down"),
        EventKind::Listening { .. } => Some("is up"),
        EventKind::Fault { action: "drop", .. } => {
            Some("loses the answer to a ping of the subscriber")
        }
        EventKind::Fault { action: "close_after", .. } => {
            Some("accepts a connection and closes it")
        }
        _ => None,
    }
}
