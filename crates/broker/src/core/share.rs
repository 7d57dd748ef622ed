//! Shared subscriptions: whose turn it is.

use super::ids::SessionId;
use super::subscription::Match;

/// The sessions that share one subscription, served in turn.
#[derive(Debug)]
pub(crate) struct Group {
    name: Box<str>,
    members: Vec<Match>,
    next: usize,
}

impl Group {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.into(), members: Vec::new(), next: 0 }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a member or replaces its options; false if it was one before.
    pub(crate) fn join(&mut self, entry: Match) -> bool {
        let member = self.members.iter_mut().find(|member| member.session == entry.session);
        match member {
            Some(member) => {
                *member = entry;
                false
            }
            None => {
                self.members.push(entry);
                true
            }
        }
    }

    /// Removes a member; false if it was none.
    pub(crate) fn leave(&mut self, session: SessionId) -> bool {
        let before = self.members.len();
        self.members.retain(|member| member.session != session);
        self.members.len() < before
    }

    /// The member whose turn it is: the next one with a connection, else the
    /// next one at all, whose session keeps the message.
    pub(crate) fn choose(&mut self, is_online: &dyn Fn(SessionId) -> bool) -> Option<Match> {
        let len = self.members.len();
        let order = (0..len).map(|step| (self.next + step) % len);
        let online = order
            .clone()
            .find(|at| self.members.get(*at).is_some_and(|member| is_online(member.session)));
        let at = online.or_else(|| order.clone().next())?;
        self.next = (at + 1) % len;
        self.members.get(at).copied()
    }
}
