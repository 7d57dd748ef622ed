//! Profiles from values: the same as from TOML, and what is refused.
#![cfg(feature = "std")]

use evenkeel_profile::{BUILT_IN, Profile, Written};

/// A profile with every limit there is.
const EVERY_LIMIT: &str = include_str!("every_limit.toml");

fn written(value: &toml::Value) -> Written<'_> {
    match value {
        toml::Value::Boolean(value) => Written::Bool(*value),
        toml::Value::Integer(value) => Written::Number(*value as f64),
        toml::Value::Float(value) => Written::Number(*value),
        toml::Value::String(value) => Written::Text(value),
        toml::Value::Array(values) => Written::List(values.iter().map(written).collect()),
        toml::Value::Table(parts) => {
            Written::Table(parts.iter().map(|(name, part)| (&**name, written(part))).collect())
        }
        toml::Value::Datetime(_) => panic!("no profile has a date"),
    }
}

fn read(text: &str) -> Result<Profile, String> {
    let value = toml::Value::Table(text.parse().unwrap());
    Profile::from_written(&written(&value)).map_err(|error| error.to_string())
}

#[test]
fn every_limit_is_read_as_from_toml() {
    assert_eq!(read(EVERY_LIMIT), Ok(Profile::from_toml(EVERY_LIMIT).unwrap()));
    for name in BUILT_IN {
        let profile = Profile::built_in(name).unwrap();
        assert_eq!(read(&profile.to_toml()), Ok(profile));
    }
}

#[test]
fn own_limits_lie_over_those_of_the_base() {
    for base in ["", "based_on = 'aws-iot-core'", "based_on = 'none'"] {
        let text =
            format!("name = 'x'\nrevised = '2026-11'\n{base}\npublish.maximum_qos.value = 0");
        assert_eq!(read(&text), Ok(Profile::from_toml(&text).unwrap()));
    }
}

#[test]
fn times_and_sizes_may_have_units() {
    for time in
        ["0", "250", "1.5", "'250ms'", "'1.25 s'", "'0.5 min'", "'2h'", "'1 day'", "'7 days'"]
    {
        let text = format!("name = 'x'\nconnection.maximum_connection_age.value = {time}");
        assert_eq!(read(&text), Ok(Profile::from_toml(&text).unwrap()), "{time}");
    }
    for size in ["1", "4294967295", "'512 B'", "'64KiB'", "'4095 MiB'"] {
        let text = format!("name = 'x'\npublish.maximum_payload_size.value = {size}");
        assert_eq!(read(&text), Ok(Profile::from_toml(&text).unwrap()), "{size}");
    }
}

#[test]
fn what_is_no_profile_is_refused_with_its_place() {
    let whole = "a whole number up to";
    let size = "a whole number below 2^32";
    let time = "a number of seconds, or a time in";
    for (text, place, words) in [
        ("", "profile, name", "it is missing"),
        ("nam = 'x'", "profile, nam", "it may be name, revised, based_on, connection"),
        ("name = 1", "profile, name", "a text is wanted"),
        ("name = 'x'\nbased_on = 'aws'", "profile, based_on", "it may be standard, aws-iot-core"),
        ("name = 'x'\npublish = 1", "profile, publish", "a table, such as"),
        ("name = 'x'\npublish.qos.value = 1", "profile, publish.qos", "maximum_qos, retain"),
        ("name = 'x'\npublish.maximum_qos = 1", "profile, publish.maximum_qos", "{ value: 20"),
        ("name = 'x'\npublish.maximum_qos = {}", "maximum_qos.value", "it is missing"),
        ("name = 'x'\npublish.maximum_qos = { value = 1, why = 1 }", "maximum_qos.why", "source"),
        ("name = 'x'\npublish.maximum_qos.value = 256", "maximum_qos.value", whole),
        ("name = 'x'\npublish.maximum_qos.value = 0.5", "maximum_qos.value", whole),
        ("name = 'x'\npublish.maximum_qos.value = -1", "maximum_qos.value", whole),
        ("name = 'x'\npublish.receive_maximum.value = 65536", "receive_maximum.value", whole),
        ("name = 'x'\npublish.retain_available.value = 1", "available.value", "true or false"),
        ("name = 'x'\npublish.maximum_payload_size.value = 4294967296", "size.value", size),
        ("name = 'x'\npublish.maximum_payload_size.value = '4096 MiB'", "size.value", size),
        ("name = 'x'\npublish.maximum_payload_size.value = '64 KB'", "size.value", size),
        ("name = 'x'\npublish.maximum_payload_size.value = nan", "size.value", size),
        ("name = 'x'\nconnection.min_ping_spacing.value = -1", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = inf", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = '1 moon'", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = '1. s'", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = '.5 s'", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = '-1 s'", "spacing.value", time),
        ("name = 'x'\nconnection.min_ping_spacing.value = ' s'", "spacing.value", time),
        ("name = 'x'\nconnection.ban.value = { first = 1 }", "ban.value.longest", "missing"),
        ("name = 'x'\nconnection.versions.value = '5'", "versions.value", "a list"),
        ("name = 'x'\nconnection.versions.value = ['6']", "versions.value", "3.1, 3.1.1, 5"),
        (
            "name = 'x'\npublish.maximum_qos = { value = 1, on_break = 'shouts' }",
            "maximum_qos.on_break",
            "refuses",
        ),
        (
            "name = 'x'\npublish.maximum_qos = { value = 1, on_break = { rejects = 256 } }",
            "maximum_qos.on_break.rejects",
            whole,
        ),
        ("name = 'x'\npublish.maximum_qos.value = 3", "profile", "maximum_qos is 3"),
    ] {
        let shown = read(text).unwrap_err();
        assert!(shown.contains(place) && shown.contains(words), "{text}: {shown}");
    }
    assert!(Profile::from_written(&Written::Bool(true)).is_err());
}
