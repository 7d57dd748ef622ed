//! What is known of a live connection.

use core::time::Duration;

use super::round::Session;
use super::{Flight, Flights, Idle, Mark, MarkKind, Marks, Paths, Pings, Round, Said};
use crate::event::{
    Address, CloseHow, ConnAckSeen, ConnectSeen, Event, Moment, OpenFailure, PacketSeen, Place,
    Side, What, Words,
};
use crate::ring::Ring;
use crate::source::SourceId;
use crate::texts::TextId;
use crate::time::Time;

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) at: Time,
    pub(crate) place: Place,
    /// Who ended it first; `None` if the source does not say.
    pub(crate) by: Option<Side>,
    pub(crate) how: CloseHow,
    /// DISCONNECT, from whom and with which code.
    pub(crate) disconnect: Option<(Side, u8)>,
    /// It ended as it should: the client said DISCONNECT (guard G1).
    pub(crate) goodbye: bool,
    /// It never came up.
    pub(crate) failure: Option<OpenFailure>,
    /// The newest words of the log that say why.
    pub(crate) words: Option<Words>,
}

impl End {
    pub(crate) fn moment(&self) -> Moment {
        Moment::new(self.at, self.place)
    }
}

/// TCP of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tcp {
    pub(crate) client: Address,
    pub(crate) server: Address,
    /// When it began; `None` if that was not seen (guard G2).
    pub(crate) opened: Option<Moment>,
    pub(crate) accepted: Option<Time>,
    /// From SYN to its answer.
    pub(crate) handshake: Option<Duration>,
    pub(crate) paths: Paths,
}

/// MQTT of a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mqtt {
    pub(crate) connect: Option<(Moment, ConnectSeen)>,
    pub(crate) connack: Option<(Moment, ConnAckSeen)>,
    /// How many CONNECTs came on it.
    pub(crate) connects: u32,
    pub(crate) disconnect: Option<(Side, u8)>,
    pub(crate) pings: Pings,
    flights: [Flights; 2],
    pub(crate) marks: Marks,
    pub(crate) session: Session,
    /// The first encrypted bytes of the application.
    pub(crate) first_sealed: Option<Time>,
    /// Filters asked for in all.
    pub(crate) filters: u32,
    pub(crate) rate: Rate,
}

/// How fast the client publishes, second by second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rate {
    from: Time,
    publishes: u32,
    bytes: u64,
    /// The most in a second.
    pub(crate) most_publishes: u32,
    pub(crate) most_bytes: u64,
}

impl Rate {
    fn count(&mut self, at: Time, publishes: u32, bytes: u32) {
        if at.since(self.from) >= Duration::from_secs(1) {
            *self = Self { from: at, publishes: 0, bytes: 0, ..*self };
        }
        self.publishes = self.publishes.saturating_add(publishes);
        self.bytes = self.bytes.saturating_add(bytes.into());
        self.most_publishes = self.most_publishes.max(self.publishes);
        self.most_bytes = self.most_bytes.max(self.bytes);
    }
}

/// Bytes of each side: client, server.
#[derive(Clone, Debug, Default)]
struct Traffic {
    last: [Option<Moment>; 2],
    packets: [u32; 2],
    bytes: [u64; 2],
}

/// What the server sent since the client's newest packet, without DISCONNECT.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Inbound {
    pub(crate) newest: Option<Moment>,
    pub(crate) packets: u32,
}

/// A connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection {
    pub(crate) source: SourceId,
    pub(crate) tcp: Tcp,
    /// The server name and the cipher suite of TLS.
    pub(crate) sni: TextId,
    pub(crate) suite: u16,
    pub(crate) mqtt: Mqtt,
    traffic: Traffic,
    pub(crate) idle: Idle,
    pub(crate) inbound: Inbound,
    /// The first event of any kind, and the newest.
    pub(crate) first_event: Time,
    pub(crate) last_event: Time,
    /// The newest words of a log that say why it ends.
    pub(crate) words: Option<Words>,
    pub(crate) end: Option<End>,
    /// The newest events, for look-backs and as proof.
    pub(crate) recent: Ring<Event, 12>,
}

impl Connection {
    /// The bytes at most of what it holds beside itself and its messages in flight.
    pub(crate) const BESIDE: usize = Ring::<Event, 12>::FULL + Pings::BESIDE;

    pub(crate) fn new(event: &Event) -> Self {
        Self {
            source: event.source,
            tcp: Tcp::default(),
            sni: TextId::NONE,
            suite: 0,
            mqtt: Mqtt::default(),
            traffic: Traffic::default(),
            idle: Idle::default(),
            inbound: Inbound::default(),
            first_event: event.at,
            last_event: event.at,
            words: None,
            end: None,
            recent: Ring::default(),
        }
    }

    /// Takes one event in. `room`: one more message in flight may be followed.
    pub(crate) fn take(&mut self, event: &Event, room: bool) {
        if let Some(side) = event.sender() {
            self.bytes_from(side, event);
        }
        match event.what {
            What::Opening { client, server } => {
                self.tcp.opened.get_or_insert_with(|| event.moment());
                (self.tcp.client, self.tcp.server) = (client, server);
            }
            What::Joined { client, server } => {
                (self.tcp.client, self.tcp.server) = (client, server)
            }
            What::Accepted => {
                self.tcp.accepted = Some(event.at);
                self.tcp.handshake = self.tcp.opened.map(|opened| event.at.since(opened.at));
            }
            What::OpenFailed(failure) => self.ends(event, None, CloseHow::Unknown, Some(failure)),
            What::Resent { from, bytes } => self.tcp.paths.resent(from, bytes, event.moment()),
            What::Window { of, open } => self.tcp.paths.window(of, open, event.at),
            What::Missing { .. } => self.tcp.paths.missing(),
            What::Closing { by, how } => self.ends(event, Some(by), how, None),
            What::Ended => self.ends(event, None, CloseHow::Unknown, None),
            What::ClientHello { sni, .. } => self.sni = sni,
            What::ServerHello { suite, .. } => self.suite = suite,
            What::Sealed { from: Side::Client, .. } => {
                self.mqtt.first_sealed.get_or_insert(event.at);
                self.mark(event);
            }
            What::Packet { from, ref packet, .. } => self.packet(event, from, packet, room),
            What::Words(words) => self.words(event, words),
            _ => {}
        }
        self.last_event = self.last_event.max(event.at);
        self.recent.push(*event);
    }

    fn bytes_from(&mut self, side: Side, event: &Event) {
        let now = event.at;
        if side == Side::Server {
            // The idle that the client broke, and that now has an answer.
            let idle = self.idle.before_silence.take().unwrap_or_default();
            self.idle.longest_survived = self.idle.longest_survived.max(idle);
            (self.idle.silent_from, self.idle.unanswered) = (None, 0);
            if !matches!(event.what, What::Packet { packet: PacketSeen::Disconnect(_), .. }) {
                self.inbound.newest = Some(event.moment());
                self.inbound.packets = self.inbound.packets.saturating_add(1);
            }
            self.mqtt.pings.heard();
        } else {
            if self.idle.silent_from.is_none() {
                // The client's first byte since the server's last.
                self.idle.before_silence = self.newest_byte().map(|newest| now.since(newest));
                self.idle.silent_from = Some(event.moment());
            }
            self.idle.unanswered = self.idle.unanswered.saturating_add(1);
            self.inbound = Inbound::default();
        }
        self.tcp.paths.sent(side, now);
        let publish = matches!(
            event.what,
            What::Packet { packet: PacketSeen::Publish(_), from: Side::Client, .. }
        );
        let bytes = match event.what {
            What::Packet { bytes, .. } | What::Sealed { bytes, .. } => bytes,
            _ => 0,
        };
        if side == Side::Client {
            self.mqtt.rate.count(now, publish.into(), bytes);
        }
        let at = side.index();
        if let (Some(last), Some(packets), Some(all)) = (
            self.traffic.last.get_mut(at),
            self.traffic.packets.get_mut(at),
            self.traffic.bytes.get_mut(at),
        ) {
            *last = Some(event.moment());
            *packets = packets.saturating_add(1);
            *all = all.saturating_add(bytes.into());
        }
    }

    fn packet(&mut self, event: &Event, from: Side, packet: &PacketSeen, room: bool) {
        let at = event.at;
        match (from, packet) {
            (Side::Client, PacketSeen::Connect(connect)) => {
                self.mqtt.connects = self.mqtt.connects.saturating_add(1);
                self.mqtt.connect.get_or_insert_with(|| (event.moment(), *connect));
                self.mqtt.session.clean = connect.clean;
            }
            (Side::Server, PacketSeen::ConnAck(connack)) => {
                self.mqtt.connack.get_or_insert_with(|| (event.moment(), *connack));
                self.mqtt.session.present = connack.session_present;
            }
            (Side::Client, PacketSeen::PingReq) => {
                // The ping itself is already the newest byte: look before it.
                let before = self
                    .mqtt
                    .marks
                    .last
                    .map(|mark| mark.at)
                    .max(self.mqtt.connect.map(|it| it.0.at));
                let before = before.max(self.mqtt.pings.last().map(|ping| ping.asked));
                self.mqtt.pings.ask(at, event.place, before);
            }
            (Side::Server, PacketSeen::PingResp) => self.mqtt.pings.answer(at),
            (_, PacketSeen::Publish(publish)) if publish.qos > 0 => {
                let flight =
                    Flight { sent: at, place: event.place, publish: *publish, received: false };
                self.flights_mut(from).sent(flight, room);
            }
            (_, PacketSeen::PubAck(id, _) | PacketSeen::PubComp(id, _)) => {
                self.flights_mut(from.other()).finished(*id, at);
            }
            (_, PacketSeen::PubRec(id, code)) => {
                self.flights_mut(from.other()).received(*id, *code >= 0x80, at);
            }
            (_, PacketSeen::Disconnect(code)) => {
                self.mqtt.disconnect.get_or_insert((from, *code));
            }
            _ => {}
        }
        if from == Side::Client {
            self.mark(event);
            if let PacketSeen::Subscribe(subscribe) = packet {
                let session = &mut self.mqtt.session;
                if session.subscribed.is_none() {
                    session.filters = subscribe.digest;
                }
                session.subscribed = session.subscribed.max(Some(subscribe.maximum_qos));
                self.mqtt.filters = self.mqtt.filters.saturating_add(subscribe.filters.into());
            }
        }
    }

    /// Remembers a packet of the client that does something.
    fn mark(&mut self, event: &Event) {
        let mut mark = Mark { at: event.at, place: event.place, ..Mark::default() };
        match event.what {
            What::Sealed { bytes, .. } => (mark.kind, mark.bytes) = (MarkKind::Sealed, bytes),
            What::Packet { ref packet, bytes, .. } => {
                mark.bytes = bytes;
                match packet {
                    PacketSeen::Publish(publish) => {
                        mark.kind = MarkKind::Publish;
                        (mark.topic, mark.digest) = (publish.topic, publish.digest);
                        (mark.qos, mark.retain) = (publish.qos, publish.retain);
                        mark.payload = publish.payload;
                    }
                    PacketSeen::Subscribe(subscribe) | PacketSeen::Unsubscribe(subscribe) => {
                        mark.kind = MarkKind::Subscribe;
                        (mark.topic, mark.digest) = (subscribe.first, subscribe.digest);
                        (mark.filters, mark.qos) = (subscribe.filters, subscribe.maximum_qos);
                    }
                    PacketSeen::PingReq | PacketSeen::Connect(_) | PacketSeen::Disconnect(_) => {
                        return;
                    }
                    _ => {}
                }
            }
            _ => return,
        }
        self.mqtt.marks.last = Some(mark);
        if self.mqtt.connack.is_some() && mark.kind != MarkKind::Other {
            self.mqtt.marks.first.get_or_insert(mark);
        }
    }

    fn words(&mut self, event: &Event, words: Words) {
        match words {
            Words::Goodbye => {
                self.mqtt.disconnect.get_or_insert((Side::Client, 0));
            }
            Words::PingWrittenOff => return self.mqtt.pings.write_off(),
            Words::Fault(_) | Words::Other(_) | Words::PingChecked | Words::Retry(_) => return,
            _ => {}
        }
        self.words = Some(words);
        if let Some(end) = &mut self.end {
            end.words.get_or_insert(words);
        }
        self.last_event = event.at;
    }

    fn ends(
        &mut self,
        event: &Event,
        by: Option<Side>,
        how: CloseHow,
        failure: Option<OpenFailure>,
    ) {
        if self.end.is_some() {
            return;
        }
        let left = self.left_by_server(event);
        // The client's answer to a goodbye is none of its own.
        let disconnect = if left { None } else { self.mqtt.disconnect };
        // A client that says DISCONNECT, with any code of its own, leaves on purpose.
        let goodbye = disconnect
            .is_some_and(|(side, code)| side == Side::Client && code < 0x80 && failure.is_none());
        let words = self.words;
        // After the server's goodbye the client has to close: the server ended it.
        let left = left || matches!(disconnect, Some((Side::Server, _)));
        let by = if left && by.is_some() { Some(Side::Server) } else { by };
        self.end = Some(End {
            at: event.at,
            place: event.place,
            by,
            how,
            disconnect,
            goodbye,
            failure,
            words,
        });
    }

    /// TLS has a goodbye as long as PINGRESP: right before the end, as an answer that
    /// nobody asked for, it is the server's, unless the client's came before it.
    fn left_by_server(&self, end: &Event) -> bool {
        let mut all = self.recent.iter().rev();
        let newest = all.find(|it| it.sender() == Some(Side::Server));
        let last = newest.filter(|it| end.at.since(it.at) <= Duration::from_millis(50));
        let goodbye = |it: &Event| {
            let (from, goodbye) = (Side::Client, PacketSeen::Disconnect(0));
            matches!(it.what, What::Packet { from: by, packet, .. } if by == from && packet == goodbye)
        };
        let answers = last.is_some_and(|it| match it.what {
            What::Packet { packet: PacketSeen::PingResp, inferred: true, .. } => {
                self.mqtt.pings.answered > self.mqtt.pings.asked
            }
            What::Sealed { bytes, .. } => bytes <= 2,
            _ => false,
        });
        answers && !all.any(goodbye)
    }

    fn flights_mut(&mut self, side: Side) -> &mut Flights {
        let [client, server] = &mut self.mqtt.flights;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// Messages in flight that this side published.
    pub(crate) fn flights(&self, side: Side) -> &Flights {
        let [client, server] = &self.mqtt.flights;
        match side {
            Side::Client => client,
            Side::Server => server,
        }
    }

    /// For how many messages in flight there is memory, of both sides.
    pub(crate) fn flights_room(&self) -> usize {
        self.mqtt.flights.iter().map(Flights::room).sum()
    }

    /// This side's newest bytes.
    pub(crate) fn newest_from(&self, side: Side) -> Option<Moment> {
        self.traffic.last.get(side.index()).copied().flatten()
    }

    pub(crate) fn last_sent(&self) -> Option<Time> {
        self.newest_from(Side::Client).map(|moment| moment.at)
    }

    pub(crate) fn last_received(&self) -> Option<Time> {
        self.newest_from(Side::Server).map(|moment| moment.at)
    }

    fn newest_byte(&self) -> Option<Time> {
        self.last_sent().max(self.last_received())
    }

    pub(crate) fn packets_from(&self, side: Side) -> u32 {
        self.traffic.packets.get(side.index()).copied().unwrap_or_default()
    }

    pub(crate) fn bytes_in(&self, side: Side) -> u64 {
        self.traffic.bytes.get(side.index()).copied().unwrap_or_default()
    }

    /// Whether the capture has all of it from its beginning (guard G2).
    pub(crate) fn whole(&self) -> bool {
        self.tcp.opened.is_some() && !self.tcp.paths.has_gaps()
    }

    /// The keep-alive in force: the server's, else CONNECT's; `None` if it is
    /// off or unknown.
    pub(crate) fn keep_alive(&self) -> Option<Duration> {
        let server = self.mqtt.connack.and_then(|(_, connack)| connack.server_keep_alive);
        let seconds = server.or_else(|| self.mqtt.connect.and_then(|(_, it)| it.keep_alive))?;
        (seconds > 0).then(|| Duration::from_secs(seconds.into()))
    }

    /// A round trip of this connection: the median of its pings' answers, else
    /// TCP's handshake.
    pub(crate) fn round_trip(&self) -> Duration {
        let trips: alloc::vec::Vec<_> =
            self.mqtt.pings.recent.iter().filter_map(super::Ping::round_trip).collect();
        if trips.is_empty() {
            return self.tcp.handshake.unwrap_or_default();
        }
        crate::steady::median(&trips)
    }

    /// What remains of it in its client's history.
    pub(crate) fn round(&self) -> Round {
        Round {
            client: self.tcp.client,
            server: self.tcp.server,
            opened: self.tcp.opened,
            said: Said {
                connect: self.mqtt.connect.map(|it| it.0),
                connack: self.mqtt.connack.map(|it| it.0),
                code: self.mqtt.connack.map(|it| it.1.code),
                credentials_digest: self.mqtt.connect.map_or(0, |it| it.1.credentials_digest),
                version: self.mqtt.connect.map_or(0, |it| it.1.version),
                keep_alive: self.keep_alive(),
                session: self.mqtt.session,
            },
            end: self.end,
            sent: self.newest_from(Side::Client),
            received: self.newest_from(Side::Server),
            pings: self.mqtt.pings.asked,
            last_ping: self.mqtt.pings.last().copied(),
            earlier_pings: self.mqtt.pings.earlier(),
            idle: self.idle,
            resent: self.tcp.paths.of(Side::Client).resent,
            marks: self.mqtt.marks,
            gaps: self.tcp.paths.has_gaps(),
        }
    }
}
