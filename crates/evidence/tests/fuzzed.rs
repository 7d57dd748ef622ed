//! The fuzz target `capture` over the recorded captures, without a fuzzer.

use std::path::Path;

#[path = "../../../fuzz/src/capture.rs"]
mod target;

#[test]
fn recorded_captures_whole_and_in_pieces() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/captures");
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "pcap") {
            continue;
        }
        let file = std::fs::read(&path).unwrap();
        let keys = std::fs::read(path.with_extension("keys")).unwrap_or_default();
        for piece in [1_u8, 17, 255] {
            target::capture(&[&[piece], &file[..]].concat());
            target::capture(&[&[piece], &file[..], b"\nkeys\n", &keys].concat());
            // A capture that was cut off.
            target::capture(&[&[piece], &file[..file.len() / 2]].concat());
        }
    }
}
