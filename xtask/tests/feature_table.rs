//! The README's table and the manifest name the same features.

use xtask::tidy::feature_table::check;
use xtask::tidy::layers::Package;

const PAGE: &str = "text\n\n| feature | what |\n|---|---|\n| `tls` | with `ring` |\n| `json` | x |\n\n| a |\n|---|\n| `b` |\n";

fn faults(features: &str) -> Vec<String> {
    let text = format!(r#"{{"name": "a", "dependencies": [], "features": {features}}}"#);
    let package: Package = serde_json::from_str(&text).unwrap();
    check(PAGE, &package).iter().map(ToString::to_string).collect()
}

#[test]
fn a_table_with_all_features_is_good() {
    assert_eq!(faults(r#"{"default": ["tls"], "tls": [], "json": []}"#), [""; 0]);
}

#[test]
fn a_missing_and_an_unknown_feature_are_found() {
    let found = faults(r#"{"tls": [], "fast": []}"#);
    assert_eq!(
        found,
        ["README.md: feature fast is not in the table", "README.md: there is no feature json"]
    );
}
