//! Golden tests of the flag parser, and of the reference that lists the flags.

use std::time::Duration;

use evenkeel::{QoS, Version};

use super::*;

fn parse_as(personality: Personality, line: &[&str]) -> Result<Asked, Failure> {
    // Not `parse`: under mosquitto's names it reads the config file of whoever runs the test.
    let mut words: Vec<OsString> = vec![personality.program().into()];
    words.extend(line.iter().map(OsString::from));
    parse_words(personality, words)
}

fn run(line: &[&str]) -> Command {
    match parse_as(Personality::Evenkeel, line) {
        Ok(Asked::Run(command)) => command,
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn publish(line: &[&str]) -> PublishArgs {
    match run(line) {
        Command::Publish(args) => *args,
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn subscribe(line: &[&str]) -> SubscribeArgs {
    match run(line) {
        Command::Subscribe(args) => *args,
        other => panic!("{line:?} gave {other:?}"),
    }
}

fn mistake(line: &[&str]) -> String {
    match parse_as(Personality::Evenkeel, line) {
        Err(failure) => {
            assert_eq!(failure.exit(), crate::exit::Exit::Usage);
            failure.render(Personality::Evenkeel, str::to_owned)
        }
        other => panic!("{line:?} gave {other:?}"),
    }
}

#[test]
fn every_letter_of_mosquitto_pub_means_what_it_means_there() {
    let args = publish(&[
        "pub",
        "-h",
        "broker",
        "-p",
        "1884",
        "-u",
        "me",
        "-P",
        "secret",
        "-i",
        "id",
        "-k",
        "30",
        "-q",
        "2",
        "-t",
        "a",
        "-m",
        "x",
        "-r",
        "-d",
        "-c",
        "-x",
        "60",
        "-V",
        "mqttv5",
        "-A",
        "127.0.0.1",
        "-M",
        "5",
        "-L",
        "mqtt://h",
        "--nodelay",
        "--quiet",
    ]);
    let connection = &args.connection;
    assert_eq!(connection.target.host.as_deref(), Some("broker"));
    assert_eq!(connection.target.port, Some(1884));
    assert_eq!(connection.target.bind.as_deref(), Some("127.0.0.1"));
    assert_eq!(connection.target.url[0].0, "mqtt://h");
    assert!(connection.target.nodelay);
    assert_eq!(connection.identity.username.as_deref(), Some("me"));
    assert_eq!(
        connection.identity.password.as_ref().map(|secret| secret.0.as_str()),
        Some("secret")
    );
    assert_eq!(connection.identity.id.as_deref(), Some("id"));
    assert_eq!(connection.session.keepalive, Some(30));
    assert!(connection.session.disable_clean_session);
    assert_eq!(connection.session.session_expiry_interval, Some(60));
    assert_eq!(connection.session.protocol_version, Some(Version::V5));
    assert_eq!(connection.session.max_inflight, Some(5));
    assert_eq!(args.qos, Some(QoS::ExactlyOnce));
    assert_eq!(args.topic, ["a"]);
    assert_eq!(args.payload.message.as_deref(), Some("x".as_ref()));
    assert!(args.retain);
    assert_eq!(connection.verbosity.level(), Verbosity::Quiet, "--quiet wins over -d");
}

#[test]
fn the_streams_and_files_of_mosquitto_pub() {
    let args = publish(&["pub", "-t", "a", "-l"]);
    assert!(args.stream.stdin_line);
    let args = publish(&[
        "pub",
        "-t",
        "a",
        "-s",
        "-f",
        "file",
        "-n",
        "--repeat",
        "3",
        "--repeat-delay",
        "0.5",
    ]);
    assert!(args.payload.stdin_file && args.payload.null_message);
    assert_eq!(args.payload.file.as_deref(), Some("file".as_ref()));
    assert_eq!(args.stream.repeat, Some(3));
    assert_eq!(args.stream.repeat_delay, Some(Duration::from_millis(500)));
}

#[test]
fn every_letter_of_mosquitto_sub_means_what_it_means_there() {
    let args = subscribe(&[
        "sub",
        "-t",
        "a",
        "-t",
        "b/#",
        "-T",
        "b/c",
        "-U",
        "old",
        "-q",
        "1",
        "-C",
        "5",
        "-W",
        "3",
        "-E",
        "-R",
        "-v",
        "-N",
        "-F",
        "%t",
        "--pretty",
        "--retained-only",
        "--remove-retained",
        "--random-filter",
        "50.0",
        "--retain-as-published",
    ]);
    assert_eq!(args.topic, ["a", "b/#"]);
    assert_eq!(args.selection.filter_out, ["b/c"]);
    assert_eq!(args.unsubscribe, ["old"]);
    assert_eq!(args.qos, Some(QoS::AtLeastOnce));
    assert_eq!(args.ending.count, Some(5));
    assert_eq!(args.ending.timeout, Some(Duration::from_secs(3)));
    assert!(args.ending.exit_after_subscribe);
    assert!(
        args.selection.no_retained
            && args.selection.retained_only
            && args.selection.remove_retained
    );
    assert_eq!(args.selection.random_filter, Some(50.0));
    assert!(args.output.verbose && args.output.no_eol && args.output.pretty);
    assert_eq!(args.output.format.as_deref(), Some("%t"));
    assert!(args.options.retain_as_published);
}

#[test]
fn request_has_a_response_topic() {
    match run(&["rr", "-t", "ask", "-e", "answer", "-m", "x", "-R", "-W", "2"]) {
        Command::Request(args) => {
            assert_eq!(args.topic.as_deref(), Some("ask"));
            assert_eq!(args.response_topic.as_deref(), Some("answer"));
            assert!(args.no_retained);
            assert_eq!(args.timeout, Some(Duration::from_secs(2)));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn names_of_other_tools_are_understood() {
    let args = publish(&[
        "publish",
        "--hostname",
        "h",
        "--clientId",
        "c",
        "--no-clean",
        "--multiline",
        "--password",
        "p",
        "--ca",
        "f",
    ]);
    assert_eq!(args.connection.target.host.as_deref(), Some("h"));
    assert_eq!(args.connection.identity.id.as_deref(), Some("c"));
    assert!(args.connection.session.disable_clean_session && args.stream.stdin_line);
    assert!(args.connection.identity.password.is_some());
    assert_eq!(args.connection.tls.cafile.as_deref(), Some("f".as_ref()));
    let args = publish(&[
        "pub",
        "topic",
        "message",
        "--client-id=x",
        "--protocol",
        "WSS",
        "--will-message",
        "w",
    ]);
    assert_eq!(args.words, ["topic", "message"]);
    assert_eq!(args.connection.identity.id.as_deref(), Some("x"));
    assert_eq!(args.connection.target.protocol, Some(Protocol::Wss));
    assert_eq!(args.connection.will.will_payload.as_deref(), Some("w"));
    assert!(matches!(run(&["request", "t", "m"]), Command::Request(_)));
    assert!(matches!(run(&["subscribe", "t"]), Command::Subscribe(_)));
}

#[test]
fn values_may_begin_with_a_hyphen() {
    let args = publish(&["pub", "-t", "-a", "-m", "-5", "-x", "-1"]);
    assert_eq!(args.topic, ["-a"]);
    assert_eq!(args.payload.message.as_deref(), Some("-5".as_ref()));
    assert_eq!(args.connection.session.session_expiry_interval, Some(u32::MAX));
}

#[test]
fn a_message_may_be_a_negative_number() {
    for number in ["-5", "-4.2"] {
        assert_eq!(publish(&["pub", "t", number]).words, ["t", number]);
        assert!(
            matches!(run(&["rr", "t", number]), Command::Request(args) if args.words[1] == number)
        );
    }
    assert!(
        mistake(&["pub", "t", "-abc"]).contains("a message that begins with '-' is given by -m")
    );
}

/// A user of other tools types these first.
#[test]
fn a_letter_alone_asks_for_help() {
    let shown = |line: &[&str]| match parse_as(Personality::Evenkeel, line) {
        Ok(Asked::Show(text)) => text,
        other => panic!("{line:?} gave {other:?}"),
    };
    assert_eq!(shown(&["-h"]), shown(&["help"]));
    assert_eq!(shown(&["-V"]), shown(&["version"]));
    for name in ["pub", "sub", "rr", "broker", "demo", "soak", "queue", "man"] {
        for letter in ["-h", "-V"] {
            assert_eq!(shown(&[name, letter]), shown(&["help", name]), "{name} {letter}");
        }
    }
    assert!(shown(&["queue", "ls", "-h"]).contains("Usage: evenkeel queue ls "));
    assert_eq!(subscribe(&["sub", "-h", "h", "t"]).connection.target.host.as_deref(), Some("h"));
}

#[test]
fn a_command_that_lacks_its_command_shows_its_help() {
    for (line, text) in
        [(&[][..], "Usage: evenkeel <COMMAND>"), (&["queue"], "Usage: evenkeel queue <COMMAND>")]
    {
        match parse_as(Personality::Evenkeel, line) {
            Ok(Asked::Usage(help)) => assert!(help.contains(text), "{help}"),
            other => panic!("{line:?} gave {other:?}"),
        }
    }
}

/// All pages, as text for a terminal that is wide enough.
fn pages(of: &mut clap::Command, pages: &mut Vec<(String, String)>) {
    let name = of.get_bin_name().unwrap_or_default().to_owned();
    pages.push((name, of.render_long_help().to_string()));
    for command in of.get_subcommands_mut() {
        self::pages(command, pages);
    }
}

#[test]
fn pages_are_wrapped_at_words_to_the_width_of_the_terminal() {
    for width in [80, 120] {
        let (mut cli, mut all) = (Cli::command().term_width(width), Vec::new());
        cli.build();
        pages(&mut cli, &mut all);
        for (name, page) in all {
            for line in page.lines() {
                assert!(line.chars().count() <= width, "{name}: {line}");
            }
        }
    }
}

/// Every page ends with examples, and the examples are right.
#[test]
fn each_page_of_help_has_examples_that_can_be_run() {
    let (mut cli, mut all) = (Cli::command(), Vec::new());
    cli.build();
    pages(&mut cli, &mut all);
    assert!(all.len() > 15, "{} pages", all.len());
    for (name, page) in all {
        let (_, examples) = page.split_once("Example").unwrap_or_else(|| panic!("{name}: {page}"));
        let examples = examples.replace("\\\n", "");
        let mut count = 0;
        for line in examples.lines().filter_map(|line| line.split_once("evenkeel ")) {
            let (words, _) = line.1.split_once("  #").unwrap_or((line.1, ""));
            let (words, _) = words.split_once([',', '>', '|']).unwrap_or((words, ""));
            let words = words.replace('\'', "");
            let words: Vec<_> = words.split_whitespace().collect();
            let parsed = parse_as(Personality::Evenkeel, &words);
            assert!(parsed.is_ok(), "{name}: evenkeel {words:?} gave {parsed:?}");
            count += 1;
        }
        assert!(count > 0, "{name} has no example");
        assert!(!page.contains("<TIME>") || page.contains("250ms"), "{name} has no units of time");
    }
}

/// Whoever reads of a flag is told what holds without it.
#[test]
fn each_number_time_and_choice_has_its_default_in_the_help() {
    let mut cli = Cli::command();
    cli.build();
    for command in cli.get_subcommands() {
        for flag in command.get_arguments().filter(|flag| !flag.is_hide_set()) {
            let names = flag.get_value_names().unwrap_or_default();
            let takes = ["TIME", "QOS", "COUNT", "PORT", "SECONDS", "PERCENT", "BYTES"];
            if !names.iter().any(|name| takes.contains(&name.as_str())) {
                continue;
            }
            let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
            let has_default = help.contains("[default: ")
                || !flag.get_default_values().is_empty()
                // Off without the flag.
                || ["status", "ws_port", "tls_port", "wss_port", "https_port"].contains(&flag.get_id().as_str());
            assert!(has_default, "{} {}: {help}", command.get_name(), flag.get_id());
        }
    }
}

#[test]
fn a_later_flag_wins_and_lists_grow() {
    let args = publish(&["pub", "-q", "1", "-q", "2", "-h", "a", "-h", "b", "-t", "a", "-t", "b"]);
    assert_eq!(args.qos, Some(QoS::ExactlyOnce));
    assert_eq!(args.connection.target.host.as_deref(), Some("b"));
    assert_eq!(args.topic, ["a", "b"]);
}

#[test]
fn properties_take_three_values_or_four() {
    let args = publish(&[
        "pub",
        "-D",
        "publish",
        "content-type",
        "t",
        "-D",
        "PUBLISH",
        "user-property",
        "name",
        "value",
        "--property",
        "connect",
        "receive-maximum",
        "7",
        "topic",
    ]);
    let session = &args.connection.session;
    assert_eq!(
        session.property,
        ["publish", "content-type", "t", "connect", "receive-maximum", "7"]
    );
    assert_eq!(session.user_property, ["PUBLISH", "name", "value"]);
    assert_eq!(args.words, ["topic"]);
}

#[test]
fn status_takes_its_value_by_an_equals_sign_only() {
    let status = |line: &[&str]| subscribe(line).watch.status;
    assert_eq!(status(&["sub", "-t", "a"]), None);
    assert_eq!(status(&["sub", "--status", "a"]), Some(Duration::from_secs(10)));
    assert_eq!(status(&["sub", "--status=2", "a"]), Some(Duration::from_secs(2)));
}

#[test]
fn the_broker_listens_on_this_machine_only_unless_told() {
    match run(&["broker"]) {
        Command::Broker(args) => {
            assert_eq!((args.listen.as_str(), args.port), ("127.0.0.1", None));
            assert!(args.ws_port.is_none() && args.tls.tls_port.is_none() && args.faults.is_none());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn mosquittos_names_go_without_a_command() {
    let parsed = parse_as(Personality::MosquittoSub, &["-t", "a", "-v"]);
    assert!(matches!(parsed, Ok(Asked::Run(Command::Subscribe(args))) if args.output.verbose));
    let parsed = parse_as(Personality::MosquittoPub, &["-t", "a", "-n"]);
    assert!(matches!(parsed, Ok(Asked::Run(Command::Publish(_)))));
    let parsed = parse_as(Personality::MosquittoRr, &["-t", "a", "-e", "b", "-n"]);
    assert!(matches!(parsed, Ok(Asked::Run(Command::Request(_)))));
    assert!(parse_as(Personality::MosquittoPub, &["--nosuch"]).is_err());
}

#[test]
fn help_and_version_are_texts_for_stdout() {
    for line in [
        &["--help"][..],
        &["-H"],
        &["pub", "--help"],
        &["help"],
        &["help", "sub"],
        &["version"],
        &["--version"],
    ] {
        match parse_as(Personality::Evenkeel, line) {
            Ok(Asked::Show(text)) => assert!(text.contains("evenkeel"), "{line:?}: {text}"),
            other => panic!("{line:?} gave {other:?}"),
        }
    }
    match parse_as(Personality::MosquittoPub, &["--help"]) {
        Ok(Asked::Show(text)) => assert!(text.contains("Usage: mosquitto_pub"), "{text}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_mistake_says_what_and_what_to_do() {
    assert_eq!(
        mistake(&["pub", "-q", "3"]),
        "error: '3' is no value for --qos\nwhy: MQTT has QoS 0, 1 and 2\n\
         hint: 0: at most once, 1: at least once, 2: exactly once\n"
    );
    assert_eq!(
        mistake(&["pub", "-q"]),
        "error: --qos lacks its value\nhint: see 'evenkeel --help'\n"
    );
    assert_eq!(
        mistake(&["pub", "--qoss", "1"]),
        "error: there is no flag '--qoss'\nhint: did you mean '--qos'?\n"
    );
    assert!(mistake(&["xyz"]).starts_with(
        "error: there is no command 'xyz'\nhint: the commands are pub, sub, rr, broker, demo, "
    ));
    assert_eq!(mistake(&["help", "xyz"]), mistake(&["xyz"]));
    assert!(mistake(&["sbu"]).ends_with("hint: did you mean 'sub'?\n"));
    assert!(mistake(&["pubb"]).ends_with("hint: did you mean 'pub'?\n"));
    assert_eq!(
        mistake(&["sub", "--color", "red"]),
        "error: 'red' is no value for --color\nhint: it takes one of: auto, always, never\n"
    );
    assert_eq!(
        mistake(&["pub", "-c", "--clean"]),
        "error: --disable-clean-session and --clean contradict each other\nhint: leave one of them out\n"
    );
    assert!(mistake(&["pub", "-D", "publish"]).starts_with("error: -D lacks a value\nwhy: "));
    assert!(
        mistake(&["pub", "-D", "publish", "user-property", "k"])
            .starts_with("error: -D lacks a value\n")
    );
    assert!(mistake(&["sub", "-V", "6", "a"]).contains("hint: use mqttv31, mqttv311 or mqttv5"));
    assert!(mistake(&["pub", "a", "b", "c"]).starts_with("error: "));
}

#[test]
fn the_words_of_another_command_are_left_alone() {
    let theirs = ["sub", "-p", "{port}", "-D", "connect", "user-property", "a", "b", "-h"];
    let line = [&["advisor", "--"][..], &theirs].concat();
    match run(&line) {
        Command::Advisor(args) => assert_eq!(args.command, theirs),
        other => panic!("{other:?}"),
    }
}

/// The flags as the parser knows them: the reference may not miss any.
#[test]
fn every_flag_and_command_is_in_the_reference() {
    let reference = include_str!("../../../../docs/cli.md");
    let mut cli = Cli::command();
    cli.build();
    let mut missing = Vec::new();
    for command in cli.get_subcommands() {
        if !reference.contains(&format!("`evenkeel {}", command.get_name())) {
            missing.push(command.get_name().to_owned());
        }
        for flag in
            command.get_arguments().filter(|flag| !flag.is_hide_set() && !flag.is_positional())
        {
            let longs =
                flag.get_long().into_iter().chain(flag.get_visible_aliases().unwrap_or_default());
            let shorts = flag.get_short().map(|letter| format!("`-{letter}"));
            let names = longs.map(|name| format!("`--{name}")).chain(shorts);
            missing.extend(names.filter(|name| !reference.contains(name)));
        }
    }
    missing.dedup();
    assert!(missing.is_empty(), "docs/cli.md lacks {missing:?}");
}

/// S1: whoever prints what was parsed prints no secret.
#[test]
fn what_was_parsed_shows_no_secret() {
    let words = [
        ["-L", "mqtt://user:hunter2@h"],
        ["--ws-header", "Authorization: hunter2"],
        ["--proxy", "socks5h://user:hunter2@h"],
        ["-P", "hunter2"],
        ["--psk", "hunter2"],
        ["--tls-engine-kpass-sha1", "hunter2"],
    ];
    let words = [&["sub", "-t", "a"][..], words.as_flattened()].concat();
    let shown = format!("{:?}", parse_as(Personality::Evenkeel, &words));
    assert!(shown.contains("<secret>") && !shown.contains("hunter2"), "{shown}");
}
