//! What the flags come to, and what each contradiction says.

use std::path::PathBuf;
use std::time::Duration;

use evenkeel::store::Fsync;
use evenkeel::{QoS, RetainHandling, Version};

use super::*;
use crate::args::{self, Asked, Command, Connection};
use crate::format::Style;

fn context(personality: Personality, variable: &dyn Fn(&str) -> Option<String>) -> Context<'_> {
    Context { personality, variable }
}

fn command(personality: Personality, line: &[&str]) -> Command {
    let words = std::iter::once(personality.program()).chain(line.iter().copied());
    match args::parse_words(personality, words.map(Into::into).collect()) {
        Ok(Asked::Run(command)) => command,
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn publish_as(personality: Personality, line: &[&str]) -> Result<PublishSettings, Failure> {
    match command(personality, line) {
        Command::Publish(args) => PublishSettings::new(&args, context(personality, &|_| None)),
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn publish(line: &[&str]) -> PublishSettings {
    publish_as(Personality::Evenkeel, &[&["pub"], line].concat())
        .unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn subscribe_as(personality: Personality, line: &[&str]) -> Result<SubscribeSettings, Failure> {
    match command(personality, line) {
        Command::Subscribe(args) => SubscribeSettings::new(&args, context(personality, &|_| None)),
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn subscribe(line: &[&str]) -> SubscribeSettings {
    subscribe_as(Personality::Evenkeel, &[&["sub"], line].concat())
        .unwrap_or_else(|failure| panic!("{failure:?}"))
}

fn connection(line: &[&str]) -> ConnectionSettings {
    publish(&[&["-t", "a", "-n"], line].concat()).connection
}

/// What a wrong line says.
fn said(line: &[&str]) -> String {
    let result = match line {
        ["sub", ..] => subscribe_as(Personality::Evenkeel, line).map(drop),
        ["rr", ..] => match command(Personality::Evenkeel, line) {
            Command::Request(args) => {
                RequestSettings::new(&args, context(Personality::Evenkeel, &|_| None)).map(drop)
            }
            other => panic!("{other:?}"),
        },
        _ => publish_as(Personality::Evenkeel, line).map(drop),
    };
    let failure = result.expect_err("a mistake");
    assert_eq!(failure.exit(), crate::exit::Exit::Usage);
    failure.render(Personality::Evenkeel, str::to_owned)
}

fn server(line: &[&str]) -> String {
    connection(line).servers.iter().map(|server| server.to_string()).collect::<Vec<_>>().join(" ")
}

#[test]
fn host_port_and_protocol_make_a_url() {
    assert_eq!(server(&[]), "mqtt://localhost:1883");
    assert_eq!(server(&["-h", "b", "-p", "7"]), "mqtt://b:7");
    assert_eq!(server(&["-h", "::1"]), "mqtt://[::1]:1883");
    assert_eq!(server(&["-p", "8883"]), "mqtts://localhost:8883");
    assert_eq!(server(&["--tls-use-os-certs"]), "mqtts://localhost:8883");
    assert_eq!(server(&["--tls-use-os-certs", "-p", "1883"]), "mqtts://localhost:1883");
    assert_eq!(server(&["--protocol", "ws"]), "ws://localhost:80");
    assert_eq!(server(&["--protocol", "wss", "-h", "b"]), "wss://b:443");
    assert_eq!(server(&["--unix", "/run/m.sock"]), "mqtt+unix:///run/m.sock");
}

#[test]
fn urls_carry_topics_and_are_tried_in_turn() {
    let settings = publish(&["-L", "mqtt://u:p@a/x/y", "-L", "mqtts://b", "-n"]);
    let servers: Vec<String> =
        settings.connection.servers.iter().map(|server| server.to_string()).collect();
    assert_eq!(servers, ["mqtt://***@a:1883", "mqtts://b:8883"]);
    assert_eq!(settings.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>(), ["x/y"]);
    let settings = subscribe(&["-L", "mqtt://a/t/#", "-t", "u"]);
    assert_eq!(
        settings.filters.iter().map(|filter| filter.as_str()).collect::<Vec<_>>(),
        ["t/#", "u"]
    );
}

#[test]
fn the_library_gets_urls_without_their_topics() {
    let text = |line: &[&str]| connection(line).servers[0].to_string();
    let with_password = &connection(&["-L", "mqtt://u:p@h:7/a/b?c"]).servers[0];
    assert_eq!(with_password.to_string(), "mqtt://***@h:7");
    assert_eq!(with_password.password(), Some(b"p".as_slice()));
    assert_eq!(text(&["-L", "mqtt://h/"]), "mqtt://h:1883");
    assert_eq!(text(&["-L", "ws://h/mqtt/"]), "ws://h:80/mqtt/");
    assert_eq!(text(&["-L", "mqtt+unix:///run/m.sock"]), "mqtt+unix:///run/m.sock");
    let socket =
        |path: &str| connection(&["--unix", path]).servers[0].socket_path().map(PathBuf::from);
    for path in ["/run/a b%.sock", "br.sock", "./br.sock", "../br.sock", "./@file"] {
        assert_eq!(socket(path), Some(path.into()));
    }
    let abstract_name = if cfg!(target_os = "linux") { "\0name" } else { "@name" };
    assert_eq!(socket("@name"), Some(abstract_name.into()));
    assert_eq!(text(&["-h", "::1"]), "mqtt://[::1]:1883");
}

#[test]
fn what_has_no_effect_is_said() {
    let warned = |line: &[&str]| connection(line).warnings.len();
    assert_eq!(warned(&[]), 0);
    assert_eq!(warned(&["--ciphers", "ALL"]), 1);
    assert_eq!(warned(&["--insecure"]), 1);
    assert_eq!(warned(&["--insecure", "-p", "8883"]), 1);
    assert_eq!(warned(&["--tls-verify-nothing", "--insecure", "-p", "8883"]), 1);
}

#[test]
fn a_topic_of_the_url_beside_others_is_said() {
    let both = ["-L", "mqtt://h/a", "-t", "b"];
    let alone = ["-L", "mqtt://h/a"];
    let query = ["-L", "mqtt://h/?clientId=x", "-t", "b"];
    for (line, warned) in [(&both[..], 1), (&alone, 0), (&query, 0)] {
        let publish = publish(&[line, &["-n"]].concat());
        assert_eq!(publish.connection.warnings.len(), warned, "{line:?}");
        assert_eq!(subscribe(line).connection.warnings.len(), warned, "{line:?}");
    }
    let filters = subscribe(&["-L", "mqtt://h/a", "b"]);
    assert!(filters.connection.warnings[0].contains("subscribed to, too"));
    let mosquitto = publish_as(Personality::MosquittoPub, &[&both[..], &["-n"]].concat());
    assert_eq!(mosquitto.unwrap().connection.warnings, [""; 0]);
}

#[test]
fn variables_stand_in_for_flags_of_evenkeel_only() {
    let variable = |name: &str| match name {
        "EVENKEEL_URL" => Some("mqtt://env-a mqtt://env-b".to_owned()),
        "EVENKEEL_USERNAME" => Some("env-user".to_owned()),
        "EVENKEEL_PASSWORD" => Some("env-password".to_owned()),
        _ => None,
    };
    let of = |personality, flags: &Connection| {
        ConnectionSettings::new(flags, None, None, context(personality, &variable)).unwrap()
    };
    let settings = of(Personality::Evenkeel, &Connection::default());
    assert_eq!(settings.servers.len(), 2);
    assert_eq!(settings.identity.username.as_deref(), Some("env-user"));
    assert_eq!(
        settings.identity.password.as_ref().map(|secret| secret.0.as_str()),
        Some("env-password")
    );
    let mut flags = Connection::default();
    flags.target.host = Some("flag".into());
    flags.identity.username = Some("flag-user".into());
    let settings = of(Personality::Evenkeel, &flags);
    assert_eq!(settings.servers[0].to_string(), "mqtt://flag:1883");
    assert_eq!(settings.identity.username.as_deref(), Some("flag-user"));
    let settings = of(Personality::MosquittoPub, &Connection::default());
    assert_eq!(settings.servers[0].to_string(), "mqtt://localhost:1883");
    assert!(settings.identity.username.is_none() && settings.identity.password.is_none());
}

#[test]
fn passwords_never_show() {
    let settings =
        publish(&["-t", "a", "-n", "-u", "u", "-P", "hunter2", "-L", "mqtt://x:hunter2@h"]);
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn the_version_follows_the_flags_and_the_name() {
    let version = |line: &[&str]| connection(line).session.version;
    assert_eq!(version(&[]), None);
    assert_eq!(version(&["-V", "311"]), Some(Version::V311));
    assert_eq!(version(&["-x", "5"]), Some(Version::V5));
    assert_eq!(version(&["-D", "publish", "content-type", "t"]), Some(Version::V5));
    let named = |personality, line: &[&str]| {
        publish_as(personality, line).map(|settings| settings.connection.session).unwrap()
    };
    assert_eq!(named(Personality::MosquittoPub, &["-t", "a", "-n"]).version, Some(Version::V311));
    let session = named(Personality::MosquittoPub, &["-t", "a", "-n", "-x", "5"]);
    assert_eq!(
        (session.version, session.expiry),
        (Some(Version::V311), 0),
        "ignored, as mosquitto_pub does"
    );
    assert_eq!(subscribe(&["a", "--no-local"]).connection.session.version, Some(Version::V5));
    let old =
        subscribe_as(Personality::MosquittoSub, &["-t", "a", "--retain-as-published"]).unwrap();
    assert_eq!(old.connection.session.version, Some(Version::V311));
    assert!(
        said(&["pub", "-t", "a", "-n", "-V", "311", "-x", "5"])
            .contains("needs MQTT 5, but -V asks")
    );
    assert!(said(&["sub", "a", "-V", "31", "--no-local"]).contains("--no-local needs MQTT 5"));
}

#[test]
fn sessions_are_clean_unless_kept() {
    let session = connection(&[]).session;
    assert_eq!((session.clean_start, session.expiry, session.keep_alive), (true, 0, 60));
    let session = connection(&["-c", "-i", "x"]).session;
    assert_eq!((session.clean_start, session.expiry), (false, u32::MAX));
    let session = connection(&["-c", "-i", "x", "-x", "60", "-k", "0", "-M", "3"]).session;
    assert_eq!((session.clean_start, session.expiry, session.keep_alive), (false, 60, 0));
    assert_eq!(session.in_flight, Some(3));
    let stored = |flags: &[&str]| subscribe(&[&["a", "--store", "s"], flags].concat()).connection;
    let session = stored(&[]).session;
    assert_eq!((session.clean_start, session.expiry), (false, 7 * 24 * 3600));
    // The store knows the identifier.
    let session = stored(&["-c"]).session;
    assert_eq!((session.clean_start, session.expiry), (false, u32::MAX));
    let session = stored(&["-x", "5"]).session;
    assert_eq!((session.clean_start, session.expiry), (false, 5));
    let store = stored(&["--fsync", "5ms"]).store.unwrap();
    assert_eq!(store.fsync, Fsync::Every(Duration::from_millis(5)));
    assert_eq!(stored(&[]).store.unwrap().fsync, Fsync::EveryCommit);
    assert_eq!(connection(&[]).store, None);
    assert!(
        said(&["pub", "-t", "a", "-n", "-c"])
            .starts_with("error: --disable-clean-session needs --id\nwhy: ")
    );
}

#[test]
fn client_identifiers() {
    assert_eq!(connection(&[]).identity.client_id, None);
    assert_eq!(connection(&["-i", "x"]).identity.client_id.as_deref(), Some("x"));
    let prefixed = connection(&["-I", "x-"]).identity.client_id.unwrap();
    assert_eq!(prefixed, format!("x-{}", std::process::id()));
    let named = |line: &[&str]| {
        publish_as(Personality::MosquittoPub, line).unwrap().connection.identity.client_id
    };
    assert_eq!(named(&["-t", "a", "-n"]).as_deref(), Some(""));
    assert_eq!(named(&["-t", "a", "-n", "-V", "31"]), None);
    assert!(said(&["pub", "-t", "a", "-n", "-i", "x", "-I", "y"]).contains("contradict"));
    assert!(
        said(&["pub", "-t", "a", "-n", "-P", "x", "-V", "311"])
            .contains("a password needs a user name")
    );
}

#[test]
fn wills_need_a_topic() {
    let will = connection(&[
        "--will-topic",
        "gone",
        "--will-payload",
        "w",
        "--will-qos",
        "1",
        "--will-retain",
    ])
    .will;
    let will = will.unwrap();
    assert_eq!(
        (will.topic.as_str(), &will.payload[..], will.qos, will.retain),
        ("gone", &b"w"[..], QoS::AtLeastOnce, true)
    );
    assert!(connection(&["--will-topic", "gone"]).will.unwrap().payload.is_empty());
    for stray in [
        &["--will-payload", "x"][..],
        &["--will-qos", "1"],
        &["--will-retain"],
        &["-D", "will", "will-delay-interval", "1"],
    ] {
        assert!(
            said(&[&["pub", "-t", "a", "-n"], stray].concat()).contains("needs --will-topic"),
            "{stray:?}"
        );
    }
    assert!(
        said(&["pub", "-t", "a", "-n", "--will-topic", "a/#"])
            .contains("'+' and '#' are for subscriptions")
    );
}

#[test]
fn one_payload_exactly() {
    let payload = |line: &[&str]| publish(line).payload;
    assert_eq!(payload(&["-t", "a", "-m", "x"]), Payload::Known("x".into()));
    assert_eq!(payload(&["a", "x y"]), Payload::Known("x y".into()));
    assert_eq!(payload(&["-t", "a", "x"]), Payload::Known("x".into()));
    assert_eq!(payload(&["a", "-m", "x"]), Payload::Known("x".into()));
    assert_eq!(payload(&["a", "-n"]), Payload::Known("".into()));
    assert_eq!(payload(&["a", "-s"]), Payload::Stdin);
    assert_eq!(payload(&["a", "-l"]), Payload::Lines);
    assert!(said(&["pub", "-t", "a"]).starts_with("error: there is no message to publish\nhint: "));
    assert!(said(&["pub", "-n"]).starts_with("error: there is no topic to publish to\nhint: "));
    assert!(
        said(&["pub", "-t", "a", "-m", "x", "-n"])
            .contains("--message and --null-message contradict")
    );
    assert!(said(&["pub", "-t", "a", "-s", "-l"]).contains("contradict"));
    assert!(
        said(&["pub", "-t", "a", "-l", "--repeat", "2"])
            .contains("--repeat and --stdin-line contradict")
    );
    assert!(said(&["pub", "-t", "a", "b", "c"]).contains("there is one word too many"));
    let missing = said(&["pub", "-t", "a", "-f", "/nonexistent/file"]);
    assert!(
        missing
            .starts_with("error: the file '/nonexistent/file' cannot be read\nwhy: No such file"),
        "{missing}"
    );
}

#[test]
fn mosquitto_pub_has_one_topic_and_no_deadline() {
    let settings = publish_as(Personality::MosquittoPub, &["-t", "a", "-t", "b", "-n"]).unwrap();
    assert_eq!(settings.topics.iter().map(|topic| topic.as_str()).collect::<Vec<_>>(), ["b"]);
    assert_eq!(settings.timeout, None);
    let settings = publish(&["-t", "a", "-t", "b", "-n"]);
    assert_eq!(settings.topics.len(), 2);
    assert_eq!(settings.timeout, Some(Duration::from_secs(30)));
}

#[test]
fn topics_are_checked() {
    assert!(said(&["pub", "-t", "", "-n"]).contains("topic is empty\nhint: "));
    assert!(said(&["pub", "-t", "a/+", "-n"]).contains("hint: '+' and '#' are for subscriptions"));
    assert!(
        said(&["sub", "a#"]).starts_with("error: the topic filter 'a#' of -t is not valid\nwhy: ")
    );
    assert!(said(&["sub", "-t", "a", "-T", "b#"]).contains("of -T"));
    assert!(said(&["sub", "-t", "a", "-U", "b+"]).contains("of -U"));
    assert!(said(&["sub"]).starts_with("error: there is no topic filter"));
}

#[test]
fn subscriptions_take_their_options() {
    let settings = subscribe(&[
        "a",
        "-q",
        "2",
        "--no-local",
        "--retain-as-published",
        "--retain-handling",
        "new",
    ]);
    assert_eq!(settings.options.qos, QoS::ExactlyOnce);
    assert!(settings.options.no_local && settings.options.retain_as_published);
    assert_eq!(settings.options.retain_handling, RetainHandling::OnNewSubscribe);
    assert!(said(&["sub", "a", "-R", "--retained-only"]).contains("together they show nothing"));
    assert!(said(&["sub", "a", "-E", "-C", "1"]).contains("contradict"));
}

#[test]
fn the_styles_exclude_each_other_but_a_format_wins_over_verbose() {
    let style = |line: &[&str]| subscribe(line).output.style;
    assert_eq!(style(&["a"]), Style::Payload);
    assert_eq!(style(&["a", "-v"]), Style::Verbose);
    assert_eq!(style(&["a", "--json"]), Style::JsonLines);
    assert!(matches!(style(&["a", "-v", "-F", "%t"]), Style::Custom { pretty: false, .. }));
    assert!(matches!(style(&["a", "-F", "%j", "--pretty"]), Style::Custom { pretty: true, .. }));
    assert!(said(&["sub", "a", "--json", "-F", "%t"]).contains("--format and --json contradict"));
    assert_eq!(
        said(&["sub", "a", "-F", "%k"]),
        "error: the format '%k' is not valid\nwhy: '%k' stands for nothing\n\
         hint: the fields are %A %C %D %E %F %I %j %J %l %m %p %P %q %r %R %S %t %U %x %X and %%\n"
    );
}

#[test]
fn requests_need_a_topic_and_a_message() {
    assert!(said(&["rr", "-m", "x"]).contains("no topic for the request"));
    assert!(said(&["rr", "-t", "a"]).contains("no request to send"));
    assert!(said(&["rr", "-t", "a", "-e", "b/#", "-n"]).contains("of --response-topic"));
    match command(Personality::MosquittoRr, &["-t", "a", "-n"]) {
        Command::Request(args) => {
            let failure = RequestSettings::new(&args, context(Personality::MosquittoRr, &|_| None))
                .unwrap_err();
            assert!(
                failure
                    .render(Personality::MosquittoRr, str::to_owned)
                    .contains("no topic for the response")
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn every_kind_of_bad_server_is_explained() {
    let of = |flags: &[&str]| said(&[&["pub", "-t", "a", "-n"], flags].concat());
    for (flags, text) in [
        (
            &["-L", "nonsense"][..],
            "error: the server URL has no scheme\nhint: write it like mqtt://",
        ),
        (
            &["-L", "http://h/x"],
            "error: unknown URL scheme 'http'\nhint: MQTT over WebSocket is ws://",
        ),
        (&["-L", "mqtt://h:99999"], "is not a port number\nhint: "),
        (&["-h", "bad host"], "error: "),
        (&["-L", "mqtt://h", "-h", "x"], "--url excludes --host"),
        (&["-L", "mqtt://h", "--cafile", "x"], "the TLS flags do nothing for mqtt://h:1883"),
        (&["--protocol", "ws", "--tls-use-os-certs"], "do nothing for --protocol ws"),
        (&["--unix", "/x", "--tls-use-os-certs"], "--unix goes without TLS"),
        (&["--srv"], "--srv is not supported\nwhy: "),
        (&["-A", "no.such.host.invalid"], "is no address of this machine"),
        (&["-A", "fe80::1%"], "is no address of this machine"),
        (&["--proxy", "ftp://x"], "--proxy is not the URL of a proxy\nwhy: "),
        (&["--ws-header", "nope"], "is no header\nwhy: there is no ':' between"),
        (
            &["--password-file", "/nonexistent"],
            "password file '/nonexistent' cannot be read\nwhy: ",
        ),
    ] {
        let said = of(flags);
        assert!(said.contains(text), "{flags:?} said:\n{said}");
    }
}

#[test]
fn every_kind_of_bad_tls_is_explained() {
    let of = |flags: &[&str]| said(&[&["pub", "-t", "a", "-n"], flags].concat());
    for (flags, text) in [
        (&["--cafile", "/nonexistent"][..], "cannot read '/nonexistent'"),
        (&["--cafile", "/dev/null"], "hint: "),
        (&["--cert", "/x"], "--cert needs --key"),
        (&["--key", "/x"], "--key needs --cert"),
        (&["--tls-version", "tlsv1.1"], "RFC 8996 forbids it"),
        (&["--tls-version", "nope"], "hint: use tlsv1.2 or tlsv1.3"),
        (&["--psk", "00", "--psk-identity", "x"], "--psk is not supported\nwhy: "),
        (&["--tls-engine", "tpm"], "--tls-engine is not supported"),
        (&["--keyform", "engine"], "--keyform other than pem is not supported"),
    ] {
        let said = of(flags);
        assert!(said.contains(text), "{flags:?} said:\n{said}");
    }
    assert_eq!(server(&["--keyform", "pem"]), "mqtt://localhost:1883");
}

const AWS: &str = "a1b2-ats.iot.eu-west-1.amazonaws.com";

/// What is offered by ALPN.
fn alpn(line: &[&str]) -> Vec<String> {
    let offered = connection(line).tls.prepare().unwrap().alpn_protocols.clone();
    offered.into_iter().map(|name| String::from_utf8(name).unwrap()).collect()
}

#[test]
fn at_the_port_of_https_aws_is_told_that_mqtt_is_spoken() {
    let at =
        |host: &'static str, port: &'static str| vec!["-h", host, "-p", port, "--tls-use-os-certs"];
    assert_eq!(alpn(&at(AWS, "443")), ["x-amzn-mqtt-ca"]);
    let own = [at("iot.example", "443"), vec!["--aws-region", "eu-west-1"]].concat();
    assert_eq!(alpn(&own), ["x-amzn-mqtt-ca"]);
    let url = ["-L", "mqtts://a1b2-ats.iot.eu-west-1.amazonaws.com:443"];
    assert_eq!(alpn(&url), ["x-amzn-mqtt-ca"]);
    let chosen = [at(AWS, "443"), vec!["--tls-alpn", "mqtt"]].concat();
    assert_eq!(alpn(&chosen), ["mqtt"]);
    for other in [at(AWS, "8883"), at("iot.example", "443"), at(AWS, "444")] {
        assert!(alpn(&other).is_empty(), "{other:?}");
    }
    let wss = ["-L", "wss://a1b2-ats.iot.eu-west-1.amazonaws.com"];
    assert_eq!(alpn(&wss), [""; 0]);
}

#[test]
fn ways_in_have_servers_of_their_own() {
    let at = |flags: &[&str]| {
        let settings = connection(&[&["-h", AWS], flags].concat());
        settings.servers.iter().map(|server| server.to_string()).collect::<Vec<_>>().join(" ")
    };
    let mqtts = format!("mqtts://{AWS}:443");
    assert_eq!(at(&["--authorizer", "Fleet"]), mqtts);
    assert_eq!(at(&["--authorizer", ""]), mqtts);
    assert_eq!(at(&["--authorizer", "F", "-p", "8883"]), format!("mqtts://{AWS}:8883"));
    for form in ["headers", "query"] {
        let server = at(&["--authorizer", "F", "--authorizer-form", form]);
        assert!(server.starts_with(&format!("wss://{AWS}:443")), "{server}");
    }
    let profile = |flags: &[&str]| {
        let settings = connection(&[&["-h", "iot.example"], flags].concat());
        settings.profile.map(|chosen| chosen.profile.name.into_owned())
    };
    assert_eq!(profile(&["--aws-region", "eu-west-1"]).as_deref(), Some("aws-iot-core"));
    assert_eq!(profile(&[]), None);
    let none = ["--aws-region", "eu-west-1", "--profile", "none"];
    assert_eq!(profile(&none), None);
}
