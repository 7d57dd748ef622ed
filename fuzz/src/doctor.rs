//! What the fuzz target `doctor` holds both crates to: no files, whatever they
//! are, make the reader or a doctor with all its rules panic, or keep more than its
//! bounds say; what it finds refers to what there is, and pieces say what the whole
//! says.

use evenkeel_doctor::{
    Bounds, Doctor, Event, Finding, Report, Source, SourceId, TextId, Time, What,
};
use evenkeel_evidence::Sink;
use evenkeel_evidence::reader::{Evidence, Options, formats};
use evenkeel_evidence::witness::Witnesses;
use evenkeel_profile::Profile;

/// So small that a short file comes to the bounds.
const BOUNDS: Bounds =
    Bounds { connections: 32_768, clients: 8, rounds: 64, text_bytes: 4096, findings: 8 };

/// Input: a byte that chooses the profile, the bounds and the thresholds, one for
/// the format, one for the size of pieces, then files, apart from each other by a line
/// that is `file`. What follows the first line that is `keys` is a key log.
pub(crate) fn doctor(input: &[u8]) {
    let [choice, format, piece, rest @ ..] = input else { return };
    let (files, keys) = split(rest, b"\nkeys\n");
    let mut options = Options::default();
    options.capture.key_log = keys.to_vec();
    // Most formats are told from the content.
    options.log.format = formats().skip(2).nth(usize::from(*format)).map(|it| it.name.into());
    let (whole, said) = judge(*choice, files, &options, usize::MAX);
    let (pieces, said_of_pieces) = judge(*choice, files, &options, usize::from(*piece).max(1));
    assert_eq!(said, said_of_pieces);
    for (one, other) in whole.findings.iter().zip(&pieces.findings) {
        assert_eq!(one, other, "{} and {}", one.sentence, other.sentence);
    }
    assert!(whole == pieces, "pieces make another report");
}

/// What is before a mark, and behind it.
fn split<'a>(bytes: &'a [u8], mark: &[u8]) -> (&'a [u8], &'a [u8]) {
    let at = bytes.windows(mark.len()).position(|it| it == mark);
    at.map_or((bytes, &[]), |at| (&bytes[..at], &bytes[at + mark.len()..]))
}

/// A doctor, and what several sources say of the same connections.
struct Both {
    doctor: Doctor,
    witnesses: Witnesses,
}

impl Sink for Both {
    fn source(&mut self, source: Source) -> Option<SourceId> {
        let id = self.doctor.source(source.clone())?;
        self.witnesses.source(id, &source);
        Some(id)
    }

    fn keep(&mut self, text: &str) -> TextId {
        self.doctor.texts().keep(text)
    }

    fn event(&mut self, event: &Event) {
        self.witnesses.note(event);
        self.doctor.take(event);
        if matches!(event.what, What::Ended) {
            self.doctor.tick(event.source, Time(event.at.0.saturating_add(60_000_000_000)));
        }
    }
}

fn judge(choice: u8, mut files: &[u8], options: &Options, piece: usize) -> (Report, String) {
    let profile = Profile::built_in(["standard", "aws-iot-core"][usize::from(choice & 1)]);
    let bounds = if choice & 2 == 0 { Bounds::default() } else { BOUNDS };
    let mut doctor = Doctor::new(profile.expect("a profile that is built in"), bounds);
    let all = evenkeel_doctor::rules().flat_map(|rule| rule.thresholds);
    match choice >> 2 & 3 {
        0 | 1 => {}
        2 => all.for_each(|it| doctor.set_threshold(it.name, 0).expect("a threshold")),
        _ => all.for_each(|it| doctor.set_threshold(it.name, u64::MAX).expect("a threshold")),
    }
    let mut both = Both { doctor, witnesses: Witnesses::new() };
    let mut said = String::new();
    for _ in 0..4 {
        let (file, rest) = split(files, b"\nfile\n");
        files = rest;
        said += &read(file, options, piece, &mut both);
        if files.is_empty() {
            break;
        }
    }
    let Both { mut doctor, witnesses } = both;
    doctor.finish();
    let compared = witnesses.compare();
    compared.identified.iter().for_each(|(host, id)| doctor.identify(*host, *id));
    said += &format!("{compared:?}");
    let report = doctor.report();
    check(&report, &bounds);
    (report, said)
}

fn read(file: &[u8], options: &Options, piece: usize, both: &mut Both) -> String {
    let mut evidence = Evidence::new("fuzz", options);
    for bytes in file.chunks(piece) {
        if evidence.feed(bytes, both).is_err() {
            break;
        }
    }
    // Found while it comes, as of a file that is followed.
    both.doctor.fresh().iter().for_each(|finding| sound(finding, usize::MAX));
    match evidence.end(both) {
        Ok(summary) => summary.to_string(),
        Err(error) => error.to_string(),
    }
}

/// A report is within the bounds, and refers to what it has.
fn check(report: &Report, bounds: &Bounds) {
    let sources = report.sources.len();
    assert!(report.findings.len() <= bounds.findings);
    assert!(report.clients.len() <= bounds.clients);
    report.findings.iter().for_each(|finding| sound(finding, sources));
    for client in &report.clients {
        assert!(usize::from(client.source.0) < sources);
        assert!(client.name.len() <= bounds.text_bytes);
    }
}

fn sound(finding: &Finding, sources: usize) {
    let is_source = |source: &SourceId| usize::from(source.0) < sources;
    assert!(finding.sources.iter().all(is_source) && !finding.sources.is_empty());
    assert!(finding.proof.len() <= 8 && finding.proof.iter().all(|it| is_source(&it.source)));
    assert!(finding.first <= finding.last && finding.times > 0, "{finding:?}");
    assert!(evenkeel_doctor::rule(finding.rule.id) == Some(finding.rule));
    assert!((1..2000).contains(&finding.sentence.len()), "{}", finding.sentence);
    finding.consequences.iter().for_each(|it| sound(it, sources));
}
