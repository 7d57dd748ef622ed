//! Ways in to clouds: what the flags make of a connection, and what mistakes say.

use std::path::PathBuf;

use evenkeel_broker::{Broker, Event, Users};

use crate::pki::Pki;
use crate::support::{Run, broker_with, evenkeel, folder, named, saw};

const KEYS: [(&str, &str); 2] =
    [("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", "hunter2")];

/// A file of a folder of its own.
fn file(text: &str) -> PathBuf {
    let path = folder().join("file");
    std::fs::write(&path, text).unwrap();
    path
}

fn with_keys(run: Run) -> Run {
    KEYS.into_iter().fold(run, |run, (name, value)| run.env(name, value))
}

/// A broker behind TLS that lets this user in only.
async fn broker_for(pki: &Pki, address: &str, username: &str, password: &str) -> Broker {
    let mut users = Users::default();
    users.set(username, password);
    broker_with(|builder| {
        let builder = builder.configure(|config| config.access.users = Some(users));
        builder.bind_tls(address, pki.tls(false)).bind_websocket_tls("127.0.0.1:0", pki.tls(false))
    })
    .await
}

/// The flags of a server under a domain of its own.
fn at(port: u16, pki: &Pki) -> String {
    format!("-h localhost -p {port} --aws-region us-east-1 --cafile {}", pki.path("ca.pem"))
}

/// Who connected, by which version.
async fn connected(broker: &Broker) -> serde_json::Value {
    let event: Event = saw(broker, "connected").await;
    serde_json::from_str(&event.to_json()).unwrap()
}

#[tokio::test]
async fn an_authorizer_is_asked_in_the_user_name() {
    let pki = Pki::new();
    let username = "pump?x-amz-customauthorizer-name=Fleet\
                    &x-amz-customauthorizer-signature=c2ln%2B%2F%3D%3D&tok=hunter%202";
    let broker = broker_for(&pki, "127.0.0.1:0", username, "pass").await;
    let port = broker.tls_addr().unwrap().port();
    let (token, signature) = (file("hunter 2\n"), file("c2ln+/==\n"));
    let line = format!(
        "pub a x -q 1 -u pump {} --authorizer Fleet --authorizer-token-key tok \
         --authorizer-signature-file {}",
        at(port, &pki),
        signature.display()
    );
    let token = token.display().to_string();
    let by_file = evenkeel(&line).args(["--authorizer-token-file", &token]);
    let ran = by_file.env("EVENKEEL_PASSWORD", "pass").run().await.expect(0);
    assert!(ran.err.contains("localhost is AWS IoT Core: keeping to profile aws-iot-core"));
    assert!(!ran.err.contains("hunter"), "{}", ran.err);
    assert_eq!(connected(&broker).await["version"], 5);
    let password = file("pass\n").display().to_string();
    let by_variable = evenkeel(&line).env("EVENKEEL_AUTHORIZER_TOKEN", "hunter 2");
    by_variable.args(["--password-file", &password]).run().await.expect(0);
    let wrong = evenkeel(&line).env("EVENKEEL_AUTHORIZER_TOKEN", "hunter 3");
    let ran = wrong.args(["--password-file", &password]).run().await.expect(3);
    assert!(!ran.err.contains("hunter"), "{}", ran.err);
}

/// R12: the broker that comes next wants another token.
#[tokio::test]
async fn a_token_is_read_anew_for_each_attempt() {
    let pki = Pki::new();
    let broker = broker_for(&pki, "127.0.0.1:0", "?tok=old", "").await;
    let port = broker.tls_addr().unwrap().port();
    let token = file("old\n");
    let line = format!(
        "sub a {} --profile none --authorizer-token-key tok --authorizer-token-file {}",
        at(port, &pki),
        token.display()
    );
    let running = evenkeel(&line).args(["--authorizer", ""]).start();
    saw(&broker, "subscribed").await;
    std::fs::write(&token, "new\n").unwrap();
    broker.stop(false).await.unwrap();
    drop(broker);
    let broker = broker_for(&pki, &format!("127.0.0.1:{port}"), "?tok=new", "").await;
    saw(&broker, "subscribed").await;
    running.signal("INT").await;
    running.ended().await.expect(0);
}

#[tokio::test]
async fn headers_queries_and_signatures_go_by_websocket() {
    let pki = Pki::new();
    let broker = broker_for(&pki, "127.0.0.1:0", "pump", "pass").await;
    let port = broker.websocket_tls_addr().unwrap().port();
    let line = format!("pub a x -q 1 -u pump {} --authorizer Fleet", at(port, &pki));
    for form in ["headers", "query"] {
        let run = evenkeel(&line).args(["--authorizer-form", form]);
        run.env("EVENKEEL_PASSWORD", "pass").run().await.expect(0);
    }
    let signed =
        with_keys(evenkeel(&format!("pub a x -q 1 -u pump {} --aws-sign", at(port, &pki))));
    let ran = signed.env("EVENKEEL_PASSWORD", "pass").run().await.expect(0);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    assert_eq!(connected(&broker).await["version"], 5);
}

#[tokio::test]
async fn keys_come_from_a_profile_too() {
    let pki = Pki::new();
    let broker = pki.broker(false).await;
    let port = broker.websocket_tls_addr().unwrap().port();
    let keys = file("[fleet]\naws_access_key_id = i\naws_secret_access_key = hunter2\n");
    let output = r#"{"Version":1,"AccessKeyId":"i","SecretAccessKey":"hunter2"}"#;
    let process = file(output).display().to_string();
    let config = file(&format!("[profile process]\ncredential_process = cat {process}\n"));
    let line = format!("pub a x -q 1 {} --aws-sign", at(port, &pki));
    let run = |line: &str| {
        let run = evenkeel(line).env("AWS_SHARED_CREDENTIALS_FILE", &keys);
        run.env("AWS_CONFIG_FILE", &config)
    };
    run(&format!("{line} --aws-profile fleet")).run().await.expect(0);
    run(&format!("{line} --aws-profile process")).run().await.expect(0);
    run(&line).env("AWS_PROFILE", "fleet").run().await.expect(0);
    let ran = run(&format!("{line} --aws-profile none")).run().await.expect(2);
    ran.says("error: there are no AWS keys to sign with\nwhy: there is no AWS profile 'none' in '")
        .says("hint: check AWS_PROFILE; ");
}

#[tokio::test]
async fn keys_that_cannot_sign_are_refused_before_anything_is_sent() {
    let line = "pub a x -h a1b2-ats.iot.eu-west-1.amazonaws.com --aws-sign";
    let bad = file("[default]\naws_access_key_id hunter2\n");
    let run = evenkeel(line).env("AWS_SHARED_CREDENTIALS_FILE", &bad);
    let ran = run.run().await.expect(2);
    let path = bad.display();
    ran.says(&format!("error: there are no AWS keys to sign with\nwhy: line 2 of '{path}' "))
        .says("hint: a profile is a line [name] with lines 'key = value' below\n");
    let ran = evenkeel(line).run().await.expect(2);
    ran.says("why: cannot read '/nonexistent/credentials': ")
        .says("hint: set AWS_ACCESS_KEY_ID and ");
    let expired =
        with_keys(evenkeel(line)).env("AWS_CREDENTIAL_EXPIRATION", "2020-01-02T03:04:05Z");
    let ran = expired.run().await.expect(2);
    ran.says("why: the AWS keys expired at 2020-01-02T03:04:05Z, and the clock says 2")
        .says("hint: get new ones, or set the clock\n");
    let half = evenkeel(line).env("AWS_ACCESS_KEY_ID", "i");
    let ran = half.run().await.expect(2);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
}

#[tokio::test]
async fn a_device_of_azure_signs_by_its_key() {
    let pki = Pki::new();
    let broker = pki.broker(false).await;
    let port = broker.tls_addr().unwrap().port();
    let key = file("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n").display().to_string();
    let line = format!(
        "pub devices/pump-17/messages/events/ x -q 1 -h localhost -p {port} --cafile {} \
         --azure-device-key-file {key}",
        pki.path("ca.pem")
    );
    let ran = evenkeel(&format!("{line} -i pump-17")).run().await.expect(0);
    ran.says("localhost is Azure IoT Hub: keeping to profile azure-iot-hub");
    let told = connected(&broker).await;
    assert_eq!((&told["client_id"], &told["version"]), (&"pump-17".into(), &4.into()));
    evenkeel(&line).run().await.expect(2).says("error: --azure-device-key-file needs --id\n");
    let ran = evenkeel(&format!("{line} -i pump-17 -V 5")).run().await.expect(2);
    ran.says("error: Azure IoT Hub speaks MQTT 3.1.1 only\n");
    let bad = file("hunter2\n").display().to_string();
    let line = format!("pub a x -h hub.azure-devices.net -i pump --azure-device-key-file {bad}");
    let ran = evenkeel(&line).run().await.expect(2);
    assert!(!ran.err.contains("hunter2"), "{}", ran.err);
    ran.says(
        "error: the shared access key is no key in Base64\nhint: take SharedAccessKey out of ",
    );
}

/// S1.
#[tokio::test]
async fn a_secret_in_place_of_a_file_is_not_repeated() {
    let base = "pub a x -h a1b2-ats.iot.eu-west-1.amazonaws.com";
    for flags in [
        "--authorizer Fleet --authorizer-token-key k --authorizer-token-file hunter2",
        "--authorizer Fleet --authorizer-token-key k --authorizer-signature-file hunter2",
        "-i d --azure-device-key-file hunter2",
    ] {
        let run = evenkeel(&format!("{base} {flags}")).env("EVENKEEL_AUTHORIZER_TOKEN", "hunter2");
        let ran = run.run().await.expect(2);
        assert!(!ran.err.contains("hunter2"), "{}", ran.err);
        ran.says(" file cannot be read\nwhy: ").says("hint: check the path and its permissions; ");
    }
}

#[tokio::test]
async fn mosquittos_names_have_no_ways_in() {
    let run = |flags: &str| Run::of(named("mosquitto_pub"), &format!("-t a -m x {flags}"));
    for flags in ["--aws-sign", "--authorizer x", "--aws-region eu-west-1"] {
        let name = flags.split(' ').next().unwrap();
        let ran = run(flags).run().await.expect(1);
        ran.says(&format!("Error: there is no flag '{name}'\nwhy: mosquitto_pub has none like it"));
    }
    let help = run("--help").run().await.out();
    assert!(!help.contains("--aws") && !help.contains("--authorizer"), "{help}");
}
