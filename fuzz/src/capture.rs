//! What the fuzz target `capture` holds `evenkeel-evidence` to: no capture makes
//! it panic, or hold more than it says, and pieces say what the whole says.

use evenkeel_doctor::{Event, Source, SourceId, TextId, Texts};
use evenkeel_evidence::Sink;
use evenkeel_evidence::capture::{Capture, Options, Summary};

/// The most that a capture may hold.
const HELD: usize = 34 << 20;

/// Counts what it is told; a digest of a payload differs in each run.
struct Count {
    sources: u16,
    events: u64,
    texts: Texts,
}

impl Sink for Count {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        self.sources += 1;
        assert!(self.sources <= 2, "a capture has two sources at most");
        Some(SourceId(self.sources - 1))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.texts.keep(text)
    }

    fn event(&mut self, event: &Event) {
        assert!(event.source.0 < self.sources, "an event of a source that was never named");
        self.events += 1;
    }
}

/// Input: a byte that chooses the size of the pieces, then a file. A part of it
/// may be a key log: what follows the first line that is `keys`.
pub(crate) fn capture(input: &[u8]) {
    let [choice, file @ ..] = input else { return };
    let mark = b"\nkeys\n";
    let at = file.windows(mark.len()).position(|it| it == mark);
    let (file, keys) = match at {
        Some(at) => (&file[..at], &file[at + mark.len()..]),
        None => (file, &[][..]),
    };
    let options = Options { key_log: keys.to_vec(), ..Options::default() };
    let whole = read(file, &options, usize::MAX);
    assert_eq!(whole, read(file, &options, usize::from(*choice).max(1)));
}

fn read(file: &[u8], options: &Options, piece: usize) -> (Summary, u64, String) {
    let mut count = Count { sources: 0, events: 0, texts: Texts::new(1 << 20) };
    let mut capture = Capture::new("fuzz", options);
    for bytes in file.chunks(piece) {
        let fed = capture.feed(bytes, &mut count);
        assert!(capture.held() <= HELD);
        if fed.is_err() {
            break;
        }
    }
    let ended = capture.end(&mut count);
    let ended = ended.err().map(|error| error.to_string());
    (capture.summary(), count.events, ended.unwrap_or_default())
}
