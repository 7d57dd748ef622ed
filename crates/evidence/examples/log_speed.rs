//! How fast logs are read, alone and with the doctor's rules: those that are named,
//! or a sample of every format. Each is made long: time goes on in it, and a
//! broker's is of one client, then of 200.
//!
//! ```sh
//! cargo run --release -p evenkeel-evidence --example log_speed -- [FILE...]
//! ```

use std::time::Duration;

use evenkeel_doctor::{Bounds, Doctor, Event, Source, SourceId, TextId, Texts, Vantage};
use evenkeel_evidence::Sink;
use evenkeel_evidence::logs::{Log, Options};
use evenkeel_profile::Profile;

mod fleet;
mod processor;
#[path = "../tests/samples/mod.rs"]
mod samples;

const CLIENTS: usize = 200;
/// The length of a log, in bytes. A debug build only shows that the example
/// still works.
const LENGTH: usize = if cfg!(debug_assertions) { 1 << 16 } else { 16 << 20 };
/// For how long each is measured, and how often at least.
const LONG: Duration = Duration::from_millis(if cfg!(debug_assertions) { 0 } else { 1000 });
const TIMES: u32 = if cfg!(debug_assertions) { 1 } else { 4 };
/// The size of the pieces, as a program reads them from a file.
const PIECE: usize = 256 << 10;

/// Keeps texts and drops events.
struct Nobody(Texts);

impl Sink for Nobody {
    fn source(&mut self, _: Source) -> Option<SourceId> {
        Some(SourceId(0))
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.0.keep(text)
    }

    fn event(&mut self, event: &Event) {
        std::hint::black_box(event);
    }
}

/// The most lines in a second, of several times: other programs run beside.
fn speed(run: impl Fn(Log) -> u64) -> f64 {
    let begun = processor::time();
    let (mut times, mut best) = (0, 0.0);
    while times < TIMES || processor::time() - begun < LONG {
        let begun = processor::time();
        let lines = run(Log::new("speed", &Options::default()));
        best = f64::max(best, lines as f64 / (processor::time() - begun).as_secs_f64());
        times += 1;
    }
    best
}

fn read(mut log: Log, bytes: &str, sink: &mut dyn Sink) -> u64 {
    for piece in bytes.as_bytes().chunks(PIECE) {
        log.feed(piece, sink).expect("a log");
    }
    log.end(sink).expect("a log").lines
}

fn measure(name: &str, log: &str) {
    let alone = speed(|reader| read(reader, log, &mut Nobody(Texts::new(1 << 20))));
    let judged = speed(|reader| {
        let mut doctor = Doctor::new(Profile::empty(), Bounds::default());
        let lines = read(reader, log, &mut doctor);
        doctor.finish();
        lines
    });
    let million = |rate: f64| rate / 1e6;
    println!(
        "{name}: {:.2} million lines/s, {:.2} million lines/s with all rules",
        million(alone),
        million(judged),
    );
}

fn both(name: &str, short: &str) {
    let names = fleet::Names::of(short);
    measure(name, &fleet::long(short, &names, 1, LENGTH));
    if names.vantage == Vantage::BrokerLog {
        let log = fleet::long(short, &names, CLIENTS, LENGTH);
        measure(&format!("{name}, {CLIENTS} clients"), &log);
    }
}

fn main() {
    if std::env::args().len() == 1 {
        samples::SAMPLES.iter().for_each(|(format, sample)| both(format, sample));
    }
    for file in std::env::args().skip(1) {
        match std::fs::read_to_string(&file) {
            Ok(log) => both(&file, &log),
            Err(error) => panic!("{file}: {error}"),
        }
    }
}
