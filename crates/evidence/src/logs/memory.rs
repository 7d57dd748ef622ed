//! What a parser remembers from one line for the next ones.

use std::collections::HashMap;

use evenkeel_doctor::{Address, SubscribeSeen, Time, Words};

use super::threads::Moment;
use super::unnamed::Unnamed;

/// One memory serves all formats; each uses what it needs of it.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    /// The client that the newest lines were about.
    pub(crate) client: String,
    /// The bridge that sent the newest CONNECT of the broker itself.
    pub(crate) bridge: String,
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
    /// Since when which clients do not read.
    paused: HashMap<String, Time>,
    /// Attempts of clients without an identifier.
    pub(crate) unnamed: Unnamed,
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

/// Clients that do not read, at most.
const PAUSED: usize = 1024;

/// Words that wait for their connection to be named, at most.
const HELD: usize = 8;

impl Memory {
    /// The log begins anew: what waited for a later line waits in vain.
    pub(crate) fn drop_pending(&mut self) {
        let Self { client, keep_alive, .. } = core::mem::take(self);
        (self.client, self.keep_alive) = (client, keep_alive);
    }

    /// This client reads no further.
    pub(crate) fn pause(&mut self, client: &str, at: Time) {
        if self.paused.len() < PAUSED || self.paused.contains_key(client) {
            self.paused.insert(client.into(), at);
        }
    }

    /// This client reads again; since when it did not, if that is known.
    pub(crate) fn resume(&mut self, client: &str) -> Option<Time> {
        self.paused.remove(client)
    }

    pub(crate) fn hold(&mut self, moment: Moment, words: Words) {
        if self.held.len() < HELD {
            self.held.push((moment, words));
        }
    }
}
