//! Hides the client identifiers of a capture.

use evenkeel_doctor::{Event, PacketSeen, Source, SourceId, TextId, What};

use crate::{Sink, redact};

/// A sink that puts another name in place of each client identifier.
pub(super) struct Hidden<'a> {
    sink: &'a mut dyn Sink,
    /// What was kept since the newest event: the identifier is among it.
    kept: Vec<(TextId, String)>,
}

/// Texts that one event refers to, at most.
const KEPT: usize = 16;

impl<'a> Hidden<'a> {
    pub(super) fn new(sink: &'a mut dyn Sink) -> Self {
        Self { sink, kept: Vec::new() }
    }

    fn hide(&mut self, id: TextId) -> TextId {
        if id.is_none() {
            return id;
        }
        let name = self.kept.iter().find(|(kept, _)| *kept == id).map(|(_, text)| redact::id(text));
        // Without its text there is no name for it: none is better than the true one.
        name.map_or(TextId::NONE, |name| self.sink.keep(&name))
    }
}

impl Sink for Hidden<'_> {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        self.sink.source(source)
    }

    fn keep(&mut self, text: &str) -> TextId {
        let id = self.sink.keep(text);
        if self.kept.len() < KEPT {
            self.kept.push((id, text.into()));
        }
        id
    }

    fn event(&mut self, event: &Event) {
        let mut event = *event;
        match &mut event.what {
            What::Packet { packet: PacketSeen::Connect(connect), .. } => {
                connect.client_id = self.hide(connect.client_id);
            }
            What::Packet { packet: PacketSeen::ConnAck(connack), .. } => {
                connack.assigned_id = self.hide(connack.assigned_id);
            }
            What::Identified(id) => *id = self.hide(*id),
            _ => {}
        }
        self.kept.clear();
        self.sink.event(&event);
    }
}
