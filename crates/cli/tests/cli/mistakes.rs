//! Bad input of every kind, as the whole program shows it; the flags
//! themselves have tests inside.

use crate::support::{Run, broker, dead_port, evenkeel, folder, named};

#[tokio::test]
async fn an_error_has_three_parts_on_stderr_and_nothing_on_stdout() {
    let ran = evenkeel("pub -t a/# -m x").run().await.expect(2);
    assert_eq!(ran.out, "");
    assert_eq!(
        ran.err,
        "error: nothing can be published to the topic 'a/#' of -t\n\
         why: topic name holds a wildcard, + or #, which only filters may\n\
         hint: '+' and '#' are for subscriptions; publish to each topic by its name\n"
    );
}

#[tokio::test]
async fn flags_urls_files_and_formats() {
    for (line, says) in [
        ("pub -q 3", "error: '3' is no value for --qos\nwhy: MQTT has QoS 0, 1 and 2\nhint: "),
        ("pub --no-such-flag", "error: there is no flag '--no-such-flag'\nhint: "),
        ("frobnicate", "error: there is no command 'frobnicate'\nhint: "),
        ("pub a x -L http://h", "error: unknown URL scheme 'http'\nhint: "),
        (
            "pub a x -L mqtt://u:secret@h:port",
            "error: what follows the URL's host is not a port number\nhint: ",
        ),
        (
            "pub a -f /no/such/file",
            "error: the file '/no/such/file' cannot be read\nwhy: No such file",
        ),
        (
            "sub a -F %k",
            "error: the format '%k' is not valid\nwhy: '%k' stands for nothing\nhint: ",
        ),
        (
            "sub a --events /no/such/folder/e",
            "error: the events file '/no/such/folder/e' cannot be written\nwhy: ",
        ),
        (
            "sub a -D connect no-such-property 1",
            "error: MQTT 5 has no property 'no-such-property'\nhint: ",
        ),
        ("pub a x --cafile /no/such/ca.pem", "error: cannot read '/no/such/ca.pem'"),
        ("pub a x --proxy ftp://h", "error: --proxy is not the URL of a proxy\nwhy: "),
        (
            "broker --faults /no/such/file",
            "error: the fault file '/no/such/file' cannot be read\nwhy: ",
        ),
        (
            "broker --password-file /no/such/file",
            "error: the password file '/no/such/file' cannot be read\nwhy: ",
        ),
        ("broker --tls-port 0", "error: --tls-port and --wss-port need --cert and --key\nhint: "),
        ("broker --cafile x", "error: the TLS flags do nothing without a port for TLS\nhint: "),
        (
            "broker --listen nonsense -p 0",
            "error: the broker cannot start\nwhy: cannot listen on nonsense:0",
        ),
    ] {
        let ran = evenkeel(line).run().await.expect(2).says(says);
        assert_eq!(ran.out, "", "{line}");
    }
}

/// What each line is answered with, word for word.
#[tokio::test]
async fn the_book_of_mistakes() {
    let book = include_str!("mistakes.txt");
    let mut pages = 0;
    for page in book.split("$ evenkeel ").filter(|page| !page.is_empty()) {
        let (line, answer) = page.split_once('\n').unwrap();
        let ran = evenkeel(line).run().await.expect(2);
        assert_eq!((ran.err.as_str(), ran.out.as_str()), (answer, ""), "evenkeel {line}");
        pages += 1;
    }
    assert!(pages > 60, "{pages} pages");
}

/// A value may have 65,535 bytes; nobody reads them in an error.
#[tokio::test]
async fn long_values_are_cut() {
    let long = "x".repeat(65_535) + "/#";
    let too_long = "x".repeat(70_000);
    for words in [["pub", "-m", "x", "-t", &long], ["sub", "-W", "1", "-t", &too_long]] {
        let mut run = evenkeel("");
        for word in words {
            run = run.args([word]);
        }
        let ran = run.run().await.expect(2).says(" characters ...]x");
        assert!(ran.err.len() < 3000, "{} bytes", ran.err.len());
    }
}

/// S1: a secret that is malformed, or stands in the wrong place, is not repeated.
#[tokio::test]
async fn malformed_secrets_are_not_repeated() {
    for words in [
        &["-L", "mqtt://user:hunter2@h:notaport"][..],
        &["-L", "mqtt://user:hunter2"],
        &["-L", "user:hunter2@h"],
        &["-L", "mqtt://h?hunter2"],
        &["-L", "wss://user:x/hunter2@h/mqtt"],
        &["-L", "mqtt://hunter2@h", "--cafile", "x"],
        &["-h", "mqtt://user:hunter2@h"],
        &["-h", "user:hunter2@h"],
        &["-h", "hunter2@h:1883"],
        &["--ws-header", "Authorization Bearer hunter2"],
        &["--ws-header", "hunter2"],
        &["-L", "ws://127.0.0.1:1", "--ws-header", "Authorization Bearer hunter2: x"],
        &["-L", "ws://127.0.0.1:1", "--ws-header", "Authorization: hunter2\u{7}"],
        &["-L", "ws://127.0.0.1:1", "--ws-path", "hunter2"],
        &["--password-file", "hunter2"],
        &["--password-file", "hunter2/pa"],
        &["-p", "hunter2"],
        &["-phunter2"],
        &["--proxy", "user:hunter2@h"],
        &["--proxy", "socks5h://user:hunter2@h:x"],
        &["--proxy", "socks5h://user:hunter2@h/x"],
        &["--proxy", "http://us%3aer:hunter2@h"],
        &["-P", "my", "hunter2"],
        &["-V", "311", "-P", "hunter2"],
        &["--pw", "hunter2", "--password-file", "x"],
        &["--psk", "hunter2"],
        &["--tls-engine", "x", "--tls-engine-kpass-sha1", "hunter2"],
        &["-u", "x\u{1}", "-P", "hunter2", "-W", "soon"],
    ] {
        let mut run = evenkeel("pub -t a -m x");
        for word in words {
            run = run.args([word]);
        }
        let ran = run.run().await;
        assert!(ran.code == 2, "{words:?}: {ran:?}");
        let lines: Vec<_> = ran.err.lines().collect();
        assert!(lines.first().is_some_and(|line| line.starts_with("error: ")), "{ran:?}");
        assert!(!ran.err.contains("hunter2") && !ran.out.contains("hunter2"), "{words:?}: {ran:?}");
    }
    let ran = evenkeel("pub -t a -m x").env("EVENKEEL_URL", "user:hunter2@h").run().await;
    assert!(!ran.expect(2).err.contains("hunter2"));
    let folder = folder();
    let of_file = |text: &str| {
        std::fs::write(folder.join("mosquitto_pub"), text).unwrap();
        Run::of(named("mosquitto_pub"), "").env("XDG_CONFIG_HOME", folder.as_os_str())
    };
    for text in ["pw hunter2\n", "-p hunter2\n", "--pw\nhunter2 more\n-t\n", "hunter2\n"] {
        let ran = of_file(text).run().await;
        assert!(ran.err.starts_with("Error: "), "{text:?}: {ran:?}");
        assert!(!ran.err.contains("hunter2"), "{text:?}: {ran:?}");
    }
}

#[tokio::test]
async fn bad_certificates_and_keys() {
    let folder = folder();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let cert = file("cert.pem", &made.cert.pem());
    let key = file("key.pem", &made.signing_key.serialize_pem());
    let other = file("other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let empty = file("empty.pem", "");
    let torn = file("torn.pem", "-----BEGIN CERTIFICATE-----\nMIIB");
    for (flags, says) in [
        (format!("--cafile {empty}"), "error: no certificate in"),
        (format!("--cafile {torn}"), "\nhint: "),
        (format!("--cafile {key}"), "error: no certificate in"),
        (format!("--cert {cert} --key {cert}"), "error: no private key in"),
        (format!("--cert {cert} --key {other}"), "does not belong to the"),
    ] {
        evenkeel(&format!("pub a x {flags}")).run().await.expect(2).says(says);
    }
    let line = format!("broker -p 0 --tls-port 0 --cert {cert} --key {other}");
    evenkeel(&line).run().await.expect(2).says("error: TLS cannot be offered\nwhy: ");
    let line = format!("broker -p 0 --tls-port 0 --cert {empty} --key {key}");
    evenkeel(&line).run().await.expect(2).says("error: TLS cannot be offered\nwhy: ");
}

#[tokio::test]
async fn bad_fault_files_and_user_files() {
    let path = folder().join("faults.toml");
    for (text, says) in [
        ("[[rule]\n", "TOML parse error at line 1"),
        ("[[rule]]\nsent = \"PINGPONG\"\naction = \"drop\"\n", "PINGPONG"),
        ("[[rule]]\naction = \"drop\"\n", "needs exactly one of: sent = \"PACKET\""),
        ("[[rule]]\nsent = \"PINGRESP\"\naction = \"explode\"\n", "explode"),
        ("[limit]\nconnections = 1\n", "unknown field `limit`"),
    ] {
        std::fs::write(&path, text).unwrap();
        let ran =
            evenkeel(&format!("broker -p 0 --faults {}", path.display())).run().await.expect(2);
        ran.says("error: the fault file '").says(says).says("hint: docs/broker.md lists");
    }
    std::fs::write(&path, "no colon here\n").unwrap();
    let ran =
        evenkeel(&format!("broker -p 0 --password-file {}", path.display())).run().await.expect(2);
    ran.says("is not valid\nwhy: line 1: no colon; write name:password");
}

#[tokio::test]
async fn usage_errors_show_even_when_quiet_and_others_do_not() {
    evenkeel("pub --quiet a/# x").run().await.expect(2).says("error: nothing can be published");
    let ran =
        evenkeel(&format!("pub --quiet a x -h 127.0.0.1 -p {} -W 0.2", dead_port())).run().await;
    assert_eq!(ran.expect(4).err, "");
}

#[tokio::test]
async fn colour_is_for_terminals_or_on_demand() {
    let plain = evenkeel("pub").run().await.expect(2);
    assert!(plain.err.starts_with("error: "), "{}", plain.err);
    let painted = evenkeel("pub a/# x --color always").run().await.expect(2);
    assert!(painted.err.starts_with("\x1b[31;1merror:\x1b[0m "), "{}", painted.err);
    let forced = evenkeel("pub a/# x").env("CLICOLOR_FORCE", "1").run().await.expect(2);
    assert!(forced.err.starts_with("\x1b[31;1m"), "{}", forced.err);
    let refused =
        evenkeel("pub a/# x").env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1").run().await.expect(2);
    assert!(refused.err.starts_with("error: "), "{}", refused.err);
}

#[tokio::test]
async fn warnings_do_not_stop_the_job() {
    let broker = broker().await;
    let ran = evenkeel("pub a x --ciphers ALL --insecure").at(&broker).run().await.expect(0);
    ran.says("warning: --ciphers has no effect").says("have no effect without TLS");
}
