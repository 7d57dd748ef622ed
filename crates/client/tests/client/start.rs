//! What `start` refuses, word by word.

use evenkeel::{BuildError, ClientBuilder, ConfigError, Property, Will, profile};

use crate::support::*;

fn builder() -> ClientBuilder {
    Client::builder("mqtt://localhost")
}

#[track_caller]
fn assert_refused(builder: ClientBuilder, text: &str) -> BuildError {
    let error = builder.start().expect_err("the settings are refused");
    assert_eq!(format!("{error:#}"), text);
    error
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_with_a_reason() {
    assert_refused(
        Client::builder("localhost"),
        "the server URL has no scheme; write it like mqtt://broker.example or \
         mqtts://broker.example:8883",
    );
    assert_refused(
        builder().server("mqtt://"),
        "the URL has no host; write it like mqtt://broker.example",
    );
    assert_refused(
        builder().client_id("pump\0"),
        "the client identifier is not valid: string holds the null character U+0000",
    );
    assert_refused(
        builder().username("\0"),
        "the user name is not valid: string holds the null character U+0000",
    );
    assert_refused(
        builder().will(Will::new("a/#", "gone")),
        "the will topic is not valid: topic name holds a wildcard, + or #, which only filters may",
    );
    assert_refused(
        builder().connect_property(Property::ReceiveMaximum(5)),
        "property 0x21 has its own setting or no place in CONNECT",
    );
}

#[tokio::test]
async fn keep_alive_has_whole_seconds_and_two_bounds() {
    for fine in [0, 1, 65_535] {
        builder().keep_alive(secs(fine)).start().unwrap();
    }
    assert_refused(
        builder().keep_alive(secs(65_536)),
        "keep-alive of 65536s is not a whole number of seconds from 0 to 65535",
    );
    assert_refused(
        builder().keep_alive(millis(1500)),
        "keep-alive of 1.5s is not a whole number of seconds from 0 to 65535",
    );
}

#[tokio::test]
async fn the_profile_bounds_the_keep_alive() {
    let aws = || builder().profile(profile::aws_iot_core());
    aws().keep_alive(secs(30)).start().unwrap();
    aws().keep_alive(secs(1200)).start().unwrap();
    assert_refused(
        aws().keep_alive(secs(29)),
        "a keep-alive of 29 s breaks keep_alive of the profile, 30 to 1200 s, 0: 1200 s (AWS IoT Core message broker and protocol limits, page of about 2020); \
         hint: ask for a keep-alive within the range, or give another profile",
    );
    assert_refused(
        aws().keep_alive(secs(1201)),
        "a keep-alive of 1201 s breaks keep_alive of the profile, 30 to 1200 s, 0: 1200 s (AWS IoT Core message broker and protocol limits, page of about 2020); \
         hint: ask for a keep-alive within the range, or give another profile",
    );
}

#[tokio::test(start_paused = true)]
async fn no_keep_alive_is_what_the_profile_makes_of_it() {
    for (profile, seconds) in [(profile::standard(), 0), (profile::aws_iot_core(), 1200)] {
        let mut server = Server::new();
        let _client = server.client().profile(profile).keep_alive(secs(0)).start().unwrap();
        assert_eq!(server.connecting().await.1.keep_alive, seconds);
    }
}

/// K8, with both numbers.
#[tokio::test]
async fn pings_too_far_apart_for_the_keep_alive_are_refused() {
    let spaced = |seconds: u32| {
        let toml = format!("name = 'spaced'\n[connection]\nmin_ping_spacing.value = {seconds}");
        profile::Profile::from_toml(&toml).unwrap()
    };
    builder().profile(spaced(14)).keep_alive(secs(10)).start().unwrap();
    let error = assert_refused(
        builder().profile(spaced(15)).keep_alive(secs(10)),
        "pings at least 15s apart cannot hold a keep-alive of 10s: the server closes after 1.5 \
         times that; raise the keep-alive",
    );
    let expected = ConfigError::PingSpacing { spacing: secs(15), keep_alive: secs(10) };
    assert!(matches!(error, BuildError::Config(config) if config == expected));
}

#[tokio::test]
async fn older_versions_have_rules_of_their_own() {
    assert_refused(
        builder().version(Version::V31).client_id("x".repeat(24)),
        "MQTT 3.1 needs a client identifier of 1 to 23 bytes, not 24",
    );
    builder().version(Version::V31).client_id("x".repeat(23)).start().unwrap();
    assert_refused(
        builder().version(Version::V311).client_id("").clean_start(false),
        "MQTT 3.1.1 needs a client identifier for a session that is kept; give one or ask for a \
         clean start",
    );
    assert_refused(
        builder().version(Version::V311).password("secret"),
        "a password needs a user name beside it before MQTT 5",
    );
}

#[tokio::test]
async fn bounds_of_zero_are_refused() {
    assert_refused(builder().receive_maximum(0), "receive maximum must not be 0");
    assert_refused(builder().maximum_packet_size(0), "maximum packet size must not be 0");
    assert_refused(builder().in_flight(0), "in-flight bound must not be 0");
    assert_refused(builder().ping_timeout(secs(0)), "a ping response time-out of zero");
    let with = |change: fn(&mut Bounds)| {
        let mut bounds = Bounds::default();
        change(&mut bounds);
        builder().bounds(bounds)
    };
    let operations = "bounds of subscribe operations must not be 0";
    assert_refused(with(|bounds| bounds.operations = 0), operations);
    assert_refused(with(|bounds| bounds.filters_per_packet = 0), operations);
    assert_refused(
        with(|bounds| bounds.write_buffer = 0),
        "the write buffer's bound must not be 0",
    );
    assert_refused(with(|bounds| bounds.inbox_messages = 0), "the inbox's bounds must not be 0");
    assert_refused(with(|bounds| bounds.inbox_bytes = 0), "the inbox's bounds must not be 0");
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[tokio::test]
async fn a_missing_certificate_file_is_found_at_once() {
    let tls = evenkeel::tls::TlsOptions::new().ca_file("/nowhere/ca.pem");
    let error = Client::builder("mqtts://localhost").tls(tls).start().unwrap_err();
    let error = format!("{error:#}");
    assert!(error.contains("/nowhere/ca.pem") && error.contains("No such file"), "{error}");
}

#[test]
fn outside_of_a_runtime_there_is_no_client() {
    assert_refused(builder(), "no tokio runtime: call start() inside one");
}

#[tokio::test]
async fn settings_never_show_secrets() {
    let builder =
        Client::builder("mqtt://user:hunter2@localhost").username("u").password("hunter2");
    let text = format!("{builder:?}");
    assert!(!text.contains("hunter2"), "{text}");
}

/// What is lost on the way to the first server shows which ones are known.
#[tokio::test]
async fn servers_are_given_as_texts_urls_or_endpoints() {
    use evenkeel::url::ServerUrl;

    let url: ServerUrl = "mqtt://127.0.0.1:7?clientId=pump".parse().unwrap();
    let builder = Client::builder(&url).server(url.clone()).server("mqtt://127.0.0.1:8");
    let builder = builder.server("mqtt://127.0.0.1:9".to_owned());
    let shown = format!("{:?}", builder.server(Server::new().endpoint()));
    for text in ["127.0.0.1:7", "127.0.0.1:8", "127.0.0.1:9"] {
        assert!(shown.contains(text), "{text} is not in {shown}");
    }
    assert_eq!(shown.matches("Server {").count(), 5, "{shown}");
    let error = Client::builder("nonsense").server(url).start().unwrap_err();
    assert!(matches!(error, BuildError::Url(_)), "{error}");
}

/// The CONNECT of a client.
async fn connect_of(server: &mut Server, builder: ClientBuilder) -> evenkeel_codec::Connect {
    let _client = builder.start().unwrap();
    server.connecting().await.1
}

#[tokio::test(start_paused = true)]
async fn clones_of_a_builder_are_alike_except_for_their_names_until_one_is_changed() {
    let mut server = Server::new();
    let builder = server.client().version(Version::V5).keep_alive(secs(30)).username("fleet");
    let first = connect_of(&mut server, builder.clone().client_id("one")).await;
    let second = connect_of(&mut server, builder.clone().client_id("two")).await;
    assert_eq!((first.client_id.as_str(), second.client_id.as_str()), ("one", "two"));
    assert_eq!(first.keep_alive, 30);
    assert_eq!(evenkeel_codec::Connect { client_id: first.client_id.clone(), ..second }, first);
    // After the settings were shared, and in both directions.
    let changed = connect_of(&mut server, builder.clone().keep_alive(secs(40))).await;
    assert_eq!((changed.keep_alive, changed.username), (40, first.username.clone()));
    let builder = builder.username("other");
    assert_eq!(connect_of(&mut server, builder.clone()).await.username.unwrap(), "other");
    let builder = ClientBuilder::for_endpoint(server.endpoint());
    let first = connect_of(&mut server, builder.clone()).await;
    let second = connect_of(&mut server, builder).await;
    assert_ne!(first.client_id, second.client_id, "random names differ");
}

#[tokio::test]
async fn each_clone_of_a_builder_needs_a_store_of_its_own() {
    let builder = builder().store(evenkeel::store::MemoryStore::new());
    let text = "a store serves one client: give each clone of a builder one of its own";
    assert!(matches!(assert_refused(builder.clone(), text), BuildError::StoreOfClone));
    let clone = builder.clone();
    assert_refused(clone.clone(), text);
    drop(clone.store(evenkeel::store::MemoryStore::new()).start().unwrap());
    drop(builder.start().unwrap());
}

#[tokio::test]
async fn a_clone_is_refused_for_the_mistakes_of_its_builder() {
    let text = "the user name is not valid: string holds the null character U+0000";
    let builder = builder().username("\0");
    assert_refused(builder.clone(), text);
    assert_refused(builder, text);
}
