//! How fast logs are read: a log given by name is read again and again for two
//! seconds, alone and with the doctor's rules.
//!
//! ```sh
//! cargo run --release -p evenkeel-evidence --example log_speed -- FILE...
//! ```

use std::time::Duration;

use evenkeel_doctor::{Bounds, Doctor, Event, Source, SourceId, TextId, Texts};
use evenkeel_evidence::Sink;
use evenkeel_evidence::logs::{Log, Options};
use evenkeel_profile::Profile;

mod processor;

/// Keeps texts and drops events.
struct Drop(Texts);

impl Sink for Drop {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        Some(SourceId(0))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.0.keep(text)
    }

    fn event(&mut self, _: &Event) {}
}

fn speed(bytes: &[u8], sink: impl Fn() -> Box<dyn Sink>) -> f64 {
    let (begin, mut lines) = (processor::time(), 0);
    while processor::time() - begin < Duration::from_secs(2) {
        let mut sink = sink();
        let mut log = Log::new("speed", &Options::default());
        let read = log.feed(bytes, &mut *sink).and_then(|()| log.end(&mut *sink));
        match read {
            Ok(summary) => lines += summary.lines,
            Err(error) => panic!("{error}"),
        }
    }
    lines as f64 / (processor::time() - begin).as_secs_f64()
}

fn main() {
    for file in std::env::args().skip(1) {
        let mut bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{file}: {error}"));
        // A short log is read again within: its setting up is not what is measured.
        bytes = bytes.repeat((1_usize << 24).div_ceil(bytes.len().max(1)));
        let alone = speed(&bytes, || Box::new(Drop(Texts::new(1 << 20))));
        let judged = speed(&bytes, || Box::new(Doctor::new(Profile::empty(), Bounds::default())));
        println!("{file}: {alone:.0} lines/s, {judged:.0} lines/s with all rules");
    }
}
