//! The fuzz target `doctor` over recorded evidence and the committed corpus, without a
//! fuzzer.

use std::path::{Path, PathBuf};

#[path = "../../../fuzz/src/doctor.rs"]
mod target;

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

#[test]
fn recorded_evidence_whole_and_in_pieces() {
    let all = [files("tests/captures"), files("tests/logs")].concat();
    let read = |path: &PathBuf| std::fs::read(path).unwrap();
    for path in &all {
        let file = read(path);
        let keys = std::fs::read(path.with_extension("keys")).unwrap_or_default();
        for (choice, piece) in [(0, 255), (3, 61)] {
            let head = [choice, u8::MAX, piece];
            target::doctor(&[&head, &file[..], b"\nkeys\n", &keys].concat());
            target::doctor(&[&head, &file[..file.len() / 2], b"\nfile\n", &file].concat());
        }
    }
}

#[test]
fn files_of_the_corpus() {
    let all = files("../../fuzz/corpus/doctor");
    assert!(all.len() >= 5, "{} files", all.len());
    all.iter().for_each(|path| target::doctor(&std::fs::read(path).unwrap()));
}
