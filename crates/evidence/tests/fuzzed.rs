//! The fuzz targets of packets over the recorded captures and the committed corpus,
//! without a fuzzer.

use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/capture.rs"]
mod capture;
#[path = "../../../fuzz/src/judge.rs"]
mod judge;
#[path = "../../../fuzz/src/tap.rs"]
mod tap;
#[path = "../../../fuzz/src/tls.rs"]
mod tls;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn recorded_captures_whole_and_in_pieces() {
    for path in files("tests/captures") {
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        let keys = std::fs::read(path.with_extension("keys")).unwrap_or_default();
        for piece in [1_u8, 17, 255] {
            capture::capture(&[&[piece], &file[..]].concat());
            capture::capture(&[&[piece], &file[..], b"\nkeys\n", &keys].concat());
            // A capture that was cut off.
            capture::capture(&[&[piece], &file[..file.len() / 2]].concat());
        }
    }
}

/// Every file of a corpus: as it is, cut, and with a byte changed here and there.
fn over_corpus(target: &str, run: fn(&[u8])) {
    let all = files(&format!("../../fuzz/corpus/{target}"));
    assert!(all.len() >= 5, "{} files of {target}", all.len());
    for path in all {
        let input = std::fs::read(&path).unwrap();
        run(&input);
        for at in (0..input.len()).step_by(input.len() / 16 + 1) {
            run(&input[..at]);
            let mut changed = input.clone();
            changed[at] ^= 1 << (at % 8);
            run(&changed);
        }
    }
}

#[test]
fn captures_of_the_corpus() {
    over_corpus("capture", capture::capture);
}

#[test]
fn connections_of_tls_of_the_corpus() {
    over_corpus("tls", tls::tls);
}

#[test]
fn taps_of_the_corpus() {
    over_corpus("tap", tap::tap);
}
