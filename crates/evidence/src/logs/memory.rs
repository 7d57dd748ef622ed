//! What a parser remembers from one line for the next ones.

use evenkeel_doctor::{Address, SubscribeSeen, Time, Words};

use super::threads::Moment;

/// One memory serves all formats; each uses what it needs of it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The client that the newest lines were about.
    pub(crate) client: String,
    /// The address that the newest line named.
    pub(crate) peer: String,
    /// The server that the newest attempt went to, and when it began.
    pub(crate) attempt: Option<(Moment, Address)>,
    /// Keep-alive, in seconds, as a line before CONNECT says it.
    pub(crate) keep_alive: Option<u16>,
    /// A packet that goes on in the next lines.
    pub(crate) block: Option<Block>,
    /// SUBSCRIBE or UNSUBSCRIBE whose filters follow in lines of their own.
    pub(crate) filters: Option<(Moment, SubscribeSeen, bool)>,
    /// Words whose connection a later line names.
    pub(crate) held: Vec<(Moment, Words)>,
    /// CONNACK that was not said, but follows from what was.
    pub(crate) connack: Option<Moment>,
    /// A packet came, and no line has said which.
    pub(crate) received: Option<Moment>,
    /// Since when the client does not read.
    pub(crate) paused: Option<Time>,
    /// A ping waits for its answer.
    pub(crate) pinged: bool,
    /// Several clients are connected at a time, and lines do not say which.
    pub(crate) mixed: bool,
}

/// A packet over several lines.
#[derive(Debug)]
pub(crate) struct Block {
    pub(crate) moment: Moment,
    pub(crate) text: String,
    /// Sent by the client, not received.
    pub(crate) sent: bool,
}

/// Words that wait for their connection to be named, at most.
const HELD: usize = 8;

impl Memory {
    /// The log begins anew: what waited for a later line waits in vain.
    pub(crate) fn drop_pending(&mut self) {
        let Self { client, keep_alive, .. } = core::mem::take(self);
        (self.client, self.keep_alive) = (client, keep_alive);
    }

    pub(crate) fn hold(&mut self, moment: Moment, words: Words) {
        if self.held.len() < HELD {
            self.held.push((moment, words));
        }
    }
}
