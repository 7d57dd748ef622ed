//! The program under mosquitto's names.

use crate::support::{
    Run, broker, dead_port, evenkeel, folder, named, restart, retain, saw, scripted, subscribed,
};

#[tokio::test]
async fn each_name_takes_its_tools_version_and_identifier() {
    for (name, flags, level) in [
        ("mosquitto_pub", "-t a -m x", 4),
        ("mosquitto_sub", "-t a -E", 4),
        ("mosquitto_rr", "-t a -e b -m x -W 0.3", 5),
        ("mosquitto_pub", "-t a -m x -D publish content-type t", 5),
        ("mosquitto_pub", "-t a -m x -V 31", 3),
    ] {
        let broker = broker().await;
        let code = if name == "mosquitto_rr" { 27 } else { 0 };
        Run::of(named(name), flags).at(&broker).run().await.expect(code);
        let event = saw(&broker, "connected").await.to_json();
        assert!(event.contains(&format!("\"version\":{level},")), "{name} {flags}: {event}");
        let server_chose = !event.contains("\"client_id\":\"evenkeel-");
        assert_eq!(server_chose, level != 3, "{name} {flags}: {event}");
    }
}

#[tokio::test]
async fn refusals_exit_with_the_connack_code() {
    for (code, version) in [(5, "311"), (2, "311"), (3, "31"), (0x87, "5"), (0x88, "5")] {
        let rule = format!(
            "[[rule]]\nreceived = \"CONNECT\"\naction = {{ refuse = {{ code = {code} }} }}\n"
        );
        let broker = scripted(&rule).await;
        for (name, flags) in [("mosquitto_sub", "-t a"), ("mosquitto_pub", "-t a -m x")] {
            let ran = Run::of(named(name), flags).args(["-V", version]).at(&broker).run().await;
            ran.expect(code).says("Error: ");
        }
    }
}

#[tokio::test]
async fn other_ends_have_mosquittos_codes() {
    let broker = broker().await;
    let sub = named("mosquitto_sub");
    Run::of(&sub, "-t a -W 1").at(&broker).run().await.expect(27);
    Run::of(&sub, &format!("-t a -h 127.0.0.1 -p {}", dead_port())).run().await.expect(1);
    let ran = Run::of(&sub, "-t a#").run().await.expect(1);
    ran.says("Error: the topic filter 'a#'").says("Use 'mosquitto_sub --help' to see usage.");
    let running = Run::of(&sub, "-t a").at(&broker).start();
    subscribed(&broker, 2).await;
    running.signal("INT").await;
    running.ended().await.expect(0);
    let deny = scripted("[[access.denials]]\nfilter = \"denied\"\n").await;
    let ran =
        Run::of(named("mosquitto_pub"), "-V 5 -t denied -m x -q 1").at(&deny).run().await.expect(0);
    ran.says("Warning: message 1 to 'denied' was not delivered");
}

#[tokio::test]
async fn the_config_file_gives_defaults_that_flags_override() {
    let broker = broker().await;
    retain(&broker, "from/file", "x").await;
    retain(&broker, "from/flag", "y").await;
    let config = folder();
    std::fs::write(config.join("mosquitto_sub"), "# defaults\n-t from/file\n-q 1\n-C 1\n-v\n")
        .unwrap();
    let sub = || Run::of(named("mosquitto_sub"), "").env("XDG_CONFIG_HOME", &config).at(&broker);
    assert_eq!(sub().run().await.out(), "from/file x\n");
    assert_eq!(
        sub().args(["-t", "from/flag", "-C", "2"]).run().await.out(),
        "from/file x\nfrom/flag y\n"
    );
    let home = folder();
    std::fs::create_dir(home.join(".config")).unwrap();
    std::fs::write(home.join(".config/mosquitto_sub"), "-t from/flag\n-C 1\n").unwrap();
    let ran = Run::of(named("mosquitto_sub"), "")
        .env("XDG_CONFIG_HOME", "")
        .env("HOME", &home)
        .at(&broker);
    assert_eq!(ran.run().await.out(), "y\n");
    // The program's own name reads none of it.
    evenkeel("sub -C 1 -W 0.2").env("XDG_CONFIG_HOME", &config).at(&broker).run().await.expect(2);
}

#[tokio::test]
async fn mosquitto_sub_connects_again_in_silence() {
    let broker = broker().await;
    let mut running = Run::of(named("mosquitto_sub"), "-t a").at(&broker).start();
    subscribed(&broker, 1).await;
    restart(&broker, false, std::time::Duration::ZERO).await;
    subscribed(&broker, 2).await;
    evenkeel("pub a back -q 1").at(&broker).run().await.expect(0);
    assert_eq!(running.line().await, "back");
    running.signal("TERM").await;
    assert_eq!(running.ended().await.expect(0).err, "");
}

#[tokio::test]
async fn mosquitto_rr_takes_the_first_message() {
    let broker = broker().await;
    let mut responder = evenkeel("sub ask -V 5").args(["-F", "%R|%D|%p"]).at(&broker).start();
    subscribed(&broker, 1).await;
    let asking =
        Run::of(named("mosquitto_rr"), "-t ask -e answers -m question -v").at(&broker).run();
    let asking = tokio::spawn(asking);
    assert_eq!(responder.line().await, "answers||question");
    let answer = "pub answers first -D publish correlation-data other";
    evenkeel(answer).at(&broker).run().await.expect(0);
    assert_eq!(asking.await.unwrap().out(), "answers first\n");
}
