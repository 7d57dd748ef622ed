//! Which sets of features are built.

use xtask::features::sets;
use xtask::tidy::layers::Package;

fn package(features: &str) -> Package {
    let text = format!(r#"{{"name": "a", "dependencies": [], "features": {features}}}"#);
    serde_json::from_str(&text).unwrap()
}

fn flags(features: &str) -> Vec<String> {
    sets(&package(features)).iter().map(|flags| flags.join(" ")).collect()
}

#[test]
fn a_package_without_features_is_built_once() {
    assert_eq!(flags("{}"), ["--no-default-features"]);
}

#[test]
fn each_feature_is_built_alone_and_all_together() {
    assert_eq!(
        flags(r#"{"default": ["tls"], "json": [], "tls": ["json"]}"#),
        [
            "--no-default-features",
            "",
            "--no-default-features --features json",
            "--no-default-features --features tls",
            "--all-features",
        ]
    );
}

#[test]
fn the_features_of_this_repository_are_known() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let packages = xtask::tidy::layers::packages(root).unwrap();
    let client = packages.iter().find(|package| package.name == "evenkeel").unwrap();
    let sets = sets(client);
    for feature in ["json", "tls", "websocket"] {
        assert!(sets.iter().any(|flags| flags.ends_with(&[feature.to_owned()])), "{feature}");
    }
}
