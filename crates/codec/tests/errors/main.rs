//! Meets every error once: its exact value, the rule it names, the reason
//! code to answer with and its text.

mod decode;
mod encode;
mod property;
mod text;

#[path = "../golden/wire.rs"]
mod wire;

/// Variants of an error enum in its source, so that none goes untested.
fn variants(source: &str) -> Vec<&str> {
    source
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_uppercase()))
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, rest)| rest.starts_with("=>") || rest.starts_with('{'))
        .map(|(name, _)| name)
        .collect()
}

/// Asserts that the errors met are all those the source declares.
fn assert_all_met(source: &str, met: impl Iterator<Item = String>) {
    let met: Vec<String> = met.collect();
    let declared = variants(source);
    assert!(declared.len() > 10, "{declared:?}");
    for variant in declared {
        let is_variant = |debug: &String| debug.split(' ').next() == Some(variant);
        assert!(met.iter().any(is_variant), "{variant} is not tested");
    }
}
