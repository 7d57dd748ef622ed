//! Messages of QoS 0 on their way: delivered when the transport has taken them.

use alloc::collections::VecDeque;

use evenkeel_proto::{Client, ConnectionId, Token};

/// Who waits for which byte of a connection.
#[derive(Clone, Copy, Debug)]
struct OnItsWay {
    conn: ConnectionId,
    /// Bytes of that connection up to the end of the packet.
    offset: u64,
    token: Token,
}

/// They come in the order in which they were written.
#[derive(Debug, Default)]
pub(crate) struct OnTheirWay(VecDeque<OnItsWay>);

/// Room that is kept when nothing is on its way.
const KEPT: usize = 64;

impl OnTheirWay {
    pub(crate) fn add(&mut self, conn: ConnectionId, offset: u64, token: Token) {
        self.0.push_back(OnItsWay { conn, offset, token });
    }

    /// The next that has its outcome: whether it was written.
    pub(crate) fn next(&mut self, core: &Client) -> Option<(Token, bool)> {
        let OnItsWay { conn, offset, token } = *self.0.front()?;
        let written = core.written(conn).is_some_and(|written| written >= offset);
        if !written && core.is_current(conn) {
            return None;
        }
        self.0.pop_front();
        if self.0.is_empty() {
            self.0.shrink_to(KEPT);
        }
        Some((token, written))
    }
}
