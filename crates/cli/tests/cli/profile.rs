//! Profiles shown, checked and kept to.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Run, broker, evenkeel, folder, named, saw};

fn lines(out: &str) -> Vec<Value> {
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A file with this text.
fn file(name: &str, text: &str) -> String {
    let path = folder().join(name);
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// A SOCKS5 proxy that connects to one place, whatever host is asked for; its URL.
async fn proxy_to(place: SocketAddr) -> String {
    async fn serve(mut client: TcpStream, place: SocketAddr) -> std::io::Result<()> {
        let mut greeting = [0; 3];
        client.read_exact(&mut greeting).await?;
        client.write_all(&[5, 0]).await?;
        let mut request = [0; 5];
        client.read_exact(&mut request).await?;
        let mut name_and_port = vec![0; usize::from(request[4]) + 2];
        client.read_exact(&mut name_and_port).await?;
        let mut server = TcpStream::connect(place).await?;
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).await?;
        tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("socks5h://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            tokio::spawn(serve(client, place));
        }
    });
    url
}

#[tokio::test]
async fn built_in_profiles_are_listed() {
    let shown = evenkeel("profile ls").run().await.out();
    let listed = lines(&evenkeel("profile list --json").run().await.out());
    assert_eq!(shown.lines().count(), listed.len() + 1, "{shown}");
    for (row, line) in shown.lines().skip(1).zip(&listed) {
        let columns: Vec<&str> = row.split_whitespace().collect();
        assert_eq!(line["type"], "profile");
        assert_eq!(line["name"], columns[0]);
        assert_eq!(line["limits"].to_string(), columns[1]);
        assert_eq!(line["obeyed"].to_string(), columns[2]);
        assert!(row.ends_with(line["about"].as_str().unwrap()), "{row}");
    }
    // P1: there is none that a client could break and this one does not keep.
    for line in &listed {
        assert_eq!(line["obeyed"], line["breakable"], "{line}");
    }
    let aws = listed.iter().find(|line| line["name"] == "aws-iot-core").unwrap();
    assert!(aws["breakable"].as_u64() < aws["limits"].as_u64(), "{aws}");
}

#[tokio::test]
async fn every_profile_is_shown_within_eighty_columns() {
    for listed in lines(&evenkeel("profile ls --json").run().await.out()) {
        let name = listed["name"].as_str().unwrap();
        let shown = evenkeel("profile show").args([name]).run().await.out();
        let limits = lines(&evenkeel("profile show --json").args([name]).run().await.out());
        assert_eq!(listed["limits"], limits.len());
        let rows: Vec<&str> = shown.lines().collect();
        for limit in &limits {
            assert_eq!((&limit["type"], &limit["profile"]), (&"limit".into(), &name.into()));
            let start = format!("{} ", limit["name"].as_str().unwrap());
            let row = rows.iter().find(|row| row.starts_with(&start)).expect(&start);
            assert!(row.contains(limit["confidence"].as_str().unwrap()), "{row}");
        }
        let longest = rows.iter().max_by_key(|row| row.chars().count()).unwrap();
        assert!(longest.chars().count() <= 80, "{name}: {longest}");
        assert!(rows.iter().all(|row| row.trim_end() == *row), "{shown}");
    }
    let shown = evenkeel("profile ls").run().await.out();
    assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
}

#[tokio::test]
async fn a_limit_is_shown_with_value_source_confidence_and_what_is_done() {
    let shown = evenkeel("profile show aws-iot-core").run().await.out();
    for text in [
        "aws-iot-core: AWS IoT Core\n",
        "\nkeep_alive                                                 documented  refuses\n    \
         30 to 1200 s, 0: 1200 s\n    AWS IoT Core message broker",
        "\npublish_rate                       100 messages per s      documented  delays\n",
        "\n    The server: rejects with 0x97; before MQTT 5: ignores.\n",
        "\nmaximum_qos                        1                       documented  refuses\n",
        "\nreplay_rate                        10 messages per s       documented  -\n",
    ] {
        assert!(shown.contains(text), "no {text:?} in\n{shown}");
    }
    let limits = lines(&evenkeel("profile show aws-iot-core --json").run().await.out());
    let limit = |name: &str| limits.iter().find(|limit| limit["name"] == name).unwrap();
    let rate = limit("publish_rate");
    assert_eq!(rate["value"], serde_json::json!({ "amount": 100, "period": 1 }));
    assert_eq!((&rate["client"], &rate["obeyed"]), (&"delays".into(), &"yes".into()));
    let broken = serde_json::json!({ "action": "rejects", "reason_code": 0x97 });
    assert_eq!(rate["on_break"], broken);
    assert_eq!(rate["on_break_v3"], serde_json::json!({ "action": "ignores" }));
    assert_eq!(limit("connect_floor")["obeyed"], "yes");
    assert_eq!(limit("min_ping_spacing")["value"], 30.5);
}

#[tokio::test]
async fn a_profile_as_toml_is_a_file_to_begin_from() {
    let toml = evenkeel("profile show azure-event-grid --toml").run().await.out();
    let path = file("plant.toml", &toml.replace("\"azure-event-grid\"", "\"plant\""));
    let ran = evenkeel("profile check").args([&path]).run().await.expect(0);
    assert!(ran.out.starts_with(&format!("{path}: profile plant is valid: ")), "{}", ran.out);
    assert_eq!(ran.err, "");
    let checked = &lines(&evenkeel("profile check --json").args([&path]).run().await.out())[0];
    let listed = lines(&evenkeel("profile ls --json").run().await.out());
    let base = listed.iter().find(|line| line["name"] == "azure-event-grid").unwrap();
    assert_eq!((&checked["name"], &checked["limits"]), (&"plant".into(), &base["limits"]));
    let shown = evenkeel("profile show").args([&path]).run().await.out();
    assert!(shown.starts_with("plant\nLast checked: 2026-11\n"), "{shown}");
}

#[tokio::test]
async fn bad_profiles_are_refused_with_line_and_hint() {
    for (text, why, hint) in [
        (
            "name = \"x\"\n\n[publish]\nmaximum_qos = 1\n",
            "line 4: invalid type: integer `1`",
            "a limit is a table",
        ),
        ("name = \"x\"\n[publish\n", "line 2: ", "a limit is a table"),
        (
            "name = \"x\"\n[publish]\nqos.value = 1\n",
            "line 3: unknown field `qos`",
            "a limit is a table",
        ),
        (
            "name = \"x\"\nbased_on = \"aws\"\n",
            "line 2: \"aws\" is no built-in profile",
            "based_on takes none, standard",
        ),
        (
            "name = \"x\"\npublish.maximum_qos.value = 3\n",
            "maximum_qos is 3",
            "it can be 0, 1 or 2",
        ),
        (
            "name = \"x\"\nconnection.maximum_connection_age.value = \"1 moon\"\n",
            "line 2: '1 moon' is not a time",
            "a limit is a table",
        ),
    ] {
        let path = file("bad.toml", text);
        for line in ["profile check", "profile show", "pub a x --profile"] {
            let ran = evenkeel(line).args([&path]).run().await.expect(2);
            assert_eq!(ran.out, "", "{line}");
            ran.says(&format!("error: the profile '{path}' is not valid\nwhy: {why}"))
                .says(&format!("\nhint: {hint}"));
        }
    }
    let ran = evenkeel("profile check /no/such/file.toml").run().await.expect(2);
    ran.says("error: the profile '/no/such/file.toml' cannot be read\nwhy: No such file");
    for line in ["profile show aws", "pub a x --profile aws"] {
        let ran = evenkeel(line).run().await.expect(2);
        ran.says("error: there is no profile 'aws'\nwhy: built in are standard, aws-iot-core, ")
            .says("\nhint: a file is given with its folder or ending, such as ./plant");
    }
    evenkeel("profile show standard --json --toml").run().await.expect(2).says("contradict");
    evenkeel("profile").run().await.expect(2).says("Usage: evenkeel profile <COMMAND>");
}

#[tokio::test]
async fn the_flag_binds_the_client_to_the_profile() {
    let broker = broker().await;
    let path = file(
        "strict.toml",
        "name = \"strict\"\npublish.maximum_qos.value = 0\n\
         connection.keep_alive.value = { minimum = 30, maximum = 90, zero_means = 90 }\n",
    );
    let strict = |line: &str| evenkeel(line).args(["--profile", &path]).at(&broker);
    evenkeel("pub a x -q 1").at(&broker).run().await.expect(0);
    strict("pub a x -q 1").run().await.expect(7);
    strict("pub a x -q 0").run().await.expect(0);
    for (keep_alive, code) in [("29", 2), ("30", 0), ("90", 0), ("91", 2), ("0", 0)] {
        let ran = strict(&format!("pub a x -k {keep_alive}")).run().await.expect(code);
        if code == 2 {
            ran.says("error: the settings do not suit the profile\nwhy: a keep-alive of ")
                .says("hint: ask for a keep-alive within the range, or give another profile, or --profile none");
        } else {
            assert_eq!(ran.err, "", "a profile that was asked for is not told");
        }
    }
    for line in ["sub a -E -k 29", "rr a -m x -k 29"] {
        strict(line).run().await.expect(2).says("the settings do not suit the profile");
    }
}

#[tokio::test]
async fn a_clouds_host_has_its_profile_unless_told_otherwise() {
    const HOST: [&str; 4] = ["-h", "a1b2-ats.iot.eu-central-1.amazonaws.com", "-p", "1883"];
    const TOLD: &str = "a1b2-ats.iot.eu-central-1.amazonaws.com is AWS IoT Core: keeping to \
                        profile aws-iot-core (--profile none does not)\n";

    let broker = broker().await;
    let proxy = proxy_to(broker.tcp_addr().unwrap()).await;
    let at_aws = |run: Run| run.args(HOST).args(["--proxy", &proxy]);
    let ran = at_aws(evenkeel("pub a x -q 1")).run().await.expect(0);
    assert_eq!(ran.err, TOLD, "told once, and nothing else");
    let ran = at_aws(evenkeel("sub a -E")).run().await.expect(0);
    assert_eq!(ran.err.matches(TOLD).count(), 1, "{}", ran.err);
    at_aws(evenkeel("pub a x -q 2")).run().await.expect(7).says(TOLD);
    assert_eq!(at_aws(evenkeel("pub a x -q 1 --quiet")).run().await.expect(0).err, "");
    at_aws(evenkeel("pub a x -k 29")).run().await.expect(2).says("or --profile none");
    for profile in ["none", "standard"] {
        let run = at_aws(evenkeel("pub a x -q 2 -k 29")).args(["--profile", profile]);
        assert_eq!(run.run().await.expect(0).err, "", "{profile}");
    }
    // Under mosquitto's names nothing is guessed, and the flag is not there.
    let mosquitto = || Run::of(named("mosquitto_pub"), "-t a -m x -q 2 -k 29");
    assert_eq!(at_aws(mosquitto()).run().await.expect(0).err, "");
    let ran = at_aws(mosquitto()).args(["--profile", "standard"]).run().await.expect(1);
    ran.says("Error: there is no flag '--profile'");
    let help = Run::of(named("mosquitto_rr"), "--help").run().await.out();
    assert!(!help.contains("--profile"), "{help}");
    saw(&broker, "connected").await;
}

#[tokio::test]
async fn a_soak_keeps_to_a_profile() {
    let path = file(
        "soak.toml",
        "name = \"soak\"\npublish.maximum_qos.value = 1\n\
         connection.keep_alive.value = { minimum = 3, maximum = 60, zero_means = 60 }\n",
    );
    let soak = evenkeel("soak --for 2s --clients 4 --seed 5 --json --quiet --profile");
    let report = &lines(&soak.args([&path]).run().await.out())[0];
    assert_eq!(report["keep_alive"], 3, "the nearest to the soak's 2 s: {report}");
    let sent = |qos: usize| report["messages"][qos]["sent"].as_u64();
    assert_eq!(sent(2), Some(0), "{report}");
    assert!(sent(0) > Some(0) && sent(1) > Some(0), "{report}");
    evenkeel("soak --profile aws").run().await.expect(2).says("there is no profile 'aws'");
}
