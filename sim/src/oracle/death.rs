//! K4, K5, K9, K10, K11: a link is called dead for good reasons only, and
//! always when there are.

use std::time::Duration;

use evenkeel_proto::keepalive::Death;
use evenkeel_proto::{DisconnectCause, Event};

use super::keepalive::{latest_ping, next_ping, write_off};
use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::{AllowedSilence, Conn, Online, View};

#[derive(Debug, Default)]
pub(super) struct Deaths;

impl Oracle for Deaths {
    fn see(&mut self, facts: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        match seen {
            Observation::Event(Event::Disconnected { cause, .. }) => {
                let DisconnectCause::KeepAlive(death) = **cause else { return };
                match view.online() {
                    Some((conn, online)) => judge(facts, view, conn, online, death, verdict),
                    None => verdict.broken("K7", format!("{death:?} without a connection")),
                }
            }
            Observation::Event(Event::PingUnanswered { after, heard }) => {
                let Some((conn, online)) = view.online() else { return };
                let is_next_due = *after >= next_ping(online);
                let is_over = conn.unheard.is_empty() && *after >= write_off(view, online);
                verdict.require("K4", is_next_due || is_over, || {
                    format!("a ping is written off after {after:?}; unheard: {:?}", conn.unheard)
                });
                verdict.require("heard", *heard == conn.unheard.is_empty(), || {
                    format!("{heard} is said, and unheard are {:?}", conn.unheard)
                });
            }
            Observation::Settled(settled) => overdue(facts, view, settled.backlog, verdict),
            _ => {}
        }
    }
}

fn judge(
    facts: &Facts,
    view: &View,
    conn: &Conn,
    online: &Online,
    death: Death,
    verdict: &mut Verdict,
) {
    let now = facts.local;
    let least = view.response_timeout(online.interval);
    let most = view.allowed_silence(online.interval).response_timeout;
    // A wake-up that comes late is no time in which an answer could be heard.
    verdict.require("K10", facts.late <= most / 8 + facts.grace, || {
        format!("{death:?} on waking {:?} late", facts.late)
    });
    match death {
        Death::NoResponse { sent, .. } => {
            verdict.require("K5", conn.unheard.contains(&sent), || {
                format!("{death:?}, but the PINGREQs without an answer are of {:?}", conn.unheard)
            });
            let due = view.dead_at(online.interval, conn.last_arrived, sent);
            verdict.require("K4", now >= due, || {
                let silence = now.since(conn.last_arrived);
                format!("dead after {:?}, silent for {silence:?}", now.since(sent))
            });
            verdict.require("K9", facts.unread == 0, || {
                format!("{death:?} with {} bytes unread", facts.unread)
            });
        }
        Death::NotWritten { queued } => {
            let since = now.since(queued.max(conn.last_taken));
            let unasked = conn.ping.is_none_or(|ping| ping.excused);
            verdict.require("K4", since >= least && unasked, || {
                format!("{death:?}, {since:?} after the transport took bytes; due are {least:?}")
            });
        }
    }
}

/// K11: so long without a byte, and the link is still taken to be alive.
fn overdue(facts: &Facts, view: &View, backlog: usize, verdict: &mut Verdict) {
    let Some((conn, online)) = view.online() else { return };
    if online.interval.is_zero() || !facts.reading {
        return;
    }
    let AllowedSilence { silence, response_timeout } = view.allowed_silence(online.interval);
    let quiet = latest_ping(online).max(view.declared.keep_alive.min_ping_spacing);
    let from = conn.last_arrived.max(facts.awake_since).max(view.paused);
    // The answer is waited for since the ping was written, which a slow
    // path may hold back.
    let due = (from + quiet).max(conn.unheard.first().copied().unwrap_or_default());
    let mut limit = (from + silence).max(due + response_timeout);
    if backlog > 0 {
        limit = due.max(conn.last_taken) + response_timeout * 2;
    }
    let silence = facts.local.since(conn.last_arrived);
    let slack = facts.grace * 2 + Duration::from_millis(1);
    verdict.require("K11", facts.local <= limit + slack, || {
        format!("nothing came for {silence:?} at a keep-alive of {:?}", online.interval)
    });
}
