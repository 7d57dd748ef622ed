//! How far long work has come: one line on a terminal's stderr, which is written anew. In a pipe
//! nothing is said.

use std::time::{Duration, Instant};

use evenkeel::{Client, QoS};

use crate::printer::Printer;

/// Work that is over sooner shows nothing.
const BEGINS_AFTER: Duration = Duration::from_secs(1);
/// So often the line is written anew.
const PERIOD: Duration = Duration::from_millis(500);
/// Columns of a terminal, less the one for the cursor.
const COLUMNS: usize = 79;

/// Shows how far one piece of work has come.
#[derive(Debug)]
pub(crate) struct Progress {
    printer: Printer,
    next: Instant,
    /// When the rate was last measured, and the count then.
    measured: (Instant, u64),
}

impl Progress {
    /// Begins now.
    pub(crate) fn new(printer: Printer) -> Self {
        let now = Instant::now();
        Self { printer, next: now + BEGINS_AFTER, measured: (now, 0) }
    }

    /// Shows a line if it is time for one. `count` is what there is a rate of; `line` is given
    /// the rate, as in `35/s`.
    pub(crate) fn show(&mut self, count: u64, line: impl FnOnce(&str) -> String) {
        let now = Instant::now();
        if now < self.next || !self.printer.shows_progress() {
            return;
        }
        let (since, before) = std::mem::replace(&mut self.measured, (now, count));
        let rate = per_second(count.saturating_sub(before), now.duration_since(since));
        let line: String = line(&rate).chars().take(COLUMNS).collect();
        self.printer.progress(&line);
        self.next = now + PERIOD;
    }
}

/// The line goes with the work.
impl Drop for Progress {
    fn drop(&mut self) {
        self.printer.end_progress();
    }
}

fn per_second(count: u64, time: Duration) -> String {
    let rate = count as f64 / time.as_secs_f64().max(0.001);
    format!("{rate:.0}/s")
}

/// Shows what becomes of the messages of a client until it is dropped.
pub(crate) struct PublishProgress(Option<tokio::task::JoinHandle<()>>);

impl PublishProgress {
    /// Begins now, if anybody sees it.
    pub(crate) fn start(client: &Client, qos: QoS, printer: Printer) -> Self {
        if !printer.shows_progress() {
            return Self(None);
        }
        let client = client.clone();
        Self(Some(tokio::spawn(async move {
            let mut progress = Progress::new(printer);
            loop {
                tokio::time::sleep(PERIOD).await;
                let stats = client.stats();
                let done = match qos {
                    QoS::AtMostOnce => stats.publishes_sent,
                    _ => stats.publishes_acknowledged,
                };
                let waiting = client.queued() + client.in_flight();
                let online = client.state().is_online();
                progress.show(done, |rate| published(qos, done, rate, waiting, online));
            }
        })))
    }
}

impl Drop for PublishProgress {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

fn published(qos: QoS, done: u64, rate: &str, waiting: usize, online: bool) -> String {
    let what = if qos == QoS::AtMostOnce { "sent" } else { "acknowledged" };
    let waits_for = match (online, waiting) {
        (false, 0) => "a connection".to_owned(),
        (false, _) => format!("a connection, with {waiting} on their way"),
        (true, 0) => "more lines".to_owned(),
        (true, _) => format!("{waiting} acknowledgements"),
    };
    format!("{done} {what} ({rate}); waiting for {waits_for}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_count_rate_and_what_is_waited_for() {
        let rate = per_second(70, Duration::from_secs(2));
        for (waiting, online, expected) in [
            (0, true, "12 acknowledged (35/s); waiting for more lines"),
            (3, true, "12 acknowledged (35/s); waiting for 3 acknowledgements"),
            (0, false, "12 acknowledged (35/s); waiting for a connection"),
            (3, false, "12 acknowledged (35/s); waiting for a connection, with 3 on their way"),
        ] {
            assert_eq!(published(QoS::AtLeastOnce, 12, &rate, waiting, online), expected);
        }
        assert!(published(QoS::AtMostOnce, 12, &rate, 0, true).starts_with("12 sent (35/s); "));
        let longest = published(QoS::ExactlyOnce, 999_999_999, "999999/s", 9_999_999, false);
        assert!(longest.len() < 100, "{longest}");
    }
}
