//! Everything that happens because time has passed.

use evenkeel_codec::{EncodeError, Packet};

use crate::cause::DisconnectCause;
use crate::connection::Connection;
use crate::event::Event;
use crate::io::ConnectionId;
use crate::keepalive::Action;
use crate::time::{Deadline, Timer};

use super::Client;

impl Client {
    /// Does what is due; called before every wait.
    pub(super) fn run_timers(&mut self) {
        if self.connection.is_closed() {
            // All has its outcome, and what is stored is the next process's (D1, D12).
            return;
        }
        self.expire_queued();
        self.trust_store_again();
        self.resume_queue();
        if self.shutdown_is_over() {
            self.finish_shutdown();
            return;
        }
        match &self.connection {
            Connection::Waiting(retry) if retry.at <= self.now => {
                let retry = *retry;
                self.open(retry);
            }
            Connection::Opening(opening) if self.now >= self.attempt_deadline(opening) => {
                self.give_up_attempt();
            }
            Connection::Online(_) => {
                self.tell_stall();
                self.run_withheld();
                self.run_retries();
                self.run_raise();
                self.run_renewal();
                self.run_keep_alive();
                self.end_wait_for_life();
                self.run_clearing();
                self.run_rates();
                // What went out just now may have asked for a ping.
                self.run_keep_alive();
            }
            _ => {}
        }
    }

    /// Asks the engine until it is content; the only caller of its `poll`.
    fn run_keep_alive(&mut self) {
        loop {
            let (now, reading) = (self.now, self.wants_read());
            let Some(online) = self.connection.online_mut() else { return };
            let Some(engine) = &mut online.keep_alive else { return };
            match engine.poll(now, reading) {
                Action::Wait(_) => return,
                Action::SendPing => self.send_ping(),
                Action::NoteUnanswered { sent, heard } => {
                    self.stats.pings_unanswered += 1;
                    self.event(Event::PingUnanswered { after: now.since(sent), heard });
                }
                Action::Close(death) => {
                    self.end(DisconnectCause::KeepAlive(death), None);
                    return;
                }
            }
        }
    }

    /// The only place that makes a PINGREQ (K1).
    fn send_ping(&mut self) {
        let sent: Result<(), EncodeError> = self.send(&Packet::PingReq);
        debug_assert!(sent.is_ok(), "PINGREQ always encodes");
        if let Some(online) = self.connection.online_mut() {
            online.offsets.mark_ping();
        }
    }

    pub(super) fn on_written(&mut self, conn: ConnectionId, bytes: usize) {
        let now = self.now;
        let progress = match &mut self.connection {
            Connection::Online(online) if online.conn == conn => {
                let progress = online.offsets.on_written(bytes);
                if let Some(pacer) = online.pacer.get_mut() {
                    pacer.on_written(now, progress.bytes, &online.offsets);
                }
                if progress.bytes > 0
                    && let Some(engine) = &mut online.keep_alive
                {
                    engine.on_progress(now);
                    if progress.packet {
                        engine.on_sent(now);
                    }
                    if progress.ping {
                        engine.on_ping_sent(now);
                        online.proof.unanswered += 1;
                    }
                }
                progress
            }
            Connection::Opening(opening) if opening.conn == conn => {
                let progress = opening.offsets.on_written(bytes);
                if progress.packet {
                    opening.last_sent = Some(now);
                    // So late may the server have seen it.
                    self.attempts.reconnector.on_connect(now);
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

    /// What the client waits for now. Called much later, it has slept (K10).
    pub(super) fn wait(&mut self) -> Option<Deadline> {
        let deadline = self.earliest_deadline();
        if let Some(deadline) = deadline
            && let Some(online) = self.connection.online_mut()
            && let Some(engine) = &mut online.keep_alive
        {
            engine.on_wait(deadline.at.max(self.now));
        }
        deadline
    }

    /// The first of everything that has its time.
    pub(super) fn earliest_deadline(&self) -> Option<Deadline> {
        let connection = match &self.connection {
            Connection::Waiting(retry) => Some(Deadline { at: retry.at, timer: Timer::Reconnect }),
            Connection::Opening(opening) => {
                Some(Deadline { at: self.attempt_deadline(opening), timer: Timer::ConnectTimeout })
            }
            Connection::Online(online) => {
                let engine = online.keep_alive.as_ref();
                engine.map(|engine| engine.next_deadline(self.now, self.wants_read()))
            }
            Connection::Stopped | Connection::Halted(_) | Connection::Closed => None,
        };
        let expiry = self.expiry_deadline();
        let expiry = expiry.map(|at| Deadline { at, timer: Timer::MessageExpiry });
        let shutdown = self.shutdown_deadline().map(|at| Deadline { at, timer: Timer::Shutdown });
        let stuck = (self.reads_on())
            .filter(|at| self.ready.inbox.is_full() && *at > self.now)
            .map(|at| Deadline { at, timer: Timer::Inbox });
        let clearing =
            self.clearing_deadline().map(|at| Deadline { at, timer: Timer::Identifiers });
        let store = self.store_deadline().map(|at| Deadline { at, timer: Timer::Store });
        let stall = self.stall_deadline().map(|at| Deadline { at, timer: Timer::Stall });
        let life = self.life_deadline().map(|at| Deadline { at, timer: Timer::SignOfLife });
        let rate = self.rate_deadline().map(|at| Deadline { at, timer: Timer::Rate });
        let renewal = self.renewal_deadline().map(|at| Deadline { at, timer: Timer::Renewal });
        let withheld =
            self.withheld_deadline().map(|at| Deadline { at, timer: Timer::Acknowledgements });
        let raise = self.raise_deadline().map(|at| Deadline { at, timer: Timer::Rate });
        let retry = self.retry_deadline().map(|at| Deadline { at, timer: Timer::Retry });
        let ends = [renewal, withheld, raise, retry];
        [connection, expiry, shutdown, stuck, clearing, store, stall, life, rate]
            .into_iter()
            .chain(ends)
            .flatten()
            .min()
    }
}
