//! The incident book (docs/incidents) names laws and tests that exist.

use std::fs;
use std::path::{Path, PathBuf};

const PARTS: [&str; 4] = ["## On the wire", "## In the design", "## Here", "## Proof"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// File name and text of each incident, in order.
fn incidents() -> Vec<(String, String)> {
    let folder = fs::read_dir(root().join("docs/incidents")).unwrap();
    let mut incidents: Vec<_> = folder
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().to_owned(), read(&path)))
        .filter(|(name, _)| name != "README.md")
        .collect();
    incidents.sort();
    incidents
}

/// The laws that the page names: words such as `K1` and `R2`.
fn laws(text: &str) -> Vec<&str> {
    let is_law = |word: &&str| {
        let digits = word.strip_prefix(['K', 'R', 'D', 'S']);
        digits.is_some_and(|digits| !digits.is_empty() && digits.parse::<u8>().is_ok())
    };
    text.split(|c: char| !c.is_alphanumeric()).filter(is_law).collect()
}

/// Path and name of each test under "Proof".
fn proofs(text: &str) -> Vec<(&str, &str)> {
    let (_, proof) = text.split_once("## Proof").unwrap();
    let lines = proof.lines().filter_map(|line| line.strip_prefix("- [`"));
    lines
        .map(|line| {
            let (name, rest) = line.split_once("`](").unwrap();
            let rest = rest.trim_end_matches(',');
            (rest.strip_suffix(')').unwrap(), name)
        })
        .collect()
}

#[test]
fn every_incident_has_its_four_parts() {
    let incidents = incidents();
    assert!(incidents.len() >= 13, "{} incidents", incidents.len());
    for (name, text) in incidents {
        assert!(text.starts_with("# "), "{name} has no title");
        let places: Vec<_> = PARTS.iter().map(|part| text.find(part)).collect();
        assert!(places.iter().all(Option::is_some), "{name} lacks one of {PARTS:?}");
        assert!(places.is_sorted(), "{name} has its parts in another order");
    }
}

#[test]
fn every_law_that_is_named_exists() {
    let architecture = read(&root().join("ARCHITECTURE.md"));
    for (name, text) in incidents() {
        let (_, here) = text.split_once("## Here").unwrap();
        let laws = laws(here);
        assert!(!laws.is_empty(), "{name} names no law");
        for law in laws {
            assert!(architecture.contains(&format!("| {law} |")), "{name}: there is no law {law}");
        }
    }
}

#[test]
fn every_test_that_is_named_exists() {
    for (name, text) in incidents() {
        let proofs = proofs(&text);
        assert!(!proofs.is_empty(), "{name} has no proof");
        for (path, test) in proofs {
            let source = read(&root().join("docs/incidents").join(path));
            let function = test.rsplit("::").next().unwrap();
            let is_test = source.contains(&format!("fn {function}()"));
            assert!(is_test, "{name}: there is no test {test} in {path}");
        }
    }
}

#[test]
fn the_list_of_contents_is_complete() {
    let contents = read(&root().join("docs/incidents/README.md"));
    for (name, text) in incidents() {
        let title = text.lines().next().unwrap().trim_start_matches("# ");
        let row = contents.lines().find(|line| line.contains(&format!("({name})")));
        let row = row.unwrap_or_else(|| panic!("README.md does not list {name}"));
        assert!(row.contains(title), "README.md calls {name} by another title");
        let (_, here) = text.split_once("## Here").unwrap();
        let (named, _) = here.split_once(". ").unwrap();
        assert_eq!(laws(row), laws(named), "README.md lists other laws for {name}");
    }
}
