//! K7 and R1: one connection at a time, and none acts after its end.

use evenkeel_proto::{ConnectionId, Event};

use super::{Oracle, Verdict};
use crate::observation::{Facts, Observation};
use crate::view::View;

#[derive(Debug, Default)]
pub(super) struct Connections {
    last: ConnectionId,
    /// Closed, and the end not told yet.
    closing: Option<ConnectionId>,
    /// Closed with words to say, which may still be written.
    leaving: Option<ConnectionId>,
}

impl Oracle for Connections {
    fn see(&mut self, _: &Facts, view: &View, seen: &Observation<'_>, verdict: &mut Verdict) {
        let current = view.conn.as_ref().map(|conn| conn.id);
        match seen {
            Observation::Opening(open) => {
                verdict.require("R1", current.is_none(), || {
                    format!("{:?} is opened beside {current:?}", open.conn)
                });
                verdict.require("K7", open.conn > self.last, || {
                    format!("{:?} is no new name after {:?}", open.conn, self.last)
                });
                self.last = open.conn;
            }
            Observation::Closing(conn, last_write) => {
                verdict.require("K7", current == Some(*conn), || {
                    format!("{conn:?} is closed, the present one is {current:?}")
                });
                self.closing = Some(*conn);
                if *last_write {
                    self.leaving = Some(*conn);
                }
            }
            Observation::Event(Event::Disconnected { conn, .. }) => {
                verdict.require("R1", self.closing.take() == Some(*conn), || {
                    format!("{conn:?} is told to be over and was not closed")
                });
            }
            Observation::Event(Event::Connected(connected)) => {
                verdict.require("K7", current == Some(connected.conn), || {
                    format!("{:?} is told to be accepted, not {current:?}", connected.conn)
                });
            }
            Observation::Wrote(conn, packet, _) | Observation::LastPacket(conn, packet) => {
                let may = match seen {
                    Observation::LastPacket(..) => self.leaving == Some(*conn),
                    _ => current == Some(*conn),
                };
                verdict.require("K7", may, || {
                    format!("{:?} on {conn:?}, which is over", packet.packet_type())
                });
            }
            Observation::Stale(stale) => {
                verdict.require("K7", stale.counted == stale.given && stale.state_is_same, || {
                    format!("inputs of an old connection are not ignored: {stale:?}")
                });
            }
            _ => {}
        }
    }
}
