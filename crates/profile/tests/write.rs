//! Profiles to TOML and back.
#![cfg(feature = "std")]

use evenkeel_profile::{BUILT_IN, Confidence, Limit, OnBreak, Profile};

/// A profile with every limit there is.
const EVERY_LIMIT: &str = include_str!("every_limit.toml");

#[track_caller]
fn comes_back(profile: &Profile) {
    let toml = profile.to_toml();
    let read = Profile::from_toml(&toml).unwrap_or_else(|error| panic!("{error:#}\n{toml}"));
    assert_eq!(read, *profile, "{toml}");
}

#[test]
fn every_built_in_profile_comes_back() {
    for name in BUILT_IN {
        comes_back(&Profile::built_in(name).unwrap());
    }
}

#[test]
fn every_limit_is_read_and_comes_back() {
    let profile = Profile::from_toml(EVERY_LIMIT).unwrap();
    let read: Vec<_> = profile.limits().iter().map(|limit| limit.name).collect();
    assert_eq!(read, Profile::limit_names().collect::<Vec<_>>());
    comes_back(&profile);
}

#[test]
fn texts_with_quotes_and_control_characters_come_back() {
    let mut profile = Profile::empty();
    profile.name = "a \"name\" \\ with\ta tab and\na line".into();
    profile.publish.maximum_qos = Some(Limit {
        value: 1,
        source: "\u{1}\u{7f}\u{9f} \"\\\" ü".into(),
        confidence: Confidence::Disputed,
        on_break: OnBreak::DisconnectsWith(0x9B),
        on_break_v3: Some(OnBreak::Ignores),
    });
    comes_back(&profile);
    assert!(profile.to_toml().contains(
        "confidence = \"disputed\", on_break = { disconnects-with = 0x9B }, on_break_v3 = \"ignores\""
    ));
}
