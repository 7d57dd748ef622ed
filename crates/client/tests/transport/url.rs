//! Server URLs: what they mean, and what is said about wrong ones.

use evenkeel::url::{Host, Scheme, ServerUrl, UrlError, UrlPart};

#[test]
fn schemes_and_default_ports() {
    for (text, scheme, port, shown) in [
        ("mqtt://h", Scheme::Mqtt, 1883, "mqtt://h:1883"),
        ("tcp://h", Scheme::Mqtt, 1883, "mqtt://h:1883"),
        ("mqtts://h", Scheme::Mqtts, 8883, "mqtts://h:8883"),
        ("tls://h", Scheme::Mqtts, 8883, "mqtts://h:8883"),
        ("ssl://h", Scheme::Mqtts, 8883, "mqtts://h:8883"),
        ("ws://h", Scheme::Ws, 80, "ws://h:80"),
        ("wss://h", Scheme::Wss, 443, "wss://h:443"),
        ("MQTTS://h", Scheme::Mqtts, 8883, "mqtts://h:8883"),
        ("mqtt://h:1", Scheme::Mqtt, 1, "mqtt://h:1"),
        ("mqtt://h:65535", Scheme::Mqtt, 65535, "mqtt://h:65535"),
        ("mqtt://h:1884/", Scheme::Mqtt, 1884, "mqtt://h:1884"),
    ] {
        let url = ServerUrl::parse(text).unwrap();
        assert_eq!((url.scheme(), url.port()), (scheme, Some(port)), "{text}");
        assert_eq!(url.to_string(), shown);
        assert_eq!(url.socket_path(), None);
        assert_eq!((url.user_name(), url.password(), url.client_id()), (None, None, None));
    }
}

#[test]
fn hosts() {
    let ipv6 = |address: &str, zone: Option<&str>| Host::Ipv6 {
        address: address.parse().unwrap(),
        zone: zone.map(str::to_owned),
    };
    for (text, host, certificate_name) in [
        ("broker.example", Host::Name("broker.example".into()), "broker.example"),
        ("broker.example.", Host::Name("broker.example.".into()), "broker.example."),
        ("my_broker-1", Host::Name("my_broker-1".into()), "my_broker-1"),
        ("192.0.2.7", Host::Ipv4([192, 0, 2, 7].into()), "192.0.2.7"),
        ("[2001:db8::7]", ipv6("2001:db8::7", None), "2001:db8::7"),
        ("[fe80::7%25eth0]", ipv6("fe80::7", Some("eth0")), "fe80::7"),
        ("[fe80::7%eth0]", ipv6("fe80::7", Some("eth0")), "fe80::7"),
    ] {
        for (url, port) in [(format!("mqtt://{text}"), 1883), (format!("mqtt://{text}:7"), 7)] {
            let url = ServerUrl::parse(&url).unwrap();
            assert_eq!((url.host(), url.port()), (Some(&host), Some(port)), "{text}");
        }
        assert_eq!(host.certificate_name(), certificate_name);
    }
}

#[test]
fn credentials() {
    for (user_info, user_name, password) in [
        ("u:p", Some("u"), Some("p")),
        ("u", Some("u"), None),
        ("u:", Some("u"), Some("")),
        (":p", None, Some("p")),
        ("u:p:q:r", Some("u"), Some("p:q:r")),
        ("u:p@q", Some("u"), Some("p@q")),
        ("a%40b:%2Fx%3a%25", Some("a@b"), Some("/x:%")),
    ] {
        let url = ServerUrl::parse(&format!("mqtt://{user_info}@host:1")).unwrap();
        assert_eq!(url.user_name(), user_name, "{user_info}");
        assert_eq!(url.password(), password.map(str::as_bytes), "{user_info}");
        assert_eq!(url.host(), Some(&Host::Name("host".into())), "{user_info}");
    }
    let bytes = ServerUrl::parse("mqtt://u:%ff%00@host").unwrap();
    assert_eq!(bytes.password(), Some([0xff, 0x00].as_slice()));
}

#[test]
fn client_ids() {
    let id = |text| ServerUrl::parse(text).unwrap().client_id().map(str::to_owned);
    assert_eq!(id("mqtt://h?clientId=pump-17"), Some("pump-17".into()));
    assert_eq!(id("mqtt://h/?clientId=a%26b"), Some("a&b".into()));
    assert_eq!(id("mqtt+unix:///run/m.sock?clientId=x"), Some("x".into()));
    assert_eq!(id("wss://h/mqtt?token=1&clientId=x"), Some("x".into()));
    assert_eq!(id("ws://h/mqtt?token=1"), None);
}

#[test]
fn websocket_targets_are_left_alone() {
    for (text, target) in [
        ("ws://h", None),
        ("ws://h/", Some("/")),
        ("wss://h/mqtt", Some("/mqtt")),
        ("ws://h/a%20b/c?x=%2F&clientId=d", Some("/a%20b/c?x=%2F&clientId=d")),
        ("ws://h?x=1", Some("/?x=1")),
        ("ws://u:p@h/at@sign:1", Some("/at@sign:1")),
    ] {
        assert_eq!(ServerUrl::parse(text).unwrap().websocket_target(), target, "{text}");
    }
}

#[test]
fn unix_sockets() {
    for (text, scheme, path) in [
        ("mqtt+unix:///run/mosquitto.sock", Scheme::MqttUnix, "/run/mosquitto.sock"),
        ("unix:///run/a%20b.sock", Scheme::MqttUnix, "/run/a b.sock"),
        ("mqtts+unix:///m", Scheme::MqttsUnix, "/m"),
        ("unix://localhost/m", Scheme::MqttUnix, "/m"),
        ("unix://u:p@/m", Scheme::MqttUnix, "/m"),
    ] {
        let url = ServerUrl::parse(text).unwrap();
        assert_eq!(url.scheme(), scheme, "{text}");
        assert_eq!(url.socket_path(), Some(path.as_ref()), "{text}");
        assert_eq!((url.host(), url.port()), (None, None), "{text}");
    }
    assert_eq!(ServerUrl::unix("/m").to_string(), "mqtt+unix:///m");
}

#[test]
fn a_topic_after_the_host() {
    for (text, shown, topic) in [
        ("mqtt://h/site/7/level", "mqtt://h:1883", Some("site/7/level")),
        ("mqtts://u:p@h:1/a/+/#", "mqtts://***@h:1", Some("a/+/#")),
        ("mqtt://h/a?b@c%20", "mqtt://h:1883", Some("a?b@c%20")),
        ("mqtt://h//a", "mqtt://h:1883", Some("/a")),
        ("mqtt://h/", "mqtt://h:1883", None),
        ("mqtt://h", "mqtt://h:1883", None),
        ("ws://h/mqtt", "ws://h:80/mqtt", None),
        ("unix:///m", "mqtt+unix:///m", None),
    ] {
        let (url, found) = ServerUrl::parse_with_topic(text).unwrap();
        assert_eq!(url.to_string(), shown);
        assert_eq!(found.as_deref(), topic, "{text}");
    }
    for text in ["mqtt://h/?clientId=pump", "mqtt://h?clientId=pump"] {
        let (url, topic) = ServerUrl::parse_with_topic(text).unwrap();
        assert_eq!((url.client_id(), topic), (Some("pump"), None), "{text}");
    }
    let (_, topic) = ServerUrl::parse_with_topic("mqtt://h/a?b").unwrap();
    assert_eq!(topic.as_deref(), Some("a?b"));
    assert!(ServerUrl::parse_with_topic("mqtt://h/?topic=a").is_err(), "no other query");
    let error = ServerUrl::parse_with_topic("mqtt://u:p%zz@h/a").unwrap_err();
    assert_eq!(error, UrlError::BadEscape { part: UrlPart::Password });
}

#[test]
fn made_from_parts() {
    for (host, port, shown) in [
        ("h", None, "mqtts://h:8883"),
        ("h", Some(1), "mqtts://h:1"),
        ("::1", Some(2), "mqtts://[::1]:2"),
        ("[::1]", Some(2), "mqtts://[::1]:2"),
    ] {
        assert_eq!(ServerUrl::new(Scheme::Mqtts, host, port).unwrap().to_string(), shown);
    }
    let new = |scheme, host, port| ServerUrl::new(scheme, host, port).unwrap_err();
    assert_eq!(new(Scheme::Mqtt, "h", Some(0)), UrlError::InvalidPort);
    assert_eq!(new(Scheme::Mqtt, "", None), UrlError::MissingHost);
    assert_eq!(new(Scheme::Mqtt, "h:1", None), UrlError::InvalidIpv6);
    assert_eq!(new(Scheme::MqttUnix, "h", None), UrlError::SocketWithHost);
}

#[test]
fn wrong_urls_are_explained() {
    const KNOWN: &str =
        "known are mqtt, tcp, mqtts, tls, ssl, ws, wss, mqtt+unix, unix and mqtts+unix";
    for (text, expected) in [
        (
            "",
            "the server URL is empty; \
             write it like mqtt://broker.example or mqtts://broker.example:8883",
        ),
        (
            "broker.example:1883",
            "the server URL has no scheme; \
             write it like mqtt://broker.example or mqtts://broker.example:8883",
        ),
        ("mqt://h", &format!("unknown URL scheme 'mqt'; {KNOWN}")),
        ("https://h/mqtt", "unknown URL scheme 'https'; MQTT over WebSocket is ws:// or wss://"),
        (
            "mqtt://h ",
            "white space or a control character in the URL at byte 8; \
             remove it, or write it as %20 where it belongs",
        ),
        ("mqtt://", "the URL has no host; write it like mqtt://broker.example"),
        ("mqtt://u:p@", "the URL has no host; write it like mqtt://broker.example"),
        ("mqtt://:1883", "the URL has no host; write it like mqtt://broker.example"),
        (
            "mqtt://bröker",
            "the URL's host has the character 'ö'; \
             write an international name in its ASCII form (xn--...)",
        ),
        (
            "mqtt://h*st",
            "the URL's host has the character '*'; \
             a host is a name, an IPv4 address or an IPv6 address in brackets",
        ),
        (
            "mqtt://a..b",
            "the URL's host has an empty or overlong part between its dots; \
             check the name for doubled dots",
        ),
        (
            "mqtt://[::g]",
            "the URL's host is not a valid IPv6 address; write it like mqtt://[2001:db8::1]:1883",
        ),
        (
            "mqtt://2001:db8::1:1883",
            "the URL's IPv6 address has no brackets; write it like mqtt://[2001:db8::1]:1883",
        ),
        (
            "mqtt://h:65536",
            "what follows the URL's host is not a port number; \
             a port is a number from 1 to 65535; user name and password end with '@'",
        ),
        (
            "mqtt://u:pa/ss@h",
            "the URL's user name or password has '/', '?' or '#' in it; \
             write '/' as %2F, '?' as %3F and '#' as %23",
        ),
        (
            "mqtt://u:100%@h",
            "the URL's password has a '%' without two hexadecimal digits; \
             write a literal '%' as %25",
        ),
        (
            "mqtt://%ff@h",
            "the URL's user name is not UTF-8; \
             only the password may hold bytes that are not UTF-8",
        ),
        (
            "mqtt://h/mqtt",
            "the URL has a path, which this scheme can't use; \
             paths are for ws:// and wss://; remove it",
        ),
        (
            "mqtt://h?keepalive=1",
            "the URL has the query parameter 'keepalive', which this scheme can't use; \
             only clientId is known; set options in code or flags",
        ),
        ("ws://h/#x", "the URL has a '#'; write '#' as %23 in a password or path, or remove it"),
        ("ws://h/a{b", "the URL's path or query has the character '{'; percent-encode it"),
        (
            "unix://",
            "the URL names no socket; \
             write it with three slashes, like mqtt+unix:///run/mosquitto.sock",
        ),
        (
            "unix://run/m.sock",
            "the URL of a Unix socket names a host; \
             write it with three slashes, like mqtt+unix:///run/mosquitto.sock",
        ),
    ] {
        let error = ServerUrl::parse(text).unwrap_err();
        assert_eq!(error.to_string(), expected, "{text}");
        let (fact, hint) = (error.fact(), error.hint().unwrap());
        assert_eq!(format!("{fact}; {hint}"), expected);
    }
}

#[test]
fn errors_at_both_sides_of_each_bound() {
    let parse = |text: &str| ServerUrl::parse(text).map(drop);
    let label = |length| "a".repeat(length);
    assert_eq!(parse(&format!("mqtt://{}", label(63))), Ok(()));
    assert_eq!(parse(&format!("mqtt://{}", label(64))), Err(UrlError::InvalidHostLength));
    let labels = |last| [label(63), label(63), label(63), label(last)].join(".");
    assert_eq!(parse(&format!("mqtt://{}", labels(61))), Ok(()));
    assert_eq!(parse(&format!("mqtt://{}", labels(62))), Err(UrlError::InvalidHostLength));
    for text in ["mqtt://h:0", "mqtt://h:", "mqtt://h:+1", "mqtt://h:1x", "mqtt://h:99999999999"] {
        assert_eq!(parse(text), Err(UrlError::InvalidPort), "{text}");
    }
    for text in ["mqtt://[::1", "mqtt://[::1]x", "mqtt://[]", "mqtt://[fe80::1%25]"] {
        assert_eq!(parse(text), Err(UrlError::InvalidIpv6), "{text}");
    }
    for text in ["unix:///", "unix:///run/"] {
        assert_eq!(parse(text), Err(UrlError::MissingSocketPath), "{text}");
    }
    let twice = UrlError::UnexpectedQuery { name: "clientId".into() };
    assert_eq!(parse("mqtt://h?clientId=a&clientId=b"), Err(twice));
    let scheme = |name: &str| UrlError::UnknownScheme { scheme: name.into() };
    assert_eq!(parse("abcdefghijklmnop://h"), Err(scheme("abcdefghijklmnop")));
    assert_eq!(parse("abcdefghijklmnopq://h"), Err(UrlError::MissingScheme));
    assert_eq!(parse("mqtt:\n//h"), Err(UrlError::WhiteSpace { position: 5 }));
}

/// S1: whatever is wrong with a URL, what is said about it never holds a part of its password, and
/// one that is right shows no user name either: with some services that is the token.
#[test]
fn nothing_shows_the_password() {
    for text in [
        "mqtt://user:s3cret@host",
        "wss://user:s3cret@host/mqtt?token=s3cret",
        "mqtts+unix://user:s3cret@/m",
    ] {
        let url = ServerUrl::parse(text).unwrap();
        let shown = format!("{url} {url:?}");
        assert!(!shown.contains("s3cret") && !shown.contains("user"), "{shown}");
        assert!(url.to_string().contains("://***@"), "{url}");
    }
    for text in [
        "user:s3cret@host",
        "user:s3cret://host",
        "mqtt://user:s3cret",
        "mqtt://user:s3cret/x@host",
        "mqtt://user:s3cret#x@host",
        "mqtt://user:s3cret?x@host",
        "mqtt://user:x/s3cret@host",
        "mqtt://user:12/s3cret@host",
        "mqtt://user:12?s3cret@host",
        "mqtt://user:s3cret%@host",
        "mqtt://user:s3cret@ho*st",
        "mqtt://user:s3cret@host:x",
        "mqtt://user:s3cret@host/path",
        "mqtt://user:s3cret @host",
        "unix://user:s3cret@host/m",
        "unix://user:x/s3cret@/m",
        "mqtt://h?s3cret",
        "mqtt://h?s3cret=",
        "mqtt://h?s3cret==",
    ] {
        let Err(error) = ServerUrl::parse(text) else { panic!("{text} is accepted") };
        assert!(!format!("{error} {error:?}").contains("s3cret"), "{text}: {error:?}");
    }
}

proptest::proptest! {
    /// Any text is taken or refused, and what is taken means the same once shown.
    #[test]
    fn any_text_after_a_scheme(scheme in "mqtts?|wss?|(mqtts?\\+)?unix|tcp|x", rest in "\\PC*") {
        if let Ok(url) = ServerUrl::parse(&format!("{scheme}://{rest}")) {
            let (shown, client_id) = (url.to_string(), url.client_id().is_some());
            let is_anybody = url.user_name().is_none() && url.password().is_none();
            if is_anybody && !client_id && !shown.contains(['?', '%', ' ']) {
                assert_eq!(ServerUrl::parse(&shown), Ok(url));
            }
        }
    }

    #[test]
    fn any_host_and_credentials(
        user in "[a-z%@:/?#\\[\\]]{0,6}",
        host in "[a-z0-9:.\\[\\]%-]{0,12}",
        port in "(:[0-9]{0,6})?",
        tail in "[a-z/?&=#@%]{0,8}",
    ) {
        let _ = ServerUrl::parse(&format!("mqtt://{user}@{host}{port}{tail}"));
        let _ = ServerUrl::parse_with_topic(&format!("mqtts://{user}@{host}{port}{tail}"));
        let _ = ServerUrl::parse(&format!("unix://{user}@{host}{tail}"));
    }
}
