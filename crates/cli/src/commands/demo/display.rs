//! Tells what happens, live: a line per event, and on a terminal a line at
//! the bottom that counts.

use std::io::IsTerminal;
use std::time::Instant;

use evenkeel::keepalive::Pong;
use evenkeel::{DisconnectCause, Event, Report, Stats};
use evenkeel_broker::EventKind;

use super::clients::Role;
use super::law_checks::LawChecks;
use super::tally::{Counts, Tally};
use super::{DemoEvent, Kind};
use crate::duration;
use crate::error::Failure;
use crate::plural::plural;
use crate::printer::{Data, Printer};

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31;1";
const CYAN: &str = "36;1";

/// Columns of a terminal that shows each line in one row.
const COLUMNS: usize = 80;
/// Columns before the text of a line: the time and who it is about.
const INDENT: usize = 22;

/// The display on stdout.
pub(super) struct Display {
    out: Data,
    start: Instant,
    live: bool,
    /// A counting line stands at the bottom.
    counting: bool,
    /// What ended each client's connection, until it is known what follows.
    ended: [Option<String>; 2],
    /// The number of each client's last attempt to connect.
    attempts: [u32; 2],
    stats: [Stats; 2],
}

impl Display {
    pub(super) fn new(printer: Printer) -> Self {
        Self {
            out: printer.data(),
            start: Instant::now(),
            live: std::io::stdout().is_terminal() && std::env::var("TERM").as_deref() != Ok("dumb"),
            counting: false,
            ended: [None, None],
            attempts: [1; 2],
            stats: [Stats::default(); 2],
        }
    }

    pub(super) fn heading(&mut self, url: &str) -> Result<(), Failure> {
        self.out.line(&format!("A broker at {url}, a publisher, a subscriber: one process."))?;
        self.out.line("Keep-alive is 1 s: a connection is dead after 1.5 s without a byte.")?;
        self.out.line("This takes about 20 seconds.")?;
        self.out.flush()
    }

    pub(super) fn tell(&mut self, event: &DemoEvent, tally: &Tally) -> Result<(), Failure> {
        match event {
            DemoEvent::Scene(title) => {
                let sent = tally.total(|counts| counts.sent.len());
                if !self.live && sent > 0 {
                    self.line("messages", &counts(tally), "")?;
                }
                self.scene(title)
            }
            DemoEvent::Client(role, report) => self.tell_report(*role, report),
            DemoEvent::Broker(event) => match broker_line(&event.kind) {
                Some(text) => self.line("broker", text, YELLOW),
                None => Ok(()),
            },
            DemoEvent::Stats(role, stats) => {
                let [publisher, subscriber] = &mut self.stats;
                *if *role == Role::Publisher { publisher } else { subscriber } = *stats;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Counts anew at the bottom of a terminal.
    pub(super) fn refresh(&mut self, tally: &Tally) -> Result<(), Failure> {
        if !self.live {
            return Ok(());
        }
        self.out.write_own(format!("\r\x1b[K{}", counts(tally)))?;
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
        let time = self.start.elapsed().as_secs_f64();
        let mut before = format!("{time:6.2} s  {who:<10}  ");
        for row in rows(text, COLUMNS - INDENT) {
            let row = self.out.paint(&row, color);
            self.out.write_own(format!("{before}{row}\n"))?;
            before = " ".repeat(INDENT);
        }
        self.out.flush()
    }

    fn tell_report(&mut self, role: Role, report: &Report) -> Result<(), Failure> {
        let name = role.client_id();
        match &report.event {
            Event::Connecting { attempt, .. } => {
                *of_mut(&mut self.attempts, role) = *attempt;
                Ok(())
            }
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
                    Some(lived) => format!("connection lost {}", duration::after(*lived)),
                    None => format!("attempt {} failed", of_mut(&mut self.attempts, role)),
                };
                *of_mut(&mut self.ended, role) = Some(format!("{what}: {cause}"));
                Ok(())
            }
            Event::RetryScheduled { retry, delay } => {
                let ended = of_mut(&mut self.ended, role).take().unwrap_or_default();
                let delay = duration::within(*delay);
                let text = format!("{ended}; attempt {} {delay}", retry.attempt);
                self.line(name, &text, YELLOW)
            }
            Event::Halted(_) => {
                let ended = of_mut(&mut self.ended, role).take().unwrap_or_default();
                self.line(name, &format!("{ended}; gave up"), RED)
            }
            Event::PongReceived(Pong::Matched { round_trip }) => {
                let text = format!("ping, answered after {}", duration::text(*round_trip));
                self.line(name, &text, "")
            }
            Event::PingUnanswered { after, heard } => {
                let after = duration::text(*after);
                let (what, color) = if *heard {
                    ("but messages came, so the connection stays", GREEN)
                } else {
                    ("nothing else came, the next one follows", YELLOW)
                };
                self.line(name, &format!("ping, unanswered for {after}; {what}"), color)
            }
            _ => Ok(()),
        }
    }

    /// The closing table and the verdict.
    pub(super) fn verdict(
        &mut self,
        tally: &Tally,
        law_checks: &LawChecks,
        violations: &[String],
    ) -> Result<(), Failure> {
        self.scene("what came of it")?;
        self.out.line("                QoS 0   QoS 1   QoS 2")?;
        self.row("sent", tally, |counts| counts.sent.len())?;
        let [_, qos1, qos2] = tally.by_qos();
        self.out.line(&format!(
            "acknowledged        -{:>8}{:>8}",
            qos1.acknowledged.len(),
            qos2.acknowledged.len()
        ))?;
        self.row("received", tally, |counts| counts.received.len())?;
        self.row("twice", tally, |counts| {
            usize::try_from(counts.duplicates).unwrap_or(usize::MAX)
        })?;
        let [publisher, subscriber] = self.stats;
        let pings = publisher.pings_sent + subscriber.pings_sent;
        let pongs = publisher.pongs + subscriber.pongs;
        self.out.line(&format!(
            "pings           {pings} sent, {pongs} answered; the broker saw {} and answered {}",
            law_checks.pings_received, law_checks.pings_answered
        ))?;
        self.out.line(&format!(
            "connections     publisher {}, subscriber {}",
            law_checks.connections(Role::Publisher),
            law_checks.connections(Role::Subscriber)
        ))?;
        for violation in violations {
            self.painted(&format!("broken          {violation}"), RED)?;
        }
        if violations.is_empty() {
            let free = if law_checks.lost_answer_was_free() {
                ", and the lost PINGRESP cost no connection"
            } else {
                ""
            };
            self.painted(
                "verdict: good. No message of QoS 1 and 2 was lost, none of QoS 2",
                GREEN,
            )?;
            self.painted(&format!("came twice, no law was broken{free}."), GREEN)?;
        } else {
            let count = plural(violations.len(), "thing");
            self.painted(&format!("verdict: bad. {count} went wrong."), RED)?;
        }
        self.out.flush()
    }

    fn painted(&mut self, text: &str, color: &str) -> Result<(), Failure> {
        let text = self.out.paint(text, color);
        self.out.write_own(format!("{text}\n"))
    }

    fn row(
        &mut self,
        title: &str,
        tally: &Tally,
        of: impl Fn(&Counts) -> usize,
    ) -> Result<(), Failure> {
        let [qos0, qos1, qos2] =
            [Kind::Qos0, Kind::Qos1, Kind::Qos2].map(|kind| of(tally.counts(kind)));
        self.out.line(&format!("{title:<14}{qos0:>7}{qos1:>8}{qos2:>8}"))
    }
}

fn counts(tally: &Tally) -> String {
    let [_, qos1, qos2] = tally.by_qos();
    format!(
        "sent {}, received {}; of QoS 1 and 2 sent {}, acknowledged {}",
        tally.total(|counts| counts.sent.len()),
        tally.total(|counts| counts.received.len()),
        qos1.sent.len() + qos2.sent.len(),
        qos1.acknowledged.len() + qos2.acknowledged.len()
    )
}

/// What belongs to one of the two clients.
const fn of_mut<T>([publisher, subscriber]: &mut [T; 2], role: Role) -> &mut T {
    match role {
        Role::Publisher => publisher,
        Role::Subscriber => subscriber,
    }
}

/// Breaks a text into rows of at most `columns`, between clauses if it can.
fn rows(text: &str, columns: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut add = |part: &str| {
        let Some(row) = rows.last_mut() else { return };
        let gap = usize::from(!row.is_empty());
        if gap == 0 || row.chars().count() + gap + part.chars().count() <= columns {
            row.push_str(if gap == 0 { "" } else { " " });
            row.push_str(part);
        } else {
            rows.push(part.to_owned());
        }
    };
    for clause in text.split_inclusive("; ") {
        let clause = clause.trim_end();
        if clause.chars().count() <= columns {
            add(clause);
        } else {
            clause.split(' ').for_each(&mut add);
        }
    }
    rows
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_between_clauses_and_else_between_words() {
        assert_eq!(rows("short", 10), ["short"]);
        assert_eq!(rows("one two; three", 9), ["one two;", "three"]);
        assert_eq!(rows("one two; three", 14), ["one two; three"]);
        assert_eq!(rows("one two three four; five", 9), ["one two", "three", "four;", "five"]);
        assert_eq!(rows("incomprehensibilities", 9), ["incomprehensibilities"]);
    }
}
