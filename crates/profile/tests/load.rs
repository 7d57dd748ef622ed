//! Profiles from TOML: what is read, what is refused and with which words.
#![cfg(feature = "std")]

use core::time::Duration;

use evenkeel_profile::{
    Confidence, ConnectFloor, Inconsistency, KeepAliveRange, LoadError, OnBreak, Profile, Rate,
    aws_iot_core, standard,
};

fn error(text: &str) -> String {
    format!("{:#}", Profile::from_toml(text).expect_err("the profile is refused"))
}

#[test]
fn a_name_alone_is_the_standard_profile() {
    let mut profile = Profile::from_toml("name = \"mine\"").unwrap();
    assert_eq!(profile.name, "mine");
    profile.name = standard().name;
    profile.revised = standard().revised;
    assert_eq!(profile, standard());
}

#[test]
fn own_limits_lie_over_those_of_the_base() {
    let profile = Profile::from_toml(
        r#"
        name = "plant"
        revised = "2026-10"
        based_on = "aws-iot-core"
        [publish]
        receive_maximum = { value = 20, source = "plant rules", confidence = "documented", on_break = { rejects = 0x93 }, on_break_v3 = "throttles" }
        publish_rate.value = { amount = 30, period = 60 }
        "#,
    )
    .unwrap();
    let aws = aws_iot_core();
    assert_eq!((&*profile.name, &*profile.revised), ("plant", "2026-10"));
    let limit = profile.publish.receive_maximum.clone().unwrap();
    assert_eq!((limit.value, &*limit.source), (20, "plant rules"));
    assert_eq!(limit.confidence, Confidence::Documented);
    assert_eq!(limit.on_break, OnBreak::Rejects(0x93));
    assert_eq!(limit.on_break_before_v5(), OnBreak::Throttles);
    let rate = profile.publish.publish_rate.clone().unwrap();
    assert_eq!(rate.value, Rate { amount: 30, period: Duration::from_secs(60) });
    assert_eq!(&*rate.source, "user profile");
    assert_eq!((rate.confidence, rate.on_break), (Confidence::Unconfirmed, OnBreak::Unknown));
    assert_eq!(profile.connection, aws.connection);
    assert_eq!(profile.subscribe, aws.subscribe);
    assert_eq!(profile.publish.maximum_qos, aws.publish.maximum_qos);
}

#[test]
fn times_are_seconds_whole_or_not() {
    let profile = Profile::from_toml(
        r#"
        name = "times"
        [connection]
        keep_alive.value = { minimum = 10, maximum = 60, zero_means = 60 }
        min_ping_spacing.value = 12.25
        maximum_connection_age.value = 3600
        connect_floor.value = { spacing = 0.5, spacing_after_short = 2, short = 30 }
        "#,
    )
    .unwrap();
    assert_eq!(
        profile.keep_alive(),
        Some(KeepAliveRange { minimum: 10, maximum: 60, zero_means: 60 })
    );
    assert_eq!(profile.min_ping_spacing(), Some(Duration::from_millis(12_250)));
    let age = profile.connection.maximum_connection_age.clone().unwrap().value;
    assert_eq!(age, Duration::from_secs(3600));
    assert_eq!(
        profile.connect_floor(),
        Some(ConnectFloor {
            spacing: Duration::from_millis(500),
            spacing_after_short: Duration::from_secs(2),
            short: Duration::from_secs(30),
        })
    );
}

#[test]
fn an_unknown_field_is_named_with_its_line_and_the_known_ones() {
    let text = "name = \"x\"\n[subscribe]\nmax_filters = { value = 8 }\n";
    let shown = error(text);
    assert!(shown.starts_with("profile, line 3: unknown field `max_filters`"), "{shown}");
    assert!(shown.contains("`filters_per_subscribe`"), "{shown}");
    for text in [
        "name = \"x\"\nbase = \"standard\"\n",
        "name = \"x\"\n[publish]\nreceive_maximum = { value = 1, why = \"so\" }\n",
        "name = \"x\"\n[publish]\npublish_rate.value = { amount = 1, period = 1, burst = 3 }\n",
    ] {
        assert!(error(text).contains("unknown field"), "{}", error(text));
    }
}

#[test]
fn a_bare_number_is_answered_with_the_form_of_a_limit() {
    let shown = error("name = \"x\"\n[publish]\nreceive_maximum = 20\n");
    assert!(shown.starts_with("profile, line 3: invalid type: integer `20`"), "{shown}");
    assert!(
        shown.ends_with(
            "hint: a limit is a table, such as receive_maximum = { value = 20, source = \"vendor page\" }"
        ),
        "{shown}"
    );
}

#[test]
fn wrong_types_and_values_are_refused() {
    for (limit, part) in [
        ("[publish]\nmaximum_qos.value = 256", "invalid value: integer `256`"),
        ("[publish]\nmaximum_qos.value = \"1\"", "invalid type: string"),
        ("[publish]\nmaximum_qos = { source = \"x\" }", "missing field `value`"),
        (
            "[publish]\nmaximum_qos = { value = 1, on_break = \"shouts\" }",
            "unknown variant `shouts`",
        ),
        ("[publish]\nmaximum_qos = { value = 1, confidence = \"sure\" }", "unknown variant `sure`"),
        ("[connection]\nmin_ping_spacing.value = -1", "-1 is not a time in seconds"),
        ("[connection]\nmin_ping_spacing.value = nan", "NaN is not a time in seconds"),
        ("[connection]\nmin_ping_spacing.value = 1e30", "is not a time in seconds"),
        ("[connection", "line 2"),
    ] {
        let shown = error(&format!("name = \"x\"\n{limit}\n"));
        assert!(shown.contains(part), "{limit}: {shown}");
    }
    assert!(error("").contains("missing field `name`"), "{}", error(""));
}

#[test]
fn an_unknown_base_is_answered_with_its_line_and_the_known_ones() {
    let shown = error("name = \"x\"\n\nbased_on = \"aws\"\n");
    let known =
        "hint: based_on takes none, standard, aws-iot-core, aws-iot-core-vpc, azure-iot-hub, ";
    assert!(
        shown.starts_with("profile, line 3: \"aws\" is no built-in profile; hint: "),
        "{shown}"
    );
    assert!(shown.contains(known), "{shown}");
}

#[test]
fn a_profile_on_no_base_has_its_own_limits_only() {
    let text = "name = \"x\"\nbased_on = \"none\"\n[publish]\nmaximum_qos.value = 1\n";
    let profile = Profile::from_toml(text).unwrap();
    let names: Vec<_> = profile.limits().iter().map(|limit| limit.name).collect();
    assert_eq!(names, ["maximum_qos"]);
}

#[test]
fn times_and_sizes_may_have_units() {
    let toml = |limit: &str| format!("name = \"x\"\n{limit}\n");
    for (text, millis) in [
        ("250ms", 250),
        ("30 s", 30_000),
        ("1.5 min", 90_000),
        ("2h", 7_200_000),
        ("1 day", 86_400_000),
        ("7 days", 604_800_000),
    ] {
        let text = toml(&format!("connection.maximum_connection_age.value = \"{text}\""));
        let age = Profile::from_toml(&text).unwrap().connection.maximum_connection_age.unwrap();
        assert_eq!(age.value, Duration::from_millis(millis), "{text}");
    }
    for (text, bytes) in
        [("\"512 B\"", 512), ("\"64KiB\"", 65_536), ("\"2 MiB\"", 2 << 20), ("100", 100)]
    {
        let text = toml(&format!("publish.maximum_payload_size.value = {text}"));
        assert_eq!(
            Profile::from_toml(&text).unwrap().maximum_payload_size(),
            Some(bytes),
            "{text}"
        );
    }
    let floor = "connection.connect_floor.value = \
                 { spacing = \"1 s\", spacing_after_short = 11, short = \"0.5 min\" }";
    assert_eq!(
        Profile::from_toml(&toml(floor)).unwrap().connect_floor(),
        aws_iot_core().connect_floor()
    );
    for (limit, part) in [
        ("connection.maximum_connection_age.value = \"7 moons\"", "'7 moons' is not a time with"),
        ("connection.maximum_connection_age.value = \"s\"", "'s' is not a time with a unit"),
        ("connection.maximum_connection_age.value = \"30\"", "'30' is not a time with a unit"),
        ("connection.maximum_connection_age.value = \"-1 s\"", "-1 is not a time in seconds"),
        ("connection.maximum_connection_age.value = true", "expected a number of seconds, or a"),
        ("publish.maximum_payload_size.value = \"64 KB\"", "'64 KB' is not a size below 4 GiB"),
        ("publish.maximum_payload_size.value = \"4096 MiB\"", "'4096 MiB' is not a size below"),
        ("publish.maximum_payload_size.value = -1", "-1 is not a number of bytes below 4 GiB"),
        ("publish.maximum_payload_size.value = 1.5", "expected a number of bytes, or a size"),
    ] {
        let shown = error(&toml(limit));
        assert!(shown.starts_with("profile, line 2: ") && shown.contains(part), "{limit}: {shown}");
    }
    assert!(Profile::from_toml(&toml("publish.maximum_payload_size.value = \"4095 MiB\"")).is_ok());
}

#[test]
fn rates_of_nothing_are_refused() {
    for (section, name) in [
        ("publish", "publish_rate_per_topic"),
        ("subscribe", "subscribe_packet_rate"),
        ("connection", "account_connect_rate"),
        ("connection", "expected_connects"),
    ] {
        let rate = |amount| {
            let value = format!("{{ amount = {amount}, period = 1 }}");
            format!("name = \"x\"\n{section}.{name}.value = {value}\n")
        };
        assert_eq!(
            Profile::from_toml(&rate(0)),
            Err(LoadError::Inconsistent(Inconsistency::Zero { name }))
        );
        assert!(Profile::from_toml(&rate(1)).is_ok(), "{name}");
    }
    let rates = |amount| {
        let values =
            format!("[{{ amount = 5, period = 1 }}, {{ amount = {amount}, period = 60 }}]");
        format!("name = \"x\"\npublish.publish_rates.value = {values}\n")
    };
    let refused = LoadError::Inconsistent(Inconsistency::Zero { name: "publish_rates" });
    assert_eq!(Profile::from_toml(&rates(0)), Err(refused));
    assert!(Profile::from_toml(&rates(1)).is_ok());
}

#[test]
fn the_grace_bounds_the_ping_spacing() {
    let text = |spacing| {
        format!(
            "name = \"x\"\n[connection]\n\
             keep_alive.value = {{ minimum = 1, maximum = 100, zero_means = 100 }}\n\
             keep_alive_grace.value = {{ percent = 300, longest = \"200 s\" }}\n\
             min_ping_spacing.value = {spacing}\n"
        )
    };
    let (spacing, grace) = (Duration::from_secs(200), Duration::from_secs(200));
    assert_eq!(
        Profile::from_toml(&text(200)),
        Err(LoadError::Inconsistent(Inconsistency::PingSpacing { spacing, grace }))
    );
    assert!(Profile::from_toml(&text(199)).is_ok());
}

#[test]
fn contradictions_are_refused_when_loaded() {
    let text = r#"
        name = "x"
        based_on = "aws-iot-core-vpc"
        connection.min_ping_spacing.value = 345
    "#;
    let secs = Duration::from_secs;
    assert_eq!(
        Profile::from_toml(text),
        Err(LoadError::Inconsistent(Inconsistency::PingSpacing {
            spacing: secs(345),
            grace: secs(345)
        }))
    );
    assert!(error(text).starts_with("profile contradicts itself: min_ping_spacing of 345s"));
    assert!(Profile::from_toml(&text.replace("345", "344")).is_ok());
}
