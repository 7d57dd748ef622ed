//! What a line says, on its way to the sink.

use std::time::Duration;

use evenkeel_doctor::{
    Address, CloseHow, ConnAckSeen, ConnectSeen, Denied, OpenFailure, PacketSeen, Place, Side,
    SubscribeSeen, TextId, Time, What, Words,
};

use super::clock::{Clock, Stamp};
use super::memory::Memory;
use super::reasons;
use super::scan::number_after;
use super::threads::{Moment, Threads, Who};
use crate::recent::Recent;
use crate::{Sink, digest};

/// Ages are told to the millisecond.
const ROUNDED: Duration = Duration::from_millis(1);

/// Takes what a line says. Parsers call it; nothing else reaches the sink, so
/// payloads, passwords and user names stay out of it by not being said.
pub(crate) struct Facts<'a> {
    pub(crate) sink: &'a mut dyn Sink,
    pub(crate) texts: &'a mut Recent,
    pub(crate) threads: &'a mut Threads,
    pub(crate) clock: &'a mut Clock,
    /// What lines before left to be said.
    pub(crate) memory: &'a mut Memory,
    /// Client identifiers are hidden.
    pub(crate) moment: Moment,
    /// The parser knows what the line means.
    pub(crate) understood: bool,
    /// The line has a time before its text.
    pub(crate) stamped: bool,
}

impl Facts<'_> {
    /// The line's own time, if it is within its text. Not used if a time
    /// stands before it.
    pub(crate) fn time(&mut self, stamp: Option<Stamp>) {
        if let (Some(stamp), false) = (stamp, self.stamped) {
            self.set_time(stamp);
        }
    }

    pub(crate) fn set_time(&mut self, stamp: Stamp) {
        let instant = self.clock.read(stamp);
        if instant.anew {
            self.threads.forget_all(self.moment, self.sink);
            self.memory.drop_pending();
        }
        self.moment.at = instant.at;
    }

    /// The line is not one that the parser knows.
    pub(crate) fn unknown(&mut self) {
        self.understood = false;
    }

    /// Does `what` as if the line were at another moment.
    pub(crate) fn back_at(&mut self, moment: Moment, what: impl FnOnce(&mut Self)) {
        let now = core::mem::replace(&mut self.moment, moment);
        what(self);
        self.moment = now;
    }

    /// Keeps a text that is no secret.
    pub(crate) fn keep(&mut self, text: &str) -> TextId {
        self.texts.keep(text, self.sink)
    }

    /// `host:port`, or a host alone.
    pub(crate) fn address(&mut self, text: &str) -> Address {
        let (host, port) = split_address(text);
        Address { host: self.keep(host), port }
    }

    /// A connection begins.
    pub(crate) fn open(&mut self, who: Who<'_>, client: Address, server: Address) -> u32 {
        let id = self.keep(who.id);
        self.threads.open(who, (client, server), id, self.moment, self.sink)
    }

    /// The connection that the line is about.
    pub(crate) fn of(&mut self, who: Who<'_>) -> u32 {
        if let Some(number) = self.threads.known(who) {
            return number;
        }
        let client = if who.peer.is_empty() { Address::UNKNOWN } else { self.address(who.peer) };
        let id = self.keep(who.id);
        self.threads.of(who, client, id, self.moment, self.sink)
    }

    fn tell(&mut self, who: Who<'_>, what: What) {
        let number = self.of(who);
        self.threads.emit(number, what, self.moment, self.sink);
    }

    pub(crate) fn packet(&mut self, who: Who<'_>, from: Side, packet: PacketSeen) {
        self.sized_packet(who, from, packet, 0);
    }

    pub(crate) fn sized_packet(
        &mut self,
        who: Who<'_>,
        from: Side,
        packet: PacketSeen,
        bytes: u32,
    ) {
        self.tell(who, What::Packet { from, packet, bytes, inferred: false });
    }

    /// Bytes came from a side, and the line does not say which.
    pub(crate) fn heard(&mut self, who: Who<'_>, from: Side) {
        self.tell(who, What::Heard { from });
    }

    /// TCP has come up, and what carries MQTT.
    pub(crate) fn tcp_accepted(&mut self, who: Who<'_>) {
        self.tell(who, What::Accepted);
    }

    /// The newest bytes of a side were so long ago, says a line about something
    /// else. They are news if they are younger than what was told so far.
    pub(crate) fn heard_before(&mut self, who: Who<'_>, from: Side, ago: Duration) {
        let number = self.of(who);
        let ago = i64::try_from(ago.as_nanos()).unwrap_or(i64::MAX);
        let at = Time(self.moment.at.0.saturating_sub(ago));
        let known = self.threads.newest(number).unwrap_or(at);
        if at > known.plus(ROUNDED) && self.moment.at > at.plus(ROUNDED) {
            let moment = Moment { at, ..self.moment };
            self.back_at(moment, |facts| facts.heard(who, from));
        }
    }

    /// CONNECT. A connection that has ended gives way to a new one.
    pub(crate) fn connect(&mut self, who: Who<'_>, mut connect: ConnectSeen) {
        connect.client_id = self.keep(who.id);
        if self.threads.is_over(who) {
            let client =
                if who.peer.is_empty() { Address::UNKNOWN } else { self.address(who.peer) };
            self.open(who, client, Address::UNKNOWN);
        }
        self.packet(who, Side::Client, PacketSeen::Connect(connect));
    }

    /// CONNACK with this code. One connection has one.
    pub(crate) fn connack(&mut self, who: Who<'_>, code: u8) {
        let connack = ConnAckSeen { code, ..ConnAckSeen::default() };
        self.packet(who, Side::Server, PacketSeen::ConnAck(connack));
    }

    pub(crate) fn words(&mut self, who: Who<'_>, words: Words) {
        let number = self.of(who);
        let number = self.meant(number, words);
        self.threads.emit(number, What::Words(words), self.moment, self.sink);
    }

    /// A right was refused, on this topic or filter.
    pub(crate) fn denied(&mut self, who: Who<'_>, right: Denied, topic: &str) {
        let topic = self.keep(topic);
        self.words(who, Words::Denied(right, topic));
    }

    /// SUBSCRIBE or UNSUBSCRIBE with these filters and their QoS.
    pub(crate) fn filters<'f>(
        &mut self,
        id: u16,
        filters: impl Iterator<Item = (&'f str, u8)>,
    ) -> SubscribeSeen {
        let mut seen = SubscribeSeen { id, ..SubscribeSeen::default() };
        for (filter, qos) in filters {
            self.filter(&mut seen, filter, qos);
        }
        seen
    }

    /// One filter more.
    pub(crate) fn filter(&mut self, seen: &mut SubscribeSeen, filter: &str, qos: u8) {
        if seen.filters == 0 {
            seen.first = self.keep(filter);
        }
        seen.filters = seen.filters.saturating_add(1);
        seen.digest = seen.digest.rotate_left(5) ^ digest::of(filter) ^ u32::from(qos);
        seen.maximum_qos = seen.maximum_qos.max(qos);
        seen.wildcard |= filter.contains(['#', '+']);
        seen.shared |= filter.starts_with("$share/");
    }

    /// The connection has ended; by whom, if the log says so.
    pub(crate) fn closed(&mut self, who: Who<'_>, by: Option<Side>) {
        self.closed_how(who, by, CloseHow::Unknown);
    }

    pub(crate) fn closed_how(&mut self, who: Who<'_>, by: Option<Side>, how: CloseHow) {
        let what = by.map_or(What::Ended, |by| What::Closing { by, how });
        self.tell(who, what);
    }

    /// The connection has ended, and the line says why.
    pub(crate) fn ends(&mut self, who: Who<'_>, words: Words, by: Option<Side>) {
        let number = self.of(who);
        let number = self.meant(number, words);
        self.threads.emit(number, What::Words(words), self.moment, self.sink);
        let how = CloseHow::Unknown;
        let what = by.map_or(What::Ended, |by| What::Closing { by, how });
        self.threads.emit(number, what, self.moment, self.sink);
    }

    fn meant(&mut self, number: u32, words: Words) -> u32 {
        match words {
            Words::TakenOver => self.threads.taken_from(number),
            _ => number,
        }
    }

    /// An attempt goes on, or begins with this line if the log does not show its beginning.
    pub(crate) fn attempts(&mut self, who: Who<'_>) {
        if self.threads.is_over(who) {
            self.open(who, Address::UNKNOWN, Address::UNKNOWN);
        }
    }

    /// The connection never came up. An attempt whose beginning the log does
    /// not show begins and ends with this line.
    pub(crate) fn failed(&mut self, who: Who<'_>, failure: OpenFailure) {
        self.attempts(who);
        self.tell(who, What::OpenFailed(failure));
    }

    /// The client is in, says a log that shows no CONNECT. What was open before is
    /// over.
    pub(crate) fn accepted(&mut self, who: Who<'_>) {
        if self.threads.is_over(who) || self.threads.is_accepted(who) {
            let client =
                if who.peer.is_empty() { Address::UNKNOWN } else { self.address(who.peer) };
            self.open(who, client, Address::UNKNOWN);
        }
        self.connack(who, 0);
    }

    /// The server refused CONNECT with this code.
    pub(crate) fn refused(&mut self, who: Who<'_>, code: u8) {
        if self.threads.is_over(who) {
            let client =
                if who.peer.is_empty() { Address::UNKNOWN } else { self.address(who.peer) };
            self.open(who, client, Address::UNKNOWN);
        }
        self.connack(who, code);
        self.closed(who, Some(Side::Server));
    }

    /// The connection is lost, if there is one.
    pub(crate) fn lost(&mut self, who: Who<'_>, by: Option<Side>) {
        if !self.threads.is_over(who) {
            self.closed(who, by);
        }
    }

    /// What an error of a client's library means: an attempt that failed, or a
    /// connection that is lost.
    pub(crate) fn error(&mut self, who: Who<'_>, text: &str) {
        if let Some(code) = reasons::refusal(text) {
            self.refused(who, code);
        } else if text.contains("eepalive timeout") || text.contains("eep alive timeout") {
            let words = Words::KeepAliveTimeout { by: Side::Client };
            self.ends(who, words, Some(Side::Client));
        } else if text.contains("connack timeout") {
            self.words(who, Words::ConnAckTimeout);
            self.closed(who, Some(Side::Client));
        } else if self.threads.is_accepted(who) && !self.threads.is_over(who) {
            let by_server = ["ECONNRESET", "EPIPE", "reset by peer", "roken pipe", "EOF"];
            let by_server = by_server.iter().any(|sign| text.contains(sign));
            self.closed(who, by_server.then_some(Side::Server));
        } else {
            self.attempt_fails(who, text);
        }
    }

    /// An attempt that did not reach MQTT, and the text that says why.
    pub(crate) fn attempt_fails(&mut self, who: Who<'_>, text: &str) {
        self.attempts(who);
        if let Some(status) = number_after(text, "nexpected server response: ") {
            self.words(who, Words::WebSocket(status));
        }
        let failure = reasons::open_failure(text);
        if failure == OpenFailure::Tls {
            reasons::tls_words(Side::Client, text)
                .into_iter()
                .for_each(|words| self.words(who, words));
        }
        self.failed(who, failure);
    }

    /// What an error means if the client is not in; else its other lines tell.
    pub(crate) fn error_before_mqtt(&mut self, who: Who<'_>, text: &str) {
        if self.threads.is_over(who) || !self.threads.is_accepted(who) {
            self.error(who, text);
        }
    }

    /// The next attempt comes after this time.
    pub(crate) fn retry(&mut self, who: Who<'_>, after: Duration) {
        self.words(who, Words::Retry(after));
    }

    /// The server starts or the log does: nothing that was open is known.
    pub(crate) fn begins_anew(&mut self) {
        self.threads.forget_all(self.moment, self.sink);
    }

    /// The server stops.
    pub(crate) fn server_stops(&mut self) {
        self.threads.end_all(Words::ServerEvent, self.moment, self.sink);
    }
}

/// A moment by its parts.
pub(crate) fn moment(at: Time, line: u64) -> Moment {
    Moment { at, place: Place(line) }
}

/// Host and port; 0 if the text has no port.
pub(crate) fn split_address(text: &str) -> (&str, u16) {
    let text = text.trim();
    let (host, port) = match text.rsplit_once(':') {
        // An IPv6 address without brackets and port is no host with a port.
        Some((host, port)) if !host.ends_with(':') => match port.parse() {
            Ok(port) => (host, port),
            Err(_) => (text, 0),
        },
        _ => (text, 0),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

#[cfg(test)]
mod tests {
    use super::split_address;

    #[test]
    fn addresses_are_split() {
        assert_eq!(split_address("10.0.0.1:1883"), ("10.0.0.1", 1883));
        assert_eq!(split_address("[::1]:1883"), ("::1", 1883));
        assert_eq!(split_address("::1:45236"), ("::1", 45236));
        assert_eq!(split_address("broker.example"), ("broker.example", 0));
        assert_eq!(split_address("fe80::1"), ("fe80::1", 0));
        assert_eq!(split_address("::1"), ("::1", 0));
        assert_eq!(split_address("host:99999"), ("host:99999", 0));
    }
}
