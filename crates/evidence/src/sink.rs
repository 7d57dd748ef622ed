//! Where evidence goes.

use evenkeel_doctor::{Doctor, Event, Source, SourceId, TextId};

/// Takes sources, texts and events. A [`Doctor`] is one.
pub trait Sink {
    /// A source whose events will come; `None` if there are too many.
    fn source(&mut self, source: Source) -> Option<SourceId>;

    /// Keeps a text, for events to refer to.
    fn keep(&mut self, text: &str) -> TextId;

    /// Takes an event.
    fn event(&mut self, event: &Event);
}

impl Sink for Doctor {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        Self::source(self, source)
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts().keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.take(event);
    }
}
