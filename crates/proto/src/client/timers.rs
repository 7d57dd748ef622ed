//! Everything that happens because time has passed.

use core::time::Duration;

use evenkeel_codec::{EncodeError, Packet};

use crate::cause::DisconnectCause;
use crate::connection::Life;
use crate::event::Event;
use crate::io::ConnectionId;
use crate::keepalive::{Action, KeepAlive};
use crate::time::{Deadline, Instant, Timer};

use super::{Client, Link};

impl Client {
    pub(super) fn on_timeout(&mut self) {
        self.run_timers();
    }

    /// Does what is due; called before every wait.
    pub(super) fn run_timers(&mut self) {
        self.expire_queued();
        if self.drain_is_over() {
            self.finish_drain();
            return;
        }
        match &self.link {
            Link::Waiting(retry) if retry.at <= self.now => {
                let retry = *retry;
                self.open(retry);
            }
            Link::Opening(opening) if self.now >= opening.since + self.config.connect_timeout => {
                self.give_up_attempt(opening.phase);
            }
            Link::Online(_) => {
                self.tell_stall();
                self.run_keep_alive();
                self.end_wait_for_life();
                self.run_clearing();
            }
            _ => {}
        }
    }

    /// No sign of life came in time: what waits for one goes out (D16).
    fn end_wait_for_life(&mut self) {
        if let Link::Online(online) = &mut self.link
            && let Life::Awaited { until } = online.proof.life
            && until <= self.now
        {
            online.proof.life = Life::WaitedFor;
            self.pump();
        }
    }

    /// Asks the engine until it is content, and says when to ask again; the
    /// only caller of its `poll`.
    fn run_keep_alive(&mut self) -> Option<Deadline> {
        loop {
            let (now, reading) = (self.now, self.wants_read());
            let Link::Online(online) = &mut self.link else { return None };
            match online.keep_alive.as_mut()?.poll(now, reading) {
                Action::Wait(deadline) => return Some(deadline),
                Action::SendPing => self.send_ping(),
                Action::NoteUnanswered { sent, heard } => {
                    self.stats.pings_unanswered += 1;
                    self.event(Event::PingUnanswered { after: now.since(sent), heard });
                }
                Action::Close(death) => {
                    self.end(DisconnectCause::KeepAlive(death), None);
                    return None;
                }
            }
        }
    }

    /// The only place that makes a PINGREQ (K1).
    fn send_ping(&mut self) {
        let sent: Result<(), EncodeError> = self.send(&Packet::PingReq);
        debug_assert!(sent.is_ok(), "PINGREQ always encodes");
        if let Link::Online(online) = &mut self.link {
            online.stream.mark_ping();
        }
    }

    pub(super) fn on_written(&mut self, conn: ConnectionId, bytes: usize) {
        let now = self.now;
        let progress = match &mut self.link {
            Link::Online(online) if online.conn == conn => {
                let progress = online.stream.on_written(bytes);
                if let Some(engine) = online.keep_alive.as_mut().filter(|_| progress.bytes > 0) {
                    engine.on_progress(now);
                    if progress.packet {
                        engine.on_sent(now);
                    }
                    if progress.ping {
                        engine.on_ping_sent(now);
                    }
                }
                progress
            }
            Link::Opening(opening) if opening.conn == conn => {
                let progress = opening.stream.on_written(bytes);
                if progress.packet {
                    opening.last_sent = Some(now);
                }
                progress
            }
            _ => {
                self.stats.stale_inputs += 1;
                return;
            }
        };
        self.stats.bytes_sent += progress.bytes;
        self.complete_written();
        if progress.ping {
            self.stats.pings_sent += 1;
            self.event(Event::PingSent);
        }
    }

    /// How much later than at its [`Ping`](Timer::Ping) deadline the next ping
    /// may go out; see [`KeepAlive::slack`](crate::keepalive::KeepAlive::slack).
    /// Other deadlines have none.
    pub fn ping_slack(&self) -> Duration {
        match &self.link {
            Link::Online(online) => online.keep_alive.as_ref().map(KeepAlive::slack),
            _ => None,
        }
        .unwrap_or_default()
    }

    fn expire_queued(&mut self) {
        let now = self.now;
        if self.session.queue.next_expiry().is_none_or(|next| now < next) {
            return;
        }
        let mut expired = alloc::vec::Vec::new();
        self.session.queue.expire(now, |queued| expired.push(queued));
        for queued in expired {
            self.expire(queued);
        }
    }

    /// The nearest deadline and its reason.
    pub(super) fn next_deadline(&mut self) -> Option<Deadline> {
        let link = match &self.link {
            Link::Waiting(retry) => Some(Deadline { at: retry.at, timer: Timer::Reconnect }),
            Link::Opening(opening) => Some(Deadline {
                at: opening.since + self.config.connect_timeout,
                timer: Timer::ConnectTimeout,
            }),
            Link::Online(_) => self.run_keep_alive(),
            _ => None,
        };
        let expiry = (self.session.queue.next_expiry())
            .map(|at| Deadline { at, timer: Timer::MessageExpiry });
        let drain = self.drain_deadline().map(|at| Deadline { at, timer: Timer::Shutdown });
        let stuck = (self.reads_on())
            .filter(|at| self.mail.inbox.is_full() && *at > self.now)
            .map(|at| Deadline { at, timer: Timer::Inbox });
        let clearing =
            self.clearing_deadline().map(|at| Deadline { at, timer: Timer::Identifiers });
        let store = self.store_deadline().map(|at| Deadline { at, timer: Timer::Store });
        let stall = self.stall_deadline().map(|at| Deadline { at, timer: Timer::Stall });
        let life = self.life_deadline().map(|at| Deadline { at, timer: Timer::SignOfLife });
        [link, expiry, drain, stuck, clearing, store, stall, life].into_iter().flatten().min()
    }

    fn life_deadline(&self) -> Option<Instant> {
        match &self.link {
            Link::Online(online) => match online.proof.life {
                Life::Awaited { until } => Some(until),
                _ => None,
            },
            _ => None,
        }
    }
}
