//! The packets that went out and came in, for whoever wants to look at them.

use alloc::collections::VecDeque;

use bytes::Bytes;
use evenkeel_codec::{Packet, Properties, PropertyId, Text};

use crate::io::ConnectionId;
use crate::tuning;

/// One packet that went by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Traced {
    /// The connection it was sent or came on.
    pub conn: ConnectionId,
    /// To the server or from it.
    pub direction: Direction,
    /// What it said, without secrets: user name, password and
    /// authentication data are empty or left out. The topic of a PUBLISH of ours
    /// is there even if its alias stands for it on the wire.
    pub packet: Packet,
    /// Packets before this one that nobody took in time, and that are lost.
    pub lost: u64,
}

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// To the server: it was put into the outgoing buffer.
    Sent,
    /// From the server: it was taken off the read buffer.
    Received,
}

/// What is kept of them.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    packets: VecDeque<Traced>,
    lost: u64,
}

impl Trace {
    pub(crate) fn push(&mut self, conn: ConnectionId, direction: Direction, packet: Packet) {
        if self.packets.len() >= tuning::TRACE_KEPT {
            self.lost += 1;
            return;
        }
        let (packet, lost) = (without_secrets(packet), core::mem::take(&mut self.lost));
        self.packets.push_back(Traced { conn, direction, packet, lost });
    }

    pub(crate) fn pop(&mut self) -> Option<Traced> {
        self.packets.pop_front()
    }
}

fn without_secrets(mut packet: Packet) -> Packet {
    match &mut packet {
        Packet::Connect(connect) => {
            connect.username = connect.username.take().map(|_| Text::new());
            connect.password = connect.password.take().map(|_| Bytes::new());
            forget_secret(&mut connect.properties);
        }
        Packet::ConnAck(connack) => forget_secret(&mut connack.properties),
        Packet::Auth(auth) => forget_secret(&mut auth.properties),
        _ => {}
    }
    packet
}

fn forget_secret(properties: &mut Properties) {
    properties.remove(PropertyId::AUTHENTICATION_DATA);
}
