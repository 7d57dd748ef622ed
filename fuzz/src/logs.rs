//! What the fuzz target `logs` holds `evenkeel-evidence` to: no log makes it
//! panic, pieces say what the whole says, and the events keep to the rules of a
//! timeline.

use std::collections::BTreeMap;

use evenkeel_doctor::{Event, Source, SourceId, TextId, Texts, Time, What};
use evenkeel_evidence::Sink;
use evenkeel_evidence::logs::{Log, Options};
use evenkeel_evidence::reader::formats;

/// Numbers of connections are below this.
const CONNECTIONS: u32 = 32_768;

/// Notes what it is told, and whether it may be told so.
struct Judge {
    sources: u16,
    texts: Texts,
    events: Vec<Event>,
    /// By connection: the newest time, and whether it has ended.
    live: BTreeMap<u32, (Time, bool)>,
}

impl Sink for Judge {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        self.sources += 1;
        assert_eq!(self.sources, 1, "a log is one source");
        Some(SourceId(0))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts.keep(text)
    }

    fn event(&mut self, event: &Event) {
        assert_eq!((self.sources, event.source), (1, SourceId(0)));
        assert!(event.connection.0 < CONNECTIONS);
        self.events.push(*event);
        if matches!(event.what, What::Forgotten) {
            self.live.remove(&event.connection.0);
            return;
        }
        let (last, ended) = self.live.entry(event.connection.0).or_insert((event.at, false));
        assert!(event.at >= *last, "time goes back");
        assert!(!*ended || matches!(event.what, What::Words(_)), "more after the end");
        *last = event.at;
        *ended |= matches!(event.what, What::Closing { .. } | What::Ended | What::OpenFailed(_));
    }
}

/// Input: a byte that chooses the format, one that chooses the size of the
/// pieces, then lines.
pub(crate) fn logs(input: &[u8]) {
    let [choice, piece, lines @ ..] = input else { return };
    // Names of captures are no names of logs; past the last, it is looked for.
    let format = formats().skip(2).nth(usize::from(*choice)).map(|format| format.name.into());
    let options = Options { format, ..Options::default() };
    let whole = read(lines, &options, usize::MAX);
    assert_eq!(whole, read(lines, &options, usize::from(*piece).max(1)));
}

fn read(lines: &[u8], options: &Options, piece: usize) -> (Vec<Event>, String) {
    let texts = Texts::new(1 << 20);
    let mut judge = Judge { sources: 0, texts, events: Vec::new(), live: BTreeMap::new() };
    let mut log = Log::new("fuzz", options);
    for bytes in lines.chunks(piece) {
        if log.feed(bytes, &mut judge).is_err() {
            break;
        }
    }
    let ended = log.end(&mut judge);
    let ended = ended.map_or_else(|error| error.to_string(), |summary| summary.to_string());
    (judge.events, ended)
}
