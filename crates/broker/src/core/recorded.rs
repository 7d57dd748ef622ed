//! The latest events, within bounds.

use std::collections::VecDeque;

use super::event::{Event, EventKind};

/// The latest events, bounded in number and in bytes.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    events: VecDeque<Event>,
    bytes: usize,
    count_max: usize,
    bytes_max: usize,
}

impl Recorded {
    /// Sets the bounds; nothing gives way before the next event.
    pub(crate) const fn bound(&mut self, count: usize, bytes: usize) {
        self.count_max = count;
        self.bytes_max = bytes;
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Event> {
        self.events.iter()
    }

    /// Adds an event; the oldest give way to it. It is kept itself in any case.
    pub(crate) fn push(&mut self, event: Event) {
        let bytes = weight(&event);
        while !self.events.is_empty()
            && (self.events.len() >= self.count_max || self.bytes + bytes > self.bytes_max)
        {
            self.pop();
        }
        self.bytes += bytes;
        self.events.push_back(event);
    }

    /// Takes the oldest.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        self.bytes -= weight(&event);
        Some(event)
    }
}

/// What an event takes in memory, in bytes.
fn weight(event: &Event) -> usize {
    let text = match &event.kind {
        EventKind::Listening { url: text }
        | EventKind::Subscribed { filter: text, .. }
        | EventKind::Unsubscribed { filter: text }
        | EventKind::PublishReceived { topic: text, .. }
        | EventKind::PublishSent { topic: text, .. }
        | EventKind::MessageDropped { topic: text, .. }
        | EventKind::WillPublished { topic: text }
        | EventKind::ProtocolError { detail: text, .. }
        | EventKind::Service { text, .. }
        | EventKind::StateNotSaved { text }
        | EventKind::StepFailed { text } => text.len(),
        EventKind::Denied { topic, why, .. } => topic.len() + why.len(),
        EventKind::Opened { peer, .. } => peer.len(),
        EventKind::AckHeld { subscriber } => subscriber.len(),
        EventKind::Quota { value, seen, .. } => value.len() + seen.len(),
        EventKind::Tls { alpn, server_name, version, client_certificate } => {
            let texts = [alpn, server_name, client_certificate];
            version.len() + texts.into_iter().flatten().map(String::len).sum::<usize>()
        }
        _ => 0,
    };
    let client = event.client_id.as_ref().map_or(0, |client| client.len());
    size_of::<Event>() + text + client
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::Instant;

    fn event(text: &str) -> Event {
        let kind = EventKind::WillPublished { topic: text.into() };
        Event::new(Instant::START, kind)
    }

    #[test]
    fn the_oldest_give_way_by_number_and_by_bytes() {
        let mut recorded = Recorded::default();
        recorded.bound(3, usize::MAX);
        for text in ["a", "b", "c", "d"] {
            recorded.push(event(text));
        }
        assert_eq!((recorded.len(), recorded.iter().next()), (3, Some(&event("b"))));
        recorded.bound(100, 2 * weight(&event("12345678")));
        recorded.push(event("12345678"));
        recorded.push(event("12345678"));
        assert_eq!(recorded.len(), 2);
        recorded.push(event("123456789"));
        assert_eq!(recorded.len(), 1, "with it one of the others would be too much");
        recorded.push(event(&"x".repeat(1000)));
        assert_eq!(recorded.len(), 1, "the latest is kept in any case");
        assert!(recorded.pop().is_some() && recorded.pop().is_none());
        assert_eq!(recorded.bytes, 0);
    }
}
