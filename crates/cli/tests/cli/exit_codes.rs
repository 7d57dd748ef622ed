//! Every row of the table in docs/cli.md, brought about.

use std::time::Duration;

use crate::support::{broker, dead_port, evenkeel, scripted, subscribed};

async fn refused_with(code: u8, version: &str) -> crate::support::Ran {
    let rule =
        format!("[[rule]]\nreceived = \"CONNECT\"\naction = {{ refuse = {{ code = {code} }} }}\n");
    let broker = scripted(&rule).await;
    evenkeel("pub a x -W 2").args(["-V", version]).at(&broker).run().await
}

#[tokio::test]
async fn a_done_job_is_0() {
    let broker = broker().await;
    evenkeel("pub a x").at(&broker).run().await.expect(0);
}

#[tokio::test]
async fn unwritable_output_is_1() {
    let broker = broker().await;
    crate::support::retain(&broker, "a", "x").await;
    let port = broker.tcp_addr().unwrap().port();
    let script =
        format!("{} sub a -h 127.0.0.1 -p {port} -C 1 -W 30 > /dev/full", crate::support::PROGRAM);
    let ran = crate::support::Run::of("sh", "-c").args([&script]).run().await.expect(1);
    ran.says("error: the output could not be written\nwhy: No space left");
}

#[tokio::test]
async fn mistakes_are_2() {
    evenkeel("pub").run().await.expect(2);
    evenkeel("nonsense").run().await.expect(2);
}

#[tokio::test]
async fn refused_credentials_are_3() {
    let broker = broker().await;
    broker.configure(|config| {
        config.access.users = Some(evenkeel_broker::Users::parse("alice:secret").unwrap());
    });
    evenkeel("pub a x").at(&broker).run().await.expect(3);
    let ran = evenkeel("pub a x -u alice -P wrong").at(&broker).run().await.expect(3);
    ran.says("error: no connection, and trying again would not help\nwhy: the server refused the connection: ")
        .says("hint: check --username and --password-file");
    evenkeel("pub a x -u alice -P secret").at(&broker).run().await.expect(0);
    evenkeel("pub a x")
        .env("EVENKEEL_USERNAME", "alice")
        .env("EVENKEEL_PASSWORD", "secret")
        .at(&broker)
        .run()
        .await
        .expect(0);
    let file = crate::support::folder().join("password");
    std::fs::write(&file, "secret\nand more\n").unwrap();
    let line = format!("pub a x -u alice --password-file {}", file.display());
    evenkeel(&line).at(&broker).run().await.expect(0);
    refused_with(5, "311").await.expect(3);
    refused_with(0x87, "5").await.expect(3);
}

#[tokio::test]
async fn an_unreachable_server_is_4() {
    let ran =
        evenkeel(&format!("pub a x -h 127.0.0.1 -p {} -W 0.3", dead_port())).run().await.expect(4);
    ran.says("error: no connection within 300 ms\nwhy: cannot connect to 127.0.0.1:");
    let ran = evenkeel("pub a x -h no-such-host.invalid -W 0.3").run().await;
    assert!(ran.code == 4 || ran.code == 5, "{ran:?}");
}

#[tokio::test]
async fn a_time_limit_is_5() {
    let broker = broker().await;
    evenkeel("sub a -W 0.2").at(&broker).run().await.expect(5);
}

#[tokio::test]
async fn other_refusals_are_10_to_14() {
    let cases = [
        (0x85, "5", 10),
        (2, "311", 10),
        (0x84, "5", 11),
        (1, "311", 11),
        (0x88, "5", 12),
        (3, "311", 12),
        (0x9f, "5", 12),
        (0x9d, "5", 13),
        (0x80, "5", 14),
    ];
    // Those that pass by themselves are waited out, so all at a time.
    let running = cases.map(|(code, version, _)| tokio::spawn(refused_with(code, version)));
    for (running, (code, _, wanted)) in running.into_iter().zip(cases) {
        let ran = running.await.unwrap().expect(wanted);
        if code == 0x85 {
            ran.says("hint: give another client identifier by --id");
        }
    }
}

#[tokio::test]
async fn a_second_take_over_is_17() {
    let broker = broker().await;
    let first = evenkeel("sub a -i same").at(&broker).start();
    subscribed(&broker, 1).await;
    // Two instances with one identifier: the other one wins twice.
    for round in 1..=2 {
        evenkeel("pub a x -i same").at(&broker).run().await.expect(0);
        let back = broker.wait_for(Duration::from_secs(30), {
            let mut connected = 0;
            move |event| {
                connected += u32::from(event.name() == "connected");
                connected > 2 * round
            }
        });
        if round == 1 {
            back.await.expect("the first one comes back");
        }
    }
    first.ended().await.expect(17).says("hint: give each client an identifier of its own");
}

#[tokio::test]
async fn a_server_that_is_none_is_18() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let answer = b"HTTP/1.1 400 Bad Request\r\n\r\n";
            tokio::io::AsyncWriteExt::write_all(&mut stream, answer).await.unwrap();
        }
    });
    let ran = evenkeel(&format!("pub a x -W 0.5 -h 127.0.0.1 -p {port}")).run().await.expect(18);
    ran.says("error: no connection within 500 ms\nwhy: the server ")
        .says("hint: MQTT is at port 1883");
}

#[tokio::test]
async fn a_signal_before_the_end_is_20() {
    let broker = broker().await;
    let mut running = evenkeel("sub a -C 5 -d").at(&broker).start();
    running.until_says("subscribed to 'a'").await;
    running.signal("INT").await;
    running
        .ended()
        .await
        .expect(20)
        .says("error: 0 messages were shown\nwhy: a signal stopped the program");
}
